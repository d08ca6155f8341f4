"""Reading and replacing activations while a model runs. With `attention`, the only place that touches hooks.

Everything is undone when the ``with`` block ends, however it ends, and is inert for other threads: a hook acts only
while the thread that entered the block runs the model. Costs one clone per recorded activation.
"""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from functools import partial
from typing import Any

from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from patchwidgets.errors import PatchError
from patchwidgets.hooks.attention import attending
from patchwidgets.hooks.cancellation import cancellation_check, is_cancellable
from patchwidgets.hooks.hook_points import (
    AnyHookPoint,
    AttentionHookPoint,
    HookPoint,
    RouterHookPoint,
)

Key = tuple[str, int | None]
"""A component and its layer (None for ``embed``)."""

Edit = Callable[[Tensor], Tensor]
"""From a component ``[row, pos, ...]`` to what is written instead; must not change it in place."""


_WORK: ContextVar[object] = ContextVar("work", default=None)
"""Whose forward pass is under way: None is the user's own; patchwidgets' own are not touched by the user's patches."""


@contextmanager
def separate_work() -> Iterator[None]:
    """Inside the block, only the hooks that are set inside it act."""
    token = _WORK.set(object())
    try:
        yield
    finally:
        _WORK.reset(token)


class _Pass:
    """The forward pass that is under way, and whether the hooks of one block act in it."""

    def __init__(self, continued: bool) -> None:
        self._owner = threading.get_ident()
        self._work = _WORK.get()
        self._in_prompt = False
        self._continued = continued
        self.positions = 0

    @property
    def mine(self) -> bool:
        return threading.get_ident() == self._owner and _WORK.get() is self._work

    @property
    def active(self) -> bool:
        return self._in_prompt and self.mine

    def begin(self, _module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Pre-hook of the bodies: the prompt is what runs while nothing is cached yet."""
        if not self.mine:
            return
        given = (*args, kwargs.get("input_ids"), kwargs.get("inputs_embeds"))
        self.positions = next(tokens for tokens in given if tokens is not None).shape[1]
        cache = kwargs.get("past_key_values")
        self._in_prompt = self._continued or cache is None or cache.get_seq_length() == 0


@contextmanager
def hooked(
    bodies: Iterable[nn.Module],
    hook_points: Mapping[Key, AnyHookPoint],
    edits: Mapping[Key, Edit] | None = None,
    record: Iterable[Key] = (),
    continued: bool = False,
) -> Iterator[dict[Key, Tensor]]:
    """Replace and record activations in every forward pass over a prompt inside the block.

    Parameters
    ----------
    bodies
        The modules whose forward pass begins a pass of the model: itself, and the one that runs the blocks.
    taps
        Where each component passes by.
    edits
        What to write, by component and layer. Tokens that are generated after the prompt are left alone.
    record
        What to clone, as it is after the edits.
    continued
        Act also in passes that go on from a filled cache; edits then see the new positions alone.

    Yields
    ------
    dict
        Filled while the model runs: ``[row, pos, ...]`` by component and layer.

    Raises
    ------
    PatchError
        The block ended without an error and some edit was never reached.
    """
    edits, wanted, recorded = dict(edits or {}), set(record), {}
    reached: set[Key] = set()
    current = _Pass(continued)

    def passing_by(key: Key, hook_point: AnyHookPoint, passing: Tensor) -> Tensor:
        if not current.active:
            return passing
        if key in edits:
            passing = hook_point.write(
                passing, edits[key](hook_point.read(passing, current.positions))
            )
            reached.add(key)
        if key in wanted:
            recorded[key] = hook_point.read(passing, current.positions).clone()
        return passing

    watched = [
        (hook_points[key], partial(passing_by, key, hook_points[key]))
        for key in edits.keys() | wanted
    ]
    with ExitStack() as stack:
        for handle in _begin_hooks(bodies, hook_points, current):
            stack.callback(handle.remove)
        for hook_point, watch in watched:
            if isinstance(hook_point, HookPoint):
                stack.callback(_attach(hook_point, watch).remove)
        stack.enter_context(
            attending(
                (hook_point, watch)
                for hook_point, watch in watched
                if isinstance(hook_point, AttentionHookPoint)
            )
        )
        yield recorded
    if missed := edits.keys() - reached:
        names = ", ".join(sorted(f"{component} of layer {layer}" for component, layer in missed))
        raise PatchError(
            f"The patch of {names} was never reached: run the model on a prompt inside the block."
        )


def _begin_hooks(
    bodies: Iterable[nn.Module], hook_points: Mapping[Key, AnyHookPoint], current: _Pass
) -> Iterator[RemovableHandle]:
    """Note where each pass begins and, where somebody may cancel it, stop between its layers."""
    for body in bodies:
        yield body.register_forward_pre_hook(current.begin, with_kwargs=True)
    if not is_cancellable():
        return
    check = cancellation_check()
    for (component, _), hook_point in hook_points.items():
        if component == "resid_pre":
            yield hook_point.module.register_forward_pre_hook(
                lambda *_: check() if current.mine else None
            )


def _attach(hook_point: HookPoint, watch: Callable[[Tensor], Tensor]) -> RemovableHandle:
    def before(_module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if args:
            return (watch(args[0]), *args[1:]), kwargs
        name = "hidden_states" if "hidden_states" in kwargs else next(iter(kwargs))
        return args, kwargs | {name: watch(kwargs[name])}

    def after(_module: nn.Module, _args: tuple[Any, ...], output: Any) -> Any:
        if isinstance(hook_point, RouterHookPoint):
            watch(output)
            return output
        if isinstance(output, tuple | list):
            return type(output)((watch(output[0]), *output[1:]))
        return watch(output)

    if hook_point.side == "input":
        return hook_point.module.register_forward_pre_hook(before, with_kwargs=True)
    return hook_point.module.register_forward_hook(after)
