"""Metrics at chosen positions: against transformers' own logits there, patched by hooks written out here."""

from typing import Any

import numpy as np
import pytest
import torch

import patchwidgets as pw
from patchwidgets.errors import MetricError, SiteError
from patchwidgets.facade import Experiment
from patchwidgets.metrics import Readout, find_metric
from patchwidgets.models.model import Model
from patchwidgets.tasks import Task
from tests.support.read_positions import FAMILIES, MIXED, NONE_AT_THE_END
from tests.support.sweeps import one_pair, several_pairs
from tests.support.toy_models import make_model


@pytest.fixture(scope="module", params=FAMILIES)
def model(request: pytest.FixtureRequest) -> Model:
    return make_model(request.param)


@pytest.fixture(scope="module")
def llama() -> Model:
    return make_model("llama")


@pytest.mark.parametrize(
    ("spec", "name", "pos"),
    [
        ("kl@-3", "kl@-3", -3),
        ("rank@S2", "rank@S2", "S2"),
        ("kl@3:7", "kl@3:7", (3, 7)),
        ("kl@:-1", "kl@:-1", (None, -1)),
        (pw.At("kl", (3, 7)), "kl@3:7", (3, 7)),
        (pw.At("kl", "3:7"), "kl@3:7", (3, 7)),
        (pw.At("kl", -1), "kl@-1", -1),
    ],
)
def test_a_metric_and_its_position(spec: Any, name: str, pos: Any) -> None:
    metric = find_metric(spec)
    assert (metric.name, metric.label, metric.pos) == (name, name, pos)
    assert find_metric(metric.name) == metric
    assert find_metric(metric) is metric


@pytest.mark.parametrize(
    ("spec", "error", "says"),
    [
        ("kl@", SiteError, "Position '' in 'kl@' is neither a number, a range such as 3:7, nor"),
        ("kl@1.5", SiteError, r"Position '1\.5' in 'kl@1\.5' is neither a number"),
        (pw.At("kl", "a b"), SiteError, "Position 'a b' in 'kl@a b' is neither a number"),
        (
            "nothing@3",
            MetricError,
            "Unknown metric 'nothing@3'. Expected one of logit_diff.*'kl@-3'",
        ),
        (pw.At("kl@3", "S2"), MetricError, r"kl@3 has a position already.*pw\.At\('kl', 'S2'\)"),
        ("kl@9", SiteError, r"kl@9: Position 9 is out of range: the prompt has 7 tokens \(0 to 6"),
        ("kl@5:5", SiteError, "kl@5:5: The range 5:5 is empty in a prompt of 7 tokens"),
        ("kl@S2", SiteError, "kl@S2: The task names no position 'S2'; it names: first. Name one"),
    ],
)
def test_what_cannot_be_read_is_said(
    llama: Model, spec: Any, error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        one_pair(llama, [spec])


def test_the_pair_that_is_too_short_is_named(llama: Model) -> None:
    with pytest.raises(SiteError, match="kl@5 on pair 0: Position 5 is out of range"):
        several_pairs(llama, ["kl@5"])


def logits_by_hand(
    model: Model,
    prompt: tuple[int, ...],
    layer: int = 0,
    at: tuple[int, ...] = (),
    source: Any = (),
) -> torch.Tensor:
    """``[pos, vocabulary]``; the input of a block is another prompt's at some positions."""
    ids = torch.tensor([prompt])

    def replace(_module: Any, args: Any) -> Any:
        changed = args[0].clone()
        changed[:, list(at)] = seen[0][:, list(at)]
        return (changed, *args[1:])

    seen: list[torch.Tensor] = []
    block = model.layout.blocks[layer]
    with torch.no_grad():
        if at:
            see = block.register_forward_pre_hook(lambda _m, args: seen.append(args[0].clone()))
            model.hf_model(torch.tensor([source]), use_cache=False)
            see.remove()
            write = block.register_forward_pre_hook(replace)
        logits: torch.Tensor = model.hf_model(ids, use_cache=False).logits[0].float()
        if at:
            write.remove()
    return logits


def by_hand(name: str, logits: torch.Tensor, clean: torch.Tensor, answer: int, foil: int) -> float:
    """One metric at one position, ``[vocabulary]``."""
    p, q = logits.softmax(-1).double(), clean.softmax(-1).double()
    found = {
        "logit_diff": logits[answer] - logits[foil],
        "answer_logit": logits[answer],
        "answer_prob": p[answer],
        "prob_diff": p[answer] - p[foil],
        "rank": 1.0 + (logits > logits[answer]).sum(),
        "kl": (q * (q.log() - p.log())).sum(),
    }
    return float(found[name])


@pytest.mark.parametrize("direction", ["denoise", "noise"])
@pytest.mark.parametrize("metrics", [MIXED, NONE_AT_THE_END])
def test_pairs_of_two_lengths_against_hooks(
    model: Model, direction: Any, metrics: list[str]
) -> None:
    """Positions with a name per pair, ranges as means, from the end and from the start."""
    experiment = several_pairs(model, metrics).turned(direction)
    result = experiment.patch("L1.resid_pre@subject")
    for i, pair in enumerate(experiment.pairs):
        hosts = {"denoise": (pair.corrupted, pair.clean), "noise": (pair.clean, pair.corrupted)}
        host, source = hosts[direction]
        subject, answer, foil = pair.positions["subject"], pair.answers[0], (pair.foils or ())[0]
        clean = logits_by_hand(model, pair.clean)
        runs = {
            "host": logits_by_hand(model, host),
            "patched": logits_by_hand(model, host, 1, (subject,), source),
        }
        for spec in metrics:
            name, _, pos = spec.partition("@")
            read = {"": [-1], "subject": [subject], "1:4": [1, 2, 3], "-3:": [-3, -2, -1]}.get(pos)
            read = [int(pos)] if read is None and pos != ":" else read or range(len(pair))
            value, host_value = (
                np.mean([by_hand(name, runs[run][p], clean[p], answer, foil) for p in read])
                for run in ("patched", "host")
            )
            found, size = result[spec].per_pair, max(1.0, float(clean.abs().max()))
            assert found.value[i] == pytest.approx(value, abs=2e-5 * size)
            assert found.effect[i] == pytest.approx(value - host_value, abs=4e-5 * size)


def test_logits_and_top_tokens_stay_at_the_end(llama: Model) -> None:
    plain, moved = one_pair(llama), one_pair(llama, ["kl@first"])
    patched = [experiment.patch("L1.H2") for experiment in (plain, moved)]
    assert torch.equal(plain.clean.logits, moved.clean.logits)
    assert torch.allclose(patched[0].logits, patched[1].logits, atol=1e-5)
    assert patched[0].top_tokens(3)[0].id == patched[1].top_tokens(3)[0].id


def test_minus_one_is_the_last_position(llama: Model) -> None:
    result = several_pairs(llama, ["kl", "kl@-1", "kl@end"]).patch("L1.H2")
    assert result["kl@-1"].value == result["kl@end"].value == result["kl"].value


@pytest.mark.parametrize("site", ["L0.resid_pre@3:", "L1.H2@3", "L1.H0.pattern@4", "L2.mlp_out@-1"])
def test_a_later_patch_has_exactly_no_effect(llama: Model, site: str) -> None:
    names = ["kl@2", "logit_diff@first", "rank@:2", "logit_diff"]
    result = one_pair(llama, names).patch(site)
    assert [result[name].effect for name in names[:3]] == [0.0, 0.0, 0.0]
    assert abs(result["logit_diff"].effect) > 1e-4


def test_a_range_is_a_mean_also_of_ranks(llama: Model) -> None:
    singles = [f"{name}@{pos}" for name in ("kl", "rank") for pos in (2, 3, 4)]
    result = one_pair(llama, ["kl@2:5", "rank@2:5", *singles]).patch("L0.resid_pre@2")
    for name in ("kl", "rank"):
        whole, parts = result[f"{name}@2:5"], [result[f"{name}@{pos}"] for pos in (2, 3, 4)]
        assert whole.value == pytest.approx(np.mean([part.value for part in parts]))
        distance = np.mean([part.clean - part.corrupted for part in parts])
        assert whole.share == pytest.approx(np.mean([part.effect for part in parts]) / distance)


def test_where_both_runs_are_equal_recovery_is_undefined(llama: Model) -> None:
    """The prompts differ from position 2 on."""
    reading = one_pair(llama, ["logit_diff@1"]).patch("L0.resid_pre")["logit_diff@1"]
    assert np.isnan(reading.recovery)
    assert "logit_diff@1, equal to within" in (reading.reason or "")


def test_the_noise_floor_is_measured_where_a_metric_reads(
    llama: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    from patchwidgets.experiment import baselines as unpatched

    scored_pass = unpatched.scored_pass

    def noisy(*args: Any) -> Any:
        found = scored_pass(*args)
        found.read[0, 8] += 0.25
        return found

    monkeypatch.setattr(unpatched, "scored_pass", noisy)
    experiment = one_pair(llama, ["answer_logit@2", "answer_logit"])
    assert experiment.noise_floor["answer_logit@2"] == pytest.approx(0.25, abs=1e-4)
    assert experiment.noise_floor["answer_logit"] < 1e-3


def test_only_logits_that_are_read_are_computed(llama: Model) -> None:
    unembedded = []
    head = llama.hf_model.get_output_embeddings()
    handle = head.register_forward_hook(lambda *args: unembedded.append(args[1][0].shape[1]))
    experiment = one_pair(llama, ["kl@2", "kl@first", "kl@4"])
    experiment.patch("L1.H2")
    experiment.measuring(["kl@4", "logit_diff"])
    handle.remove()
    assert unembedded == [1, 1, 2, 2, 3, 3, 1, 3, 2, 2]


def test_a_callable_at_a_position(llama: Model) -> None:
    seen: list[Readout] = []

    def eighth(readout: Readout) -> torch.Tensor:
        seen.append(readout)
        return readout.logits[:, 8]

    experiment = several_pairs(llama, [pw.At(eighth, "subject"), pw.At(eighth, (1, 3)), "kl"])  # type: ignore[list-item]
    assert list(experiment.metrics) == ["eighth@subject", "eighth@1:3", "kl"]
    assert seen[1].pair == [0, 0, 1, 1, 2, 2]
    for i, pair in enumerate(experiment.pairs):
        clean = logits_by_hand(llama, pair.clean)
        values = experiment.evaluation.values["clean"]
        subject = clean[pair.positions["subject"], 8]
        assert values["eighth@subject"][i] == pytest.approx(float(subject), abs=1e-4)
        assert values["eighth@1:3"][i] == pytest.approx(float(clean[1:3, 8].mean()), abs=1e-4)
        assert torch.allclose(seen[0].clean_logits[i], clean[pair.positions["subject"]], atol=1e-4)


def test_answers_of_several_tokens_are_defined_behind_the_prompt(llama: Model) -> None:
    task = Task("w3 w14 w15 w9", "w3 w14 w42 w9", " w8 w9", " w10", {"X": 2})
    for metric in ("logit_diff@2", "answer_prob@X", "prob_diff@1:", "answer_logprob@:"):
        says = f"{metric}: an answer of the task has several tokens, whose joint probability"
        with pytest.raises(MetricError, match=says):
            Experiment(llama, task, metric)
    with pytest.raises(MetricError, match="rank@2 is defined for one token"):
        Experiment(llama, task, "rank@2")
    experiment = Experiment(llama, task, ["answer_prob@-1", "answer_prob", "kl@X", "kl@1:3", "kl"])
    result = experiment.patch("L0.mlp_out@2")
    assert result["answer_prob@-1"].value == result["answer_prob"].value
    single = Experiment(
        llama, Task(task.clean, task.corrupted, " w8", " w9", {"X": 2}), ["kl@X", "kl@1:3"]
    )
    for name, reading in single.patch("L0.mlp_out@2").readings.items():
        assert result[name].value == pytest.approx(reading.value, abs=1e-5)


def test_a_callable_elsewhere_gets_no_joint_probability(llama: Model) -> None:
    seen = {}

    def mine(readout: Readout) -> torch.Tensor:
        seen[len(seen)] = readout.answer_logprobs
        return readout.logits[:, 0]

    task = Task("w3 w14 w15 w9", "w3 w14 w42 w9", " w8 w9", " w10")
    Experiment(llama, task, [pw.At(mine, 1)])
    assert set(seen.values()) == {None}


def test_smollm2_at_the_subject(smollm2: Model, names: Task) -> None:
    experiment = pw.Experiment(smollm2, names, ["logit_diff", "kl@S2", "logit_diff@-2", "kl@8"])
    result = experiment.patch("L0.mlp_out@9")
    ids = {run: torch.tensor([getattr(experiment.pairs[0], run)]) for run in ("clean", "corrupted")}
    mlp, held = smollm2.hf_model.model.layers[0].mlp, {}
    with torch.no_grad():
        keep = mlp.register_forward_hook(lambda _m, _a, out: held.setdefault("clean", out.clone()))
        clean = smollm2.hf_model(ids["clean"]).logits[0].float()
        keep.remove()

        def write(_module: Any, _args: Any, out: torch.Tensor) -> torch.Tensor:
            return torch.cat([out[:, :9], held["clean"][:, 9:10], out[:, 10:]], 1)

        handle = mlp.register_forward_hook(write)
        patched = smollm2.hf_model(ids["corrupted"]).logits[0].float()
        handle.remove()
    answer, foil = experiment.pairs[0].answers[0], (experiment.pairs[0].foils or ())[0]
    for name, pos in (("kl", 9), ("logit_diff", -2), ("kl", 8)):
        expected = by_hand(name, patched[pos], clean[pos], answer, foil)
        spec = "kl@S2" if pos == 9 else f"{name}@{pos}"
        assert result[spec].value == pytest.approx(expected, abs=1e-3)
    assert result["kl@8"].effect == 0
