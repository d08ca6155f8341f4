"""Ctrl-C around passes: where it acts, and that the handler of SIGINT is the user's own again."""

import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import pytest
import torch

from patchwidgets.facade import Experiment
from patchwidgets.hooks.interrupts import GUARD, Uninterrupted, UserBlock
from patchwidgets.models.forward import model_lock
from patchwidgets.sites import Patch


def interrupt(*_: Any) -> None:
    signal.raise_signal(signal.SIGINT)


@pytest.fixture(autouse=True)
def _ctrl_c() -> Iterator[None]:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    signal.signal(signal.SIGINT, before)


def test_it_acts_before_the_next_layer(toy_experiment: Experiment) -> None:
    layers, reached = toy_experiment.model.layout.blocks, []
    handles = [
        layers[0].self_attn.register_forward_hook(interrupt),
        layers[0].mlp.register_forward_hook(lambda *_: reached.append("this layer")),
        layers[1].self_attn.register_forward_hook(lambda *_: reached.append("the next")),
    ]
    with pytest.raises(KeyboardInterrupt):
        toy_experiment.patch("L2.H0")
    for handle in handles:
        handle.remove()
    assert reached == ["this layer"]


def test_it_acts_at_once_in_the_users_functions(toy_experiment: Experiment) -> None:
    reached = []

    def write(host: torch.Tensor, _source: torch.Tensor) -> torch.Tensor:
        interrupt()
        reached.append("after")
        return host

    with pytest.raises(KeyboardInterrupt):
        toy_experiment.patch(Patch("L1.H2", fn=write))
    assert reached == []


def test_it_acts_at_the_end_after_the_last_layer(toy_experiment: Experiment) -> None:
    handle = toy_experiment.model.hf_model.lm_head.register_forward_hook(interrupt)
    with pytest.raises(KeyboardInterrupt):
        toy_experiment.patch("L1.H2")
    handle.remove()


def test_it_ends_the_users_block_at_once(toy_experiment: Experiment) -> None:
    reached = []

    def block() -> None:
        with toy_experiment.model.patching(Patch("L1.pattern", torch.zeros(1))):
            interrupt()
            reached.append("after")

    with pytest.raises(KeyboardInterrupt):
        block()
    assert reached == []
    assert toy_experiment.model.hf_model.config._attn_implementation == "sdpa"


def test_neither_entering_nor_leaving_a_block_is_interrupted() -> None:
    steps = []

    class Inner:
        def __enter__(self) -> None:
            interrupt()
            steps.append("entered")

        def __exit__(self, *_: object) -> None:
            interrupt()
            steps.append("left")

    with pytest.raises(KeyboardInterrupt), UserBlock(Inner()):
        steps.append("inside")
    assert steps == ["entered", "left"]


@pytest.mark.parametrize(
    "work",
    [
        lambda experiment: experiment.patch("L1.H2"),
        lambda experiment: experiment.sweep("z", progress=False),
        lambda experiment: experiment.sweep("neuron", top=2, progress=False),
    ],
    ids=["patch", "sweep", "top"],
)
def test_gradients_are_on_again(
    work: Callable[[Experiment], object],
    toy_experiment: Experiment,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A Ctrl-C comes just before the end of each block without gradients, one after another."""
    leave, n_left = torch.no_grad.__exit__, 0
    interrupted = 0  # which block; none at first

    def leave_interrupted(*args: Any) -> None:
        nonlocal n_left
        n_left += 1
        if n_left == interrupted:
            interrupt()
        leave(*args)

    work(toy_experiment)  # what is computed once
    monkeypatch.setattr(torch.no_grad, "__exit__", leave_interrupted)
    work(toy_experiment)
    n_blocks = n_left
    assert n_blocks > 0
    while interrupted < n_blocks:
        interrupted, n_left = interrupted + 1, 0
        with pytest.raises(KeyboardInterrupt):
            work(toy_experiment)
        assert torch.is_grad_enabled(), f"block {interrupted} of {n_blocks}"


def test_while_another_thread_runs_the_model(toy_experiment: Experiment) -> None:
    lock, held, done = (
        model_lock(toy_experiment.model.hf_model),
        threading.Event(),
        threading.Event(),
    )

    def hold() -> None:
        with lock:
            held.set()
            done.wait(20)

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait(20)
    threading.Timer(0.1, interrupt).start()
    with pytest.raises(KeyboardInterrupt):
        toy_experiment.patch("L1.H2")
    done.set()
    thread.join()


def test_the_users_own_handler_is_called_and_stays(toy_experiment: Experiment) -> None:
    calls: list[int] = []

    def handler(signum: int, _frame: FrameType | None) -> None:
        calls.append(signum)

    signal.signal(signal.SIGINT, handler)
    handle = toy_experiment.model.layout.blocks[0].register_forward_hook(interrupt)
    expected = toy_experiment.patch().logits
    assert calls == [signal.SIGINT]
    assert torch.equal(expected, toy_experiment.host.logits)
    handle.remove()
    assert signal.signal(signal.SIGINT, signal.default_int_handler) is handler


@pytest.mark.parametrize("handler", [signal.SIG_IGN, signal.SIG_DFL])
def test_a_handler_that_is_no_function_is_left_alone(
    toy_experiment: Experiment, handler: signal.Handlers
) -> None:
    signal.signal(signal.SIGINT, handler)
    with Uninterrupted():
        assert signal.getsignal(signal.SIGINT) is handler
    toy_experiment.patch("L1.H2")
    with toy_experiment.model.patching(Patch("L1.mlp_out", torch.zeros(1))):
        toy_experiment.model.hf_model(torch.tensor([[3, 14]]))
    assert signal.signal(signal.SIGINT, signal.default_int_handler) is handler


def test_blocks_that_overlap() -> None:
    class Inner:
        def __enter__(self) -> None: ...
        def __exit__(self, *_: object) -> None: ...

    first, second = UserBlock(Inner()), UserBlock(Inner())
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert signal.getsignal(signal.SIGINT) is GUARD
    with pytest.raises(KeyboardInterrupt):
        interrupt()
    second.__exit__(None, None, None)


def test_other_threads_have_no_guard(toy_experiment: Experiment) -> None:
    found = []

    def elsewhere() -> None:
        with Uninterrupted(), toy_experiment.model.patching(Patch("L1.mlp_out", torch.zeros(1))):
            found.append(signal.getsignal(signal.SIGINT))
            toy_experiment.model.hf_model(torch.tensor([[3, 14]]))

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert found == [signal.default_int_handler]


FIRST_SWEEP = """
import signal, sys
import patchwidgets as pw

class Strikes:
    @staticmethod
    def find_spec(name, path, target=None):
        if name == "pandas.core.arrays":
            struck.append(name)
            signal.raise_signal(signal.SIGINT)

experiment = pw.Experiment(pw.load(), pw.tasks.addition(n=1, seed=0))
struck = []
assert "pandas" not in sys.modules
sys.meta_path.insert(0, Strikes)
try:
    {what}
except KeyboardInterrupt:
    assert struck
    print(type(experiment.sweep("z", progress=False).to_frame()).__name__)
"""


@pytest.mark.parametrize(
    "what", ['experiment.sweep("z", progress=False)', "experiment.patch().to_frame()", "pw.helix"]
)
def test_it_leaves_no_half_of_an_import(what: str) -> None:
    """The first sweep of a session imports xarray and pandas: a Ctrl-C in there broke both until a restart."""
    command = [sys.executable, "-c", FIRST_SWEEP.format(what=what)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (ended.stdout, ended.returncode) == ("DataFrame\n", 0), ended.stderr
