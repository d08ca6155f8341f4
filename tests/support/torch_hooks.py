"""Reading and writing by hooks of torch itself, for comparisons with ours; a layout says only where a module is."""

from collections.abc import Callable
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from patchwidgets.models.model import Model


def token_ids(text: str) -> Tensor:
    """A prompt of the toy tokenizer, ``[1, pos]``."""
    return torch.tensor([[int(word[1:]) for word in text.split()]])


@contextmanager
def _hook(
    model: Model, component: str, layer: int | None, change: Callable[[Tensor], Tensor]
) -> Any:
    """Replace the input (``z``) or the output (others) of a module, as ``[row, pos, width]``."""
    module = model.layout.hook_points[(component, layer)].module

    def changed(tensor: Tensor) -> Tensor:
        return change(tensor.reshape(1, -1, tensor.shape[-1])).reshape(tensor.shape)

    if component == "z":
        handle = module.register_forward_pre_hook(lambda _, args: (changed(args[0]), *args[1:]))
    else:
        handle = module.register_forward_hook(
            lambda _, __, out: (
                (changed(out[0]), *out[1:]) if isinstance(out, tuple) else changed(out)
            )
        )
    try:
        yield
    finally:
        handle.remove()


def read(model: Model, component: str, layer: int | None, text: str) -> Tensor:
    """What a module gives on a prompt, ``[pos, width]``; for ``z`` all heads side by side."""
    found = []

    def keep(tensor: Tensor) -> Tensor:
        found.append(tensor[0].clone())
        return tensor

    with torch.no_grad(), _hook(model, component, layer, keep):
        model.hf_model(token_ids(text))
    return found[0]


def logits(
    model: Model, component: str, layer: int | None, text: str, change: Callable[[Tensor], None]
) -> Tensor:
    """Last logits of a prompt where `change` writes into a copy of what a module gives, ``[pos, width]``."""

    def write(tensor: Tensor) -> Tensor:
        copy = tensor.clone()
        change(copy[0])
        return copy

    with torch.no_grad(), _hook(model, component, layer, write):
        return model.hf_model(token_ids(text)).logits[0, -1]
