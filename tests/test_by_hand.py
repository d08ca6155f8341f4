"""A model small enough to work out on paper: one layer, one head, four orthogonal directions, and every number known.

The embeddings e0 … e3 are orthogonal with entries ±1, so the first norm changes nothing. Queries and keys are zero:
attention is the mean over what is seen, and values are copied. One neuron reads e1 (gate) and e0 (up) and writes e3.
The unembedding reads the coefficients back. After ``w1 w0`` the stream before the MLP is 1.5 e0 + 0.5 e1, whose root
mean square is √2.5.
"""

import math

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from patchwidgets.facade import Experiment
from patchwidgets.models.model import Model
from patchwidgets.sites import Patch
from patchwidgets.tasks import Task
from tests.support.toy_tokenizer import toy_tokenizer

E = torch.tensor([[1.0, 1, 1, 1], [1, -1, 1, -1], [1, 1, -1, -1], [1, -1, -1, 1]])


@pytest.fixture(scope="module")
def experiment() -> Experiment:
    config = LlamaConfig(
        vocab_size=4,
        hidden_size=4,
        intermediate_size=1,
        num_hidden_layers=1,
        num_attention_heads=1,
        rms_norm_eps=0.0,
        tie_word_embeddings=False,
        pad_token_id=None,
        bos_token_id=None,
        eos_token_id=None,
    )
    hf_model = LlamaForCausalLM(config).eval()
    layer = hf_model.model.layers[0]
    weights = {
        hf_model.model.embed_tokens: E,
        layer.self_attn.q_proj: torch.zeros(4, 4),
        layer.self_attn.k_proj: torch.zeros(4, 4),
        layer.self_attn.v_proj: torch.eye(4),
        layer.self_attn.o_proj: torch.eye(4),
        layer.mlp.gate_proj: E[[1]] / 4,
        layer.mlp.up_proj: E[[0]] / 4,
        layer.mlp.down_proj: E[[3]].T,
        hf_model.lm_head: E / 4,
    }
    for module, weight in weights.items():
        module.weight.data.copy_(weight)
    model = Model(hf_model, toy_tokenizer(4), "on paper")
    return Experiment(model, Task("w1 w0", "w2 w0", " w1", " w2"), ["logit_diff", "answer_prob"])


def logits(*before_mlp: float, neuron: float | None = None) -> list[float]:
    """The four logits after a stream with these coefficients of e0 … e3 before the MLP."""
    size = math.sqrt(sum(c * c for c in before_mlp))
    gate, up = before_mlp[1] / size, before_mlp[0] / size
    found = gate / (1 + math.exp(-gate)) * up if neuron is None else neuron
    after = [*before_mlp[:3], before_mlp[3] + found]
    size = math.sqrt(sum(c * c for c in after))
    return [c / size for c in after]


CLEAN, CORRUPTED = (1.5, 0.5, 0.0, 0.0), (1.5, 0.0, 0.5, 0.0)
GATE = 0.5 / math.sqrt(2.5)
CLEAN_NEURON = GATE / (1 + math.exp(-GATE)) * 1.5 / math.sqrt(2.5)


def test_the_runs(experiment: Experiment) -> None:
    assert experiment.clean.logits[0].tolist() == pytest.approx(logits(*CLEAN), abs=1e-6)
    assert experiment.corrupted.logits[0].tolist() == pytest.approx(logits(*CORRUPTED), abs=1e-6)
    assert experiment.clean["L0.H0.pattern"].tolist() == [[[1, 0], [0.5, 0.5]]]
    assert experiment.clean["L0.H0@1"][0, 0].tolist() == pytest.approx([1, 0, 1, 0])
    assert experiment.clean["L0.N0@1"].item() == pytest.approx(CLEAN_NEURON)
    assert experiment.corrupted["L0.N0"].abs().max() < 1e-6
    exponentials = [math.exp(x) for x in logits(*CLEAN)]
    prob = exponentials[1] / sum(exponentials)
    assert experiment.clean.values["answer_prob"] == pytest.approx(prob)


@pytest.mark.parametrize(
    ("patch", "expected"),
    [
        ("embed@0", logits(*CLEAN)),
        ("L0.resid_pre@0", logits(*CLEAN)),
        ("L0.H0.v@0", logits(*CLEAN)),
        ("L0.H0.v@1", logits(*CORRUPTED)),
        ("L0.H0@1", logits(*CLEAN)),
        ("L0.H0.pattern", logits(*CORRUPTED)),
        ("L0.mlp_out@1", logits(*CORRUPTED, neuron=CLEAN_NEURON)),
        ("L0.N0@1", logits(*CORRUPTED, neuron=CLEAN_NEURON)),
        (Patch("L0.H0.pattern@1", torch.tensor([1.0, 0.0])), logits(1.0, 0.0, 1.0, 0.0)),
        (Patch("L0.H0.pattern@1", torch.tensor([0.0, 1.0])), logits(2.0, 0.0, 0.0, 0.0)),
        (Patch("L0.attn_out@1", torch.zeros(4)), logits(1.0, 0.0, 0.0, 0.0)),
        (Patch("L0.H0@1", fn=lambda host, source: (host + source) / 2), logits(1.5, 0.25, 0.25, 0)),
        (Patch("L0.resid_mid@1", E[1]), logits(0.0, 1.0, 0.0, 0.0)),
    ],
    ids=lambda value: str(getattr(value, "site", value)),
)
def test_a_patch(experiment: Experiment, patch: str | Patch, expected: list[float]) -> None:
    result = experiment.patch(patch)
    assert result.logits[0].tolist() == pytest.approx(expected, abs=1e-6)
    assert result.value == pytest.approx(expected[1] - expected[2], abs=1e-6)
    clean, corrupted = (c[1] - c[2] for c in (logits(*CLEAN), logits(*CORRUPTED)))
    assert result.recovery == pytest.approx(
        (result.value - corrupted) / (clean - corrupted), abs=1e-6
    )


CLEAN_FIRST, CORRUPTED_FIRST = (0.0, 2.0, 0.0, 0.0), (0.0, 0.0, 2.0, 0.0)
"""The stream at position 0, where attention sees one token alone."""


@pytest.mark.parametrize(
    ("site", "first", "last"),
    [
        ("embed@0", CLEAN_FIRST, CLEAN),
        ("L0.H0@0", (0.0, 1.0, 1.0, 0.0), CORRUPTED),
        ("L0.H0@1", CORRUPTED_FIRST, CLEAN),
        ("L0.H0", (0.0, 1.0, 1.0, 0.0), CLEAN),
    ],
)
def test_metrics_at_other_positions(
    experiment: Experiment, site: str, first: tuple[float, ...], last: tuple[float, ...]
) -> None:
    names = ["logit_diff@0", "logit_diff@1", "logit_diff@:", "kl@0", "rank@0", "rank@:"]
    at = experiment.measuring(names)
    result = at.patch(site)
    found = {name: reading.value for name, reading in result.readings.items()}
    logits_at = [logits(*first), logits(*last)]
    diffs = [each[1] - each[2] for each in logits_at]
    assert [found[f"logit_diff@{p}"] for p in "01"] == pytest.approx(diffs, abs=1e-6)
    assert found["logit_diff@:"] == pytest.approx(sum(diffs) / 2, abs=1e-6)
    before = at.corrupted.values
    assert [before[f"logit_diff@{p}"] for p in "01"] == pytest.approx(
        [-1, logits(*CORRUPTED)[1] - logits(*CORRUPTED)[2]], abs=1e-6
    )
    assert result["logit_diff@0"].recovery == pytest.approx((diffs[0] + 1) / 2, abs=1e-6)
    clean, run = (softmax(each) for each in (logits(*CLEAN_FIRST), logits_at[0]))
    kl = sum(p * math.log(p / q) for p, q in zip(clean, run, strict=True))
    assert found["kl@0"] == pytest.approx(kl, abs=1e-6)
    ranks = [1 + sum(x > each[1] + 1e-9 for x in each) for each in logits_at]
    assert [found["rank@0"], found["rank@:"]] == [ranks[0], sum(ranks) / 2]


def softmax(logits: list[float]) -> list[float]:
    exponentials = [math.exp(x) for x in logits]
    return [x / sum(exponentials) for x in exponentials]
