"""Sweeps of metrics at chosen positions: every cell is one patch, and what no metric reads is not computed."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import patchwidgets as pw
from patchwidgets.models.model import Model
from patchwidgets.sweep.grid import make_grid
from patchwidgets.sweep.groups import make_groups
from patchwidgets.sweep.request import SweepRequest
from patchwidgets.sweep.rows import make_rows
from patchwidgets.sweep.savings import Savings
from patchwidgets.sweep.sweep import Sweep
from tests.support.read_positions import FAMILIES, MIXED, NONE_AT_THE_END
from tests.support.sweeps import APART, assert_same, every_grid, one_pair, several_pairs, sweep
from tests.support.toy_models import make_model


@pytest.fixture(scope="module", params=FAMILIES)
def model(request: pytest.FixtureRequest) -> Model:
    return make_model(request.param)


@pytest.fixture(scope="module")
def llama() -> Model:
    return make_model("llama")


@pytest.mark.parametrize("direction", ["denoise", "noise"])
@pytest.mark.parametrize(("metrics", "small"), [(MIXED, 0), (MIXED, 32), (NONE_AT_THE_END, 0)])
def test_sweeps_equal_one_patch_per_site(
    model: Model, direction: Any, metrics: list[str], small: int
) -> None:
    """With groups that begin where their rows do, and with groups that begin earlier."""
    experiment = several_pairs(model, metrics).turned(direction)
    savings = Savings(join_below=small)
    for grid_values in sweep(experiment, *every_grid(experiment), savings=savings):
        assert_same(experiment, grid_values)


@pytest.mark.parametrize("case", ["gemma2", "bloom"])
def test_every_position_of_one_pair(case: str) -> None:
    experiment = one_pair(make_model(case), ["kl@first", "rank@3:5", "answer_logit@-2"])
    requests = [
        SweepRequest(name, ("layer", "pos")) for name in ("resid_pre", "attn_out", "mlp_out")
    ]
    for grid_values in sweep(experiment, *(make_grid(experiment, request) for request in requests)):
        assert_same(experiment, grid_values)
        effects = {name: found.reshape(3, 7) for name, found in grid_values.effects.items()}
        assert (effects["kl@first"][:, 3:] == 0).all()
        assert (effects["rank@3:5"][:, 5:] == 0).all()
        assert (effects["answer_logit@-2"][:, 6] == 0).all()
        assert np.abs(effects["answer_logit@-2"][1, 2:6]).min() > 0


@pytest.mark.parametrize("off", ["equal", "cone", "descent", "unembed"])
@pytest.mark.parametrize("metrics", [["logit_diff@subject", "answer_logit@-2"], ["kl@1:3", "rank"]])
def test_each_saving_changes_nothing(llama: Model, off: str, metrics: list[str]) -> None:
    experiment = several_pairs(llama, metrics)
    grids = list(every_grid(experiment))
    pairs = zip(
        sweep(experiment, *grids),
        sweep(experiment, *grids, savings=replace(APART, **{off: False})),
        strict=True,
    )
    size = float(experiment.host.logits.abs().max())
    for one, other in pairs:
        for name in metrics:
            assert one.effects[name] == pytest.approx(other.effects[name], abs=1e-5 * size)


def test_the_plan_knows_what_no_metric_reads(llama: Model) -> None:
    """By hand: 3 layers × 7 positions, of which 2 and 5 differ; the metric reads 3 alone."""
    experiment = one_pair(llama, ["kl@3"])
    plan = Sweep(
        experiment, [make_grid(experiment, SweepRequest("resid_pre"))], savings=APART
    ).plan()
    assert (plan.sites, plan.runs, plan.zero) == (21, 3 * 2, 21 - 6)
    plan = Sweep(
        experiment,
        [make_grid(experiment, SweepRequest("mlp_out", ("layer", "pos")))],
        savings=APART,
    ).plan()
    assert (plan.runs, plan.zero) == (2 + 2 + 1, 21 - 5)
    before = one_pair(llama, ["kl@:2"])
    nothing = Sweep(before, [make_grid(before, SweepRequest("z"))], savings=APART)
    assert (nothing.plan().runs, nothing.plan().zero) == (0, 12)
    list(nothing.run())
    assert (nothing.grid_values()[0].effects["kl@:2"] == 0).all()


def test_a_row_is_not_read_before_it_is_patched(llama: Model) -> None:
    """Also where it joins a group that begins earlier: what is not read cannot be off by rounding."""
    experiment = one_pair(llama, ["kl@3", "kl"])
    grid = make_grid(experiment, SweepRequest("resid_pre", layers=[1]))
    rows = make_rows(experiment, grid.cells, Savings())
    (group,) = make_groups(rows.rows, experiment, Savings(), plain=False)
    assert (group.start, [row.start for row in group.rows]) == (2, [2, 3, 4, 5, 6])
    read = [
        [pos for _, pos in entries]
        for entries in group.entries(experiment.evaluation.read_positions, "corrupted")
    ]
    assert read == [[3, 6], [3, 6], [3, 6], [6], [6], [6]]


def test_the_most_telling_positions_come_first(
    llama: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tokens differ at 2 and 5; 4 is read."""
    experiment = one_pair(llama, ["kl@4"])
    made = Sweep(
        experiment, [make_grid(experiment, SweepRequest("resid_pre", layers=[0]))], savings=APART
    )
    order: list[int] = []
    for _ in made.run():
        done = ~np.isnan(made.grid_values()[0].effects["kl@4"])
        order += [pos for pos in range(7) if done[pos] and pos not in order]
    assert order == [0, 1, 5, 6, 2, 4, 3]


def test_the_name_is_whole_everywhere(llama: Model, tmp_path: Path) -> None:
    experiment = one_pair(llama, ["kl@first", "logit_diff"])
    result = experiment.patch("L0.resid_pre@2")
    assert list(result.to_frame().index) == ["kl@first", "logit_diff"]
    assert "kl@first" in repr(result)
    s = experiment.sweep("resid_pre", progress=False)
    s.save(tmp_path / "s.nc")
    loaded = pw.SweepResult.load(tmp_path / "s.nc")
    assert loaded.to_xarray().identical(s.to_xarray())
    assert loaded.metrics == ("kl@first", "logit_diff")
    assert set(loaded.to_frame()["metric"]) == {"kl@first", "logit_diff"}
    value = loaded.sel(metric="kl@first").value.sel(layer=0, pos=2)
    assert float(value) == pytest.approx(result["kl@first"].value, abs=1e-4)
    assert "share of kl@first" in pw.plot.heatmap(loaded).get_title(loc="left")
