"""What a sweep will do, before anything runs: its size, its arithmetic, its memory and its time."""

from dataclasses import dataclass


@dataclass(frozen=True, eq=False)
class Plan:
    """What a sweep will do.

    Attributes
    ----------
    sites
        How many cells are asked for.
    zero
        How many of them change nothing for certain, on any pair.
    unpatchable
        How many have no counterpart to be patched with, on some pair.
    runs
        Rows that are computed: cells times pairs, without those that are zero or unpatchable.
    groups
        Passes of the model.
    flops
        Arithmetic of the blocks, recordings included, in floating-point operations.
    memory
        Of the largest group and the recorded runs, in bytes above the model.
    seconds
        Estimated from the rate of a matrix product of the model's width.
    method
        ``"descent"``, or ``"plain"`` where the model cannot continue from a cache.
    """

    sites: int
    zero: int
    unpatchable: int
    runs: int
    groups: int
    flops: float
    memory: int
    budget: int
    seconds: float
    method: str

    def __repr__(self) -> str:
        lone = f", {self.unpatchable:,} without a counterpart" if self.unpatchable else ""
        return (
            f"Plan: {self.sites:,} sites, {self.zero:,} of them exactly 0 for certain{lone}; "
            f"{self.runs:,} runs in {self.groups} group{'s' * (self.groups != 1)} ({self.method}), "
            f"{self.flops / 1e9:,.1f} GFLOP, {self.memory / 2**20:,.0f} MiB "
            f"of {self.budget / 2**20:,.0f}, about {_duration(self.seconds)}"
        )


def _duration(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
