"""The only place that touches hooks: reading and replacing activations while a model runs.

Everything is undone when the ``with`` block ends, however it ends, and is inert for other threads: a hook acts only
while the thread that entered the block runs the model. Costs one clone per recorded activation.
"""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from patchwidgets.errors import PatchError

Key = tuple[str, int | None]
"""A component and its layer (None for ``embed``)."""

Edit = Callable[[Tensor], Tensor]
"""From a component ``[row, pos, ...]`` to what is written instead; must not change it in place."""


@dataclass(frozen=True, eq=False)
class Tap:
    """Where one component of one layer passes by.

    Attributes
    ----------
    module, side
        Whose input or output it is.
    n_heads
        Split the last axis into this many heads.
    half
        Take the first or second half of the last axis (fused gate and up projections).
    scale
        The component is this many times what passes by.
    in_place
        Write into the tensor itself: it is also held elsewhere (the residual stream between attention and MLP).
    whole
        Hand over what passes by as it is, of whatever shape.
    """

    module: nn.Module
    side: Literal["input", "output"]
    n_heads: int | None = None
    half: int | None = None
    scale: float = 1.0
    in_place: bool = False
    whole: bool = False

    def read(self, passing: Tensor, positions: int) -> Tensor:
        """The activation ``[row, pos, ...]`` in what passes by (some models flatten rows and positions)."""
        if self.whole:
            return passing
        activation = passing.reshape(-1, positions, passing.shape[-1])
        if self.half is not None:
            activation = activation.chunk(2, dim=-1)[self.half]
        if self.n_heads is not None:
            activation = activation.unflatten(-1, (self.n_heads, -1))
        return activation if self.scale == 1.0 else activation * self.scale

    def write(self, passing: Tensor, activation: Tensor) -> Tensor:
        """What shall pass by instead, so that `read` would give `activation`; shaped as `passing`, rows aside."""
        if self.whole:
            return activation
        if self.n_heads is not None:
            activation = activation.flatten(-2)
        if self.scale != 1.0:
            activation = activation / self.scale
        if self.half is not None:
            halves = list(passing.reshape(*activation.shape[:2], -1).chunk(2, dim=-1))
            halves[self.half] = activation
            activation = torch.cat(halves, dim=-1)
        activation = activation.to(passing.dtype).reshape(-1, *passing.shape[1:])
        return passing.copy_(activation) if self.in_place else activation


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


class Cancelled(Exception):
    """The work was no longer wanted."""


_UNWANTED: ContextVar[threading.Event | None] = ContextVar("unwanted", default=None)


@contextmanager
def cancellable(unwanted: threading.Event) -> Iterator[None]:
    """Inside the block, a forward pass ends with `Cancelled` before the next layer once the event is set."""
    token = _UNWANTED.set(unwanted)
    try:
        yield
    finally:
        _UNWANTED.reset(token)


def _stop_if_unwanted(current: _Pass) -> Callable[..., None]:
    def stop(*_: object) -> None:
        unwanted = _UNWANTED.get()
        if unwanted is not None and unwanted.is_set() and current.mine:
            raise Cancelled

    return stop


@contextmanager
def hooked(
    bodies: Iterable[nn.Module],
    taps: Mapping[Key, Tap],
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

    def passing_by(key: Key, tap: Tap, passing: Tensor) -> Tensor:
        if not current.active:
            return passing
        if key in edits:
            passing = tap.write(passing, edits[key](tap.read(passing, current.positions)))
            reached.add(key)
        if key in wanted:
            recorded[key] = tap.read(passing, current.positions).clone()
        return passing

    handles: list[RemovableHandle] = []
    try:
        handles += [
            body.register_forward_pre_hook(current.begin, with_kwargs=True) for body in bodies
        ]
        if _UNWANTED.get() is not None:
            blocks = [
                tap.module for (component, _), tap in taps.items() if component == "resid_pre"
            ]
            handles += [
                block.register_forward_pre_hook(_stop_if_unwanted(current)) for block in blocks
            ]
        handles += [_attach(key, taps[key], passing_by) for key in edits.keys() | wanted]
        yield recorded
    finally:
        for handle in handles:
            handle.remove()
    if missed := edits.keys() - reached:
        names = ", ".join(sorted(f"{component} of layer {layer}" for component, layer in missed))
        raise PatchError(
            f"The patch of {names} was never reached: run the model on a prompt inside the block."
        )


def _attach(
    key: Key, tap: Tap, passing_by: Callable[[Key, Tap, Tensor], Tensor]
) -> RemovableHandle:
    def before(_module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if args:
            return (passing_by(key, tap, args[0]), *args[1:]), kwargs
        return args, kwargs | {"hidden_states": passing_by(key, tap, kwargs["hidden_states"])}

    def after(_module: nn.Module, _args: tuple[Any, ...], output: Any) -> Any:
        if isinstance(output, tuple):
            return (passing_by(key, tap, output[0]), *output[1:])
        return passing_by(key, tap, output)

    if tap.side == "input":
        return tap.module.register_forward_pre_hook(before, with_kwargs=True)
    return tap.module.register_forward_hook(after)
