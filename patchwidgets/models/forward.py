"""Forward passes over prompts of equal length. They never touch the user's model object.

Every pass runs a `View` of the model, and takes the model's lock, so passes of several threads run one after another.
"""

import os
import threading
import weakref
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from inspect import signature
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from patchwidgets.errors import ModelError, PatchError
from patchwidgets.hooks.hook_points import Activation
from patchwidgets.hooks.hooks import Edit, Key, hooked, isolated
from patchwidgets.hooks.interrupts import Uninterrupted, acquire
from patchwidgets.models.layout import Layout
from patchwidgets.models.view import Form, View
from patchwidgets.models.weights import first_of

_LOCKS: "weakref.WeakKeyDictionary[nn.Module, threading.RLock]" = weakref.WeakKeyDictionary()

if hasattr(
    os, "register_at_fork"
):  # a lock that another thread held stays locked in the child for ever
    os.register_at_fork(after_in_child=_LOCKS.clear)


def model_lock(hf_model: nn.Module) -> threading.RLock:
    """Return the lock of a model object; every `Model` that wraps this object shares it."""
    return _LOCKS.setdefault(hf_model, threading.RLock())


@dataclass(frozen=True, eq=False)
class Output:
    """What a forward pass returns.

    Attributes
    ----------
    logits
        float32, at the positions that the caller asked for.
    activations
        What was recorded, by component and layer.
    """

    logits: Float[Tensor, "row pos vocabulary"]
    activations: dict[Key, Activation]


def forward(
    layout: Layout,
    ids: Int[Tensor, "row pos"],
    edits: Mapping[Key, Edit] | None = None,
    record: Iterable[Key] = (),
    keep: Sequence[int] | None = None,
) -> Output:
    """Run the model in eval mode without gradients, under the model's lock.

    Parameters
    ----------
    ids
        Token ids.
    edits, record
        What to replace and what to clone, as for `patchwidgets.hooks.hooks.hooked`.
    keep
        The positions whose logits are returned, ascending; by default only the last one.

    Raises
    ------
    ModelError
        The logits are not finite, gradient checkpointing is active, or modules were replaced since the load.
    TaskError
        A token is not in the model's vocabulary, or the model has no positions for so many tokens.
    PatchError
        The logits are not finite with the edits.
    """
    length = ids.shape[1]
    layout.limits.check(ids)
    keep = (length - 1,) if keep is None else keep
    with (
        running(layout) as view,
        hooked(
            layout.outer_modules, layout.hook_points, edits, record, on=view.copy_of
        ) as activations,
    ):
        output = view.model(
            input_ids=ids.to(layout.device),
            use_cache=False,
            **logits_to_keep(view.model, keep, length),
        )
        logits = select_positions(output.logits, keep).float()
    refuse_not_finite(logits, layout.hf_model, edited=bool(edits))
    return Output(logits, activations)


def refuse_not_finite(
    logits: Float[Tensor, "row pos vocabulary"], hf_model: Any, edited: bool
) -> None:
    """Refuse logits that are not numbers; −inf is one: a token that the model never predicts.

    Raises
    ------
    ModelError
        They are NaN, +inf, or −inf for every token.
    PatchError
        The same, in an edited run.
    """
    if torch.isfinite(logits.amax(-1)).all():  # the largest is NaN if any is
        return
    if edited:
        raise PatchError(
            f"With this patch the logits are not finite in {hf_model.dtype}: the numbers that it writes are finite, "
            f"but too large. Check its source and fn{if_narrow(hf_model, ', or load the model in a wider dtype')}."
        )
    weights = hf_model.state_dict().items()
    broken = [name for name, each in weights if each.is_floating_point() and not _finite(each)]
    if broken:
        raise ModelError(
            f"The model's logits are not finite, because weights are not: {first_of(broken)}. Load the model again."
        )
    advice = if_narrow(hf_model, " Load it in a wider dtype, as in dtype='float32'.")
    raise ModelError(
        f"The model's logits are not finite in {hf_model.dtype}, although its weights are."
        f"{advice or ' Numbers overflow or are divided by 0 on the way: look where with hooks of your own.'}"
    )


def if_narrow(hf_model: Any, advice: str) -> str:
    """Advice to take a wider dtype, where that would help."""
    return advice if torch.finfo(hf_model.dtype).bits < 32 else ""


def _finite(tensor: Tensor) -> bool:
    return tensor.device.type == "meta" or bool(torch.isfinite(tensor.float()).all())


@contextmanager
def running(
    layout: Layout, passed_over: Sequence[nn.Module] = (), form: Form | None = None
) -> Iterator[View]:
    """Hold the model's lock, and yield a view of the model to run without gradients; parameters as of `View`.

    Patches from outside the ``with`` block do not act inside it; hooks that users registered themselves still do. A
    Ctrl-C takes effect before the next layer, or when the block has ended.

    Raises
    ------
    ModelError
        Gradient checkpointing is active, or modules were replaced since the model was loaded.
    """
    with viewing(layout.hf_model, passed_over, form) as view:
        layout.check_modules(view.modules, passed_over)
        yield view


@contextmanager
def viewing(
    hf_model: nn.Module, passed_over: Sequence[nn.Module] = (), form: Form | None = None
) -> Iterator[View]:
    """Do what `running` does, for a model whose layout is not known yet."""
    with Uninterrupted(), _held(model_lock(hf_model)), isolated(), torch.no_grad(), in_own_dtype():
        yield View(hf_model, passed_over, form)


@contextmanager
def in_own_dtype() -> Iterator[None]:
    """Turn off `torch.autocast` of the caller's thread: a click runs in another thread, without it."""
    with ExitStack() as stack:
        for device in ("cpu", "cuda"):
            if torch.is_autocast_enabled(device):
                stack.enter_context(torch.autocast(device, enabled=False))
        yield


@contextmanager
def _held(lock: threading.RLock) -> Iterator[None]:
    acquire(lock)
    try:
        yield
    finally:
        lock.release()


def logits_to_keep(
    hf_model: nn.Module, keep: Sequence[int], length: int
) -> dict[str, int | Tensor]:
    """Return the argument that makes a model compute logits only at `keep`; a model without it computes all."""
    if "logits_to_keep" not in signature(hf_model.forward).parameters:
        return {}
    is_suffix = keep[0] == length - len(keep)
    return {"logits_to_keep": len(keep) if is_suffix else torch.tensor(keep)}


def select_positions(
    values: Float[Tensor, "row pos *d"], keep: Sequence[int]
) -> Float[Tensor, "row keep *d"]:
    """Return values at the positions in `keep`, from a model that computed only these or from one that computed all."""
    return values if values.shape[1] == len(keep) else values[:, torch.tensor(keep)]


def gather_entries(
    values: Float[Tensor, "row keep *d"],
    keep: Sequence[int],
    read_positions: Sequence[Sequence[int]],
) -> Float[Tensor, "entry *d"]:
    """Return the values that each row reads, at positions of its own out of `keep`, row after row."""
    if all(len(positions) == len(keep) for positions in read_positions):
        return values.flatten(0, 1)
    index_in_keep = {pos: i for i, pos in enumerate(keep)}
    rows = [row for row, positions in enumerate(read_positions) for _ in positions]
    return values[rows, [index_in_keep[pos] for positions in read_positions for pos in positions]]


def union_of_positions(read_positions: Iterable[Sequence[int]]) -> list[int]:
    """Return all positions that any row reads, ascending."""
    return sorted({pos for read in read_positions for pos in read})
