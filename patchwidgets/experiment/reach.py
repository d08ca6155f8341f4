"""How far a patch reached: per component, how much it moved from the host run towards the source run.

With Δp = patched − host and Δs = source − host at one position, ``along`` = ⟨Δp,Δs⟩/⟨Δs,Δs⟩, ``size`` = ‖Δp‖/‖Δs‖,
``cos`` = along/size; over pairs the sums of numerators and denominators are divided.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from patchwidgets.errors import PatchError
from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.hooks.hooks import Key
from patchwidgets.models.forward import forward
from patchwidgets.models.run import Batch
from patchwidgets.sites import Patch, Position

if TYPE_CHECKING:
    import pandas as pd

REACH_COMPONENTS = ("z", "attn_out", "mlp_out", "resid_post")
Array = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Reach:
    """Reach of one patch at one position.

    Attributes
    ----------
    pos
        Index in the (first) prompt.
    along, size, cos
        By component: ``[layer, head]`` for ``z``, ``[layer]`` for the others. ``along`` 0 is no movement towards
        the source, 1 all of it. NaN where the source does not differ from the host (`cos`: where nothing moved).
    """

    pos: int
    along: dict[str, Array]
    size: dict[str, Array]
    cos: dict[str, Array]

    def to_frame(self) -> "pd.DataFrame":
        """One row per component: component, layer, head, along, size, cos."""
        import pandas as pd

        rows = [
            (
                component,
                index[0],
                index[1] if len(index) > 1 else None,
                *(float(part[component][index]) for part in parts),
            )
            for parts in [(self.along, self.size, self.cos)]
            for component in self.along
            for index in np.ndindex(self.along[component].shape)
        ]
        frame = pd.DataFrame(rows, columns=["component", "layer", "head", "along", "size", "cos"])
        return frame.astype({"head": "Int64"})

    def top(self, k: int = 5) -> "pd.DataFrame":
        """The `k` components that moved furthest towards the source; the residual stream is left out."""
        frame = self.to_frame()
        return frame[frame.component != "resid_post"].nlargest(k, "along").reset_index(drop=True)


@dataclass
class ReachSums:
    """⟨Δp,Δs⟩, ⟨Δp,Δp⟩ and ⟨Δs,Δs⟩ by component, summed over pairs, ``[layer, head]`` or ``[layer]``."""

    sums: dict[str, Tensor]

    @classmethod
    def empty(cls) -> "ReachSums":
        """No pair yet."""
        return cls({})

    def add_batch(
        self,
        experiment: BaseExperiment,
        batch: Batch,
        patched: Mapping[Key, Tensor],
        pos: Position,
    ) -> None:
        """Add a batch of the host run, with its patched activations ``[row, pos, ...]``, at one position."""
        pairs = [experiment.pairs[row] for row in batch.rows]
        columns = torch.tensor([pair.columns_at(pos)[0] for pair in pairs])
        here, there = columns.unbind(-1)
        if experiment.host_name == "corrupted":
            here, there = there, here
        keys, twin = reach_keys(experiment), experiment.sources.twin(batch)
        experiment.host.record(batch, keys)
        experiment.source.record(twin, keys)
        rows = torch.arange(len(batch.rows))
        host, moved, source = (
            {key: activations[key][rows, where].cpu() for key in keys}
            for activations, where in (
                (batch.activations, here),
                (patched, here),
                (twin.activations, there),
            )
        )
        self._add(host, moved, source, experiment.model.n_layers)

    def _add(
        self,
        host: Mapping[Key, Tensor],
        patched: Mapping[Key, Tensor],
        source: Mapping[Key, Tensor],
        n_layers: int,
    ) -> None:
        """Add activations at the position, ``[row, ...]`` by component and layer."""
        for component in REACH_COMPONENTS:
            stacks = [
                torch.stack([run[(component, layer)] for layer in range(n_layers)])
                for run in (host, patched, source)
            ]
            base, moved, target = (stack.double() for stack in stacks)
            delta_p, delta_s = moved - base, target - base
            products = (delta_p * delta_s, delta_p * delta_p, delta_s * delta_s)
            sums = torch.stack([product.sum(dim=(1, -1)) for product in products]).cpu()
            self.sums[component] = self.sums.get(component, 0) + sums

    def reach(self, pos: int) -> Reach:
        """The ratios."""
        along, size, cos = {}, {}, {}
        for component, (ps, pp, ss) in self.sums.items():
            undefined = torch.full_like(ss, float("nan"))
            along[component] = _float32(torch.where(ss > 0, ps / ss, undefined))
            size[component] = _float32(torch.where(ss > 0, (pp / ss).sqrt(), undefined))
            cos[component] = _float32(
                torch.where((ss > 0) & (pp > 0), ps / (pp * ss).sqrt(), undefined)
            )
        return Reach(pos, along, size, cos)


def _float32(values: Tensor) -> Array:
    array: Array = values.float().numpy()
    return array


def reach_keys(experiment: BaseExperiment) -> list[Key]:
    """The components and layers whose movement is measured."""
    return [
        (component, layer)
        for component in REACH_COMPONENTS
        for layer in range(experiment.model.n_layers)
    ]


def measure_reach(
    experiment: BaseExperiment, patches: Sequence[Patch], pos: Position = -1
) -> Reach:
    """Patch once more and measure how far every component moves at one position and its counterpart.

    Raises
    ------
    PatchError
        Not one position.
    SiteError
        A position out of range, an unknown name, or one without a counterpart.
    """
    if pos is None or isinstance(pos, tuple):
        raise PatchError(
            f"reach() looks at one position; got {pos!r}. Give an index such as -1, or a name."
        )
    sums, keys = ReachSums.empty(), reach_keys(experiment)
    for batch in experiment.host.batches:
        edits = experiment.sources.edits(patches, batch.rows)
        output = forward(experiment.model.layout, batch.ids, edits, keys)
        sums.add_batch(experiment, batch, output.activations, pos)
    return sums.reach(experiment.pairs[0].indices(pos)[0])


def record_reach(experiment: BaseExperiment) -> None:
    """Record both unpatched runs now, so that the first patch is as quick as the others."""
    for run in (experiment.clean, experiment.corrupted):
        for batch in run.batches:
            run.record(batch, reach_keys(experiment))
