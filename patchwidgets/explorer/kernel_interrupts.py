"""The interrupt of a notebook's kernel, which its menu sends: what explorers compute ends with it. Costs nothing.

While a cell runs, the interrupt ends that cell with a `KeyboardInterrupt`, which IPython tells afterwards. Between
cells ipykernel ignores the signal; there the handler that it restores after every message is replaced by one of ours.
Outside of a notebook nothing is done.
"""

import contextvars
import signal
import sys
import threading
import weakref
from collections.abc import Callable
from typing import Any, Protocol

HANDLER = "saved_sigint_handler"
"""Where ipykernel keeps what it restores after a message."""


class Interruptible(Protocol):
    """What ends what it computes."""

    def interrupt(self) -> None:
        """End it."""


_WATCHED: "weakref.WeakSet[Interruptible]" = weakref.WeakSet()
_SHELLS: "weakref.WeakSet[Any]" = weakref.WeakSet()


def watch(interruptible: Interruptible) -> None:
    """End its work at each interrupt of the kernel, for as long as it lives."""
    _WATCHED.add(interruptible)
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    kernel = getattr(shell, "kernel", None)
    if shell is None or kernel is None:
        return
    if shell not in _SHELLS:
        _SHELLS.add(shell)
        shell.events.register("post_run_cell", _after_cell)
    if not isinstance(getattr(kernel, HANDLER, None), _Handler):
        setattr(kernel, HANDLER, _Handler(getattr(kernel, HANDLER, None)))


def interrupt_all() -> None:
    """End the work of all, in a thread of its own: a signal may come while its thread holds any lock."""
    # The context says which cell the output belongs to. Without it, ipykernel delays later messages.
    context = contextvars.copy_context()
    threading.Thread(target=context.run, args=(_interrupt,), name="patchwidgets interrupt").start()


def _interrupt() -> None:
    for each in list(_WATCHED):
        each.interrupt()


def _after_cell(result: Any) -> None:
    if isinstance(getattr(result, "error_in_exec", None), KeyboardInterrupt):
        interrupt_all()


class _Handler:
    """A handler of the signal between cells, which calls the one before it."""

    def __init__(self, before: Any) -> None:
        self._before: Callable[[int, Any], object] | None = before if callable(before) else None

    def __call__(self, number: int, frame: Any) -> None:
        interrupt_all()
        if self._before not in (None, signal.default_int_handler):
            assert self._before is not None
            self._before(number, frame)
