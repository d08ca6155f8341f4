"""What a sweep leaves out changes no result, and what is 0 for certain is exactly 0."""

from dataclasses import replace

import pytest

from patchwidgets.facade import Experiment
from patchwidgets.sites import Patch
from patchwidgets.sweep.grid import make_grid
from patchwidgets.sweep.request import SweepRequest
from patchwidgets.sweep.sweep import Sweep
from tests.support.families import N_LAYERS
from tests.support.sweeps import APART, assert_same, every_grid, several_pairs, sweep
from tests.support.toy_models import make_model


@pytest.mark.parametrize("metrics", [["logit_diff"], ["rank", "answer_prob"]])
@pytest.mark.parametrize("off", ["equal", "cone", "descent", "unembed"])
@pytest.mark.parametrize("case", ["llama", "gemma2", "cohere"])
def test_each_saving_changes_nothing(case: str, off: str, metrics: list[str]) -> None:
    experiment = several_pairs(make_model(case), metrics)
    grids = list(every_grid(experiment))
    whole = sweep(experiment, *grids)
    less = sweep(experiment, *grids, savings=replace(APART, **{off: False}))
    size = float(experiment.host.logits.abs().max())
    for one, other in zip(whole, less, strict=True):
        for name in metrics:
            assert one.effects[name] == pytest.approx(other.effects[name], abs=1e-5 * size)


def test_few_rows_join_an_earlier_group(llama: Experiment) -> None:
    """In the last layer heads begin at the last position, where a pass of their own would not pay."""
    grid = make_grid(llama, SweepRequest("z"))
    assert Sweep(llama, [grid], savings=APART).plan().groups == 2
    made = Sweep(llama, [grid])
    assert made.plan().groups == 1
    list(made.run())
    assert_same(llama, made.grid_values()[0])


def test_the_plan_counts_what_is_zero_for_certain(llama: Experiment) -> None:
    """By hand: 3 layers × 7 positions, the first two equal; in the last layer only position 6 is read."""
    plan = Sweep(llama, [make_grid(llama, SweepRequest("resid_pre"))], savings=APART).plan()
    assert (plan.sites, plan.zero, plan.runs, plan.method) == (21, 6, 15, "descent")
    plan = Sweep(
        llama, [make_grid(llama, SweepRequest("mlp_out", ("layer", "pos")))], savings=APART
    ).plan()
    assert (plan.sites, plan.zero, plan.runs) == (21, 3 * 2 + 4, 11)
    plan = Sweep(llama, [make_grid(llama, SweepRequest("z"))], savings=APART).plan()
    assert (plan.sites, plan.zero, plan.runs) == (12, 0, 12)
    assert "12 sites, 0 of them exactly 0 for certain; 12 runs" in repr(plan)
    pairs = several_pairs(llama.model)
    plan = Sweep(pairs, [make_grid(pairs, SweepRequest("z"))], savings=APART).plan()
    assert (plan.sites, plan.runs) == (12, 36)


def test_what_is_zero_for_certain_is_exactly_zero(llama: Experiment) -> None:
    sites = [
        "L0.resid_pre@0",
        "L1.H2@1",
        f"L{N_LAYERS - 1}.mlp_out@2",
        f"L{N_LAYERS - 1}.resid_post@:6",
        Patch("L1.mlp_out", "host"),
        Patch("L1.mlp_out", "corrupted"),
    ]
    (grid_values,) = sweep(llama, make_grid(llama, SweepRequest(sites=sites)))
    assert (grid_values.effects["logit_diff"] == 0).all()
    assert (grid_values.values["kl"] == llama.evaluation.values["corrupted"]["kl"]).all()


def test_an_earlier_patch_of_another_kind_takes_equal_activations_seriously(
    llama: Experiment,
) -> None:
    """Before the prompts differ, the source's value still undoes what a function changed."""
    patches = [Patch("L0.mlp_out@0", fn=lambda host, _source: host + 5), "L1.resid_pre@0"]
    (grid_values,) = sweep(llama, make_grid(llama, SweepRequest(sites=[patches])))
    assert_same(llama, grid_values)
