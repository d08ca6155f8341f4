"""Queries, keys, values and patterns, caught where a model hands them to its attention kernel.

transformers looks the kernel up by name for every call, so one registered function sees them in every family that does
so, after rotary embedding and per key-value head. It hands on to the kernel that was selected before; the selection
comes back when the last block ends, however it ends. Costs nothing unless such a site is asked for; a pattern costs one
eager attention, of those layers only.
"""

import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from patchwidgets.errors import PatchError
from patchwidgets.hooks.hook_points import AttentionHookPoint, AttentionPart

Watch = Callable[[Tensor], Tensor]
"""Called with what passes by; returns the very same tensor, or another one to use instead."""


_OPEN: dict[nn.Module, list[dict[AttentionPart, Watch]]] = {}
"""By attention module: what each of the open blocks watches there."""

_SELECTED: Counter[int] = Counter()
_FORMER: dict[int, str | None] = {}
_LOCK = threading.Lock()


@contextmanager
def attending(watched: Iterable[tuple[AttentionHookPoint, Watch]]) -> Iterator[None]:
    """Inside the block, let each watch see and replace what passes by its tap; several blocks may be open."""
    by_module: dict[nn.Module, dict[AttentionPart, Watch]] = {}
    for hook_point, watch in watched:
        by_module.setdefault(hook_point.module, {})[hook_point.part] = watch
    configs: dict[int, Any] = {id(module.config): module.config for module in by_module}
    with ExitStack() as stack:
        for config in configs.values():
            stack.enter_context(_selected(config))
        for module, watches in by_module.items():
            stack.enter_context(_opened(module, watches))
        yield


@contextmanager
def _opened(module: nn.Module, watches: dict[AttentionPart, Watch]) -> Iterator[None]:
    with _LOCK:
        _OPEN[module] = [*_OPEN.get(module, []), watches]
    try:
        yield
    finally:
        with _LOCK:
            _OPEN[module] = [each for each in _OPEN[module] if each is not watches]
            if not _OPEN[module]:
                del _OPEN[module]


@contextmanager
def _selected(config: Any) -> Iterator[None]:
    """Select the registered function in a config; the last block that leaves puts the former one back."""
    key = id(config)
    with _LOCK:
        if key not in _FORMER:
            _FORMER[key] = config._attn_implementation
            config._attn_implementation = _registered(config._attn_implementation or "eager")
        _SELECTED[key] += 1
    try:
        yield
    finally:
        with _LOCK:
            _SELECTED[key] -= 1
            if _SELECTED[key] == 0:
                config._attn_implementation = _FORMER.pop(key)


def _registered(former: str) -> str:
    """The name of the function that hands on to `former`, registered when it is first needed."""
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
    """One call of the kernel: the implementation that was selected before, who called, and with what else."""

    former: str
    module: nn.Module
    mask: Any
    options: dict[str, Any]

    @property
    def eager(self) -> Callable[..., tuple[Tensor, Tensor]]:
        """The model's own attention in plain arithmetic: it knows of soft caps, sinks and scales."""
        for cls in type(self.module).__mro__:
            found = getattr(sys.modules.get(cls.__module__), "eager_attention_forward", None)
            if found is not None:
                return found  # type: ignore[no-any-return]
        raise PatchError(
            f"{type(self.module).__name__} has no eager attention to read a pattern from."
        )

    @property
    def kernel(self) -> Callable[..., tuple[Tensor, Tensor | None]]:
        """What would have been called without us."""
        return self.eager if self.former == "eager" else ALL_ATTENTION_FUNCTIONS[self.former]


def _attend(call: _Call, query: Tensor, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor | None]:
    """One attention call, with what the open blocks want of it."""
    blocks = _OPEN.get(call.module, [])
    for watches in blocks:
        query = watches.get("q", _unchanged)(query)
        key = _see_prompt(watches.get("k", _unchanged), key, query.shape[2])
        value = _see_prompt(watches.get("v", _unchanged), value, query.shape[2])
    output, weights = call.kernel(call.module, query, key, value, call.mask, **call.options)
    wanted = [watches["pattern"] for watches in blocks if "pattern" in watches]
    if wanted:
        before = _pattern(call, query, key, value)
        after = before
        for watch in wanted:
            after = watch(after)
        if after is not before:
            output = output + _moved(after - before, value).to(output.dtype)
    return output, weights


def _unchanged(passing: Tensor) -> Tensor:
    return passing


def _see_prompt(watch: Watch, held: Tensor, n: int) -> Tensor:
    """Show the keys or values of the prompt; what is written is written into the cache as well, where there is one."""
    prompt = held[:, :, :n]
    written = watch(prompt)
    if written is prompt:
        return held
    if held.requires_grad:
        return torch.cat([written, held[:, :, n:]], dim=2)
    prompt.copy_(written)
    return held


def _pattern(call: _Call, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Attention probabilities ``[row, head, query, key]`` over the prompt, the eager way."""
    if call.former not in ("eager", "sdpa"):
        raise PatchError(
            f"A pattern cannot be read beside attn_implementation={call.former!r}, whose masks are of another kind; "
            "call hf_model.set_attn_implementation('sdpa') first."
        )
    n, options = query.shape[2], call.options | {"dropout": 0.0}
    mask = _additive(call, query, key)
    return call.eager(call.module, query, key, value, mask, **options)[1][..., :n]


def _additive(call: _Call, query: Tensor, key: Tensor) -> Tensor | None:
    """The mask as numbers to add to the scores; a fused kernel was given booleans, or nothing where it is causal."""
    allowed = call.mask
    if allowed is None:
        if call.former == "eager":
            return None
        allowed = torch.ones(query.shape[2], key.shape[2], dtype=torch.bool, device=query.device)
        allowed = allowed.tril()
    if allowed.dtype != torch.bool:
        return allowed  # type: ignore[no-any-return]
    return torch.zeros_like(allowed, dtype=query.dtype).masked_fill(
        ~allowed, torch.finfo(query.dtype).min
    )


def _moved(change: Tensor, value: Tensor) -> Tensor:
    """What a change of the pattern adds to the head outputs, ``[row, pos, head, d_head]``."""
    n_queries_per_value = change.shape[1] // value.shape[1]
    values = value[:, :, : change.shape[-1]].repeat_interleave(n_queries_per_value, dim=1)
    return (
        change.float() @ values.float() if change.dtype.itemsize < 4 else change @ values
    ).transpose(1, 2)
