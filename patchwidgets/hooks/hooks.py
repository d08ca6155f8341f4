"""Reading and replacing activations while a model runs. Only this module, `attention` and `reruns` hook modules.

Every hook is removed when the ``with`` block ends, by an error too. A hook acts only in the thread that entered it.
Costs one clone per recorded activation.
"""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from patchwidgets.errors import PatchError
from patchwidgets.hooks.attention import Hook, hook_attention
from patchwidgets.hooks.cancellation import cancellation_check, is_cancellable
from patchwidgets.hooks.hook_points import (
    Activation,
    AnyHookPoint,
    AttentionHookPoint,
    HookPoint,
    PartHookPoint,
    RouterHookPoint,
)
from patchwidgets.hooks.interrupts import interruptible
from patchwidgets.hooks.placement import brought

Key = tuple[str, int | None]
"""A component and its layer (None for ``embed``)."""


def in_words(key: Key) -> str:
    """Return a component and its layer as messages name them, such as ``z of layer 3``."""
    component, layer = key
    return component if layer is None else f"{component} of layer {layer}"


Edit = Callable[[Activation], Activation]
"""From the activation of a whole component to what is written instead; must not change its argument in place."""


_SCOPE: ContextVar[object] = ContextVar("scope", default=None)
"""The innermost ``with isolated()`` block. A hook acts only in the scope where it was set; None is user code."""


@contextmanager
def isolated() -> Iterator[None]:
    """Let only those hooks act inside the ``with`` block that are set inside it."""
    token = _SCOPE.set(object())
    try:
        yield
    finally:
        _SCOPE.reset(token)


class _ForwardPass:
    """The current forward pass, and whether the hooks of one ``with`` block act in it.

    Parameters
    ----------
    continued
        Whether they also act in a pass that continues from a filled cache.

    Attributes
    ----------
    n_positions, start
        How many positions the pass computes, and at which it begins.
    """

    def __init__(self, continued: bool) -> None:
        self._thread = threading.get_ident()
        self._scope = _SCOPE.get()
        self._in_prompt = False
        self._continued = continued
        self.n_positions = self.start = 0

    @property
    def is_ours(self) -> bool:
        """Whether the pass runs in the thread and the scope of the ``with`` block."""
        return threading.get_ident() == self._thread and _SCOPE.get() is self._scope

    @property
    def is_active(self) -> bool:
        return self._in_prompt and self.is_ours

    def begin(self, _module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Note, as a pre-hook of the model, whether this pass runs the prompt: while the cache is empty, it does."""
        if not self.is_ours:
            return
        inputs = (*args, kwargs.get("input_ids"), kwargs.get("inputs_embeds"))
        self.n_positions = next(tokens for tokens in inputs if tokens is not None).shape[1]
        cache = kwargs.get("past_key_values")
        self.start = 0 if cache is None else int(cache.get_seq_length())
        self._in_prompt = self._continued or self.start == 0


@dataclass(frozen=True, eq=False)
class _Hooked:
    """What the hooks of one ``with`` block do, and what they have done.

    Attributes
    ----------
    edits, record
        As given to `hooked`.
    forward_pass
        The current pass of the model.
    recorded
        The clones.
    reached
        The edits that have run.
    """

    edits: Mapping[Key, Edit]
    record: set[Key]
    forward_pass: _ForwardPass
    recorded: dict[Key, Tensor] = field(default_factory=dict)
    reached: set[Key] = field(default_factory=set)

    def apply(self, key: Key, hook_point: HookPoint | AttentionHookPoint, tensor: Tensor) -> Tensor:
        """Edit and record the activation in a module's tensor; return the tensor to use instead."""
        if not self.forward_pass.is_active:
            return tensor
        n_positions = self.forward_pass.n_positions
        if key in self.edits:
            edited = interruptible(self.edits[key], hook_point.read(tensor, n_positions))
            tensor = hook_point.write(tensor, edited)
            self.reached.add(key)
        if key in self.record:
            self.recorded[key] = hook_point.read(tensor, n_positions).clone()
        return tensor

    def apply_parts(self, points: Mapping[Key, PartHookPoint], tensor: Tensor) -> Tensor:
        """Do the same with several parts of one activation; what is recorded of a part is what was written there."""
        if not self.forward_pass.is_active:
            return tensor
        one = next(iter(points.values()))
        activation = one.whole.read(tensor, self.forward_pass.n_positions)
        if one.whole.in_place and tensor.requires_grad:  # autograd may need what is overwritten
            activation = activation.clone()
        before = interruptible(one.split, activation)
        after = dict(before)
        for key, point in points.items():
            # A view is a node of its own for autograd: a gradient at it leaves out what else the part leads to.
            after[point.part] = before[point.part].view_as(before[point.part])
            if key in self.edits:
                after[point.part] = interruptible(self.edits[key], after[point.part])
                self.reached.add(key)
            if key in self.record:
                self.recorded[key] = after[point.part].clone()
        if points.keys() & self.edits.keys():
            tensor = one.whole.write(tensor, interruptible(one.join, activation, before, after))
        return tensor

    def check_reached(self) -> None:
        if missed := self.edits.keys() - self.reached:
            names = ", ".join(sorted(map(in_words, missed)))
            raise PatchError(
                f"The patch of {names} was never reached: run the model on a prompt inside the with block."
            )


@contextmanager
def hooked(
    outer_modules: Iterable[nn.Module],
    hook_points: Mapping[Key, AnyHookPoint],
    edits: Mapping[Key, Edit] | None = None,
    record: Iterable[Key] = (),
    continued: bool = False,
    on: Callable[[nn.Module], nn.Module] = lambda module: module,
) -> Iterator[dict[Key, Tensor]]:
    """Replace and record activations in every forward pass over a prompt inside the ``with`` block.

    Parameters
    ----------
    outer_modules
        The modules whose forward pass begins a pass of the model: the model, and its submodule that runs the decoder
        blocks.
    hook_points
        Where each component is.
    edits
        What to write. Tokens that are generated after the prompt are not edited.
    record
        What to clone, after the edits.
    continued
        Act also in passes that continue from a filled cache; edits then see only the new positions, and patterns all
        keys.
    on
        From each of these modules to the one that gets the hook, such as its copy in a view; by default itself.

    Yields
    ------
    dict
        The recorded activations ``[row, pos, ...]``; filled while the model runs.

    Raises
    ------
    PatchError
        The ``with`` block ended without an error, but an edit never ran.
    """
    state = _Hooked(dict(edits or {}), set(record), _ForwardPass(continued))
    with ExitStack() as stack:
        before_layers = (
            on(point.module)
            for (component, _), point in hook_points.items()
            if component == "resid_pre"
        )
        for handle in _pass_hooks(map(on, outer_modules), before_layers, state.forward_pass):
            stack.callback(handle.remove)
        at_kernel = []
        for point, hook in _in_order(state, hook_points):
            if isinstance(point, HookPoint):
                stack.callback(_register(on(point.module), point, hook).remove)
            else:
                at_kernel.append((on(point.module), point.part, hook))
        stack.enter_context(hook_attention(at_kernel, lambda: state.forward_pass.start))
        yield state.recorded
    state.check_reached()


def _in_order(
    state: _Hooked, hook_points: Mapping[Key, AnyHookPoint]
) -> Iterator[tuple[HookPoint | AttentionHookPoint, Hook]]:
    """Yield where each hook goes; those of one module act in this order: whole activations, their parts, recordings.

    So a part is taken from what is written into the whole, and what is recorded of the whole has the parts as written.
    """
    parts: dict[HookPoint, dict[Key, PartHookPoint]] = {}
    recordings = []
    for key in state.edits.keys() | state.record:
        point = hook_points[key]
        if isinstance(point, PartHookPoint):
            parts.setdefault(point.whole, {})[key] = point
        elif key in state.edits:
            yield point, partial(state.apply, key, point)
        else:
            recordings.append((point, partial(state.apply, key, point)))
    yield from ((whole, partial(state.apply_parts, points)) for whole, points in parts.items())
    yield from recordings


def _pass_hooks(
    outer_modules: Iterable[nn.Module],
    layers: Iterable[nn.Module],
    forward_pass: _ForwardPass,
) -> Iterator[RemovableHandle]:
    """Note where each pass begins and, if it can be cancelled or interrupted, check for that before each layer."""
    for module in outer_modules:
        yield module.register_forward_pre_hook(forward_pass.begin, with_kwargs=True)
    if not is_cancellable():
        return
    check = cancellation_check()
    for module in layers:
        yield module.register_forward_pre_hook(lambda *_: check() if forward_pass.is_ours else None)


def _register(module: nn.Module, hook_point: HookPoint, hook: Hook) -> RemovableHandle:
    """Call the hook with the module's first input or first output, and use what it returns instead."""

    def before(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if args:
            return (hook(brought(args[0], module)), *args[1:]), kwargs
        name = "hidden_states" if "hidden_states" in kwargs else next(iter(kwargs))
        return args, kwargs | {name: hook(brought(kwargs[name], module))}

    def after(_module: nn.Module, _args: tuple[Any, ...], output: Any) -> Any:
        if isinstance(hook_point, RouterHookPoint):
            hook(output)
            return output
        if isinstance(output, tuple | list):
            return type(output)((hook(output[0]), *output[1:]))
        return hook(output)

    if hook_point.side == "input":
        return module.register_forward_pre_hook(before, with_kwargs=True)
    return module.register_forward_hook(after)
