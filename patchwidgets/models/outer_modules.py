"""What the modules around the decoder blocks read and return, on a few random tokens. Costs one pass over them."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from patchwidgets.hooks.hook_points import Activation, HookPoint
from patchwidgets.hooks.hooks import Key, hooked
from patchwidgets.models.forward import logits_to_keep, running
from patchwidgets.models.layout import Layout

N_TOKENS = 6


@dataclass(frozen=True, eq=False)
class TensorPoint(HookPoint):
    """A tensor of a module as it is; an empty one if what the module takes or returns first is no tensor."""

    def read(self, tensor: Any, n_positions: int) -> Activation:
        """Return the tensor."""
        return tensor if isinstance(tensor, Tensor) else torch.empty(0)


@dataclass(frozen=True, eq=False)
class OuterModules:
    """One short pass, as the modules around the blocks saw it.

    Attributes
    ----------
    read, returned
        The first input and the first output of every module outside the blocks that ran, inner modules last.
    embed, resid_pre, resid_post
        The output of the input embedding, what the first block reads, and what the last one returns.
    """

    read: dict[nn.Module, Tensor]
    returned: dict[nn.Module, Tensor]
    embed: Tensor
    resid_pre: Tensor
    resid_post: Tensor


def run_outer_modules(layout: Layout) -> OuterModules:
    """Run a model on a few random tokens, and keep what its modules outside the blocks read and return.

    Raises
    ------
    ModelError
        Gradient checkpointing is active, or modules were replaced since the model was loaded.
    """
    hf_model, modules = layout.hf_model, _outside_blocks(layout)
    points = layout.hook_points | {
        (point.side, i): point
        for i, module in enumerate(modules)
        for point in (TensorPoint(module, "input"), TensorPoint(module, "output"))
    }
    ends: list[Key] = [("embed", None), ("resid_pre", 0), ("resid_post", layout.n_layers - 1)]
    keys = [key for key in points if key[0] in ("input", "output")]
    generator = torch.Generator().manual_seed(0)
    n_words = hf_model.get_input_embeddings().weight.shape[0]
    ids = torch.randint(n_words, (1, N_TOKENS), generator=generator)
    with (
        running(layout) as view,
        hooked(layout.outer_modules, points, record=[*keys, *ends], on=view.copy_of) as seen,
    ):
        options = logits_to_keep(view.model, range(N_TOKENS), N_TOKENS)
        view.model(input_ids=ids.to(layout.device), use_cache=False, **options)
    read, returned = (
        {module: seen[(side, i)] for i, module in enumerate(modules) if (side, i) in seen}
        for side in ("input", "output")
    )
    embed, resid_pre, resid_post = (seen[key] for key in ends)
    return OuterModules(read, returned, embed, resid_pre, resid_post)


def _outside_blocks(layout: Layout) -> list[nn.Module]:
    """Every module that is no part of a block and has none inside."""
    blocks = set(layout.blocks)
    inside = {module for block in blocks for module in block.modules()}
    return [
        module
        for module in layout.hf_model.modules()
        if module not in inside and blocks.isdisjoint(module.modules())
    ]


def same_numbers(one: Tensor, other: Tensor) -> bool:
    """Whether two tensors hold the same numbers in the same order, whatever their leading axes, dtype and device."""
    return (
        one.numel() == other.numel()
        and one.shape[-1:] == other.shape[-1:]
        and torch.equal(one.double().flatten().cpu(), other.double().flatten().cpu())
    )


def splits_embeddings(seen: OuterModules, hf_model: Any) -> bool:
    """Whether what the first block reads is the output of the input embedding plus that of a position embedding."""
    for module, returned in seen.returned.items():
        if not isinstance(module, nn.Embedding) or module is hf_model.get_input_embeddings():
            continue
        if returned.shape[-2:] == seen.embed.shape[-2:] == seen.resid_pre.shape[-2:]:
            total = seen.embed + returned.reshape(-1, *seen.embed.shape[1:]).to(seen.embed)
            if torch.allclose(total.to(seen.resid_pre), seen.resid_pre):
                return True
    return False
