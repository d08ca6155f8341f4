"""The noise floor in each metric's own unit: wide enough for every sweep, and no wider than the unit asks for."""

from typing import Any

import numpy as np
import pytest
import torch

import patchwidgets as pw
from patchwidgets.experiment.noise import Repeated, Scores, noise_floor
from patchwidgets.facade import Experiment
from patchwidgets.metrics import METRICS
from patchwidgets.models.model import Model
from patchwidgets.sweep.grid import Grid, make_grid
from patchwidgets.sweep.request import SweepRequest
from patchwidgets.tasks import Task
from tests.support.families import CASES
from tests.support.sweeps import every_grid, one_by_one, one_pair, several_pairs, sweep
from tests.support.toy_models import make_model

EVERY_METRIC = list(METRICS)


def assert_covered(experiment: Experiment, *grids: Grid) -> None:
    """The floor that a sweep claims is at least how far its values are from those of single patches."""
    for grid_values in sweep(experiment, *grids):
        for name, expected in one_by_one(experiment, grid_values.grid).items():
            gap = np.abs(grid_values.values[name] - expected).max()
            assert gap <= grid_values.noise_floor[name], f"{name}: off by {gap}"


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("case", CASES)
def test_no_sweep_is_off_by_more(case: str, dtype: torch.dtype) -> None:
    experiment = several_pairs(make_model(case, dtype), EVERY_METRIC)
    assert_covered(experiment, *every_grid(experiment))


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("task", [pw.tasks.ioi(3), pw.tasks.addition(3)], ids=["ioi", "addition"])
def test_no_sweep_of_the_teaching_model_is_off_by_more(task: Task, dtype: Any) -> None:
    experiment = Experiment(pw.load(dtype=dtype), task, EVERY_METRIC)
    grids = [make_grid(experiment, SweepRequest(component)) for component in ("z", "mlp_out")]
    assert_covered(experiment, *grids)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_no_sweep_of_smollm2_is_off_by_more(names: Task, dtype: Any) -> None:
    experiment = Experiment(pw.load("smollm2", dtype=dtype), names, EVERY_METRIC)
    sites = [
        f"L{layer}.{part}" for layer in (0, 9, 20, 23, 26, 29) for part in ("H3", "mlp_out@-1")
    ]
    assert_covered(experiment, make_grid(experiment, SweepRequest(sites=sites)))


def test_probabilities_have_a_floor_of_their_own() -> None:
    """In bfloat16 logits near 12 are 1/16 apart, so a logit difference has a floor of 1/8; probabilities are finer."""
    model = make_model("llama", torch.bfloat16)
    model.hf_model.lm_head.weight.data *= 8
    experiment = one_pair(model, ["logit_diff", "answer_prob", "answer_logprob"])
    largest = max(float(run.logits.abs().max()) for run in (experiment.clean, experiment.corrupted))
    assert 8 <= largest < 32
    floor = experiment.noise_floor
    assert floor["logit_diff"] >= 2 * 2**-7 * 8
    assert floor["answer_prob"] <= floor["logit_diff"] / 4 + 1e-3  # p (1 - p) is at most a quarter


def test_a_probability_of_a_half_against_a_twentieth_is_defined_in_bfloat16() -> None:
    """Logits near 20 are 1/8 apart in bfloat16: noise of the size of that moves 0.5 by 0.06 at most, not by 1/4."""
    experiment = one_pair(make_model("llama"), ["answer_prob"])
    clean, corrupted = torch.full((2, 1, 61), -9.0)
    clean[0, 8:10], corrupted[0, 8:10] = torch.tensor([20.0, 20.0]), torch.tensor([17.0, 20.0])
    scores = [Scores(each, None) for each in (clean, corrupted)]
    runs = [Repeated(each, each, [each]) for each in scores]
    floor = noise_floor(experiment.evaluation, [0], *runs, torch.bfloat16)["answer_prob"]
    assert floor == pytest.approx(1 / (1 + np.exp(-0.25)) - 0.5, abs=1e-4)
    assert floor < 0.5 - 0.0474


def test_a_divergence_from_itself_is_not_clamped_and_within_its_floor(toy: Model) -> None:
    """Noise of the logits gives tiny divergences of either sign; the floor covers them."""
    experiment = one_pair(toy, ["kl"])
    entries = experiment.evaluation.read_positions.entries([0])
    logits = experiment.clean.logits
    values = []
    for seed in range(200):
        noise = torch.randn(logits.shape, generator=torch.Generator().manual_seed(seed)) * 1e-7
        measured = experiment.evaluation.measure_entries(logits * (1 + noise), entries)
        values.append(float(measured["kl"][0]))
    assert min(values) < 0 < max(values)
    assert max(map(abs, values)) <= experiment.noise_floor["kl"]


def test_what_repetitions_show_is_in_the_floor(toy: Model) -> None:
    """A repetition in which the answer's logit is 0.25 higher: that is the noise of the logits."""
    experiment = one_pair(toy, ["answer_logit", "logit_diff", "rank"])
    run = {
        name: Scores(each.logits, None)
        for name, each in experiment.measurements.baselines._runs.items()
    }
    off = run["corrupted"].logits.clone()
    off[0, 8] += 0.25
    floor = noise_floor(
        experiment.evaluation,
        [0],
        Repeated(run["clean"], run["clean"], [run["clean"]]),
        Repeated(run["corrupted"], run["corrupted"], [Scores(off, None)]),
        torch.float32,
    )
    assert floor["answer_logit"] == pytest.approx(0.25, abs=1e-5)
    assert floor["logit_diff"] == pytest.approx(0.5, abs=1e-5)
