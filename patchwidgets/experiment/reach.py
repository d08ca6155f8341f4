"""How far a patch reached: per component, how much it moved from the host run towards the source run.

With Δp = patched − host and Δs = source − host at one position, ``along`` = ⟨Δp,Δs⟩/⟨Δs,Δs⟩, ``size`` = ‖Δp‖/‖Δs‖,
``cos`` = along/size. Over pairs, numerators and denominators are summed before they are divided. A distance that is no
more than rounding counts as none. Costs a pass over the host prompts, the first time also
one over each unpatched run, and one over two prompts to measure the rounding.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from patchwidgets.arrays import NDArray
from patchwidgets.errors import PatchError
from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.experiment.reach_sums import ReachBaseline, ReachSums, reach_keys
from patchwidgets.guesses.answering import Answering
from patchwidgets.guesses.attributes import REACH
from patchwidgets.hooks.interrupts import Uninterrupted
from patchwidgets.models.forward import forward
from patchwidgets.sites import Patch, Position
from patchwidgets.sources.source import draws_of

if TYPE_CHECKING:
    import pandas as pd

Ratios = Float[NDArray[np.float32], "layer *head"]
"""``[layer, head]`` for ``z``, ``[layer]`` for the other components."""
Sums = Float[NDArray[np.float64], "*of"]


@dataclass(frozen=True, eq=False)
class Reach(Answering):
    """How far one patch moved every component at one position.

    Attributes
    ----------
    pos
        The position, as an index in the (first) clean prompt.
    along
        By component, how far it moved towards the source: 0 is not at all, 1 all the way. An array over layers and
        heads for ``z``, over layers for the others. NaN where the source equals the host: in the tokens that both
        prompts begin with, and where they differ by no more than the measured rounding.
    size
        How far it moved in any direction, as a multiple of the distance between host and source; 0 where it moved by no
        more than rounding. NaN as in `along`.
    cos
        The cosine between the movement and the direction of the source. NaN also where nothing moved but by rounding.

    Examples
    --------
    >>> reach = exp.reach("L0.H1")
    >>> reach.pos, reach.along["z"].shape, reach.along["attn_out"].round(2)
    (14, (4, 4), array([0.99, 1.  , 0.96, 1.12], dtype=float32))
    """

    advice = REACH
    pos: int
    along: dict[str, Ratios]
    size: dict[str, Ratios]
    cos: dict[str, Ratios]

    def to_frame(self) -> "pd.DataFrame":
        """A table with one row for each component and layer (for ``z``, also head), and its along, size and cos.

        Examples
        --------
        >>> exp.reach("L0.H1").to_frame().head(2)
          component  layer  head  along  size  cos
        0         z      0     0    0.0   0.0  NaN
        1         z      0     1    1.0   1.0  1.0
        """
        with Uninterrupted():
            import pandas as pd

        rows = [
            (
                component,
                index[0],
                index[1] if len(index) > 1 else None,
                *(float(ratios[component][index]) for ratios in (self.along, self.size, self.cos)),
            )
            for component in self.along
            for index in np.ndindex(self.along[component].shape)
        ]
        frame = pd.DataFrame(rows, columns=["component", "layer", "head", "along", "size", "cos"])
        return frame.astype({"head": "Int64"})

    def top(self, k: int = 5) -> "pd.DataFrame":
        """The `k` rows of `to_frame` that moved furthest towards the source, without the residual stream.

        Examples
        --------
        >>> exp.reach("L0.H1").top(2)[["component", "layer", "head"]]
          component  layer  head
        0         z      1     2
        1  attn_out      3  <NA>
        """
        frame = self.to_frame()
        return frame[frame.component != "resid_post"].nlargest(k, "along").reset_index(drop=True)

    @classmethod
    def of(cls, sums: ReachSums, pos: int, pair: int | None = None) -> "Reach":
        """The ratios of sums of one pair, or of all for None, of activations at position `pos`."""
        along, size, cos = {}, {}, {}
        for component, of_pairs in sums.sums.items():
            chosen = of_pairs.sum(-1) if pair is None else of_pairs[..., pair]
            along[component], size[component], cos[component] = ratios(*chosen.numpy())
        return cls(pos, along, size, cos)


def ratios(
    ps: Sums, pp: Sums, ss: Sums, rounding: Sums
) -> tuple[Float[NDArray[np.float32], "*of"], ...]:
    """Along, size and cos from ⟨Δp,Δs⟩, ⟨Δp,Δp⟩, ⟨Δs,Δs⟩ and what of these is rounding; NaN where `pp` is."""
    differ, moved = (ss > rounding) & ~np.isnan(pp), pp > rounding
    with np.errstate(divide="ignore", invalid="ignore"):
        return (
            _ratios(differ, np.where(moved, ps / ss, 0.0)),
            _ratios(differ, np.where(moved, np.sqrt(pp / ss), 0.0)),
            _ratios(differ & moved, ps / np.sqrt(pp * ss)),
        )


def _ratios(defined: NDArray[np.bool_], values: NDArray[np.float64]) -> Ratios:
    array: Ratios = np.where(defined, values, np.nan).astype(np.float32)
    return array


def measure_reach(
    experiment: BaseExperiment,
    patches: Sequence[Patch],
    pos: Position = -1,
    pair: int | None = None,
) -> Reach:
    """Patch and measure how far every component moves at one position; see `PatchResult.reach`.

    Raises
    ------
    PatchError
        `pos` is a range or None.
    SiteError
        A position out of range, an unknown name, or one without a counterpart.
    WeightsChangedError
        The weights have changed since the runs of the experiment.
    """
    if pos is None or isinstance(pos, tuple):
        raise PatchError(
            f"reach() looks at one position; got {pos!r}. Give an index such as -1, or a name of the task."
        )
    sums, keys = ReachSums(len(experiment.pairs)), reach_keys(experiment)
    experiment.sources.record(patches)
    for drawn, batch in product(draws_of(patches), experiment.host.batches):
        edits = experiment.sources.edits(drawn, batch.rows)
        output = forward(experiment.model.layout, batch.ids, edits, keys)
        baseline = ReachBaseline.of(experiment, batch, pos)
        sums.add(batch.rows, baseline.sums(baseline.at_position(output.activations)))
    experiment.check_weights(patches)
    return Reach.of(sums, experiment.pairs[pair or 0].indices(pos)[0], pair)


def record_runs(experiment: BaseExperiment) -> None:
    """Record now what the first `measure_reach` would record of both unpatched runs."""
    for run in (experiment.clean, experiment.corrupted):
        for batch in run.batches:
            run.record(batch, reach_keys(experiment))
    experiment.measurements.baselines.activation_noise(reach_keys(experiment))
