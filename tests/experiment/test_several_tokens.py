"""Answers of several tokens: their joint probability, against one forward pass per token by hand."""

import numpy as np
import pytest
import torch

from patchwidgets.errors import MetricError
from patchwidgets.facade import Experiment
from patchwidgets.models.model import Model
from patchwidgets.sites import Patch
from patchwidgets.tasks import Task
from tests.support.families import VOCABULARY, random_model
from tests.support.toy_tokenizer import toy_tokenizer

CLEAN, CORRUPTED = "w3 w14 w15 w9 w26", "w3 w14 w42 w9 w26"
METRICS = ["logit_diff", "answer_logprob", "answer_prob", "prob_diff", "kl"]


@pytest.fixture(scope="module", params=["llama", "gpt2", "bloom", "mixtral"])
def model(request: pytest.FixtureRequest) -> Model:
    return Model(random_model(request.param), toy_tokenizer(VOCABULARY))


@pytest.fixture(scope="module")
def experiment(model: Model) -> Experiment:
    task = Task(CLEAN, CORRUPTED, (" w8 w9 w10", " w7"), " w11 w12")
    return Experiment(model, task, METRICS)


def ids(text: str) -> list[int]:
    return [int(word[1:]) for word in text.split()]


def by_hand(model: Model, prompt: str, answer: str, *patches: Patch) -> float:
    """The joint log-probability, a pass per token, the prompt patched in each."""
    total, text = 0.0, ids(prompt)
    for token in ids(answer):
        with torch.no_grad():
            if patches:
                with model.patching(*patches):
                    logits = model.hf_model(torch.tensor([text]), use_cache=False).logits
            else:
                logits = model.hf_model(torch.tensor([text]), use_cache=False).logits
        total += float(logits[0, -1].log_softmax(-1)[token])
        text.append(token)
    return total


def scores(model: Model, prompt: str, *patches: Patch) -> dict[str, float]:
    answers = [by_hand(model, prompt, text, *patches) for text in ("w8 w9 w10", "w7")]
    answer, foil = float(np.logaddexp(*answers)), by_hand(model, prompt, "w11 w12", *patches)
    return {
        "logit_diff": answer - foil,
        "answer_logprob": answer,
        "answer_prob": np.exp(answer),
        "prob_diff": np.exp(answer) - np.exp(foil),
    }


def test_the_unpatched_runs(experiment: Experiment) -> None:
    for run, prompt in ((experiment.clean, CLEAN), (experiment.corrupted, CORRUPTED)):
        expected = scores(experiment.model, prompt)
        assert {name: run.values[name] for name in expected} == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(
    "site", ["L1.H2@2", "L0.mlp_out@2:4", "L1.H1.pattern@3", "L2.attn_out@4", "L1.v@1"]
)
@pytest.mark.parametrize("direction", ["denoise", "noise"])
def test_a_patch_of_the_prompt_alone(experiment: Experiment, site: str, direction: str) -> None:
    turned = experiment.turned(direction)  # type: ignore[arg-type]
    if (
        site.split(".")[-1].split("@")[0] not in ("v", "pattern")
        or "v" in experiment.model.components
    ):
        result = turned.patch(site)
        source = turned.source[site]
        host = CORRUPTED if direction == "denoise" else CLEAN
        if (
            "pattern" not in site
        ):  # by hand the pattern would need as many keys as the text has by then
            expected = scores(experiment.model, host, Patch(site, source))
            assert {n: result[n].value for n in expected} == pytest.approx(expected, abs=1e-5)
        plain = experiment.measuring("kl")
        single = Experiment(
            plain.model, Task(CLEAN, CORRUPTED, " w8", " w9"), "kl", turned.direction
        )
        assert torch.allclose(result.logits, single.patch(site).logits, atol=1e-5)
        assert result["kl"].value == pytest.approx(single.patch(site).value, abs=1e-5)


def test_all_positions_are_those_of_the_prompt(experiment: Experiment) -> None:
    whole = experiment.patch("L0.resid_pre")
    assert whole["answer_logprob"].value == pytest.approx(
        experiment.clean.values["answer_logprob"], abs=1e-5
    )
    assert whole.recovery == pytest.approx(1, abs=1e-4)
    attention = experiment.patch("L0.resid_pre", "L1.pattern", "L1.v")
    assert attention.recovery == pytest.approx(1, abs=1e-4)
    later = experiment.patch(
        "L1.resid_pre"
    )  # the tokens behind the prompt read its layer 0 as it was
    assert abs(later.recovery - 1) > 0.01


def test_a_dataset_is_its_pairs(model: Model) -> None:
    """Pairs of unequal length, answers of one and of several tokens, one of them without a second alternative."""
    clean, corrupted = [CLEAN, "w5 w6 w7", CLEAN], [CORRUPTED, "w5 w8 w7", "w1 w14 w15 w9 w26"]
    answers = [" w8 w9", " w10", (" w8", " w9 w10 w11")]
    together = Experiment(model, Task(clean, corrupted, answers, " w13"), METRICS)
    result = together.patch("L1.H2", record_reach=True)
    for i in range(3):
        alone = Experiment(model, together.task.pair(i), METRICS).patch("L1.H2")
        for name in METRICS:
            assert result[name].per_pair.value[i] == pytest.approx(alone[name].value, abs=1e-5)
    assert result.reach().along["z"] == pytest.approx(
        together.patch("L1.H2").reach().along["z"], abs=1e-4, nan_ok=True
    )


def test_metrics_of_one_token_are_refused(model: Model) -> None:
    task = Task(CLEAN, CORRUPTED, " w8 w9", " w10")
    for metric in ("answer_logit", "rank"):
        with pytest.raises(MetricError, match=f"{metric} is defined for one token"):
            Experiment(model, task, metric)
    with pytest.raises(MetricError, match="in a pass of their own"):
        Experiment(model, task).evaluation.measure(torch.zeros(1, VOCABULARY), [0])


def test_a_callable_gets_the_joint_probabilities_and_no_first_token(model: Model) -> None:
    seen = {}

    def mine(readout):  # type: ignore[no-untyped-def]
        seen["ids"] = (readout.answer_ids, readout.foil_ids)
        return readout.answer_logprobs

    found = Experiment(model, Task(CLEAN, CORRUPTED, " w8 w9 w10"), mine)
    assert seen["ids"] == ([[]], None)
    assert found.clean.value == pytest.approx(by_hand(model, CLEAN, "w8 w9 w10"), abs=1e-5)
