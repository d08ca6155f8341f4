"""What single heads write into the residual stream: the output projection, head by head. Costs one projection."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor, nn
from transformers.pytorch_utils import Conv1D

from patchwidgets.errors import RefusedError
from patchwidgets.hooks.hook_points import HookPoint
from patchwidgets.models.layout import Layout

HeadWrites = Float[Tensor, "row pos head d_model"]


def head_writes(module: nn.Module, z: Float[Tensor, "row pos head d_head"]) -> HeadWrites:
    """Return the output projection of each head alone, without the bias.

    Parameters
    ----------
    module
        The output projection, an affine module.
    z
        Its input, by head.
    """
    n_heads = z.shape[2]
    if type(module) is nn.Linear:
        weight = module.weight.unflatten(1, (n_heads, -1))
        return torch.einsum("bphi,ohi->bpho", z, weight)
    if type(module) is Conv1D:
        return torch.einsum("bphi,hio->bpho", z, module.weight.unflatten(0, (n_heads, -1)))
    # An adapter or a wrapper: still affine, so each head is its output alone minus that of nothing.
    nothing = torch.zeros_like(z)
    of_nothing = module.forward(nothing.flatten(2))
    alone = []
    for head in range(n_heads):
        one = nothing.clone()
        one[:, :, head] = z[:, :, head]
        alone.append(module.forward(one.flatten(2)) - of_nothing)
    return torch.stack(alone, dim=2)


def ends_in_norm(layout: Layout, layer: int) -> bool:
    """Whether a norm, or anything else, follows the output projection of attention before the stream."""
    return layout.output_projection("z", layer) is None


def check_norm(
    written: Float[Tensor, "row pos d_model"],
    projected: Float[Tensor, "row pos d_model"],
    norm: Callable[[Tensor], Tensor],
    scale: float,
    layer: int,
) -> None:
    """Check that what follows the output projection is this norm alone.

    Raises
    ------
    RefusedError
        It is something else.
    """
    expected = norm(projected) * scale
    gap = float((written - expected).float().norm() / written.float().norm().clamp_min(1e-30))
    if gap > 256 * torch.finfo(written.dtype).eps:
        raise RefusedError(
            f"No edges from heads of layer {layer} here: what lies between a head and the residual stream is not its "
            "output projection and the module whose output is attn_out. Use a circuit of nodes."
        )


def projection_output(layout: Layout, layer: int) -> HookPoint:
    """Return where the output projection of attention ends, before a norm that follows it."""
    return HookPoint(layout.hook_points[("z", layer)].module, "output")
