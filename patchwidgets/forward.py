"""One forward pass over prompts of equal length, leaving the model as it was."""

import threading
import weakref
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from inspect import signature

import torch
from torch import Tensor, nn

from patchwidgets.anatomy import Anatomy
from patchwidgets.errors import ModelError
from patchwidgets.hooks import Edit, Key, hooked, separate_work

_LOCKS: "weakref.WeakKeyDictionary[nn.Module, threading.RLock]" = weakref.WeakKeyDictionary()


def model_lock(hf_model: nn.Module) -> threading.RLock:
    """The lock under which work on this model object is done, the same for everybody who wraps it."""
    return _LOCKS.setdefault(hf_model, threading.RLock())


@dataclass(frozen=True, eq=False)
class Output:
    """What a forward pass gave.

    Attributes
    ----------
    logits
        float32 ``[row, vocabulary]`` at the last position; ``[row, pos, vocabulary]`` of the last `keep` positions.
    activations
        ``[row, pos, ...]`` by component and layer.
    """

    logits: Tensor
    activations: dict[Key, Tensor]


def forward(
    anatomy: Anatomy,
    ids: Tensor,
    edits: Mapping[Key, Edit] | None = None,
    record: Iterable[Key] = (),
    keep: int | None = None,
) -> Output:
    """Run the model on ``ids`` ``[row, pos]`` in eval mode without gradients, under the model's lock.

    Logits are those of the last position, or of the last `keep` positions.

    Raises
    ------
    ModelError
        The logits are not finite, or gradient checkpointing is active.
    """
    hf_model = anatomy.hf_model
    with (
        at_work(hf_model),
        hooked(anatomy.bodies, anatomy.taps, edits, record) as activations,
    ):
        output = hf_model(
            input_ids=ids.to(anatomy.device), use_cache=False, **last_only(hf_model, keep or 1)
        )
        last = output.logits[:, -1] if keep is None else output.logits[:, -keep:]
        logits = last.float()
    if not torch.isfinite(logits).all():
        raise ModelError(
            f"The model's logits are not finite in {hf_model.dtype}. Load it in a wider dtype, as in dtype='float32'."
        )
    return Output(logits, activations)


@contextmanager
def at_work(hf_model: nn.Module) -> Iterator[None]:
    """Hold the model's lock, in eval mode without gradients, untouched by patches that others have set."""
    with model_lock(hf_model), separate_work(), _eval_mode(hf_model), torch.no_grad():
        yield


def last_only(hf_model: nn.Module, keep: int = 1) -> dict[str, int]:
    """Ask for the last positions' logits alone, where the model can be asked."""
    return (
        {"logits_to_keep": keep}
        if "logits_to_keep" in signature(hf_model.forward).parameters
        else {}
    )


@contextmanager
def _eval_mode(hf_model: nn.Module) -> Iterator[None]:
    """Eval mode for the block; every module's own ``training`` flag comes back."""
    training = [module for module in hf_model.modules() if module.training]
    if any(getattr(module, "gradient_checkpointing", False) for module in training):
        raise ModelError(
            "Gradient checkpointing is active; call hf_model.gradient_checkpointing_disable() first."
        )
    try:
        for module in training:
            module.training = False
        yield
    finally:
        for module in training:
            module.training = True
