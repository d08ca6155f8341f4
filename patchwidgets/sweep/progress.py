"""What a sweep says of itself: how far it is, its numbers, and of a mixture of experts which choices flipped."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.metrics import Values
from patchwidgets.sweep.grid import Grid
from patchwidgets.sweep.groups import Group
from patchwidgets.sweep.over_pairs import PairValues
from patchwidgets.sweep.passes import FinalStates, Recording


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
class RoutingFlips:
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

    def count(self, group: Group, recording: Recording, final: FinalStates) -> None:
        """Compare one group's unpatched rows with the recorded run."""
        for key, chosen in final.choices.items():
            held = recording.host[key][:, group.start :]
            other = chosen[: len(group.pairs)] != held
            self.flips += int(other.any(-1).sum())
            self.choices += other[..., 0].numel()

    def __str__(self) -> str:
        if not self.known:
            return "which experts were chosen is not known: no router was found"
        return f"{self.flips:,} of {self.choices:,} choices of experts flipped in unpatched rows"


@dataclass(frozen=True, eq=False)
class GridValues:
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
    flips: RoutingFlips | None = None

    def pair_values(self, experiment: BaseExperiment, metric: str) -> PairValues:
        """One metric pair by pair, over the axes of the grid; `experiment` is the one that was swept."""
        shape = (*self.grid.shape, len(experiment.pairs))
        unpatched = experiment.evaluation.values
        return PairValues(
            value=self.values[metric].reshape(shape),
            effect=self.effects[metric].reshape(shape),
            clean=unpatched["clean"][metric],
            corrupted=unpatched["corrupted"][metric],
            noise_floor=self.noise_floor[metric],
            direction=experiment.direction,
            median=experiment.metrics[metric].median,
        )
