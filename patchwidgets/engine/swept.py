"""What a sweep says of itself: how far it is, its numbers, and of a mixture of experts which choices flipped."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from patchwidgets.engine.grid import Grid
from patchwidgets.engine.passes import Ends, Recording
from patchwidgets.engine.plan import Group
from patchwidgets.metrics import Values


@dataclass(frozen=True)
class Progress:
    """How far a sweep is, in cells: those that are 0 for certain are done from the start."""

    done: int
    total: int
    zero: int
    seconds: float
    seconds_left: float

    @property
    def left(self) -> int:
        """How many cells are not done yet."""
        return self.total - self.done


@dataclass
class Flips:
    """Choices between experts, in the unpatched rows of each pass, that were other ones than in the recorded run.

    Attributes
    ----------
    known
        Whether the routers are.
    flips, choices
        How many of how many; a choice is one token in one layer.
    """

    known: bool
    flips: int = 0
    choices: int = 0

    def count(self, group: Group, recording: Recording, ends: Ends) -> None:
        """Compare one group's unpatched rows with the recorded run."""
        for key, chosen in ends.choices.items():
            held = recording.host[key][:, group.start :]
            other = chosen[: len(group.pairs)] != held
            self.flips += int(other.any(-1).sum())
            self.choices += other[..., 0].numel()

    def __str__(self) -> str:
        if not self.known:
            return "which experts were chosen is not known: no router was found"
        return f"{self.flips:,} of {self.choices:,} choices of experts flipped in unpatched rows"


@dataclass(frozen=True, eq=False)
class Swept:
    """The numbers of one grid, NaN where not done yet.

    Attributes
    ----------
    values, effects
        By metric ``[cell, pair]``; an effect is measured against the host's row of the same pass.
    noise_floor
        By metric.
    zero
        ``[cell]``: exactly 0 for certain on every pair, so nothing was computed.
    unpatchable
        ``[cell]``: without a counterpart on some pair, whose numbers stay NaN.
    flips
        Of a mixture of experts; None of any other model.
    """

    grid: Grid
    values: dict[str, Values]
    effects: dict[str, Values]
    noise_floor: dict[str, float]
    zero: NDArray[np.bool_]
    unpatchable: NDArray[np.bool_]
    method: str
    seconds: float
    flips: Flips | None = None
