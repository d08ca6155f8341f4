"""Stopping a forward pass that nobody waits for any more. Costs nothing unless somebody may cancel."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar


class Cancelled(Exception):
    """The work was no longer wanted."""


_UNWANTED: ContextVar[threading.Event | None] = ContextVar("unwanted", default=None)
"""Set once the work is no longer wanted; None where nobody can cancel it."""


@contextmanager
def cancellable(unwanted: threading.Event) -> Iterator[None]:
    """Inside the block, a forward pass ends with `Cancelled` before the next layer once the event is set."""
    token = _UNWANTED.set(unwanted)
    try:
        yield
    finally:
        _UNWANTED.reset(token)


def is_cancellable() -> bool:
    """Whether somebody may cancel the work that is under way."""
    return _UNWANTED.get() is not None


def cancellation_check() -> Callable[..., None]:
    """Return a function that raises `Cancelled` once the work is no longer wanted, whatever thread it is called in."""
    unwanted = _UNWANTED.get()

    def stop(*_: object) -> None:
        if unwanted is not None and unwanted.is_set():
            raise Cancelled

    return stop
