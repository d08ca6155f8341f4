"""How far a patch reached: per component, how much it moved from the host run towards the source run.

With Δp = patched − host and Δs = source − host at one position, ``along`` = ⟨Δp,Δs⟩/⟨Δs,Δs⟩, ``size`` = ‖Δp‖/‖Δs‖,
``cos`` = along/size. Over pairs, numerators and denominators are summed before they are divided. A distance between
host and source that is no more than rounding counts as none. Costs a pass over the host prompts, the first time also
one over each unpatched run, and one over two prompts to measure the rounding.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from patchwidgets.errors import PatchError
from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.hooks.hooks import Key
from patchwidgets.hooks.interrupts import Uninterrupted
from patchwidgets.models.batches import Batch
from patchwidgets.models.forward import forward
from patchwidgets.sites import Patch, Position
from patchwidgets.sources.source import draws_of

if TYPE_CHECKING:
    import pandas as pd

REACH_COMPONENTS = ("z", "attn_out", "mlp_out", "resid_post")
Ratios = Float[NDArray[np.float32], "layer *head"]
"""``[layer, head]`` for ``z``, ``[layer]`` for the other components."""


@dataclass(frozen=True, eq=False)
class Reach:
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
        How far it moved in any direction, as a multiple of the distance between host and source. NaN as in `along`.
    cos
        The cosine between the movement and the direction of the source. NaN also where nothing moved but by rounding.

    Examples
    --------
    >>> reach = exp.reach("L0.H1")
    >>> reach.pos, reach.along["z"].shape, reach.along["attn_out"].round(2)
    (14, (4, 4), array([0.99, 1.  , 0.96, 1.12], dtype=float32))
    """

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


@dataclass
class ReachSums:
    """⟨Δp,Δs⟩, ⟨Δp,Δp⟩, ⟨Δs,Δs⟩ and what of these is rounding, by component, stacked so and summed over pairs."""

    sums: dict[str, Float[Tensor, "4 layer *head"]] = field(default_factory=dict)

    def add_batch(
        self,
        experiment: BaseExperiment,
        batch: Batch,
        patched: Mapping[Key, Float[Tensor, "row pos *unit"]],
        pos: Position,
    ) -> None:
        """Add a batch of the host run at one position.

        Parameters
        ----------
        patched
            The batch's patched activations, by component and layer.
        pos
            A position of the clean prompt; it must have a counterpart in the corrupted one.
        """
        pairs = [experiment.pairs[row] for row in batch.rows]
        columns = torch.tensor([pair.columns_at(pos)[0] for pair in pairs])
        clean, corrupted = columns.unbind(-1)
        in_host, in_source = (
            (clean, corrupted) if experiment.host_name == "clean" else (corrupted, clean)
        )
        keys, source_batch = reach_keys(experiment), experiment.sources.source_batch(batch)
        experiment.host.record(batch, keys)
        experiment.source.record(source_batch, keys)
        rows = torch.arange(len(batch.rows))
        host, moved, source = (
            {key: activations[key][rows, positions].cpu() for key in keys}
            for activations, positions in (
                (batch.activations, in_host),
                (patched, in_host),
                (source_batch.activations, in_source),
            )
        )
        # In equal beginnings both runs are the same; rounding differs if the prompts have unequal lengths.
        for row, (pair, (i, j)) in enumerate(zip(pairs, columns.tolist(), strict=True)):
            if i == j < pair.prefix:
                for key in keys:
                    source[key][row] = host[key][row]
        noise = experiment.measurements.baselines.activation_noise(keys)
        self._add(noise, host, moved, source, experiment.model.n_layers)

    def _add(
        self,
        noise: Mapping[Key, float],
        host: Mapping[Key, Float[Tensor, "row *unit"]],
        patched: Mapping[Key, Float[Tensor, "row *unit"]],
        source: Mapping[Key, Float[Tensor, "row *unit"]],
        n_layers: int,
    ) -> None:
        """Add activations at the position, by component and layer."""
        for component in REACH_COMPONENTS:
            stacks = [
                torch.stack([run[(component, layer)] for layer in range(n_layers)])
                for run in (host, patched, source)
            ]
            base, moved, target = (stack.double() for stack in stacks)
            delta_p, delta_s = moved - base, target - base
            parts = torch.tensor([noise[(component, layer)] for layer in range(n_layers)])
            rounding = base * parts.view(-1, *[1] * (base.dim() - 1))
            products = (delta_p * delta_s, delta_p**2, delta_s**2, rounding**2)
            sums = torch.stack([product.sum(dim=(1, -1)) for product in products]).cpu()
            self.sums[component] = self.sums.get(component, 0) + sums

    def reach(self, pos: int) -> Reach:
        """The ratios of the sums, of activations at position `pos`."""
        along, size, cos = {}, {}, {}
        for component, (ps, pp, ss, rounding) in self.sums.items():
            undefined = torch.full_like(ss, float("nan"))
            differ, moved = ss > rounding, pp > rounding
            along[component] = _float32(torch.where(differ, ps / ss, undefined))
            size[component] = _float32(torch.where(differ, (pp / ss).sqrt(), undefined))
            cos[component] = _float32(torch.where(differ & moved, ps / (pp * ss).sqrt(), undefined))
        return Reach(pos, along, size, cos)


def _float32(values: Float[Tensor, "layer *head"]) -> Ratios:
    array: Ratios = values.float().numpy()
    return array


def reach_keys(experiment: BaseExperiment) -> list[Key]:
    """The components and layers whose movement is measured: `REACH_COMPONENTS` in every layer."""
    return [
        (component, layer)
        for component in REACH_COMPONENTS
        for layer in range(experiment.model.n_layers)
    ]


def measure_reach(
    experiment: BaseExperiment, patches: Sequence[Patch], pos: Position = -1
) -> Reach:
    """Patch and measure how far every component moves at one position; see `Experiment.reach`.

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
    sums, keys = ReachSums(), reach_keys(experiment)
    experiment.sources.record(patches)
    for drawn, batch in product(draws_of(patches), experiment.host.batches):
        edits = experiment.sources.edits(drawn, batch.rows)
        output = forward(experiment.model.layout, batch.ids, edits, keys)
        sums.add_batch(experiment, batch, output.activations, pos)
    experiment.check_weights(patches)
    return sums.reach(experiment.pairs[0].indices(pos)[0])


def record_runs(experiment: BaseExperiment) -> None:
    """Record now what the first `measure_reach` would record of both unpatched runs."""
    for run in (experiment.clean, experiment.corrupted):
        for batch in run.batches:
            run.record(batch, reach_keys(experiment))
    experiment.measurements.baselines.activation_noise(reach_keys(experiment))
