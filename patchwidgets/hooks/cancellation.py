"""Ending a forward pass whose result nobody needs any more. Costs nothing where no caller can cancel."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from patchwidgets.hooks.interrupts import GUARD


class Cancelled(Exception):
    """The work was cancelled while it ran."""


_CANCEL: ContextVar[threading.Event | None] = ContextVar("cancel", default=None)
"""The event that cancels the current work; None where no caller can cancel it."""


@contextmanager
def cancellable(cancel: threading.Event) -> Iterator[None]:
    """Once the event is set, end a forward pass inside the block with `Cancelled` before its next layer."""
    token = _CANCEL.set(cancel)
    try:
        yield
    finally:
        _CANCEL.reset(token)


def is_cancellable() -> bool:
    """Return whether a caller, or a Ctrl-C, can end the current work."""
    return _CANCEL.get() is not None or GUARD.acts


def cancellation_check() -> Callable[..., None]:
    """Return a function that raises `Cancelled` once the current work is cancelled, and lets a noted Ctrl-C act.

    The function takes and ignores any arguments, so that it can serve as a hook, and works in any thread.
    """
    cancel, guarded = _CANCEL.get(), GUARD.acts

    def check(*_: object) -> None:
        if cancel is not None and cancel.is_set():
            raise Cancelled
        if guarded:
            GUARD.check()

    return check
