"""Ctrl-C while a model runs: entering and leaving cannot be interrupted, and what is between ends before a layer.

Python calls the handler of SIGINT between any two instructions of the main thread, in ``finally`` and ``__exit__`` too.
A `KeyboardInterrupt` there would leave a lock held or a hook behind. So while a pass lasts, a guard stands before the
user's own handler: it only notes the signal. The user's handler is called before the next layer, or at the end.
Nothing changes in other threads, nor where Ctrl-C calls no Python function. Costs some microseconds per pass.
"""

import signal
import sys
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from types import CodeType, FrameType, TracebackType
from typing import ParamSpec, TypeVar

_P = ParamSpec("_P")
_R = TypeVar("_R")


class _Guard:
    """The handler of SIGINT that stands before the user's own. Only the main thread changes it.

    Attributes
    ----------
    direct
        The user's code runs, so the user's handler is called at once.
    leaving
        A function that may not be interrupted although `direct` is on when it is called: Python calls handlers at the
        first instruction of a function too, before its local variable ``direct`` is set and `direct` is off.
    """

    def __init__(self) -> None:
        self.direct = False
        self.leaving: CodeType | None = None
        self._n_open = 0
        self._former: Callable[[int, FrameType | None], object] | None = None
        self._is_noted = False

    def __call__(self, _signum: int, frame: FrameType | None) -> None:
        """Python calls this at a SIGINT."""
        if self.direct and not self._is_leaving(frame):
            self._call_former()
        else:
            self._is_noted = True

    @property
    def acts(self) -> bool:
        """Whether the guard stands before the handler of this thread."""
        return self._n_open > 0 and threading.current_thread() is threading.main_thread()

    def open(self) -> bool | None:
        """Note signals from now on; return `direct` as it was, or None if this thread gets no signals."""
        if threading.current_thread() is not threading.main_thread():
            return None
        if not self._is_handler():
            former = signal.getsignal(signal.SIGINT)
            if not callable(former):
                return None
            self._former, self._n_open = former, 0
            self._is_noted = self.direct = False
            signal.signal(signal.SIGINT, self)  # An interrupt up to here has changed nothing.
        direct, self.direct = self.direct, False
        self._n_open += 1
        return direct

    def close(self, direct: bool) -> None:
        """Undo one `open` and set `direct`; then call the user's handler if a signal was noted."""
        self._n_open = max(0, self._n_open - 1)
        if self._n_open == 0 and self._is_handler():
            signal.signal(signal.SIGINT, self._former)
        self.direct = direct
        if direct or self._n_open == 0:
            self.check()

    def check(self) -> None:
        """Call the user's handler if a signal was noted."""
        if self._is_noted:
            self._is_noted = False
            self._call_former()

    def _is_handler(self) -> bool:
        current: object = signal.getsignal(signal.SIGINT)
        return current is self

    def _call_former(self) -> None:
        assert self._former is not None
        self._former(signal.SIGINT, None)

    def _is_leaving(self, frame: FrameType | None) -> bool:
        while frame is not None:
            if frame.f_code is self.leaving:
                return "direct" not in frame.f_locals
            frame = frame.f_back
        return False


GUARD = _Guard()


class Uninterrupted:
    """In the ``with`` block a Ctrl-C is only noted; it takes effect at `GUARD.check`, or when the block has ended.

    It stands around imports inside functions, too. Python does not mend half an import: after a Ctrl-C in the midst of
    pandas, nothing that needs pandas works until a restart.
    """

    def __enter__(self) -> None:
        self._direct = GUARD.open()

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._direct is not None:
            GUARD.close(self._direct)


class UserBlock(AbstractContextManager[None]):
    """Another context manager around a block of the user's. A Ctrl-C ends the block, but not entering or leaving it.

    Parameters
    ----------
    inner
        The other context manager. It cannot suppress an error.
    """

    def __init__(self, inner: AbstractContextManager[object]) -> None:
        self._inner = inner
        self._is_guarded = False

    def __enter__(self) -> None:
        direct = GUARD.open()
        try:
            self._inner.__enter__()
        except BaseException:
            if direct is not None:
                GUARD.close(direct)
            raise
        if direct is None:
            return
        self._is_guarded = True
        try:  # Behind the last call in here, Python handles no signal before the user's block begins.
            GUARD.direct = True
            GUARD.check()
        except BaseException:
            GUARD.direct = False
            self._inner.__exit__(*sys.exc_info())
            GUARD.close(direct)
            raise

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if not self._is_guarded:
            self._inner.__exit__(error_type, error, traceback)
            return
        direct, GUARD.direct = GUARD.direct, False
        try:
            self._inner.__exit__(error_type, error, traceback)
        finally:
            GUARD.close(direct)


GUARD.leaving = UserBlock.__exit__.__code__


def interruptible(function: Callable[_P, _R], *args: _P.args, **kwargs: _P.kwargs) -> _R:
    """Call a function of the user's inside an `Uninterrupted` block; a Ctrl-C ends it at once."""
    if not GUARD.acts:
        return function(*args, **kwargs)
    # Python handles no signal between an assignment and the `try` after it, nor before the first one in a `finally`.
    before, GUARD.direct = GUARD.direct, True
    try:
        return function(*args, **kwargs)
    finally:
        GUARD.direct = before


def acquire(lock: "threading.RLock") -> None:
    """Acquire a lock inside an `Uninterrupted` block; a Ctrl-C ends the waiting."""
    while not lock.acquire(timeout=_PATIENCE):
        if GUARD.acts:
            GUARD.check()


_PATIENCE = 0.05
"""How long a Ctrl-C may wait while a lock is waited for, in seconds."""
