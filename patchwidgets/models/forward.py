"""One forward pass over prompts of equal length, leaving the model as it was."""

import threading
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from inspect import signature

import torch
from torch import Tensor, nn

from patchwidgets.errors import MetricError, ModelError, RefusedError
from patchwidgets.hooks.cancellation import cancellation_check
from patchwidgets.hooks.hooks import Edit, Key, hooked, isolated
from patchwidgets.models.layout import Layout

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
        float32 ``[row, pos, vocabulary]`` of the positions that were kept.
    activations
        ``[row, pos, ...]`` by component and layer.
    """

    logits: Tensor
    activations: dict[Key, Tensor]


def forward(
    layout: Layout,
    ids: Tensor,
    edits: Mapping[Key, Edit] | None = None,
    record: Iterable[Key] = (),
    keep: Sequence[int] | None = None,
) -> Output:
    """Run the model on ``ids`` ``[row, pos]`` in eval mode without gradients, under the model's lock.

    Logits are those of the positions in `keep`, ascending; by default of the last one alone.

    Raises
    ------
    ModelError
        The logits are not finite, or gradient checkpointing is active.
    """
    hf_model, length = layout.hf_model, ids.shape[1]
    keep = (length - 1,) if keep is None else keep
    with (
        locked_eval_mode(hf_model),
        hooked(layout.bodies, layout.hook_points, edits, record) as activations,
    ):
        output = hf_model(
            input_ids=ids.to(layout.device),
            use_cache=False,
            **logits_to_keep(hf_model, keep, length),
        )
        logits = select_positions(output.logits, keep).float()
    if not torch.isfinite(logits).all():
        raise ModelError(
            f"The model's logits are not finite in {hf_model.dtype}. Load it in a wider dtype, as in dtype='float32'."
        )
    return Output(logits, activations)


def gradients(
    layout: Layout,
    ids: Tensor,
    keys: Sequence[Key],
    read_positions: Sequence[Sequence[int]],
    measure: Callable[[Tensor], Tensor],
) -> dict[Key, tuple[Tensor, Tensor]]:
    """Activations of a run and the gradient of a metric there, each ``[row, pos, ...]``, by component and layer.

    Asks for the gradient of the activations alone: no parameter's ``grad`` or ``requires_grad`` is touched.

    Parameters
    ----------
    ids
        ``[row, pos]``.
    read_positions
        The positions at which each row is read.
    measure
        From logits, float32 ``[entry, vocabulary]`` at these positions, row after row, to one number per row.

    Raises
    ------
    RefusedError
        The weights are not there (offloaded), or stored in a way that gradients do not pass (quantised).
    MetricError
        The metric has no gradient.
    ModelError
        The gradient is not finite.
    """
    hf_model, keep = layout.hf_model, union_of_positions(read_positions)
    _refuse_without_gradient(hf_model)
    held: dict[Key, Tensor] = {}
    edits = {key: _held_for_gradient(key, held) for key in keys}
    with (
        locked_eval_mode(hf_model),
        torch.inference_mode(False),
        torch.enable_grad(),
        hooked(layout.bodies, layout.hook_points, edits),
    ):
        inputs = ids.to(layout.device, copy=True)  # one from inference mode cannot be kept
        asked = logits_to_keep(hf_model, keep, ids.shape[1])
        output = hf_model(input_ids=inputs, use_cache=False, **asked)
        values = measure(
            gather_entries(select_positions(output.logits, keep).float(), keep, read_positions)
        )
        if not values.requires_grad:
            raise MetricError(
                "The first metric has no gradient, so nothing can be ranked by it. Put logit_diff or another smooth "
                "one first, as in Experiment(..., metric=['logit_diff', 'rank'])."
            )
        found = torch.autograd.grad(values.sum(), [held[key] for key in keys])
    if not all(bool(torch.isfinite(gradient).all()) for gradient in found):
        raise ModelError(
            f"The gradient is not finite in {hf_model.dtype}. Load the model in a wider dtype, as in dtype='float32'."
        )
    return {key: (held[key].detach(), each) for key, each in zip(keys, found, strict=True)}


def _held_for_gradient(key: Key, held: dict[Key, Tensor]) -> Edit:
    def hold(activation: Tensor) -> Tensor:
        frozen = not activation.requires_grad
        held[key] = activation.detach().requires_grad_() if frozen else activation
        held[key].register_hook(cancellation_check())
        return held[key]

    return hold


def _refuse_without_gradient(hf_model: nn.Module) -> None:
    if any(parameter.device.type == "meta" for parameter in hf_model.parameters()):
        reason = "its weights are offloaded, and a backward pass needs all of them at once"
    elif getattr(hf_model, "is_quantized", False):
        reason = "its weights are quantised, and gradients do not pass through all kinds of these"
    elif any(parameter.is_inference() for parameter in hf_model.parameters()):
        reason = "its weights were made in torch.inference_mode()"
    else:
        return
    raise RefusedError(
        f"No gradient of this model: {reason}. Choose neurons yourself, with layers=[...] or sites=[...]."
    )


@contextmanager
def locked_eval_mode(hf_model: nn.Module) -> Iterator[None]:
    """Hold the model's lock, in eval mode without gradients, untouched by patches that others have set."""
    with model_lock(hf_model), isolated(), _eval_mode(hf_model), torch.no_grad():
        yield


def logits_to_keep(
    hf_model: nn.Module, keep: Sequence[int], length: int
) -> dict[str, int | Tensor]:
    """Ask for the logits at some positions of `length` alone, where the model can be asked."""
    if "logits_to_keep" not in signature(hf_model.forward).parameters:
        return {}
    last_ones = keep[0] == length - len(keep)
    return {"logits_to_keep": len(keep) if last_ones else torch.tensor(keep)}


def select_positions(passing: Tensor, keep: Sequence[int]) -> Tensor:
    """``[row, pos, ...]`` at the positions in `keep`, of a model that was asked for them or of one that gave all."""
    return passing if passing.shape[1] == len(keep) else passing[:, torch.tensor(keep)]


def gather_entries(
    passing: Tensor, keep: Sequence[int], read_positions: Sequence[Sequence[int]]
) -> Tensor:
    """Each row of ``[row, pos, ...]`` at positions of its own out of `keep`: ``[entry, ...]``, row after row."""
    if all(len(read) == len(keep) for read in read_positions):
        return passing.flatten(0, 1)
    slots = {pos: slot for slot, pos in enumerate(keep)}
    rows = [row for row, read in enumerate(read_positions) for _ in read]
    return passing[rows, [slots[pos] for read in read_positions for pos in read]]


def union_of_positions(read_positions: Iterable[Sequence[int]]) -> list[int]:
    """All positions that any row reads, ascending."""
    return sorted({pos for read in read_positions for pos in read})


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
