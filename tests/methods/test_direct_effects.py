"""Direct effects: by their definition in two runs, adding up with the norm frozen, and the reference numbers."""

from typing import Any

import numpy as np
import pytest

from patchwidgets.edges import Path
from patchwidgets.errors import PatchError, SiteError
from patchwidgets.facade import Experiment
from patchwidgets.tasks import Task
from tests.support.sweeps import one_pair, several_pairs
from tests.support.toy_models import make_model
from tests.support.two_runs import TwoRuns

CASES = ["llama", "gpt2", "gptj", "gemma2", "granite", "bloom"]


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("direction", ["denoise", "noise"])
def test_they_equal_two_runs(case: str, direction: Any) -> None:
    experiment = several_pairs(make_model(case)).turned(direction)
    size = max(1.0, float(experiment.host.logits.abs().max()))
    components = {"z", "mlp_out", "attn_out", "neuron"} & set(experiment.model.components)
    for component in sorted(components):
        over = ("layer", "neuron", "pos_name") if component == "neuron" else None
        layers = [1] if component == "neuron" else None
        result = experiment.direct_effects(component, over, layers=layers, progress=False)  # type: ignore[arg-type]
        effects = result.to_xarray()["effect"].sel(metric="logit_diff").values.reshape(-1, 3)
        for pair in range(3):
            slow = TwoRuns(experiment, pair, ("attn", "mlp"))
            for site, effect in list(zip(result.site_names(), effects[:, pair], strict=True))[:30]:
                expected = slow.effect(Path.parse(f"{site}->logits"))
                assert effect == pytest.approx(expected, abs=1e-4 * size), (site, pair)


UNCAPPED = [case for case in CASES if case != "gemma2"]
"""Without a soft cap of the logits: behind one nothing adds up."""


@pytest.mark.parametrize("case", [*UNCAPPED, "gemma3_text"])
def test_with_the_norm_frozen_the_parts_add_up_to_the_whole(case: str) -> None:
    experiment = several_pairs(make_model(case))
    # Behind a norm of a block, what single heads add does not sum to what attention adds.
    attention = "attn_out" if case == "gemma3_text" else "z"
    parts = [
        experiment.direct_effects(component, norm="frozen", progress=False, **more)  # type: ignore[arg-type]
        for component, more in (
            (attention, {}),
            ("mlp_out", {}),
            ("embed", {"over": ("pos_name",)}),
        )
    ]
    total = sum(float(part.effect.sum()) for part in parts)
    whole = parts[0].attrs["whole"]
    assert abs(whole) > 1e-4
    assert total == pytest.approx(whole, abs=2e-6 * max(1.0, abs(whole)))
    assert parts[0].attrs["sum"] == pytest.approx(float(parts[0].effect.sum()))
    assert "direct effects with the norm frozen, together" in repr(parts[0])


def test_reference_numbers(smollm2: Any, names: Any) -> None:
    experiment = Experiment(smollm2, names)
    heads = experiment.direct_effects("z", progress=False)
    expected = {
        "L23.H3": 5.8413,
        "L29.H1": 2.8316,
        "L29.H0": -2.0966,
        "L24.H4": -1.8622,
        "L23.H0": 1.6823,
    }
    assert heads.top_sites(5) == list(expected)
    effects = dict(zip(heads.site_names(), heads.effect.values.ravel(), strict=True))
    for site, effect in (expected | {"L20.H0": -0.4759}).items():
        assert effects[site] == pytest.approx(effect, abs=2e-4), site
    mlps = experiment.direct_effects("mlp_out", progress=False).effect.values
    assert mlps[[26, 29, 23, 24]] == pytest.approx([1.0978, 0.8706, 0.8420, -0.4443], abs=2e-4)


def test_frozen_direct_effects_of_smollm2_add_up(smollm2: Any, names: Any) -> None:
    experiment = Experiment(smollm2, names)
    parts = [
        experiment.direct_effects(component, norm="frozen", progress=False)  # type: ignore[arg-type]
        for component in ("z", "mlp_out", "embed")
    ]
    total = sum(float(part.effect.sum()) for part in parts)
    assert total == pytest.approx(11.2530, abs=2e-4)
    assert total == pytest.approx(parts[0].attrs["whole"], abs=1e-6)


def test_a_file_keeps_what_they_add_up_to(toy_experiment: Any, tmp_path: Any) -> None:
    result = toy_experiment.direct_effects("z", norm="frozen", progress=False)
    result.save(tmp_path / "direct.nc")
    loaded = type(result).load(tmp_path / "direct.nc")
    assert repr(loaded) == repr(result)
    assert np.array_equal(loaded.effect.values, result.effect.values)


def test_other_metrics_with_a_frozen_norm() -> None:
    """With full logits: KL is read from the same changed states."""
    experiment = one_pair(make_model("llama"), ["kl", "logit_diff"])
    frozen = experiment.direct_effects("mlp_out", norm="frozen", progress=False)
    live = experiment.direct_effects("mlp_out", progress=False)
    assert frozen.effect.shape == live.effect.shape == (3,)
    assert not np.allclose(frozen.effect, live.effect, atol=1e-5)
    alone = one_pair(make_model("llama"), ["logit_diff"])
    again = alone.direct_effects("mlp_out", norm="frozen", progress=False)
    both = frozen.over_pairs("logit_diff")["effect"].values
    assert both == pytest.approx(again.effect.values, abs=1e-4)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"component": "resid_pre"}, "'resid_pre' has no direct effect: it writes nothing"),
        ({"component": "q"}, "'q' has no direct effect"),
        ({"component": "z", "norm": "fixed"}, "norm is 'fixed'; expected 'live' or 'frozen'"),
    ],
)
def test_misuse(toy_experiment: Any, arguments: dict[str, Any], says: str) -> None:
    with pytest.raises(PatchError, match=says):
        toy_experiment.direct_effects(**arguments)


@pytest.mark.parametrize("metric", ["kl", "answer_prob", "prob_diff", "answer_logprob", "rank"])
def test_metrics_that_are_not_linear_in_logits_have_no_sum(metric: str) -> None:
    """Their parts add up to something else than the whole."""
    frozen = one_pair(make_model("llama"), [metric, "logit_diff"]).direct_effects(
        "mlp_out", norm="frozen", progress=False
    )
    assert not {"sum", "whole"} & frozen.attrs.keys()
    assert repr(frozen).endswith("denoise; direct effects with the norm frozen)")


@pytest.mark.parametrize(
    ("answer", "foil", "metric", "adds_up"),
    [
        (" w8", " w9", "logit_diff", True),
        (" w8", (" w9", " w10"), "answer_logit", True),
        (" w8", None, "answer_logit", True),
        (" w8", (" w9", " w10"), "logit_diff", False),
        ((" w8", " w10"), " w9", "logit_diff", False),
        ((" w8", " w10"), " w9", "answer_logit", False),
    ],
)
def test_alternatives_do_not_add_up(answer: Any, foil: Any, metric: str, adds_up: bool) -> None:
    """A log-sum-exp is not linear; one such pair is enough."""
    model = make_model("llama")
    clean, corrupted = "w3 w14 w15 w9 w26", "w3 w14 w42 w9 w26"
    task = Task(
        [clean] * 2, [corrupted] * 2, [" w8", answer], None if foil is None else [" w9", foil]
    )
    result = Experiment(model, task, metric).direct_effects("z", norm="frozen", progress=False)
    assert ("sum" in result.attrs) == adds_up
    assert ("together" in repr(result)) == adds_up


def test_capped_logits_do_not_add_up() -> None:
    result = one_pair(make_model("gemma2"), ["logit_diff"])
    assert "sum" not in result.direct_effects("mlp_out", norm="frozen", progress=False).attrs


def test_a_component_that_there_is_not_is_not_said_to_write_nothing(toy_experiment: Any) -> None:
    with pytest.raises(
        SiteError, match=r"Unknown component 'heads'.* Did you mean z \(the heads\)\?"
    ):
        toy_experiment.direct_effects("heads")
