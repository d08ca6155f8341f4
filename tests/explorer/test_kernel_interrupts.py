"""An interrupt of the kernel ends what explorers compute, while a cell runs and between cells."""

import signal
import threading
from types import SimpleNamespace
from typing import Any

import pytest

from patchwidgets.explorer import kernel_interrupts
from patchwidgets.facade import Experiment
from tests.support.page import HEADS, LONG, MLP, Gate, Page


class Shell:
    """What IPython offers, as far as it is used here."""

    def __init__(self, handler: Any) -> None:
        self.kernel = SimpleNamespace(saved_sigint_handler=handler)
        self.registered: list[tuple[str, Any]] = []
        self.events = SimpleNamespace(register=lambda *each: self.registered.append(each))


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Shell:
    made = Shell(getattr(request, "param", signal.SIG_IGN))
    module = SimpleNamespace(get_ipython=lambda: made)
    monkeypatch.setitem(kernel_interrupts.sys.modules, "IPython", module)
    return made


def wait_for_threads() -> None:
    for thread in threading.enumerate():
        if thread.name == "patchwidgets interrupt":
            thread.join(LONG)


def run_until_interrupted(page: Page, experiment: Experiment, interrupt: Any) -> None:
    gate = Gate(experiment)
    page.sweep(1, HEADS, MLP)
    assert gate.reached.wait(LONG)
    interrupt()
    wait_for_threads()
    gate.open()
    page.wait()
    assert page.kinds(1)[-1] == "dropped"
    assert page.last("dropped")["why"] == "interrupted"


def test_an_interrupt_between_cells_stops_a_sweep(
    page: Page, experiment: Experiment, shell: Shell
) -> None:
    kernel_interrupts.watch(page.session)
    handler = shell.kernel.saved_sigint_handler
    run_until_interrupted(page, experiment, lambda: handler(signal.SIGINT, None))
    page.sweep(2, HEADS, MLP)
    page.wait()
    assert page.kinds(2)[-1] == "swept"


def test_an_interrupted_cell_stops_a_sweep(
    page: Page, experiment: Experiment, shell: Shell
) -> None:
    kernel_interrupts.watch(page.session)
    [(event, after_cell)] = shell.registered
    assert event == "post_run_cell"
    after_cell(SimpleNamespace(error_in_exec=ValueError()))
    cell = SimpleNamespace(error_in_exec=KeyboardInterrupt())
    run_until_interrupted(page, experiment, lambda: after_cell(cell))


def test_each_kernel_is_listened_to_once(page: Page, shell: Shell) -> None:
    for _ in range(3):
        kernel_interrupts.watch(page.session)
    assert len(shell.registered) == 1
    assert shell.kernel.saved_sigint_handler._before is None


def test_a_handler_that_was_there_still_acts(page: Page, shell: Shell) -> None:
    seen: list[int] = []
    shell.kernel.saved_sigint_handler = lambda number, _frame: seen.append(number)
    kernel_interrupts.watch(page.session)
    shell.kernel.saved_sigint_handler(signal.SIGINT, None)
    wait_for_threads()
    assert seen == [signal.SIGINT]


def test_outside_of_a_notebook_nothing_is_done(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(kernel_interrupts.sys.modules, "IPython", raising=False)
    before = signal.getsignal(signal.SIGINT)
    kernel_interrupts.watch(page.session)
    assert signal.getsignal(signal.SIGINT) is before
