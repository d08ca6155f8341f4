"""The numbers of one grid of a sweep, done or not. Plain data over arrays."""

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float

from patchwidgets.arrays import NDArray
from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.sweep.cell_reach import GridReach
from patchwidgets.sweep.grid import Grid
from patchwidgets.sweep.over_pairs import PairValues
from patchwidgets.sweep.routing import RoutingFlips


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
        ``"descent"`` or ``"plain"``, as in `Plan`; of an estimate its own, as ``"atp"``.
    seconds
        How long the sweep has computed.
    flips
        In a mixture of experts, how often routers chose otherwise; None for any other model.
    estimate
        By what the effects are estimated, in words, as ``"AtP"``; empty where they are exact.
    drawn
        By metric, the effects of each draw, where sources are drawn at random; `effects` are the means over them.
    reach
        How far each cell moved every component at the last position, where that was asked for.
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
    estimate: str = ""
    drawn: dict[str, Float[np.ndarray, "draw cell pair"]] = field(default_factory=dict)
    reach: GridReach | None = None

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
