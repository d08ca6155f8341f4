"""Patches from where they begin against whole prompts: equal to rounding, in every family, direction and dataset."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch

from patchwidgets.errors import CounterpartError, WeightsChangedError
from patchwidgets.experiment.patch_result import PatchResult
from patchwidgets.experiment.patching import run_patch
from patchwidgets.facade import Experiment
from patchwidgets.models.model import Model
from patchwidgets.sites import Patch
from patchwidgets.sources.ablations import Resample, Zero
from patchwidgets.sweep import late_patching
from patchwidgets.sweep.continuation import late_form
from patchwidgets.sweep.late_patching import LatePatching
from patchwidgets.tasks import Task
from tests.support.families import CASES
from tests.support.sweeps import odd_sites, one_pair, several_pairs
from tests.support.toy_models import make_model
from tests.support.unequal_prompts import unequal_task

WHOLE_PROMPTS = {case for case, (family, _) in CASES.items() if family in ("bloom", "gpt_bigcode")}
"""Families that cannot go on from recorded keys and values."""


@pytest.fixture(scope="module", params=CASES)
def model(request: pytest.FixtureRequest) -> Model:
    return make_model(request.param)


def cells(experiment: Experiment) -> Iterator[tuple[Patch, ...]]:
    """Patches of every component that a click can mean, single and joint, with every source."""
    for given in odd_sites(experiment):
        yield tuple(map(Patch.of, given if isinstance(given, list) else [given]))
    has = experiment.model.components
    for component in ("resid_pre", "resid_mid", "resid_post", "attn_out", "mlp_out", "z", "q", "v"):
        if component in has:
            yield (Patch(f"L2.{component}@-1" if component in ("q", "z") else f"L1.{component}"),)
    yield (Patch("L2.H1"), Patch("L1.H3"), Patch("L1.mlp_out@2", "clean"))
    yield (Patch("L1.H0", "corrupted"),)
    yield (Patch("L0.mlp_out@0"),)
    yield (Patch("L1.attn_out", "host"),)
    yield (Patch("L1.H2", Zero()),)
    yield ()


def assert_equal(found: PatchResult, expected: PatchResult) -> None:
    """To rounding of logits whose size is that of these models'."""
    size = max(1.0, float(expected.experiment.host.logits.abs().max()))
    assert (found.logits - expected.logits).abs().max() <= 1e-4 * size
    for name, reading in expected.readings.items():
        gap = np.abs(found.readings[name].patched - reading.patched).max()
        assert gap <= 1e-4 * size, f"{found}: {name} is off by {gap}"
    for pair in (None, 0, len(expected.experiment.pairs) - 1):
        assert_same_reach(found, expected, pair)


def assert_same_reach(found: PatchResult, expected: PatchResult, pair: int | None) -> None:
    ours, theirs = found.reach(pair=pair), expected.reach(pair=pair)
    assert ours.pos == theirs.pos
    for component, along in theirs.along.items():
        assert np.array_equal(np.isnan(ours.along[component]), np.isnan(along))
        assert ours.along[component] == pytest.approx(along, abs=2e-3, nan_ok=True)
        assert ours.size[component] == pytest.approx(theirs.size[component], abs=2e-3, nan_ok=True)


@pytest.mark.parametrize("direction", ["denoise", "noise"])
@pytest.mark.parametrize("make", [one_pair, several_pairs])
def test_every_family_equals_whole_prompts(model: Model, make: Any, direction: Any) -> None:
    experiment = make(model, ["logit_diff", "kl", "rank"]).turned(direction)
    assert (late_form(experiment) is None) == (model.name in WHOLE_PROMPTS)
    given = list(cells(experiment))
    for cell, found in zip(given, LatePatching().run(experiment, given), strict=True):
        assert found.patches == cell
        assert_equal(found, run_patch(experiment, *cell, record_reach=True))


@pytest.mark.parametrize("case", ["llama", "gpt2", "gemma2"])
def test_answers_of_several_tokens(case: str) -> None:
    task = Task("w3 w14 w15 w9 w26", "w3 w14 w42 w9 w26", (" w8 w5", " w8 w6"), " w9 w7", {"X": 2})
    experiment = Experiment(make_model(case), task, ["answer_logprob", "kl"])
    given = [(Patch("L1.H2"),), (Patch("L1.mlp_out"), Patch("L2.H0@X"))]
    for cell, found in zip(given, LatePatching().run(experiment, given), strict=True):
        assert_equal(found, run_patch(experiment, *cell, record_reach=True))


@pytest.mark.parametrize("direction", ["denoise", "noise"])
def test_prompts_of_unequal_lengths(direction: Any) -> None:
    experiment = Experiment(make_model("llama"), unequal_task(), direction=direction)
    given = [(Patch("L1.H2@-1"),), (Patch("L0.mlp_out@-1"), Patch("L2.H0@-1"))]
    for cell, found in zip(given, LatePatching().run(experiment, given), strict=True):
        assert_equal(found, run_patch(experiment, *cell, record_reach=True))
    with pytest.raises(CounterpartError):
        LatePatching().run(experiment, [(Patch("L1.mlp_out@lone"),)])


def test_only_the_layers_from_the_patch_on_run() -> None:
    experiment = one_pair(make_model("llama"))
    patching, ran = LatePatching(), list[tuple[int, int]]()
    patching.run(experiment, [(Patch("L0.H1"),)])
    for layer, block in enumerate(experiment.model.layout.blocks):
        block.mlp.register_forward_pre_hook(
            lambda _module, args, layer=layer: ran.append((layer, args[0].shape[1]))
        )
    patching.run(experiment, [(Patch("L1.H1"),), (Patch("L2.H1"),)])
    assert ran == [(1, 5), (2, 5)]  # of 7 positions, the prompts differ from the third on
    ran.clear()
    patching.run(experiment, [(Patch("L2.H1@-1"),)])
    assert ran == [(2, 1)]


def test_nothing_runs_where_nothing_can_change() -> None:
    experiment = one_pair(make_model("llama"))
    patching, calls = LatePatching(), []
    patching.run(experiment, [(Patch("L0.H1"),)])
    experiment.model.layout.blocks[2].register_forward_pre_hook(lambda *_: calls.append(1))
    (found,) = patching.run(experiment, [(Patch("L1.mlp_out@0"),)])
    assert calls == []
    assert found.effect == 0
    assert torch.equal(found.logits, experiment.host.logits)
    assert np.nanmax(found.reach().size["resid_post"]) == 0


def test_what_a_patch_cannot_reach_did_not_move() -> None:
    experiment = one_pair(make_model("llama"))
    (found,) = LatePatching().run(experiment, [(Patch("L1.mlp_out@4"),)])
    reach = found.reach()
    for component in ("z", "attn_out", "mlp_out", "resid_post"):
        assert np.nanmax(reach.size[component][:2]) == 0, component
    assert np.nanmax(reach.size["resid_post"][2]) > 0


def test_several_draws_run_as_whole_prompts() -> None:
    experiment = several_pairs(make_model("llama"))
    cell = (Patch("L1.H2@-1", Resample(n=3, seed=0)),)
    (found,) = LatePatching().run(experiment, [cell])
    assert_equal(found, run_patch(experiment, *cell, record_reach=True))
    assert found.draws.shape == (3, 3)


def test_a_metric_that_reads_elsewhere() -> None:
    experiment = one_pair(make_model("llama"), ["logit_diff@3", "kl@2:5", "logit_diff"])
    given = [(Patch("L1.H2@4"),), (Patch("L1.H2"),)]
    for cell, found in zip(given, LatePatching().run(experiment, given), strict=True):
        assert_equal(found, run_patch(experiment, *cell, record_reach=True))


def test_many_rows_run_in_several_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    experiment = several_pairs(make_model("llama"))
    monkeypatch.setattr(late_patching, "MAX_TOKENS", 8)
    given = [(Patch(f"L{i % 3}.H{i % 4}"),) for i in range(6)]
    for cell, found in zip(given, LatePatching().run(experiment, given), strict=True):
        assert_equal(found, run_patch(experiment, *cell, record_reach=True))


def test_changed_weights_are_told() -> None:
    experiment = one_pair(make_model("llama"))
    patching = LatePatching()
    patching.run(experiment, [(Patch("L1.H2"),)])
    with torch.no_grad():
        next(experiment.model.layout.blocks[1].parameters()).add_(1)
    with pytest.raises(WeightsChangedError):
        patching.run(experiment, [(Patch("L1.H2"),)])


def test_the_user_s_layers_stay_as_they_are() -> None:
    experiment = one_pair(make_model("llama"))
    LatePatching().run(experiment, [(Patch("L2.H2"),)])
    assert all("forward" not in block.__dict__ for block in experiment.model.layout.blocks)
