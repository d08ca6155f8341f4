"""A thread that works while there is something to do, whatever its work raises. It knows nothing of patches.

Starting the thread costs about 0.1 ms. It ends when nothing is left, so an idle worker costs nothing.
"""

import atexit
import contextvars
import logging
import math
import os
import sys
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass

PATIENCE = 10.0
"""Seconds that a thread has to come back after an interruption; then the next one puts a new thread into its place."""
LAST_WAIT = 60.0
"""Seconds that the end of Python waits for all threads together; a Ctrl-C ends the wait."""
QUIET_WAIT = 3.0
"""Seconds of this wait after which a message says what it is for."""
LONGEST_PAUSE = 0.02
"""Seconds between two looks of somebody who waits."""

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Job:
    """A piece of work.

    Attributes
    ----------
    run
        Does the work.
    fail
        Called with whatever `run` raises, `SystemExit` and its like included.
    """

    run: Callable[[], None]
    fail: Callable[[BaseException], None]


class Worker:
    """Runs jobs one after the other in a thread of its own.

    Parameters
    ----------
    take
        Returns the next job, or None if there is none; called with the lock held.
    forget
        Called in the child of a fork, where the thread and everything that it was doing do not exist.
    stop
        Called when Python ends: the current job should end soon, and `take` should return no other one.

    Attributes
    ----------
    lock
        Guards the state from which `take` chooses. Nobody holds it while he computes or sends.
    """

    def __init__(
        self,
        take: Callable[[], Job | None],
        forget: Callable[[], None],
        stop: Callable[[], None],
    ) -> None:
        self.lock = threading.RLock()
        self._take, self._forget, self.stop = take, forget, stop
        self._thread: threading.Thread | None = None
        self._interrupted = math.inf
        _WORKERS.add(self)

    @property
    def is_idle(self) -> bool:
        """Whether there is no thread."""
        with self.lock:
            return self._thread is None or not self._thread.is_alive()

    @property
    def is_here(self) -> bool:
        """Whether the caller runs in the worker's thread."""
        return threading.current_thread() is self._thread

    def wake(self) -> None:
        """Start a thread if there is none. Call this with the lock held.

        Raises
        ------
        RuntimeError
            The system has no thread left, or the interpreter shuts down.
        """
        if not self.is_idle:
            return
        self._interrupted = math.inf
        # The context says which cell the output belongs to. Without it, ipykernel delays later messages.
        context = contextvars.copy_context()
        self._thread = threading.Thread(
            target=context.run, args=(self._work,), name="patchwidgets", daemon=True
        )
        self._thread.start()

    def interrupt(self) -> bool:
        """Start a thread if there is none, or expect the one that there is to come back soon, with the lock held.

        Returns
        -------
        bool
            Whether the thread did not come back after an earlier interruption, so that a new one has its place. Nothing
            can stop the old one; when it comes back, it ends.
        """
        given_up = not self.is_idle and time.monotonic() - self._interrupted > PATIENCE
        if given_up:
            _LOG.error("The computation does not stop; the explorer goes on without it.")
            self._thread = None
        self.wake()
        self._interrupted = min(self._interrupted, time.monotonic())
        return given_up

    def wait(self, limit: float | None) -> bool:
        """Wait until there is no thread, for `limit` seconds at most, and return whether there is none."""
        return self.wait_until(lambda: self.is_idle, limit)

    def wait_until(self, done: Callable[[], bool], limit: float | None) -> bool:
        """Wait, for `limit` seconds at most, and return whether it is done.

        This looks again and again: a Ctrl-C inside `threading.Condition` can leave its lock held for ever.
        """
        deadline = time.monotonic() + (math.inf if limit is None else limit)
        pause = LONGEST_PAUSE / 32
        while not done():
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            time.sleep(min(pause, left))
            pause = min(2 * pause, LONGEST_PAUSE)
        return True

    def _work(self) -> None:
        try:
            while (job := self._next()) is not None:
                _do(job)
        finally:
            with self.lock:
                if self.is_here:  # something has ended the thread from outside
                    self._thread = None
                    self.wake()

    def _next(self) -> Job | None:
        with self.lock:
            if not self.is_here:
                return None
            self._interrupted = math.inf
            try:
                job = self._take()
            except BaseException:  # noqa: BLE001 - a thread that cannot take a job must not be started again
                _LOG.exception("No job could be taken.")
                job = None
            if job is None:
                self._thread = None
            return job

    def _after_fork(self) -> None:
        self.lock = threading.RLock()
        self._thread = None
        self._forget()


def _do(job: Job) -> None:
    try:
        job.run()
    except BaseException as error:  # noqa: BLE001 - a thread that dies serves nobody
        try:
            job.fail(error)
        except BaseException:  # noqa: BLE001
            _LOG.exception("A failure could not be told.")


_WORKERS: "weakref.WeakSet[Worker]" = weakref.WeakSet()


def _after_fork_in_child() -> None:
    for worker in list(_WORKERS):
        worker._after_fork()


def _at_exit() -> None:
    """Stop what runs, and wait for it: Python aborts if it ends while a thread computes in C++.

    Our own passes stop at the next layer. A metric or a function of the user's is waited for.
    """
    workers = list(_WORKERS)
    for worker in workers:
        if worker.lock.acquire(timeout=1):
            worker.stop()
            worker.lock.release()
    if not _wait_for(workers, QUIET_WAIT):
        left = LAST_WAIT - QUIET_WAIT
        sys.stderr.write(
            "An explorer still computes, in a metric or a function of yours; Python ends after it, or in "
            f"{left:.0f} seconds.\n"
        )
        _wait_for(workers, LAST_WAIT - QUIET_WAIT)


def _wait_for(workers: Sequence[Worker], limit: float) -> bool:
    deadline = time.monotonic() + limit
    return all(worker.wait(deadline - time.monotonic()) for worker in workers)


atexit.register(_at_exit)
if hasattr(os, "register_at_fork"):  # not on Windows, which has no fork
    os.register_at_fork(after_in_child=_after_fork_in_child)
