"""What a sweep will do, before anything is patched: its size, its arithmetic, its memory and its time."""

from dataclasses import dataclass
from typing import Literal

Method = Literal["descent", "plain"]
"""How a sweep runs.

``"descent"``: passes go down the layers from the host's recorded keys and values, and each patched row joins in the
layer where its patch begins. ``"plain"``: whole patched prompts run in batches, as without any of this.
"""


@dataclass(frozen=True, eq=False)
class Plan:
    """What a sweep will do, from `Experiment.plan`.

    Attributes
    ----------
    sites
        How many cells are asked for.
    zero
        How many of them certainly change nothing, on any pair; they are 0 without being computed.
    unpatchable
        How many have no counterpart on some pair, and so no source.
    runs
        How many patched prompts are computed: cells times pairs, without those that are zero or unpatchable.
    groups
        How many passes of the model they take.
    flops
        Floating-point operations of the model's blocks, recordings included.
    memory
        Bytes in addition to the model, for recordings and the largest pass.
    budget
        Bytes in addition to the model that the sweep aims at; one pair and one row always run.
    seconds
        An estimate, from the measured rate of a matrix product of the model's width; with several workers, of the one
        that is busy longest, if each is as fast as this process and has loaded the model.
    method
        ``"descent"``: each patched row is computed only from the layer and position of its patch on. ``"plain"``:
        whole prompts in batches, where the model cannot continue from recorded keys and values.
    pieces, workers
        Into how many pieces the work is cut for an executor, however many workers there are, and for how many
        workers `seconds` is.

    Examples
    --------
    >>> plan = exp.plan("resid_pre")
    >>> plan.sites, plan.zero, plan.method
    (60, 40, 'descent')
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
    method: Method
    pieces: int
    workers: int = 1

    def __repr__(self) -> str:
        unpatchable = f", {self.unpatchable:,} without a counterpart" if self.unpatchable else ""
        return (
            f"Plan: {self.sites:,} sites, {self.zero:,} of them exactly 0 for certain{unpatchable}; "
            f"{self.runs:,} runs in {self.groups} group{'s' * (self.groups != 1)} ({self.method}), "
            f"{self.flops / 1e9:,.1f} GFLOP, {self.memory / 2**20:,.0f} MiB "
            f"of {self.budget / 2**20:,.0f}, about {_duration(self.seconds)}{self._on_workers}"
        )

    @property
    def _on_workers(self) -> str:
        if self.workers == 1:
            return ""
        pieces = f"{self.pieces:,} piece{'s' * (self.pieces != 1)}"
        return f" on {self.workers:,} workers ({pieces}, {self.memory / 2**20:,.0f} MiB each)"


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.1f} s"
    if seconds < 600:
        return f"{seconds / 60:.1f} min"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:,.1f} h"
