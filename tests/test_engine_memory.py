"""The memory that a sweep takes above the model stays inside the budget that was asked for."""

from pathlib import Path

import pytest

import patchwidgets as pw
from benchmarks.memory import peak_above
from patchwidgets.engine import Request, Sweep, make_grid
from patchwidgets.model import Model


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="Linux tells the peak")
def test_32_pairs_of_names_stay_inside_the_budget(smollm2: Model) -> None:
    experiment = pw.Experiment(smollm2, pw.tasks.ioi(n=32, seed=0))
    grid = make_grid(experiment, Request("z", layers=[20]))
    budget = 160 * 2**20
    list(Sweep(experiment, [make_grid(experiment, Request("z", layers=[29]))], budget=budget).run())
    made = Sweep(experiment, [grid], budget=budget)
    assert made.plan().memory <= budget
    assert made.plan().runs == 9 * 32
    assert peak_above(lambda: list(made.run())) <= budget
