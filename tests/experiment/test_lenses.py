"""Lenses on the runs of an experiment: clean, patched and corrupted, at counterparts, patched against host."""

import numpy as np
import pytest
import torch

from patchwidgets.errors import CounterpartError, LensError, SiteError, TaskError
from patchwidgets.facade import Experiment
from patchwidgets.models.model import Model
from patchwidgets.sites import Patch
from patchwidgets.tasks import Task
from tests.support.toy_models import make_model
from tests.support.unequal_prompts import unequal_pairs, unequal_task

SCORES = ("answer_prob", "answer_logprob", "answer_rank", "foil_prob", "logit_diff")


@pytest.mark.parametrize("direction", ["denoise", "noise"])
def test_the_last_layer_of_each_run_is_what_its_metrics_say(toy_experiment, direction) -> None:
    exp = toy_experiment.turned(direction).measuring(["logit_diff", "answer_prob", "rank"])
    result = exp.patch("L0.mlp_out", Patch("L1.H2@-1"))
    lens = result.lens()
    last = lens.to_xarray().isel(pair=0, pos=0, layer=-1)
    names = {"logit_diff": "logit_diff", "answer_prob": "answer_prob", "rank": "answer_rank"}
    for metric, name in names.items():
        for run in ("clean", "corrupted"):
            value = float(last[name].sel(run=run))
            assert value == pytest.approx(getattr(exp, run).values[metric], abs=1e-4)
        assert float(last[name].sel(run="patched")) == pytest.approx(result[metric].value, abs=1e-4)
        effect = lens.effect[name].isel(pair=0, pos=0, layer=-1)
        assert float(effect) == pytest.approx(result[metric].effect, abs=1e-4)
    assert lens.attrs["host"] == exp.host_name
    assert repr(lens).endswith("3 layers, 1 prompt, runs clean, patched, corrupted)")


def test_the_patched_run_is_the_source_after_its_stream_is_patched(toy_experiment) -> None:
    data = toy_experiment.patch("L1.resid_post").lens(pos=None).to_xarray()
    clean, patched, corrupted = (data.sel(run=run) for run in ("clean", "patched", "corrupted"))
    for name in SCORES:
        after, before = [1, 2], [0]
        assert abs((patched[name] - clean[name]).sel(layer=after)).max() < 1e-4
        assert (patched[name].sel(layer=before) == corrupted[name].sel(layer=before)).all()
    lens = toy_experiment.patch("L1.resid_post").lens()
    top = [each.id for each in lens.top_tokens(1, run="patched")]
    assert top == [each.id for each in lens.top_tokens(1, run="clean")]
    with pytest.raises(LensError, match=r"no run None here; there is clean, patched, corrupted"):
        lens.top_tokens(1)


def test_each_run_alone_says_the_same(toy_experiment) -> None:
    data = toy_experiment.patch("L1.H2").lens("resid_mid", "X").to_xarray()
    for name, run in (("clean", toy_experiment.clean), ("corrupted", toy_experiment.corrupted)):
        alone = run.lens("resid_mid", "X").to_xarray()
        for score in SCORES:
            assert abs(alone[score] - data[score].sel(run=name)).max() < 1e-5
    assert data.token.sel(run="clean").values.item() == " w15"
    assert data.token.sel(run="corrupted").values.item() == " w42"


def test_positions_are_those_of_the_clean_prompt_and_their_counterparts() -> None:
    exp = Experiment(make_model("llama"), unequal_task())
    data = exp.patch("L1.mlp_out@X").lens(pos=None).to_xarray()
    assert data["index"].sel(run="clean", pair=0).values.tolist() == [0, 1, 3, 4, 5]
    assert data["index"].sel(run="corrupted", pair=0).values.tolist() == [0, 1, 4, 5, 6]
    assert data["index"].sel(run="patched", pair=0).values.tolist() == [0, 1, 4, 5, 6]
    assert data.pos.values.tolist() == [0, 1, 3, 4, 5]
    assert exp.corrupted.lens(pos=4).to_xarray().token.values.item() == " w9"  # of its own prompt
    named = exp.corrupted.lens(pos="X").to_xarray()
    assert named["index"].values.item() == 4
    stream = exp.corrupted["L1.resid_post@4"]
    with torch.no_grad():
        logits = exp.model.hf_model.lm_head(exp.model.hf_model.model.norm(stream))
    by_hand = logits[0, 0].softmax(-1)
    assert named.answer_prob.sel(layer=1).item() == pytest.approx(float(by_hand[8]), abs=1e-6)
    with pytest.raises(CounterpartError, match="Position 2 of the clean prompt has no counterpart"):
        exp.patch("L1.mlp_out@X").lens(pos="lone")
    with pytest.raises(SiteError, match="names no position 'Y'; it names: X, lone"):
        exp.clean.lens(pos="Y")


def test_a_dataset_of_unequal_lengths() -> None:
    exp = Experiment(make_model("gpt2"), unequal_pairs(), ["logit_diff", "rank"])
    result = exp.patch("L1.mlp_out@-1")
    lens = result.lens()
    last = lens.to_xarray().isel(pos=0, layer=-1)
    for run, values in (("clean", exp.clean), ("corrupted", exp.corrupted)):
        assert float(last.logit_diff.sel(run=run).mean()) == pytest.approx(values.value, abs=1e-4)
    per_pair = result.per_pair.effect
    assert abs(lens.effect.logit_diff.isel(pos=0, layer=-1).values - per_pair).max() < 1e-4
    table = lens.over_pairs()
    of_patched = table[(table.run == "patched") & (table.layer == 2)]
    assert of_patched.logit_diff.item() == pytest.approx(result.value, abs=1e-4)
    assert of_patched.answer_rank.item() == result["rank"].value
    with pytest.raises(SiteError, match="name one, as in pos=-1"):
        result.lens(pos=None)


@pytest.mark.parametrize("pair", [0, 1, -1])
def test_one_pair_alone_reads_as_among_all(toy: Model, pair: int) -> None:
    task = Task(
        ["w3 w14 w15 w9 w26", "w7 w1 w30", "w5 w14 w2 w9 w26"],
        ["w3 w14 w42 w9 w26", "w7 w2 w30", "w5 w14 w4 w9 w26"],
        [" w8", " w9", " w10"],
        [" w9", " w8", " w11"],
    )
    result = Experiment(toy, task).patch("L0.mlp_out")
    alone = result.lens(pair=pair).to_xarray()
    among = result.lens().to_xarray().isel(pair=[pair])
    assert alone["pair"].values.tolist() == [pair % 3]
    assert alone["token"].values.tolist() == among["token"].values.tolist()
    for name in ("top_prob", "answer_prob", "logit_diff"):
        np.testing.assert_allclose(alone[name], among[name], atol=1e-5)


def test_a_pair_that_is_not_there_is_refused(toy_experiment) -> None:
    with pytest.raises(TaskError, match="no pair 1"):
        toy_experiment.patch("L0.H1").lens(pair=1)


def test_answers_of_several_tokens_are_not_followed_unless_a_token_is_named(toy: Model) -> None:
    exp = Experiment(toy, Task("w3 w14 w15", "w3 w42 w15", " w8 w2", " w9"))
    lens = exp.patch("L1.H2").lens()
    assert "answer_prob" not in lens.to_xarray()
    assert lens.reason is not None
    assert "has several tokens, and a lens reads the next one. Name a token" in lens.reason
    with pytest.raises(LensError, match=r"nothing to compare\. An answer or foil of the task"):
        _ = lens.effect
    followed = exp.patch("L1.H2").lens(answer=" w8").to_xarray().sel(run="patched")
    probs = exp.patch("L1.H2").logits[0].softmax(-1)
    assert followed.answer_prob.isel(layer=-1).item() == pytest.approx(float(probs[8]), abs=1e-6)


def test_a_task_without_a_foil(toy: Model) -> None:
    exp = Experiment(toy, Task("w3 w14 w15", "w3 w42 w15", " w8"), "answer_prob")
    data = exp.clean.lens().to_xarray()
    assert "answer_rank" in data
    assert not {"foil_rank", "logit_diff"} & set(data)


def test_alternatives_are_read_as_the_metrics_read_them(toy: Model) -> None:
    task = Task("w3 w14 w15", "w3 w42 w15", (" w8", " w2"), (" w9", " w1", " w5"))
    exp = Experiment(toy, task, ["logit_diff", "answer_prob", "rank"])
    last = exp.clean.lens().to_xarray().isel(pair=0, pos=0, layer=-1)
    assert last.logit_diff.item() == pytest.approx(exp.clean.value, abs=1e-4)
    assert last.answer_prob.item() == pytest.approx(exp.clean.values["answer_prob"], abs=1e-5)
    assert last.answer_rank.item() == exp.clean.values["rank"]
    probs = exp.clean.logits[0].softmax(-1)
    assert last.foil_prob.item() == pytest.approx(float(probs[[9, 1, 5]].sum()), abs=1e-6)
    assert last.foil_rank.item() == 1 + int((probs > probs[[9, 1, 5]].max()).sum())


def test_the_model_is_left_as_it_was(toy_experiment) -> None:
    hf_model = toy_experiment.model.hf_model
    before = {name: each.clone() for name, each in hf_model.state_dict().items()}
    toy_experiment.patch("L1.H2").lens(pos=None)
    assert all(torch.equal(each, before[name]) for name, each in hf_model.state_dict().items())
    assert not any(module._forward_hooks for module in hf_model.modules())
