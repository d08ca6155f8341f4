"""The weight and the bias of a linear module, also of one that hides them. Costs nothing for a plain layer.

Any other module (one with an adapter, with hooks of the user's, with offloaded or quantised weights) is applied to each
unit vector, which costs as much as it does on a prompt of as many tokens as it has inputs.
"""

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from transformers.pytorch_utils import Conv1D

from patchwidgets.models.view import View

UNIT_VECTORS_AT_ONCE = 512


@dataclass(frozen=True, eq=False)
class LinearMap:
    """``weight @ x + bias``, in float32 at least.

    Attributes
    ----------
    weight
        ``[out, in]``.
    bias
        ``[out]``; zeros for a module without one.
    """

    weight: Float[Tensor, "out in"]
    bias: Float[Tensor, "out"]

    def __call__(self, change: Float[Tensor, "*shape in"]) -> Float[Tensor, "*shape out"]:
        """Return what a change of the input does to the output: without the bias."""
        return widened(change) @ self.weight.T

    def transposed(self, direction: Float[Tensor, "*shape out"]) -> Float[Tensor, "*shape in"]:
        """Return, for a direction to read the output along, that to read the input along."""
        return widened(direction) @ self.weight


def widened(tensor: Tensor) -> Tensor:
    """Return a tensor in float32, or as it is if it has more digits."""
    return tensor.to(torch.promote_types(tensor.dtype, torch.float32))


def few_spacings(dtype: torch.dtype) -> float:
    """Return by which part of the largest number rounding may move what one module computes.

    Norms of transformers compute in float32 at most, and logits are kept in it.
    """
    return 4 * torch.finfo(dtype).eps if dtype.itemsize < 4 else 64 * torch.finfo(torch.float32).eps


def linear_map(view: View, module: nn.Module, n_inputs: int, rows: Any = None) -> LinearMap:
    """Return what a linear module of the model does.

    Parameters
    ----------
    view
        The view of the model in which the module may run.
    module
        The user's module.
    n_inputs
        How many numbers it takes.
    rows
        Indices of the outputs that are wanted; by default all.
    """
    rows = slice(None) if rows is None else rows
    if _is_plain(module):
        weight: Any = module.weight
        bias: Any = getattr(module, "bias", None)
        chosen = widened((weight.T if isinstance(module, Conv1D) else weight)[rows].detach())
        return LinearMap(
            chosen, chosen.new_zeros(len(chosen)) if bias is None else widened(bias[rows].detach())
        )
    copy = view.copy_of(module)
    like = next((each for each in module.parameters() if each.device.type != "meta"), None)
    where = torch.device("cpu") if like is None else like.device
    dtype = next((p.dtype for p in module.parameters() if p.is_floating_point()), torch.float32)
    bias = widened(copy(torch.zeros(1, 1, n_inputs, dtype=dtype, device=where)))[0, 0, rows]
    unit_vectors = torch.eye(n_inputs, dtype=dtype, device=where)[None]
    columns = [
        widened(copy(part))[0, :, rows] - bias
        for part in unit_vectors.split(UNIT_VECTORS_AT_ONCE, dim=1)
    ]
    return LinearMap(torch.cat(columns).T, bias)


def _is_plain(module: nn.Module) -> bool:
    """Whether a module does what its weight says and nothing else."""
    return (
        type(module) in (nn.Linear, Conv1D)
        and module.weight.device.type != "meta"
        and not module._forward_hooks
        and not module._forward_pre_hooks
    )
