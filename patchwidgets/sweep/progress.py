"""How far a sweep is, its numbers so far, and in a mixture of experts how often routers chose otherwise than before."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from numpy.typing import NDArray

from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.sweep.grid import Grid
from patchwidgets.sweep.groups import Group
from patchwidgets.sweep.over_pairs import PairValues
from patchwidgets.sweep.passes import FinalStates, Recording


@dataclass(frozen=True)
class Progress:
    """How far a sweep is, in cells.

    Attributes
    ----------
    done, total
        Cells that are done, of how many. Those of which nothing has to be computed, because they are certainly 0 or
        unpatchable, are done from the start.
    zero
        Cells that are certainly 0.
    seconds, seconds_left
        Time spent on recordings and groups, and an estimate of what is left; NaN before the first group is done.
    """

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
    """How often experts were chosen otherwise in the unpatched rows of a pass than in the recorded run.

    Rounding can tip a router between two experts, and an effect then includes that jump.

    Attributes
    ----------
    known
        Whether the model's routers were found.
    flips, choices
        How many of how many choices differed; a choice is one token in one layer.
    """

    known: bool
    flips: int = 0
    choices: int = 0

    def count(self, group: Group, recording: Recording, final: FinalStates) -> None:
        """Compare the unpatched rows of a group's pass with the recorded run."""
        for key, chosen in final.choices.items():
            recorded = recording.host[key][:, group.start :]
            differs = chosen[: len(group.pairs)] != recorded
            self.flips += int(differs.any(-1).sum())
            self.choices += differs[..., 0].numel()

    def __str__(self) -> str:
        if not self.known:
            return "which experts were chosen is not known: no router was found"
        return f"{self.flips:,} of {self.choices:,} choices of experts flipped in unpatched rows"


@dataclass(frozen=True, eq=False)
class GridValues:
    """The numbers of one grid; NaN where not done yet.

    Attributes
    ----------
    values, effects
        By metric; an effect is measured against the host's row of the same pass.
    noise_floor
        By metric, in its unit.
    zero
        Cells that certainly change nothing on any pair, so that nothing was computed.
    unpatchable
        Cells without a counterpart on some pair, where their numbers stay NaN.
    method
        ``"descent"`` or ``"plain"``, as in `Plan`.
    seconds
        How long the sweep has computed.
    flips
        In a mixture of experts, how often routers chose otherwise; None for any other model.
    """

    grid: Grid
    values: dict[str, Float[np.ndarray, "cell pair"]]
    effects: dict[str, Float[np.ndarray, "cell pair"]]
    noise_floor: dict[str, float]
    zero: Bool[NDArray[np.bool_], "cell"]
    unpatchable: Bool[NDArray[np.bool_], "cell"]
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
