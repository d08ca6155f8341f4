"""Experiments: directions, metrics on the same recordings, undefined numbers, arguments of the wrong kind."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import patchwidgets as pw
from patchwidgets.errors import (
    MetricError,
    ModelError,
    PatchError,
    TaskError,
)
from patchwidgets.facade import Experiment
from patchwidgets.metrics import Readout
from patchwidgets.models.model import Model
from patchwidgets.tasks import Task
from tests.support.families import VOCABULARY
from tests.support.prompts import CLEAN, CORRUPTED, words


@settings(max_examples=15, deadline=None)
@given(
    clean=st.lists(st.integers(0, VOCABULARY - 1), min_size=4, max_size=7),
    changed=st.integers(1, VOCABULARY - 1),
    where=st.integers(0, 3),
    site=st.sampled_from(
        ["L0.H1", "L1.mlp_out@2", "L2.attn_out@-1", "L1.N5", "embed@1", "L0.resid_mid@0"]
    ),
)
def test_swapping_the_prompts_swaps_the_directions(
    toy: Model, clean: list[int], changed: int, where: int, site: str
) -> None:
    corrupted = [(t + changed) % VOCABULARY if i == where else t for i, t in enumerate(clean)]
    forth = Experiment(toy, Task(words(clean), words(corrupted), " w1", " w2"))
    back = Experiment(toy, Task(words(corrupted), words(clean), " w1", " w2"), direction="noise")
    assert torch.equal(forth.patch(site).logits, back.patch(site).logits)
    assert forth.patch(site).effect == back.patch(site).effect


def test_nothing_patched_is_the_host_run(toy_experiment: Experiment) -> None:
    result = toy_experiment.patch()
    assert (result.effect, result.share) == (0.0, 0.0)
    assert torch.equal(result.logits, toy_experiment.corrupted.logits)


def test_undefined_where_the_runs_do_not_differ(toy: Model) -> None:
    def nothing(readout):  # type: ignore[no-untyped-def]
        return readout.logits[:, 0] * 0 + 6.12

    result = Experiment(toy, Task("w3 w14 w15", "w3 w14 w42", " w8"), nothing).patch("L1.H2")
    assert math.isnan(result.share)
    assert math.isnan(result.recovery)
    assert result.effect == 0
    assert "No recovery: the clean prompt gives +6.12" in str(result.reason)
    assert "undefined" in repr(result)


def test_flip_shares_the_recordings(toy_experiment: Experiment) -> None:
    flipped = toy_experiment.flip()
    assert flipped.direction == "noise"
    assert flipped.clean is toy_experiment.clean
    assert flipped.host is toy_experiment.clean
    assert flipped.flip().patch("L1.H2").value == toy_experiment.patch("L1.H2").value


def test_other_metrics_on_the_same_recordings(toy_experiment: Experiment) -> None:
    other = toy_experiment.measuring("answer_prob")
    assert list(other.metrics) == ["answer_prob"]
    assert other.clean.value == pytest.approx(float(other.clean.logits.softmax(-1)[0, 8]))
    assert list(toy_experiment.clean.values) == ["logit_diff", "kl"]
    assert next(iter(toy_experiment.focused("kl").patch("L1.H2").readings)) == "kl"
    with pytest.raises(MetricError, match="does not measure 'rank'"):
        toy_experiment.focused("rank")
    with pytest.raises(MetricError, match="does not measure 'rank'"):
        toy_experiment.patch("L1.H2")["rank"]


def test_the_focused_metric_is_the_one_of_the_runs_too(toy_experiment: Experiment) -> None:
    focused = toy_experiment.focused("kl")
    assert list(focused.metrics) == ["kl", "logit_diff"]
    assert focused.clean.value == toy_experiment.clean.values["kl"] == pytest.approx(0, abs=1e-6)
    assert focused.corrupted.value == toy_experiment.corrupted.values["kl"] > 1e-3
    assert focused.host.value == focused.corrupted.value
    result = focused.patch("L1.H2")
    assert result.value == toy_experiment.patch("L1.H2")["kl"].value
    assert result.effect == result.value - focused.corrupted.value
    back = focused.focused("logit_diff")
    assert back.corrupted.value == toy_experiment.corrupted.value


def test_variants_are_experiments_that_share_the_runs(toy_experiment: Experiment) -> None:
    variants = (
        toy_experiment.flip(),
        toy_experiment.turned("noise"),
        toy_experiment.focused("kl"),
        toy_experiment.measuring("answer_prob"),
    )
    for variant in variants:
        assert type(variant) is pw.Experiment
        assert variant.interrupted == ()
        assert variant.clean.batches[0].ids is toy_experiment.clean.batches[0].ids
        assert variant.sweep("z", layers=[1], progress=False).axes == ("layer", "head")


def test_an_unknown_direction(toy: Model) -> None:
    with pytest.raises(PatchError, match="Unknown direction 'backwards'"):
        Experiment(toy, Task("w1 w2", "w1 w3", " w4", " w5"), direction="backwards")  # type: ignore[arg-type]


def test_arguments_of_the_wrong_kind(toy: Model, toy_experiment: Experiment) -> None:
    with pytest.raises(ModelError, match=r"pw\.wrap\(hf_model, tokenizer\); got LlamaForCausalLM"):
        Experiment(toy.hf_model, toy_experiment.task)
    with pytest.raises(TaskError, match=r"Expected pw\.Task\(.*; got str"):
        Experiment(toy, "hello")  # type: ignore[arg-type]
    with pytest.raises(PatchError, match="sites or patches one by one"):
        toy_experiment.patch(["L1.H2", "L0.H1"])  # type: ignore[arg-type]


def test_the_reach_at_no_single_position(toy_experiment: Experiment) -> None:
    with pytest.raises(PatchError, match="looks at one position"):
        toy_experiment.patch("L1.H2").reach(None)


def test_a_weak_answer_is_said(smollm2: Model, names_experiment: Experiment) -> None:
    assert names_experiment.warnings == []
    weak = Experiment(smollm2, Task(CLEAN, CORRUPTED, " table", " John"))
    assert weak.warnings == [
        "The model does not do this task: its clean run does not prefer the answer to the foil.",
        "On the clean prompt the model prefers ␣Mary to ␣table; effects explain little.",
    ]


def test_a_metric_may_write_into_what_it_reads(toy_experiment: Experiment) -> None:
    """A metric may mask a token in place: that changes neither the runs nor what other metrics read."""

    def masked(readout: Readout) -> torch.Tensor:
        readout.logits[:, 3] = -9.0
        readout.clean_logits.zero_()
        readout.answer_ids.clear()
        return readout.logits[:, 3] + 1

    plain = toy_experiment.measuring(["answer_logit", "kl"])
    clean, expected = plain.clean.logits.clone(), plain.patch("L1.H1")
    both = toy_experiment.measuring([masked, "answer_logit", "kl"])
    patched = both.patch("L1.H1")
    swept = both.sweep(sites=["L1.H1"], progress=False)
    assert patched.value == -8
    for name in ("answer_logit", "kl"):
        assert patched[name].effect == expected[name].effect
        assert swept.over_pairs(name)["effect"].item() == pytest.approx(
            expected[name].effect, abs=1e-5
        )
        assert plain.patch("L1.H1")[name].effect == expected[name].effect
    assert torch.equal(both.clean.logits, clean)


def test_autocast_changes_no_number(toy_experiment: Experiment) -> None:
    """A click runs in another thread, where the user's autocast is off: so it is off everywhere."""
    model, task = toy_experiment.model, toy_experiment.task
    expected = toy_experiment.sweep("z", progress=False).effect
    with torch.autocast("cpu", torch.bfloat16):
        inside = Experiment(model, task)
        assert torch.equal(inside.host.logits, toy_experiment.host.logits)
        within = inside.sweep("z", progress=False).effect
        assert torch.is_autocast_enabled("cpu")
    assert inside.patch().effect == 0
    assert within.values == pytest.approx(expected.values, abs=1e-5)


def test_one_patch_in_the_other_direction(toy_experiment: Experiment) -> None:
    r = toy_experiment.patch("L0.H1", direction="noise")
    assert (r.experiment.direction, toy_experiment.direction) == ("noise", "denoise")
    assert r.effect == toy_experiment.flip().patch("L0.H1").effect
    with pytest.raises(PatchError, match=r"Unknown direction 'noising'.*Did you mean 'noise'\?"):
        toy_experiment.patch("L0.H1", direction="noising")  # type: ignore[arg-type]
