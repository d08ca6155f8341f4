"""Sweeps of answers of several tokens: every cell is one patch, with the same joint probabilities."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

import patchwidgets as pw
from patchwidgets.experiment.teacher_forcing import TeacherForced
from patchwidgets.facade import Experiment
from patchwidgets.models.model import Model
from patchwidgets.sweep.grid import make_grid
from patchwidgets.sweep.request import SweepRequest
from patchwidgets.sweep.sweep import Sweep
from patchwidgets.tasks import Task
from tests.support.sweeps import APART, assert_same, every_grid, one_by_one, sweep
from tests.support.toy_models import make_model

METRICS = ["logit_diff", "answer_logprob", "answer_prob", "prob_diff", "kl"]
CLEAN = ["w3 w14 w15 w9 w26", "w7 w5 w9 w33 w6", "w3 w14 w42 w9 w26 w7 w35"]
CORRUPTED = ["w3 w16 w15 w9 w26", "w7 w5 w9 w34 w6", "w3 w14 w43 w9 w26 w7 w35"]
ANSWERS = [(" w8 w9 w10", " w7", " w8 w11"), " w10", " w11 w12"]
"""Alternatives of which two share their beginning, a single token, and two tokens."""
FOILS = [" w9", (" w12 w13 w14 w15", " w12 w13 w1"), " w13"]
PLACES = {"subject": [1, 3, 2], "end": [4, 4, 6]}


def several(model: Model, metrics: Any = METRICS) -> Experiment:
    """Pairs of two lengths, whose answers have one token and several."""
    return Experiment(model, Task(CLEAN, CORRUPTED, ANSWERS, FOILS, PLACES), metrics)


def alone(model: Model, metrics: Any = METRICS) -> Experiment:
    """One pair."""
    task = Task(CLEAN[0], CORRUPTED[0], ANSWERS[0], FOILS[0], {"subject": 1, "end": 4})
    return Experiment(model, task, metrics)


@pytest.fixture(scope="module", params=["llama", "gpt2", "bloom", "mixtral", "gemma2"])
def model(request: pytest.FixtureRequest) -> Model:
    return make_model(request.param)


@pytest.mark.parametrize("make", [several, alone])
def test_every_cell_equals_one_patch(model: Model, make: Callable[[Model], Experiment]) -> None:
    for direction in ("denoise", "noise"):
        experiment = make(model).turned(direction)
        for grid_values in sweep(experiment, *every_grid(experiment)):
            assert_same(experiment, grid_values)
            assert grid_values.method == ("plain" if model.name == "bloom" else "descent")


@pytest.mark.parametrize("case", ["llama", "gpt2"])
def test_queries_keys_values_and_patterns(case: str) -> None:
    experiment = several(make_model(case))
    requests = [
        SweepRequest(each, ("layer", axis)) for each, axis in (("q", "head"), ("k", "kv_head"))
    ]
    sites = [
        "L1.v@subject",
        "L1.H2.pattern@end",
        "L0.pattern",
        pw.Patch("L2.H1.pattern", "host"),
        pw.Patch("L1.pattern@end", fn=lambda host, source: host + 2 * (source - host)),
        ["L1.H1.pattern@end", "L2.H0.q@end"],
    ]
    grids = [make_grid(experiment, each) for each in [*requests, SweepRequest(sites=sites)]]
    for grid_values in sweep(experiment, *grids):
        assert_same(experiment, grid_values)
        assert np.abs(grid_values.effects["logit_diff"]).max() > 1e-3


@pytest.mark.parametrize("left_out", ["equal", "cone", "descent", "unembed", "join"])
def test_without_each_saving(left_out: str) -> None:
    experiment = several(make_model("llama"))
    savings = (
        replace(APART, join_below=32) if left_out == "join" else replace(APART, **{left_out: False})
    )
    for grid_values in sweep(experiment, *every_grid(experiment), savings=savings):
        assert_same(experiment, grid_values)


@pytest.mark.parametrize("options", [{"batch": 1}, {"batch": 3}, {"budget": 2e5}, {"budget": 1.0}])
def test_parts_of_any_size(options: dict[str, Any]) -> None:
    experiment = several(make_model("llama"))
    for grid_values in sweep(experiment, *every_grid(experiment), **options):
        assert_same(experiment, grid_values)


def test_halved_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the memory does not suffice, halves of a group have fewer pairs than were recorded."""
    experiment = several(make_model("llama"))
    grid = make_grid(experiment, SweepRequest("z"))
    run_group = Sweep._run_group

    def scarce(self: Sweep, group: Any, recording: Any) -> None:
        if len(group.rows) > 3:
            raise torch.OutOfMemoryError("out of memory")
        run_group(self, group, recording)

    monkeypatch.setattr(Sweep, "_run_group", scarce)
    assert_same(experiment, sweep(experiment, grid)[0])


def test_metrics_at_positions_and_of_ones_own() -> None:
    """A callable sees the joint probabilities at the last position, and None elsewhere, as in a patch."""
    seen: list[bool] = []

    def mine(readout: pw.metrics.Readout) -> torch.Tensor:
        seen.append(readout.answer_logprobs is None)
        logprobs = readout.answer_logprobs
        return readout.logits[:, 7] if logprobs is None else logprobs * readout.logits[:, 3]

    metrics = [
        mine,
        pw.metrics.At(mine, (2, 5)),
        pw.metrics.At(mine, "subject"),
        "kl@1",
        "prob_diff",
    ]
    experiment = several(make_model("llama"), metrics)
    for grid_values in sweep(experiment, *every_grid(experiment)):
        assert_same(experiment, grid_values)
    assert set(seen) == {True, False}


def test_kl_alone_needs_no_forced_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    experiment = several(make_model("llama"), "kl")
    grid = make_grid(experiment, SweepRequest("z"))
    expected = one_by_one(experiment, grid)["kl"]
    forced = Sweep(several(make_model("llama")), [grid], savings=APART).plan()
    monkeypatch.setattr(TeacherForced, "of", None)
    found = sweep(experiment, grid)[0]
    assert np.abs(found.values["kl"] - expected).max() < 1e-3
    plan = Sweep(experiment, [grid], savings=APART).plan()
    assert forced.flops > 1.3 * plan.flops
    assert forced.runs == plan.runs == 3 * 12


def test_alternatives_that_begin_alike_share_a_row() -> None:
    pairs = several(make_model("llama")).pairs
    assert [pair.continuations for pair in pairs] == [((8, 9),), ((12, 13, 14),), ((11,),)]


def test_whole_results(tmp_path: Any) -> None:
    experiment = several(make_model("llama"))
    plan = experiment.plan("z")
    result = experiment.sweep("z", progress=False)
    *_, part = experiment.iter_sweep("z", batch=5)
    assert (plan.sites, part.done, part.left) == (12, 12, 0)
    for name in METRICS:
        both = [each.over_pairs(name)["effect"].values for each in (result, part.result)]
        assert both[0] == pytest.approx(both[1], abs=1e-3)
        patched = experiment.patch("L1.H2")[name]
        assert float(result.over_pairs(name)["effect"][1, 2]) == pytest.approx(
            patched.effect, abs=1e-3
        )
        assert float(result.over_pairs(name)["recovery"][1, 2]) == pytest.approx(
            patched.recovery, abs=1e-3, nan_ok=True
        )
    result.save(tmp_path / "several.nc")
    assert pw.SweepResult.load(tmp_path / "several.nc").to_xarray().identical(result.to_xarray())
    axes = pw.plot.heatmap(result)
    assert axes.get_xlabel() == "head (▲ off the scale)"
