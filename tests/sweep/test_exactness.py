"""Sweeps against one full forward pass per site: equal to the noise floor, in every family and dtype."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from patchwidgets.facade import Experiment
from patchwidgets.models.model import Model
from patchwidgets.sweep.grid import make_grid
from patchwidgets.sweep.passes import RECORDED_TOGETHER
from patchwidgets.sweep.request import SweepRequest
from patchwidgets.sweep.sweep import Sweep
from patchwidgets.tasks import Task
from tests.support.families import CASES, N_HEADS, N_LAYERS
from tests.support.sweeps import (
    APART,
    METRICS,
    assert_same,
    every_grid,
    one_by_one,
    one_pair,
    several_pairs,
    sweep,
)
from tests.support.toy_models import make_model

PLAIN = {case for case, (family, _) in CASES.items() if family in ("bloom", "gpt_bigcode")}
"""Families that size something by the first batch, so that no rows can join."""
WINDOWED = ("mistral", "gemma2", "gemma3_text", "qwen2", "phi3", "starcoder2", "gpt_neo")


@pytest.fixture(scope="module", params=CASES)
def model(request: pytest.FixtureRequest) -> Model:
    return make_model(request.param)


@pytest.mark.parametrize("direction", ["denoise", "noise"])
@pytest.mark.parametrize("make", [one_pair, several_pairs])
def test_every_family_equals_one_forward_per_site(model: Model, make: Any, direction: Any) -> None:
    experiment = make(model).turned(direction)
    for grid_values in sweep(experiment, *every_grid(experiment)):
        assert_same(experiment, grid_values)
        assert grid_values.method == ("plain" if model.name in PLAIN else "descent")


def test_every_position_of_one_pair(model: Model) -> None:
    experiment = one_pair(model)
    grids = [
        make_grid(experiment, SweepRequest(component, ("layer", "pos")))
        for component in ("resid_pre", "attn_out", "mlp_out")
    ]
    heads = make_grid(experiment, SweepRequest("z", ("layer", "head", "pos")))
    assert heads.shape == (N_LAYERS, N_HEADS, 7)
    for grid_values in sweep(experiment, *grids, heads):
        assert_same(experiment, grid_values)
        assert (
            grid_values.effects["logit_diff"].reshape(*grid_values.grid.shape)[..., :2] == 0
        ).all()


@pytest.mark.parametrize("case", WINDOWED)
def test_prompts_longer_than_the_window(case: str) -> None:
    config = {"window_size": 3} if case == "gpt_neo" else {"sliding_window": 3}
    model = make_model(case, **config)
    words = [f"w{i}" for i in (3, 14, 15, 9, 26, 5, 35, 8, 10, 22, 11)]
    other = [*words[:3], "w40", *words[4:]]
    experiment = Experiment(model, Task(" ".join(words), " ".join(other), " w8", " w9"), METRICS)
    grids = [
        make_grid(experiment, SweepRequest(component, ("layer", "pos")))
        for component in ("resid_pre", "attn_out")
    ]
    for grid_values in sweep(experiment, *grids):
        assert_same(experiment, grid_values)


@pytest.mark.parametrize("case", ["llama", "gpt2", "gemma2"])
def test_float64(case: str) -> None:
    experiment = several_pairs(make_model(case, torch.float64))
    for grid_values in sweep(experiment, *every_grid(experiment)):
        assert_same(experiment, grid_values, 1e-10)


@pytest.mark.parametrize("case", CASES)
def test_bfloat16_to_its_own_floor(case: str) -> None:
    """Two spacings of the largest logit, or what unpatched rows of the same passes show, if that is more."""
    experiment = several_pairs(make_model(case, torch.bfloat16))
    largest = max(float(run.logits.abs().max()) for run in (experiment.clean, experiment.corrupted))
    two_spacings = 2 * 2.0 ** (math.floor(math.log2(largest)) - 7)
    effects = []
    for grid_values in sweep(experiment, *every_grid(experiment)):
        for name, expected in one_by_one(experiment, grid_values.grid).items():
            floor = grid_values.noise_floor[name]
            assert np.abs(grid_values.values[name] - expected).max() <= floor, name
            assert floor <= 2 * two_spacings, name
            effects.append(np.abs(grid_values.effects[name]).max() / floor)
    assert max(effects) > 2, "nothing would show"


@pytest.mark.parametrize("case", ["llama", "mixtral", "bloom"])
def test_sources_recorded_on_their_own(case: str) -> None:
    """As with many prompts; few run beside the host's."""
    starts = [f"w{i} w14" for i in range(1 + RECORDED_TOGETHER // 5)]
    clean, corrupted = (
        [f"{start} {rest}" for start in starts] for rest in ("w15 w9 w26", "w42 w9 w26")
    )
    task = Task(clean, corrupted, " w8", " w9", {"subject": 2, "end": -1})
    experiment = Experiment(make_model(case), task, METRICS)
    assert experiment.host.batches[0].ids.numel() > RECORDED_TOGETHER
    for grid_values in sweep(experiment, *every_grid(experiment)):
        assert_same(experiment, grid_values)


def test_no_savings_at_all_is_a_batch_of_whole_prompts(model: Model) -> None:
    experiment = several_pairs(model)
    grid = make_grid(experiment, SweepRequest("z"))
    none = replace(APART, equal=False, cone=False, descent=False, unembed=False)
    made = Sweep(experiment, [grid], savings=none)
    assert made.plan().zero == 0
    list(made.run())
    assert_same(experiment, made.grid_values()[0])
