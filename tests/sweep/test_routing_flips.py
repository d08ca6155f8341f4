"""Sweeps of mixtures of experts: choices that flip are counted and reported."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import torch

from patchwidgets.facade import Experiment
from patchwidgets.models.model import Model
from patchwidgets.sweep.grid import make_grid
from patchwidgets.sweep.request import SweepRequest
from patchwidgets.sweep.savings import Savings
from patchwidgets.sweep.sweep import Sweep
from patchwidgets.tasks import Task
from tests.support.families import N_LAYERS, VOCABULARY, random_model
from tests.support.sweeps import APART, one_pair, several_pairs
from tests.support.toy_models import make_model
from tests.support.toy_tokenizer import toy_tokenizer

MIXTURES = ("mixtral", "qwen3_moe", "gpt_oss")


@pytest.mark.parametrize("case", MIXTURES)
def test_routers_are_found_and_watched(case: str) -> None:
    model = make_model(case)
    assert set(model.layout.routers) == {("routing", layer) for layer in range(N_LAYERS)}
    experiment = several_pairs(model)
    s = experiment.sweep("z", progress=False)
    n = per_sweep(experiment)
    assert s.attrs["routing"] == f"0 of {n} choices of experts flipped in unpatched rows"
    assert repr(s).endswith(f"; 0 of {n} choices of experts flipped in unpatched rows)")
    assert s.attrs["routing_flips"] == 0


def per_sweep(experiment: Experiment) -> int:
    """Tokens of the unpatched rows times layers, over the groups of all heads."""
    made = Sweep(experiment, [make_grid(experiment, SweepRequest("z"))])
    groups = [group for _, groups in made._pair_batches for group in groups]
    return sum(len(group.pairs) * group.positions * N_LAYERS for group in groups)


def test_other_models_have_no_routing() -> None:
    s = one_pair(make_model("llama")).sweep("z", progress=False)
    assert s.attrs["routing"] == ""
    assert "experts" not in repr(s)


@pytest.fixture
def turned_choice() -> Iterator[Any]:
    """In one layer and every pass that goes on from a cache, another expert for the host's last token."""
    handles = []

    def turn(experiment: Experiment, layer: int) -> None:
        router = experiment.model.layout.routers[("routing", layer)].module

        def other(_module: Any, _args: Any, output: Any) -> Any:
            logits, scores, chosen = output
            if len(chosen) not in (7, 14):  # the whole prompts, alone or both together
                n = turn.positions  # type: ignore[attr-defined]
                chosen = chosen.clone()
                left = set(range(4)) - set(chosen[n - 1].tolist())
                chosen[n - 1, 0] = min(left)
            return logits, scores, chosen

        handles.append(router.register_forward_hook(other))

    yield turn
    for handle in handles:
        handle.remove()


def test_each_flip_is_counted_and_said(
    turned_choice: Any, recwarn: pytest.WarningsRecorder
) -> None:
    """The prompts differ first at token 2, so the host's row is 5 tokens; then at 5, and in the last layer at 6."""
    experiment = one_pair(make_model("mixtral"))
    grid = make_grid(experiment, SweepRequest(sites=["L0.H1", "L1.mlp_out@3", "L1.H2@5"]))
    made = Sweep(experiment, [grid], savings=APART)
    groups = [group for _, groups in made._pair_batches for group in groups]
    turned_choice.positions = groups[0].positions
    turned_choice(experiment, 1)
    made.compute_next()
    assert (made.grid_values()[0].flips.flips, made.grid_values()[0].flips.choices) == (
        1,
        5 * N_LAYERS,
    )
    for group in groups[1:]:
        turned_choice.positions = group.positions
        made.compute_next()
    assert made.grid_values()[0].flips.flips == len(groups) == 3
    assert any("mixture of experts; 3 of" in str(each.message) for each in recwarn)
    assert made.grid_values()[0].noise_floor["logit_diff"] > 1e-3


def near_tied() -> Model:
    """Experts 0 and 1 are the same to the router, up to rounding, and chosen or not as rounding says."""
    hf_model = random_model("mixtral", num_experts_per_tok=1)
    for block in hf_model.model.layers:
        weight = block.mlp.gate.weight.data
        weight[0] *= 4
        weight[1] = weight[0] * (1 + 1e-7 * torch.randn(weight.shape[1]))
        weight[2:] *= 0.01
    return Model(hf_model, toy_tokenizer(VOCABULARY), "near-tied")


def random_prompts(n: int) -> Iterator[Task]:
    generator = torch.Generator().manual_seed(1)
    for ids in torch.randint(4, VOCABULARY, (n, 9), generator=generator).tolist():
        other = [*ids[:2], (ids[2] + 1) % 50 + 4, *ids[3:]]
        yield Task(*(" ".join(f"w{i}" for i in row) for row in (ids, other)), " w8", " w9")


@pytest.mark.parametrize("savings", [APART, replace(APART, cone=False, descent=False)])
def test_rounding_flips_near_ties(savings: Savings, recwarn: pytest.WarningsRecorder) -> None:
    """Which ones is up to the processor; that there are some, and that they jump, is not."""
    model, flips, choices, floors = near_tied(), 0, 0, []
    for task in random_prompts(20):
        experiment = Experiment(model, task)
        made = Sweep(experiment, [make_grid(experiment, SweepRequest("z"))], savings=savings)
        list(made.run())
        (grid_values,) = made.grid_values()
        flips, choices = flips + grid_values.flips.flips, choices + grid_values.flips.choices
        if grid_values.flips.flips:
            floors.append(grid_values.noise_floor["logit_diff"])
            says = f"near-tied is a mixture of experts; {grid_values.flips}"
            assert any(says in str(each.message) for each in recwarn)
    assert 0 < flips < choices
    assert max(floors) > 1e-2
