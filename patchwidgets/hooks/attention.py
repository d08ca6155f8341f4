"""Hooks on queries, keys, values and patterns, at the call of a model's attention kernel.

transformers looks up the kernel by name at every call. So one registered function sees q, k and v in every family that
does this, after rotary embedding and per key-value head. It calls the kernel that was selected before. When the last
``with`` block ends, by an error too, that kernel is selected again. Costs nothing unless such a site is used. A pattern
costs one eager attention in its layer.
"""

import os
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from patchwidgets.errors import PatchError
from patchwidgets.hooks.hook_points import AttentionPart

Queries = Float[Tensor, "row head query d_head"]
Keys = Float[Tensor, "row kv_head key d_head"]
"""Keys or values: those of a cache, those of this pass, then the unused slots of a static cache."""
Pattern = Float[Tensor, "row head query key"]

Hook = Callable[[Tensor], Tensor]
"""Called with a tensor of the kernel; returns the same object to leave it, or another tensor to replace it."""


@dataclass(frozen=True, eq=False)
class _ModuleHooks:
    """The hooks of one ``with`` block on one attention module.

    Attributes
    ----------
    by_part
        At most one for each part.
    start
        Returns at which position the current pass begins; the keys before it come from a cache.
    """

    by_part: dict[AttentionPart, Hook]
    start: Callable[[], int]


_HOOKS: dict[nn.Module, list[_ModuleHooks]] = {}
"""By attention module: the hooks of each ``with`` block that is open."""

_N_OPEN: Counter[int] = Counter()
"""By the id of a config: how many open ``with`` blocks use our kernel in it."""
_FORMER: dict[int, str | None] = {}
"""By the id of a config: the implementation that was selected before the first of them."""
_LOCK = threading.Lock()


def _renew_lock() -> None:
    """Replace the lock in the child of a fork: another thread may have held it."""
    global _LOCK  # noqa: PLW0603
    _LOCK = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_lock)


@contextmanager
def hook_attention(
    hooks: Iterable[tuple[nn.Module, AttentionPart, Hook]], start: Callable[[], int]
) -> Iterator[None]:
    """Let each hook see, and replace, one part of an attention module's call. Several ``with`` blocks may overlap.

    Parameters
    ----------
    hooks
        They see queries, keys and values at the positions that a pass computes, and patterns over all keys.
    start
        Returns at which position the current pass begins.
    """
    by_module: dict[nn.Module, dict[AttentionPart, Hook]] = {}
    for module, part, hook in hooks:
        by_module.setdefault(module, {})[part] = hook
    configs: dict[int, Any] = {id(module.config): module.config for module in by_module}
    with ExitStack() as stack:
        for config in configs.values():
            stack.enter_context(_selected(config))
        for module, of_module in by_module.items():
            stack.enter_context(_hooked(module, _ModuleHooks(of_module, start)))
        yield


@contextmanager
def _hooked(module: nn.Module, hooks: _ModuleHooks) -> Iterator[None]:
    with _LOCK:
        _HOOKS[module] = [*_HOOKS.get(module, []), hooks]
    try:
        yield
    finally:
        with _LOCK:
            _HOOKS[module] = [each for each in _HOOKS[module] if each is not hooks]
            if not _HOOKS[module]:
                del _HOOKS[module]


@contextmanager
def _selected(config: Any) -> Iterator[None]:
    """Select our kernel in a config; the last ``with`` block that ends selects the former one again."""
    key = id(config)
    with _LOCK:
        if key not in _FORMER:
            _FORMER[key] = config._attn_implementation
            config._attn_implementation = _register(config._attn_implementation or "eager")
        _N_OPEN[key] += 1
    try:
        yield
    finally:
        with _LOCK:
            _N_OPEN[key] -= 1
            if _N_OPEN[key] == 0:
                config._attn_implementation = _FORMER.pop(key)


def _register(former: str) -> str:
    """Return the name of our kernel that calls the kernel `former`; register it if it is new."""
    name = f"patchwidgets_{former}"
    if name not in ALL_ATTENTION_FUNCTIONS:

        def attention(
            module: nn.Module, query: Tensor, key: Tensor, value: Tensor, mask: Any, **options: Any
        ) -> tuple[Tensor, Tensor | None]:
            return _attend(_Call(former, module, mask, options), query, key, value)

        AttentionInterface.register(name, attention)
        if former in ALL_MASK_ATTENTION_FUNCTIONS:
            AttentionMaskInterface.register(name, ALL_MASK_ATTENTION_FUNCTIONS[former])
    return name


@dataclass(frozen=True, eq=False)
class _Call:
    """One call of our kernel.

    Attributes
    ----------
    former
        The implementation that was selected before.
    module
        The attention module that calls.
    mask, options
        Its other arguments.
    """

    former: str
    module: nn.Module
    mask: Any
    options: dict[str, Any]

    @property
    def eager(self) -> Callable[..., tuple[Tensor, Tensor]]:
        """The model's own attention in plain arithmetic, which includes soft caps, sinks and scales."""
        for cls in type(self.module).__mro__:
            function = getattr(sys.modules.get(cls.__module__), "eager_attention_forward", None)
            if function is not None:
                return function  # type: ignore[no-any-return]
        raise PatchError(
            f"{type(self.module).__name__} has no eager attention to read a pattern from; use q, k, v or z."
        )

    @property
    def kernel(self) -> Callable[..., tuple[Tensor, Tensor | None]]:
        """The kernel that the model would call without patchwidgets."""
        return self.eager if self.former == "eager" else ALL_ATTENTION_FUNCTIONS[self.former]


def _attend(
    call: _Call, query: Queries, key: Keys, value: Keys
) -> tuple[Float[Tensor, "row query head d_head"], Tensor | None]:
    """Compute attention with the hooks of all open ``with`` blocks."""
    all_hooks = _HOOKS.get(call.module, [])
    for hooks in all_hooks:
        query = hooks.by_part.get("q", _unchanged)(query)
        computed = slice(hooks.start(), hooks.start() + query.shape[2])
        key = _hook_computed(hooks.by_part.get("k", _unchanged), key, computed)
        value = _hook_computed(hooks.by_part.get("v", _unchanged), value, computed)
    output, weights = call.kernel(call.module, query, key, value, call.mask, **call.options)
    pattern_hooks = [hooks for hooks in all_hooks if "pattern" in hooks.by_part]
    if pattern_hooks:
        before = _pattern(call, query, key, value, pattern_hooks[0].start())
        after = before
        for hooks in pattern_hooks:
            after = hooks.by_part["pattern"](after)
        if after is not before:
            output = output + _head_outputs(after - before, value).to(output.dtype)
    return output, weights


def _unchanged(tensor: Tensor) -> Tensor:
    return tensor


def _hook_computed(hook: Hook, tensor: Keys, computed: slice) -> Keys:
    """Call the hook with the keys or values of this pass; what it replaces is replaced in the cache too."""
    seen = tensor[:, :, computed]
    written = hook(seen)
    if written is seen:
        return tensor
    if tensor.requires_grad:
        before, after = tensor[:, :, : computed.start], tensor[:, :, computed.stop :]
        return torch.cat([before, written, after], dim=2)
    seen.copy_(written)
    return tensor


def _pattern(call: _Call, query: Queries, key: Keys, value: Keys, start: int) -> Pattern:
    """Return the attention probabilities over the keys up to the last query, computed by the eager attention.

    `start` is the position of the first query.
    """
    if call.former not in ("eager", "sdpa"):
        raise PatchError(
            f"No pattern can be computed with attn_implementation={call.former!r}, whose masks have another form; "
            "call hf_model.set_attn_implementation('sdpa') first."
        )
    n, options = start + query.shape[2], call.options | {"dropout": 0.0}
    mask = _additive_mask(call, query, key, start)
    return call.eager(call.module, query, key, value, mask, **options)[1][..., :n]


def _additive_mask(call: _Call, query: Queries, key: Keys, start: int) -> Tensor | None:
    """Return the mask as numbers to add to the scores, which eager attention expects.

    A fused kernel gets booleans instead, or None where attention is causal.
    """
    mask = call.mask
    if mask is None:
        if call.former == "eager":
            return None
        mask = torch.ones(query.shape[2], key.shape[2], dtype=torch.bool, device=query.device)
        mask = mask.tril(start)
    if mask.dtype != torch.bool:
        return mask  # type: ignore[no-any-return]
    return torch.zeros_like(mask, dtype=query.dtype).masked_fill(
        ~mask, torch.finfo(query.dtype).min
    )


def _head_outputs(pattern: Pattern, value: Keys) -> Float[Tensor, "row query head d_head"]:
    """Return pattern · value per head; in half precision the sum is taken in float32."""
    n_queries_per_value = pattern.shape[1] // value.shape[1]
    values = value[:, :, : pattern.shape[-1]].repeat_interleave(n_queries_per_value, dim=1)
    half_precision = pattern.dtype.itemsize < 4
    product = pattern.float() @ values.float() if half_precision else pattern @ values
    return product.transpose(1, 2)
