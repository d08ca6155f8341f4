"""A pool of two spawned processes gives the numbers of this process to the last bit."""

import multiprocessing
import shutil
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pytest
import torch

import patchwidgets as pw
from patchwidgets.models.loading import TEACHING
from tests.executors.conftest import assert_same_bits


@pytest.fixture(scope="module")
def pool():
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as made:
        yield made


def test_a_sweep_has_the_same_bits(sums, pool):
    asked = {"component": "resid_pre", "over": ("layer", "pos"), "batch": 20, "progress": False}
    assert_same_bits(sums.sweep(**asked, executor=pool), sums.sweep(**asked))


def test_draws_and_reach_have_the_same_bits(sums, pool):
    asked = {
        "component": "z",
        "make": lambda site: pw.Patch(site, pw.sources.resample(n=3, seed=1)),
        "batch": 50,
        "reach": True,
        "progress": False,
    }
    far, here = sums.sweep(**asked, executor=pool), sums.sweep(**asked)
    assert_same_bits(far, here)
    for name, reach in here.reach().data_vars.items():
        assert np.array_equal(far.reach()[name].values, reach.values, equal_nan=True)
    assert np.array_equal(far.to_xarray()["draw_effect"], here.to_xarray()["draw_effect"])


def test_edges_have_the_same_bits(sums, pool):
    asked = {"batch": 100, "direction": "noise", "progress": False}
    assert_same_bits(sums.edges(**asked, executor=pool), sums.edges(**asked))


def test_a_curve_has_the_same_bits(sums, pool):
    scores = {f"L{layer}.H{head}": layer + head / 10 for layer in range(4) for head in range(4)}
    asked = {"fractions": (0.1, 0.5, 1), "n_random": 3, "progress": False}
    far, here = (sums.faithfulness_curve(scores, **asked, executor=each) for each in (pool, None))
    for metric in sums.metrics:
        for name in ("model", "nothing", "circuits", "random"):
            found, wanted = (getattr(each[metric], name) for each in (far, here))
            assert np.array_equal(found, wanted)


def test_workers_compute_with_as_many_threads_as_this_process(sums, pool, caplog):
    before = torch.get_num_threads()
    torch.set_num_threads(before + 1)
    try:
        asked = {"component": "z", "batch": 50, "progress": False}
        assert_same_bits(sums.sweep(**asked, executor=pool), sums.sweep(**asked))
    finally:
        torch.set_num_threads(before)


def test_weights_that_were_changed_are_refused(pool):
    model = pw.load()
    with torch.no_grad():
        model.layout.blocks[0].mlp.up_proj.weight.mul_(1.01)
    changed = pw.Experiment(model, pw.tasks.addition(n=1, seed=0))
    with pytest.raises(
        pw.errors.ExecutorError, match=r"the teaching model' has the weights .* pw\.load\(folder\)"
    ):
        changed.sweep("z", progress=False, executor=pool)


def test_errors_of_workers_arrive_with_their_text(pool, tmp_path):
    shutil.copytree(TEACHING, tmp_path / "model")
    model = pw.load(tmp_path / "model")
    gone = pw.Experiment(model, pw.tasks.addition(n=1, seed=0))
    shutil.rmtree(tmp_path / "model")
    with pytest.raises(pw.errors.LoadError, match="model") as caught:
        gone.sweep("z", progress=False, executor=pool)
    assert "This happened on a worker" in caught.value.__notes__[0]
