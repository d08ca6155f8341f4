"""What a sweep takes above the model."""

import pytest

import patchwidgets as pw
from benchmarks.memory import peak_above
from patchwidgets.sweep.grid import make_grid
from patchwidgets.sweep.plan import Plan
from patchwidgets.sweep.request import SweepRequest
from patchwidgets.sweep.sweep import Sweep
from tests.support.own_process import alone, needs_linux

pytestmark = needs_linux


def planned_and_peak(
    layers: list[int] | None, budget: int, metric: str, steps: int | None
) -> tuple[Plan, int]:
    """Heads of 32 pairs of names: all groups, or the first `steps` of them."""
    experiment = pw.Experiment(pw.load("smollm2"), pw.tasks.ioi(n=32, seed=0), metric)
    warm, made = (
        Sweep(experiment, [make_grid(experiment, SweepRequest("z", layers=each))], budget=budget)
        for each in ([29], layers)
    )
    list(warm.run())
    plan = made.plan()
    groups = plan.groups if steps is None else steps
    return plan, peak_above(lambda: [made.compute_next() for _ in range(groups)])


@pytest.mark.parametrize(
    ("layers", "mib", "metric"),
    [([12, 20, 28], 160, "logit_diff"), ([20, 28], 300, "logit_diff"), ([24, 28], 160, "kl")],
)
def test_32_pairs_of_names_stay_inside_the_budget(layers: list[int], mib: int, metric: str) -> None:
    """Early and late layers, several groups; all 270 heads take minutes: ``python -m benchmarks.memory``."""
    budget = mib * 2**20
    plan, peak = alone(planned_and_peak, layers, budget, metric, None)
    assert plan.memory <= budget
    assert plan.runs == 9 * 32 * len(layers)
    assert plan.groups >= 2
    assert peak <= budget


def test_recording_every_layer_stays_inside_the_budget() -> None:
    budget = 160 * 2**20
    plan, peak = alone(planned_and_peak, None, budget, "logit_diff", 2)
    assert (plan.runs, plan.memory <= budget) == (270 * 32, True)
    assert peak <= budget
