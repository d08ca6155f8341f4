"""How far the patches of a sweep reach: the same as of each patch alone, in every family, direction and dataset."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from patchwidgets.errors import PatchError, TaskError
from patchwidgets.facade import Experiment
from patchwidgets.models.model import Model
from patchwidgets.sites import Patch
from patchwidgets.sources.ablations import Resample
from patchwidgets.sweep.sweep_result import SweepResult
from patchwidgets.tasks import Task
from tests.support.families import CASES
from tests.support.sweeps import one_pair, several_pairs
from tests.support.toy_models import make_model
from tests.support.unequal_prompts import unequal_task


@pytest.fixture(scope="module", params=CASES)
def model(request: pytest.FixtureRequest) -> Model:
    return make_model(request.param)


@pytest.fixture(scope="module")
def pairs() -> Experiment:
    return several_pairs(make_model("llama"))


def assert_reach_of_patches(
    experiment: Experiment, sweep: SweepResult, cells: Any, pair: int | None = None
) -> None:
    """Of each cell, by its number, what the patch alone says."""
    reach = sweep.reach(pair)
    flat = reach.stack(cell=sweep.axes).transpose("cell", ...)
    for i, cell in cells:
        expected = experiment.patch(*cell).reach(pair=pair)
        for name in ("along", "size"):
            for component, array in getattr(expected, name).items():
                found = flat[f"{component}_{name}"].values[i]
                assert np.array_equal(np.isnan(found), np.isnan(array)), (cell, component)
                assert found == pytest.approx(array, abs=2e-3, nan_ok=True), (cell, component)


def test_every_family_reaches_as_far_as_single_patches(model: Model) -> None:
    experiment = one_pair(model).turned("noise")
    sweep = experiment.sweep("mlp_out", ("layer",), reach=True, progress=False)
    cells = [(i, [site]) for i, site in enumerate(sweep.site_names())]
    assert_reach_of_patches(experiment, sweep, cells)


def test_positions_and_heads(pairs: Experiment) -> None:
    heads = pairs.sweep("z", reach=True, progress=False)
    assert_reach_of_patches(pairs, heads, [(i, [s]) for i, s in enumerate(heads.site_names())])
    assert heads.reach().z_along.dims == ("layer", "head", "to_layer", "to_head")
    single = one_pair(make_model("llama"))
    grid = single.sweep("resid_pre", reach=True, progress=False)
    assert_reach_of_patches(single, grid, [(i, [s]) for i, s in enumerate(grid.site_names())])


@pytest.mark.parametrize("direction", ["denoise", "noise"])
def test_one_pair_of_several(pairs: Experiment, direction: Any) -> None:
    experiment = pairs.turned(direction)
    sweep = experiment.sweep("mlp_out", ("layer",), reach=True, progress=False)
    cells = [(i, [site]) for i, site in enumerate(sweep.site_names())]
    for pair in (None, 0, 2):
        assert_reach_of_patches(experiment, sweep, cells, pair)


def test_answers_of_several_tokens() -> None:
    task = Task("w3 w14 w15 w9 w26", "w3 w14 w42 w9 w26", (" w8 w5", " w8 w6"), " w9 w7")
    experiment = Experiment(make_model("llama"), task, ["answer_logprob", "kl"])
    sweep = experiment.sweep("z", reach=True, progress=False)
    cells = [(i, [site]) for i, site in enumerate(sweep.site_names())]
    assert_reach_of_patches(experiment, sweep, cells)


def test_it_changes_no_effect(pairs: Experiment) -> None:
    plain, reached = (
        pairs.sweep("z", reach=reach, progress=False).to_xarray()["effect"].values
        for reach in (False, True)
    )
    assert reached == pytest.approx(plain, abs=1e-5)


def test_prompts_of_unequal_lengths() -> None:
    experiment = Experiment(make_model("llama"), unequal_task())
    sweep = experiment.sweep("attn_out", ("layer",), reach=True, progress=False)
    cells = [(i, [site]) for i, site in enumerate(sweep.site_names())]
    for pair in (None, 0):
        assert_reach_of_patches(experiment, sweep, cells, pair)


def test_where_no_metric_reads(pairs: Experiment) -> None:
    """Patches after the last position that a metric reads change no metric, and reach the end."""
    experiment = one_pair(make_model("llama"), ["kl@2"])
    sweep = experiment.sweep(
        sites=["L1.mlp_out@-1", "L2.resid_post@-1"], reach=True, progress=False
    )
    assert sweep.effect.values.tolist() == [0, 0]
    cells = [(0, ["L1.mlp_out@-1"]), (1, ["L2.resid_post@-1"])]
    assert_reach_of_patches(experiment, sweep, cells)
    assert sweep.reach().resid_post_along.values[0, 1] != 0


def test_draws_are_means(pairs: Experiment) -> None:
    patch = Patch("L1.H2@-1", Resample(n=3, seed=1))
    sweep = pairs.sweep(sites=[patch, "L0.H1"], reach=True, progress=False)
    assert_reach_of_patches(pairs, sweep, [(0, [patch]), (1, ["L0.H1"])])


def test_cells_without_a_counterpart_or_unfinished_are_nan(pairs: Experiment) -> None:
    first = next(pairs.iter_sweep("z", batch=4, reach=True)).result.reach()
    done = ~np.isnan(first.resid_post_along.values).all(axis=-1)
    assert not done.any()
    last = [*pairs.iter_sweep("z", batch=4, reach=True)][-1].result.reach()
    assert last.identical(pairs.sweep("z", batch=4, reach=True, progress=False).reach())


def test_files_have_it(pairs: Experiment, tmp_path: Path) -> None:
    sweep = pairs.sweep("z", reach=True, progress=False)
    sweep.save(tmp_path / "heads.nc")
    loaded = SweepResult.load(tmp_path / "heads.nc")
    assert loaded.to_xarray().identical(sweep.to_xarray())
    assert loaded.reach(1).identical(sweep.reach(1))
    part = loaded.sel(layer=1, pair=[2])
    assert part.reach().z_along.values == pytest.approx(
        sweep.reach(2).z_along.sel(layer=1).values, nan_ok=True
    )


def test_misuse_is_explained(pairs: Experiment) -> None:
    with pytest.raises(PatchError, match=r"not recorded .* exp\.sweep\(\.\.\., reach=True\)"):
        pairs.sweep("z", progress=False).reach()
    with pytest.raises(TaskError, match=r"no pair 9; expected one of \[0, 1, 2"):
        pairs.sweep("z", reach=True, progress=False).reach(9)
