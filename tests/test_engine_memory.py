"""The memory that a sweep takes above the model stays inside the budget that was asked for."""

from pathlib import Path

import pytest

import patchwidgets as pw
from benchmarks.memory import peak_above
from patchwidgets.engine import Request, Sweep, make_grid
from patchwidgets.model import Model


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="Linux tells the peak")
@pytest.mark.parametrize(
    ("layers", "mib", "metric"),
    [([12, 20, 28], 160, "logit_diff"), ([20, 28], 300, "logit_diff"), ([24, 28], 160, "kl")],
)
def test_32_pairs_of_names_stay_inside_the_budget(
    smollm2: Model, layers: list[int], mib: int, metric: str
) -> None:
    """Early and late layers, several groups; all 270 heads take minutes: ``python -m benchmarks.memory``."""
    experiment = pw.Experiment(smollm2, pw.tasks.ioi(n=32, seed=0), metric)
    budget = mib * 2**20
    list(Sweep(experiment, [make_grid(experiment, Request("z", layers=[29]))], budget=budget).run())
    made = Sweep(experiment, [make_grid(experiment, Request("z", layers=layers))], budget=budget)
    plan = made.plan()
    assert plan.memory <= budget
    assert plan.runs == 9 * 32 * len(layers)
    assert plan.groups >= 2
    assert peak_above(lambda: list(made.run())) <= budget


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="Linux tells the peak")
def test_recording_every_layer_stays_inside_the_budget(smollm2: Model) -> None:
    experiment = pw.Experiment(smollm2, pw.tasks.ioi(n=32, seed=0))
    budget = 160 * 2**20
    made = Sweep(experiment, [make_grid(experiment, Request("z"))], budget=budget)
    assert (made.plan().runs, made.plan().memory <= budget) == (270 * 32, True)
    list(Sweep(experiment, [make_grid(experiment, Request("z", layers=[29]))], budget=budget).run())
    assert peak_above(lambda: [made.step() for _ in range(2)]) <= budget
