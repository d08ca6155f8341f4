"""Futures of any engine: given out, waited for, given out again if their worker was lost, and cancelled. Costs nothing.

What an engine needs is `submit`, whose futures have `result`, `done` and `cancel`; those with `add_done_callback` are
waited for without polling.
"""

import re
import time
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import BrokenExecutor, CancelledError, ProcessPoolExecutor
from contextlib import AbstractContextManager, nullcontext, suppress
from queue import Empty, SimpleQueue
from typing import Any, Protocol

from patchwidgets.errors import ExecutorError, PatchwidgetsError, in_one_line, shown
from patchwidgets.hooks.cancellation import Cancelled, cancellation_check

AGAIN = 2
"""How often a task is given out again after its worker was lost."""
POLL, PATIENCE = 0.5, 0.1
"""Seconds between two looks at futures that do not call back; and until a Ctrl-C is noticed."""
LOST = ("UncompletedJobError",)
"""What engines raise that do not give out a task again themselves when its worker is lost."""
_ERROR_LINE = re.compile(r"[A-Za-z_][\w.]*(Error|Exception|Interrupt|Cancelled): ")
"""How the last line of a traceback begins."""


class Executor(Protocol):
    """Anything with `submit`: executors of `concurrent.futures`, clients of Dask, executors of submitit."""

    def submit(self, fn: Callable[..., Any], /, *args: Any) -> Any:
        """Call a function elsewhere, and return a future."""


def check_executor(executor: object) -> None:
    """Check that something can be given work.

    Raises
    ------
    ExecutorError
        It has no `submit`, is no object but its class, or its processes are forked.
    """
    if not callable(getattr(executor, "submit", None)) or isinstance(executor, type):
        raise ExecutorError(
            f"{shown(executor)} is no executor: expected something with submit(function, ...), as "
            "concurrent.futures.ProcessPoolExecutor(mp_context=multiprocessing.get_context('spawn')), "
            "dask.distributed.Client(address) or submitit.AutoExecutor(folder)."
        )
    context = getattr(executor, "_mp_context", None)
    if (
        isinstance(executor, ProcessPoolExecutor)
        and context
        and context.get_start_method() == "fork"
    ):
        raise ExecutorError(
            "The processes of this pool are forked, and torch can stand still in a forked process. Give "
            "ProcessPoolExecutor(n, mp_context=multiprocessing.get_context('spawn'))."
        )


def is_of_submitit(executor: object) -> bool:
    """Whether every task of an executor is a job of its own, with a process that begins anew."""
    return type(executor).__module__.partition(".")[0] == "submitit"


def completed(
    executor: Executor, function: Callable[..., Any], tasks: Sequence[tuple[Any, ...]]
) -> Generator[tuple[int, Any]]:
    """Give out tasks, and yield the number and the result of each as it comes.

    When the caller stops, those that are not done are cancelled.

    Raises
    ------
    ExecutorError
        A worker failed, or all of them are gone.
    PatchwidgetsError
        As the worker raised it.
    Cancelled
        The tasks were cancelled elsewhere, or the work is no longer wanted.
    """
    back: SimpleQueue[int] = SimpleQueue()
    futures: dict[int, Any] = {}
    lost = dict.fromkeys(range(len(tasks)), 0)
    try:
        with _all_at_once(executor):
            for i, task in enumerate(tasks):
                futures[i] = executor.submit(function, *task)
        for i, future in futures.items():
            _call_back(future, i, back)
        while futures:
            i = _next(futures, back)
            try:
                result = futures[i].result()
            except Exception as error:
                lost[i] += 1
                if type(error).__name__ not in LOST or lost[i] > AGAIN:
                    raise _in_words(error) from error
                futures[i] = executor.submit(function, *tasks[i])
                _call_back(futures[i], i, back)
                continue
            del futures[i]
            yield i, result
    except BrokenExecutor as error:
        raise _in_words(error) from error
    finally:
        for future in futures.values():
            with suppress(Exception):
                future.cancel()


def _all_at_once(executor: object) -> AbstractContextManager[Any]:
    """For submitit: one array of jobs, and not a job for each call."""
    return executor.batch() if is_of_submitit(executor) else nullcontext()  # type: ignore[attr-defined]


def _call_back(future: Any, number: int, back: "SimpleQueue[int]") -> None:
    if hasattr(future, "add_done_callback"):
        future.add_done_callback(lambda _future: back.put(number))


def _next(futures: dict[int, Any], back: "SimpleQueue[int]") -> int:
    """Wait for one of the futures."""
    stop_if_cancelled = cancellation_check()
    polled = not all(hasattr(future, "add_done_callback") for future in futures.values())
    while True:
        stop_if_cancelled()
        if polled:
            for i, future in futures.items():
                if future.done():
                    return i
            time.sleep(POLL)
            continue
        try:
            return back.get(timeout=PATIENCE)
        except Empty:
            continue


def _in_words(error: BaseException) -> Exception:
    if isinstance(error, PatchwidgetsError | Cancelled):
        return error
    if isinstance(error, CancelledError) or type(error).__name__.endswith("CancelledError"):
        return Cancelled()
    if isinstance(error, BrokenExecutor):
        return ExecutorError(
            "A process of the pool ended abruptly: it was killed, or the memory did not suffice. Make a new pool, "
            "perhaps with fewer processes or a smaller budget=, and call again; with resume='folder' the call goes on "
            "where it stopped."
        )
    return ExecutorError(
        f"A worker failed ({_said(error)}). Call again once that is mended; with resume='folder' the call goes "
        "on where it stopped."
    )


def _said(error: BaseException) -> str:
    """What an error says; of one whose text is a traceback of the worker, as of submitit, the last error there."""
    found = [line for line in str(error).splitlines() if _ERROR_LINE.match(line)]
    return in_one_line(ValueError(found[-1])) if found else in_one_line(error)
