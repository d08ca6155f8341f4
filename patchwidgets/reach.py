"""How far a patch reached: per component, how much it moved from the host run towards the source run.

With Δp = patched − host and Δs = source − host at one position, ``along`` = ⟨Δp,Δs⟩/⟨Δs,Δs⟩, ``size`` = ‖Δp‖/‖Δs‖,
``cos`` = along/size; over pairs the sums of numerators and denominators are divided.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from patchwidgets.hooks import Key

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

    def add(
        self,
        host: Mapping[Key, Tensor],
        patched: Mapping[Key, Tensor],
        source: Mapping[Key, Tensor],
        n_layers: int,
    ) -> None:
        """Add a batch: activations at the position, ``[row, ...]`` by component and layer."""
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
