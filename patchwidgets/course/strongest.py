"""Which head of an experiment is the strongest, and through which input of a later layer it acts."""

from typing import Any, NamedTuple

from patchwidgets.facade.experiment import Experiment
from patchwidgets.sites import Patch


class Found(NamedTuple):
    """What the sweep over heads and the freezing say of one experiment.

    Attributes
    ----------
    recovery
        ``[layer, head]``, of each head patched alone.
    best, later
        The strongest head, and the strongest layer after it.
    left
        What is left of the strongest head's recovery with the queries, keys or values of the later layer frozen.
    """

    recovery: Any
    best: tuple[int, int]
    later: int
    left: dict[str, float]

    @classmethod
    def of(cls, exp: Experiment) -> "Found":
        """Sweep an experiment."""
        recovery = exp.sweep("z", direction="denoise", progress=False).recovery.values
        layer, head = divmod(int(recovery.argmax()), recovery.shape[1])
        later = layer + 1 + int(recovery[layer + 1 :].sum(1).argmax())
        left = {
            part: exp.turned("denoise")
            .patch(f"L{layer}.H{head}", *(frozen(later, h, part) for h in range(recovery.shape[1])))
            .recovery
            for part in "qkv"
        }
        return cls(recovery, (layer, head), later, left)

    @property
    def head(self) -> str:
        """The strongest head, as sites have it."""
        return f"L{self.best[0]}.H{self.best[1]}"

    @property
    def n_heads(self) -> int:
        """How many heads a layer has."""
        return int(self.recovery.shape[1])


def frozen(layer: int, head: int, part: str) -> Patch:
    """Return a patch that keeps the queries, keys or values of a head as they are in the host."""
    return Patch(f"L{layer}.H{head}.{part}", "host")
