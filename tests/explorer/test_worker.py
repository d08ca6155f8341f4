"""The thread alone, without patches: whatever a job raises, the next one is run; what hangs is given up."""

import ctypes
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable

import pytest

from patchwidgets.explorer import worker as worker_module
from patchwidgets.explorer.worker import Job, Worker

LONG = 30.0


class Jobs:
    """A worker and the jobs that wait for it."""

    def __init__(self) -> None:
        self.waiting: deque[Job] = deque()
        self.done: list[str] = []
        self.failed: list[BaseException] = []
        self.worker = Worker(self._take, self.waiting.clear, self.waiting.clear)

    def _take(self) -> Job | None:
        return self.waiting.popleft() if self.waiting else None

    def put(self, run: Callable[[], None]) -> bool:
        with self.worker.lock:
            self.waiting.append(Job(run, self.failed.append))
            return self.worker.interrupt()

    def name(self, name: str) -> Callable[[], None]:
        return lambda: self.done.append(name)


@pytest.fixture
def jobs() -> Jobs:
    return Jobs()


def raises(error: BaseException) -> Callable[[], None]:
    def run() -> None:
        raise error

    return run


def test_jobs_run_in_order_and_the_thread_ends(jobs: Jobs) -> None:
    for name in "abc":
        jobs.put(jobs.name(name))
    assert jobs.worker.wait(LONG)
    assert jobs.done == ["a", "b", "c"]
    assert jobs.worker.is_idle


@pytest.mark.parametrize("error", [SystemExit(1), KeyboardInterrupt(), ValueError(), MemoryError()])
def test_a_failed_job_is_told_and_the_next_is_run(jobs: Jobs, error: BaseException) -> None:
    jobs.put(raises(error))
    jobs.put(jobs.name("next"))
    assert jobs.worker.wait(LONG)
    assert (jobs.failed, jobs.done) == ([error], ["next"])


def test_telling_may_fail_too(jobs: Jobs) -> None:
    with jobs.worker.lock:
        jobs.waiting.append(Job(raises(ValueError()), lambda _: raises(SystemExit())()))
    jobs.put(jobs.name("next"))
    assert jobs.worker.wait(LONG)
    assert jobs.done == ["next"]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_thread_that_is_ended_from_outside_is_replaced(jobs: Jobs) -> None:
    """An asynchronous exception can strike between two jobs, where nobody catches it."""
    started = threading.Event()

    def spin() -> None:
        started.set()
        raise ValueError

    original = worker_module._do

    def strike(job: Job) -> None:
        original(job)
        worker_module._do = original  # type: ignore[assignment]
        thread = ctypes.c_ulong(threading.get_ident())
        ctypes.pythonapi.PyThreadState_SetAsyncExc(thread, ctypes.py_object(SystemExit))
        for _ in range(1000):
            time.sleep(0)

    worker_module._do = strike  # type: ignore[assignment]
    with jobs.worker.lock:
        jobs.waiting.append(Job(spin, jobs.failed.append))
        jobs.waiting.append(Job(jobs.name("next"), jobs.failed.append))
        jobs.worker.wake()
    assert started.wait(LONG)
    assert jobs.worker.wait_until(lambda: jobs.done == ["next"], LONG)
    assert jobs.worker.wait(LONG)


def test_a_job_that_hangs_is_given_up_by_the_second_interruption(
    jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_module, "PATIENCE", 0.05)
    free, started = threading.Event(), threading.Event()

    def hang() -> None:
        started.set()
        assert free.wait(LONG)

    jobs.put(hang)
    assert started.wait(LONG)
    assert jobs.put(jobs.name("second")) is False
    time.sleep(0.1)
    assert jobs.put(jobs.name("third")) is True
    assert jobs.worker.wait(LONG)
    assert jobs.done == ["second", "third"]
    free.set()
    jobs.put(jobs.name("fourth"))
    assert jobs.worker.wait(LONG)
    assert jobs.done == ["second", "third", "fourth"]


def test_a_wake_alone_gives_up_nobody(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_module, "PATIENCE", 0.01)
    free, started = threading.Event(), threading.Event()
    jobs.put(lambda: (started.set(), free.wait(LONG), jobs.done.append("first"))[2])
    assert started.wait(LONG)
    for _ in range(3):
        time.sleep(0.02)
        with jobs.worker.lock:
            jobs.waiting.append(Job(jobs.name("other"), jobs.failed.append))
            jobs.worker.wake()
    free.set()
    assert jobs.worker.wait(LONG)
    assert jobs.done == ["first", "other", "other", "other"]


def test_waiting_has_a_limit(jobs: Jobs) -> None:
    started = time.monotonic()
    assert jobs.worker.wait_until(lambda: False, 0.1) is False
    assert 0.1 <= time.monotonic() - started < 5
    assert jobs.worker.wait_until(lambda: True, 0.0) is True


ENDS_AT_WORK = """
import time, torch
from patchwidgets.explorer.worker import Job, Worker

ended = []
def compute():
    start = time.monotonic()
    while {going_on}:
        torch.ones(300, 300) @ torch.ones(300, 300)
jobs = [Job(compute, print)]
worker = Worker(lambda: jobs.pop() if jobs else None, jobs.clear, lambda: ended.append(True))
with worker.lock:
    worker.wake()
"""


@pytest.mark.parametrize(
    ("going_on", "says"),
    [
        ("not ended", ""),
        # As a metric of the user's, which knows of no end.
        (
            "time.monotonic() < start + 6",
            "An explorer still computes, in a metric or a function of yours; Python ends after it, or in 57 seconds.\n",
        ),
    ],
)
def test_python_ends_cleanly_while_a_job_computes(going_on: str, says: str) -> None:
    """Before, it aborted: 'terminate called without an active exception'."""
    ended = subprocess.run(
        [sys.executable, "-c", ENDS_AT_WORK.format(going_on=going_on)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, says)
