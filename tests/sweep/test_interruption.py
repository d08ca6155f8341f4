"""A sweep that nobody wants any more ends soon, planning included, and what was done is kept, after Ctrl-C as well."""

import itertools
import os
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch

from patchwidgets.facade import Experiment
from patchwidgets.hooks.cancellation import Cancelled, cancellable
from patchwidgets.metrics import Readout
from patchwidgets.sweep.grid import make_grid
from patchwidgets.sweep.request import SweepRequest
from patchwidgets.sweep.sweep import Sweep
from tests.support.sweeps import APART, one_by_one, one_pair, several_pairs
from tests.support.toy_models import count_hooks, make_model


@pytest.fixture
def llama() -> Experiment:
    return one_pair(make_model("llama"), ["logit_diff"])


class Countdown(threading.Event):
    """Is set once it has been asked so often."""

    def __init__(self, asked: int) -> None:
        super().__init__()
        self.left = asked

    def is_set(self) -> bool:
        self.left -= 1
        return self.left < 0


def test_every_stage_of_planning_asks_whether_it_is_wanted() -> None:
    """Cancelled after any number of steps of the whole way, it raises; with all of them, it plans."""
    experiment = several_pairs(make_model("llama"), ["logit_diff"])
    list(
        Sweep(experiment, [make_grid(experiment, SweepRequest("z"))], savings=APART).run()
    )  # which way is known

    def plan() -> Sweep:
        return Sweep(
            experiment,
            [make_grid(experiment, SweepRequest("resid_pre", ("layer", "pos_name")))],
            savings=APART,
        )

    enough = Countdown(10**6)
    with cancellable(enough):
        n_cells, n_rows = len(plan().grids[0].cells), plan().plan().runs
    asked = (10**6 - enough.left) // 2
    assert asked >= 2 * n_cells + 3 * n_rows
    for steps in range(asked):
        with cancellable(Countdown(steps)), pytest.raises(Cancelled):
            plan()
    with cancellable(Countdown(asked)):
        assert plan().progress.left


def test_recording_is_cancelled_between_layers(llama: Experiment) -> None:
    unwanted, layers = threading.Event(), []
    made = Sweep(llama, [make_grid(llama, SweepRequest("z"))], savings=APART)
    blocks = llama.model.layout.blocks
    handles = [
        blocks[0].register_forward_hook(lambda *_: unwanted.set()),
        blocks[1].register_forward_hook(lambda *_: layers.append(1)),
    ]
    with cancellable(unwanted), pytest.raises(Cancelled):
        made.compute_next()
    assert layers == []
    for handle in handles:
        handle.remove()
    assert [part.left for part in made.run()][-1] == 0


def test_reading_metrics_is_cancelled_between_its_parts(llama: Experiment) -> None:
    unwanted, parts = threading.Event(), []

    def counted(readout: Readout) -> torch.Tensor:
        parts.append(len(readout.logits))
        return readout.logits[:, 8]

    experiment = llama.measuring(counted)
    made = Sweep(experiment, [make_grid(experiment, SweepRequest("resid_pre"))], savings=APART)
    made._reader._logits_at_once = 2
    parts.clear()

    def stops(readout: Readout) -> torch.Tensor:
        unwanted.set()
        return counted(readout)

    metric = next(iter(experiment.metrics.values()))
    object.__setattr__(metric, "function", stops)
    with cancellable(unwanted), pytest.raises(Cancelled):
        made.compute_next()
    assert parts == [2]


def interrupt(*_: Any) -> None:
    os.kill(os.getpid(), signal.SIGINT)


def raise_interrupt(*_: Any) -> None:
    raise KeyboardInterrupt


@pytest.fixture
def _ctrl_c() -> Iterator[None]:
    """Python's own answer to Ctrl-C, which a process that was started in the background has not."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("_ctrl_c")
@pytest.mark.parametrize("stop", [interrupt, raise_interrupt])
def test_ctrl_c_ends_the_cell_and_keeps_what_is_done(
    llama: Experiment, stop: Callable[..., None]
) -> None:
    expected = one_by_one(llama, make_grid(llama, SweepRequest("resid_pre")))["logit_diff"]
    hooks, passes = count_hooks(llama.model.hf_model), []

    def after_some(*_: Any) -> None:
        passes.append(1)
        if len(passes) == 6:
            stop()

    handle = llama.model.layout.blocks[1].register_forward_pre_hook(after_some)
    assert llama.interrupted == ()
    with pytest.raises(KeyboardInterrupt) as caught:
        llama.sweep("resid_pre", batch=4, progress=False)
    handle.remove()
    (kept,) = llama.interrupted
    done = kept.effect.notnull().values
    assert 6 < done.sum() < 21
    assert kept.value.values[done] == pytest.approx(expected.reshape(done.shape)[done], abs=1e-3)
    assert f"{done.sum()} of 21 done" in repr(kept)
    assert f"{done.sum()} of 21 sites are done; exp.interrupted" in caught.value.__notes__[0]
    assert count_hooks(llama.model.hf_model) == hooks
    assert not torch.is_inference_mode_enabled()
    assert torch.is_grad_enabled()
    whole = llama.sweep("resid_pre", progress=False)
    assert not np.isnan(whole.effect).any()


def test_an_interrupt_in_a_metric(llama: Experiment) -> None:
    in_sweep = itertools.count()
    sweeping = threading.Event()

    def stops(readout: Readout) -> torch.Tensor:
        if sweeping.is_set() and next(in_sweep) == 1:
            raise KeyboardInterrupt
        return readout.logits[:, 8] - readout.logits[:, 9]

    experiment = llama.measuring(stops)
    sweeping.set()
    with pytest.raises(KeyboardInterrupt):
        experiment.sweep_many(["z", "mlp_out"], batch=4, progress=False)
    heads, mlps = experiment.interrupted
    assert (heads.attrs["component"], mlps.attrs["component"]) == ("z", "mlp_out")
    assert heads.effect.isnull().any() or mlps.effect.isnull().any()
