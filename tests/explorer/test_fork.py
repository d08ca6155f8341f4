"""A fork while a click computes: the child's locks are free, and what ran goes on in the parent alone."""

import os
import sys
import threading
import time
from collections.abc import Callable

import pytest
import torch

from patchwidgets.facade import Experiment
from tests.support.page import HEADS, LONG, Gate, Page

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system"),
    pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning"),
]


def in_child(work: Callable[[], bool], limit: float = 20) -> int:
    """Fork, work in the child, and return its exit status: 0 if the work was right; -9 if it hung."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            torch.set_num_threads(1)
            status = 0 if work() else 2
        finally:
            os._exit(status)
    until = time.monotonic() + limit
    while time.monotonic() < until:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    os.kill(child, 9)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_a_fork_while_a_click_computes(page: Page, experiment: Experiment) -> None:
    """The worker of the parent holds the model's lock, and stands in the middle of a layer."""
    expected = experiment.patch("L1.H0").effect
    gate = Gate(experiment)
    page.patch(1, "L1.H2")
    page.sweep(2, HEADS)
    assert gate.reached.wait(LONG)

    def work() -> bool:
        gate.open()
        page.events.clear()
        page.patch(3, "L1.H0")
        if not page.session.wait(10) or page.kinds(3) != ["ack", "result"]:
            return False
        assert page.session.result is not None
        others = [event for event, _ in page.events if event["id"] != 3]
        return abs(page.session.result.effect - expected) < 1e-4 and not others

    assert in_child(work) == 0
    gate.open()
    page.wait()
    assert page.kinds(1) == ["ack", "result"]
    assert page.kinds(2)[-1] == "swept"
    assert page.kinds(3) == []


def test_a_fork_while_a_lock_is_held(page: Page, experiment: Experiment) -> None:
    held, free = threading.Event(), threading.Event()

    def hold() -> None:
        with page.session._queue.lock, page.session._outbox._lock:
            held.set()
            assert free.wait(LONG)

    holder = threading.Thread(target=hold)
    holder.start()
    assert held.wait(LONG)

    def work() -> bool:
        page.patch(1, "L1.H0")
        return page.session.wait(10) and page.kinds(1) == ["ack", "result"]

    try:
        assert in_child(work) == 0
    finally:
        free.set()
        holder.join()


def test_the_lock_of_attention_is_free_in_the_child(experiment: Experiment) -> None:
    from patchwidgets.hooks import attention

    experiment.patch("L1.H0.q")
    with attention._LOCK:
        assert (
            in_child(
                lambda: experiment.patch("L1.H0.q").effect == experiment.patch("L1.H0.q").effect
            )
            == 0
        )


@pytest.mark.skipif(sys.platform != "linux", reason="reads what a process does")
def test_sixteen_forks_while_clicks_compute(page: Page, experiment: Experiment) -> None:
    def work() -> bool:
        page.events.clear()
        page.patch(1000, "L1.H0", "L2.H1.q")
        return page.session.wait(10) and page.kinds(1000)[:2] == ["ack", "result"]

    for i in range(16):
        page.patch(i, f"L1.H{i % 4}", "L0.mlp_out")
        page.sweep(100 + i, HEADS)
        time.sleep(0.002 * (i % 5))
        assert in_child(work) == 0
    page.wait()
