"""Sweeps between prompts of unequal token counts: every cell is one patch, or cannot be patched and says so."""

from pathlib import Path

import numpy as np
import pytest

import patchwidgets as pw
from patchwidgets.directions import Direction
from patchwidgets.facade import Experiment
from patchwidgets.models.model import Model
from patchwidgets.sites import Patch
from patchwidgets.sweep.attribution import POINTS
from patchwidgets.sweep.gradients import Axes, first_order_effects
from patchwidgets.sweep.grid import make_grid
from patchwidgets.sweep.request import SweepRequest
from patchwidgets.sweep.savings import Savings
from patchwidgets.sweep.sweep import Sweep
from patchwidgets.sweep.sweep_result import SweepResult
from patchwidgets.tasks import Task
from tests.support.sweeps import APART
from tests.support.toy_models import make_model
from tests.support.unequal_prompts import (
    ALIGN,
    CLEAN,
    CORRUPTED,
    DIRECTIONS,
    FLOOR,
    unequal_pairs,
    unequal_task,
)


@pytest.fixture(scope="module")
def toy() -> Model:
    return make_model("llama")


@pytest.fixture(scope="module")
def experiment(toy: Model) -> Experiment:
    return Experiment(toy, unequal_task(), ["logit_diff", "kl"])


@pytest.fixture(scope="module")
def dataset(toy: Model) -> Experiment:
    return Experiment(toy, unequal_pairs(), ["logit_diff", "kl"])


@pytest.mark.parametrize("case", ["llama", "gpt2", "bloom", "mistral, narrow window"])
@pytest.mark.parametrize("direction", DIRECTIONS)
def test_every_cell_of_a_sweep_is_one_patch(
    case: str, direction: Direction, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = Task(CLEAN, CORRUPTED, " w8", " w9", align=ALIGN)
    exp = Experiment(make_model(case), task, ["logit_diff", "kl"], direction)
    requests = [
        SweepRequest("resid_pre", ("layer", "pos")),
        SweepRequest("mlp_out", ("layer", "pos")),
        SweepRequest("z", ("layer", "head", "pos")),
        SweepRequest("z"),
        SweepRequest("embed"),
        SweepRequest(sites=[["L0.H1", "L2.mlp_out@-1"], [Patch("L1.z", "host"), "L0.H0@3"]]),
    ]
    grids = [make_grid(exp, request) for request in requests]
    size = float(exp.host.logits.abs().max())
    for savings in (APART, Savings(False, False, False, False, join_below=0)):
        sweep = Sweep(exp, grids, savings=savings)
        for _ in sweep.run():
            pass
        assert sweep.progress.left == 0
        for grid_values in sweep.grid_values():
            for cell, patches in enumerate(grid_values.grid.cells):
                effects = [array[cell, 0] for array in grid_values.effects.values()]
                if any(patch.site.pos == 2 for patch in patches):
                    assert grid_values.unpatchable[cell]
                    assert not grid_values.zero[cell]
                    assert np.isnan(effects).all()
                    continue
                readings = exp.patch(*patches).readings.values()
                expected = [reading.effect for reading in readings]
                assert effects == pytest.approx(expected, abs=FLOOR * size)
                assert not grid_values.unpatchable[cell]


def test_a_cell_of_a_dataset_that_some_pair_lacks(dataset: Experiment) -> None:
    found = dataset.sweep("mlp_out", ("layer", "pos"), progress=False)
    whole = found.to_xarray()
    assert whole["unpatchable"].values[0].tolist() == [True] * 5 + [False]
    single = whole["effect"].sel(metric="logit_diff", layer=1)
    assert np.isnan(single.sel(pos=3)).values.tolist() == [False, True, False, False, True]
    assert np.isnan(found.effect.sel(pos=3)).all()
    assert float(found.effect.sel(layer=1, pos=5)) == pytest.approx(
        dataset.patch("L1.mlp_out@5").effect, abs=FLOOR
    )
    assert set(found.top_sites(99)) == {f"L{layer}.mlp_out@5" for layer in range(3)}
    assert whole["corrupted_token"].sel(pair=1).values.tolist() == [
        " w7",
        "",
        " w43",
        "",
        "",
        " w5",
    ]


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_zero_for_certain_is_where_the_prompts_begin_alike(
    experiment: Experiment, direction: Direction
) -> None:
    found = experiment.turned(direction).sweep("mlp_out", ("layer", "pos"), progress=False)
    zero = found.to_xarray()["zero"].values
    assert zero[0].tolist() == [True, True, False, False, False, False]
    assert zero[2].tolist() == [True, True, False, True, True, False]
    plan = experiment.turned(direction).plan("mlp_out", ("layer", "pos"))
    assert (plan.sites, plan.zero, plan.unpatchable, plan.runs) == (18, 8, 3, 7)
    assert "8 of them exactly 0 for certain, 3 without a counterpart" in repr(plan)


def test_a_shifted_position_is_no_zero_though_its_token_is_the_same(toy: Model) -> None:
    """A map that pairs the second of two equal tokens with the first: same token, other activation."""
    task = Task("w3 w14 w15", "w3 w3 w14 w42", " w8", " w9", align=[(0, 1), (1, 2), (2, 3)])
    exp = Experiment(toy, task)
    found = exp.sweep("mlp_out", ("layer", "pos"), progress=False)
    assert not found.to_xarray()["zero"].values[0].any()
    for pos in range(3):
        assert float(found.effect.sel(layer=0, pos=pos)) == pytest.approx(
            exp.patch(f"L0.mlp_out@{pos}").effect, abs=FLOOR
        )


def test_the_result_says_what_is_not_patchable(experiment: Experiment, tmp_path: Path) -> None:
    found = experiment.sweep("mlp_out", ("layer", "pos"), progress=False)
    assert "3 without a counterpart" in repr(found)
    assert "done" not in repr(found)
    assert np.isnan(found.sel(pos=2).effect).all()
    assert "L0.mlp_out@2" not in found.top_sites(18)
    assert found.to_frame().set_index("site").effect.isna().sum() == 2 * 3
    tokens = found.to_xarray()["corrupted_token"].values.tolist()
    assert tokens == [" w3", " w14", "", " w9", " w26", " w5"]
    found.save(tmp_path / "s.nc")
    assert SweepResult.load(tmp_path / "s.nc").to_xarray()["unpatchable"].values.sum() == 3
    ax = pw.plot.heatmap(found)
    assert "@lone ␣w15→× 2" in [label.get_text() for label in ax.get_xticklabels()]
    assert ax.get_xlabel() == "position (× no counterpart, ▲ off the scale)"
    crosses = next(line for line in ax.lines if line.get_marker() == "x")
    assert sorted(zip(crosses.get_xdata(), crosses.get_ydata(), strict=True)) == [
        (2, 0),
        (2, 1),
        (2, 2),
    ]
    pw.plot.flow(experiment.patch("L1.H2"))
    pw.plot.layers(found)


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_sweeps_read_metrics_at_counterparts(experiment: Experiment, direction: Direction) -> None:
    turned = experiment.turned(direction).measuring(["answer_logit@X", "kl@-2", "logit_diff"])
    effects = turned.sweep("mlp_out", ("layer", "pos"), progress=False).to_xarray()["effect"]
    for layer in range(3):
        for pos in (0, 1, 3, 4, 5):
            one = turned.patch(f"L{layer}.mlp_out@{pos}").readings
            for name, reading in one.items():
                found = float(effects.sel(layer=layer, pos=pos, metric=name).mean("pair"))
                assert found == pytest.approx(reading.effect, abs=2e-5), (layer, pos, name)


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_top_neurons_are_ranked_by_counterparts(
    experiment: Experiment, direction: Direction
) -> None:
    """Never where a position has no counterpart; `test_attribution` takes the gradients apart."""
    turned = experiment.turned(direction)
    result = turned.sweep("neuron", ("layer", "neuron", "pos"), top=6, progress=False)
    found = result.to_xarray().sel(metric="logit_diff")
    n_neurons = turned.model.d_mlp or 0
    axes: Axes = {"layer": [0, 1, 2], "neuron": [*range(n_neurons)], "pos": [0, 1, 2, 3, 4, 5]}
    at_points = first_order_effects(turned, "neuron", axes, POINTS)
    for i, site in enumerate(found["site"].to_numpy()):
        assert found["pos"].to_numpy()[i] != 2
        assert float(found["effect"][i].mean("pair")) == pytest.approx(
            turned.patch(str(site)).effect, abs=2e-5
        )
        index = tuple(axes[axis].index(found[axis].to_numpy()[i]) for axis in axes)
        of_site = at_points[(slice(None), *index)]
        largest = of_site[np.abs(of_site).argmax()]
        assert float(found["first_order"][i]) == pytest.approx(largest, rel=1e-4)
