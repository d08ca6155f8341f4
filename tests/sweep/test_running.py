"""How a sweep runs: in groups inside its memory, the most telling positions first, with nothing lost when it stops."""

import threading
from typing import Any

import numpy as np
import pytest
import torch

from patchwidgets.facade import Experiment
from patchwidgets.hooks.cancellation import Cancelled, cancellable
from patchwidgets.sites import Patch
from patchwidgets.sweep import recorded_pairs, row_sweep
from patchwidgets.sweep.grid import make_grid
from patchwidgets.sweep.request import SweepRequest
from patchwidgets.sweep.sweep import Sweep
from tests.support.families import N_LAYERS
from tests.support.sweeps import APART, assert_same, one_by_one, several_pairs, sweep
from tests.support.toy_models import count_hooks, make_model


def test_a_small_batch_gives_the_same(llama: Experiment) -> None:
    grid = make_grid(llama, SweepRequest("z", ("layer", "head", "pos")))
    (whole,) = sweep(llama, grid)
    (split,) = sweep(llama, grid, batch=5)
    assert split.effects["kl"] == pytest.approx(whole.effects["kl"], abs=1e-4)
    assert Sweep(llama, [grid], batch=5, savings=APART).plan().groups == 11


def test_a_small_budget_splits_groups_and_pairs() -> None:
    experiment = several_pairs(make_model("llama"))
    grid = make_grid(experiment, SweepRequest("z"))
    roomy, tight = (Sweep(experiment, [grid], budget=b, savings=APART) for b in (2**26, 2**16))
    assert tight.plan().groups > roomy.plan().groups
    assert tight.plan().memory <= 2**16
    list(tight.run())
    assert_same(experiment, tight.grid_values()[0])


def test_there_is_one_recording_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    experiment = several_pairs(make_model("llama"))
    made = Sweep(
        experiment, [make_grid(experiment, SweepRequest("z"))], budget=2**16, savings=APART
    )
    before, held = recorded_pairs.record, []

    def watched(*args: Any) -> None:
        held.append(made._recording)
        before(*args)

    monkeypatch.setattr(recorded_pairs, "record", watched)
    list(made.run())
    assert held == [None] * len(made._pair_batches)
    assert len(held) > 1


def test_out_of_memory_halves_the_group(llama: Experiment, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []
    descend = row_sweep.descend

    def small(*args: Any) -> Any:
        group = args[2]
        sizes.append(len(group.rows))
        if len(group.rows) > 4:
            raise torch.OutOfMemoryError("out of memory")
        return descend(*args)

    monkeypatch.setattr(row_sweep, "descend", small)
    (grid_values,) = sweep(llama, make_grid(llama, SweepRequest("z")))
    assert sizes == [8, 4, 4, 4]
    assert_same(llama, grid_values)


def test_halves_of_a_group_count_once_when_the_second_is_cancelled(
    llama: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    descend, passes = row_sweep.descend, []

    def small(*args: Any) -> Any:
        if len(args[2].rows) > 4:
            raise torch.OutOfMemoryError("out of memory")
        passes.append(1)
        if len(passes) == 2:
            raise Cancelled
        return descend(*args)

    monkeypatch.setattr(row_sweep, "descend", small)
    made = Sweep(llama, [make_grid(llama, SweepRequest("z"))], savings=APART)
    progress = list(made.run())
    assert (progress[-1].done, progress[-1].left) == (4, 8)
    progress = list(made.run())
    assert [each.done for each in progress] == [4, 8, 12]
    assert progress[-1].seconds_left == pytest.approx(0)
    assert_same(llama, made.grid_values()[0])


def test_any_other_error_is_an_error(llama: Experiment) -> None:
    def fails(*_: Any) -> Any:
        raise RuntimeError("out of luck")

    hooks = count_hooks(llama.model.hf_model)
    with pytest.raises(RuntimeError, match="out of luck"):
        sweep(llama, make_grid(llama, SweepRequest(sites=[Patch("L1.H2", fn=fails)])))
    assert count_hooks(llama.model.hf_model) == hooks


def test_cancelled_within_a_layer_and_nothing_done_is_lost(llama: Experiment) -> None:
    unwanted = threading.Event()
    made = Sweep(llama, [make_grid(llama, SweepRequest("resid_pre"))], savings=APART)
    with cancellable(unwanted):
        running = made.run()
        next(running)
        first = next(running)
        block = llama.model.layout.blocks[1]
        handle = block.register_forward_pre_hook(lambda *_: unwanted.set())
        assert list(running) == []
        handle.remove()
    assert 0 < first.done == made.progress.done < first.total
    (grid_values,) = made.grid_values()
    expected = one_by_one(llama, grid_values.grid)["logit_diff"]
    done = ~np.isnan(grid_values.values["logit_diff"])
    assert done.sum() == first.done
    assert grid_values.values["logit_diff"][done] == pytest.approx(expected[done], abs=1e-3)


def test_the_most_telling_positions_come_first(llama: Experiment) -> None:
    """Tokens differ at 2 and 5; 6 is the last."""
    made = Sweep(llama, [make_grid(llama, SweepRequest("resid_pre"))], savings=APART)
    order: list[int] = []
    for _ in made.run():
        done = ~np.isnan(made.grid_values()[0].effects["kl"]).reshape(N_LAYERS, 7)[0]
        order += [pos for pos in range(7) if done[pos] and pos not in order]
    assert order[:2] == [0, 1]
    assert order.index(2) < order.index(4)
