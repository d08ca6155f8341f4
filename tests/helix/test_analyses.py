"""The analyses on a random model whose number embeddings are a helix, checked against the definitions."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from patchwidgets import helix
from patchwidgets.errors import TaskError
from patchwidgets.facade import Experiment
from patchwidgets.helix.operands import random_operands
from patchwidgets.helix.representations import last_activations
from patchwidgets.sites import Site
from patchwidgets.tasks import Task
from tests.support.number_families import VOCABULARIES, number_tokenizer
from tests.support.number_model import HEADS, LAYERS, number_model


def test_number_activations_are_the_embeddings(model):
    activations = helix.number_activations(model, "L0.resid_pre")
    ids = model.tokenizer.convert_tokens_to_ids(["▁0", "▁57", "▁99"])
    expected = model.hf_model.model.embed_tokens.weight[ids].detach().numpy()
    assert activations.shape == (100, 24)
    assert activations[[0, 57, 99]] == pytest.approx(expected)
    assert helix.cross_validated_r2(
        helix.HELIX.features(helix.NUMBERS), activations
    ) == pytest.approx(1)


def test_heads_lie_side_by_side(model):
    z = helix.number_activations(model, "L1.z", [1, 2, 3])
    one = helix.number_activations(model, "L1.H1", [1, 2, 3])
    assert z.shape == (3, 24)
    assert z[:, 12:] == pytest.approx(one)


def test_layer_activations(model):
    layers = helix.layer_activations(model, [5, 6])
    assert [each.shape for each in layers] == [(2, 24)] * LAYERS


def test_numbers_must_be_single_tokens(model):
    with pytest.raises(
        TaskError, match="Expected the number 250 as one token at position -4, found '<unk>'"
    ):
        helix.number_activations(model, "L0.resid_pre", [7, 250])


def test_numbers_must_be_in_the_prompt(model):
    with pytest.raises(TaskError, match=r"Position 9 is out of range: .*7.* has 5 tokens"):
        helix.number_activations(model, "L0.resid_pre", [7], pos=9)


def test_one_pass_gives_what_single_sites_give(model, monkeypatch):
    single = [helix.number_activations(model, f"L{i}.resid_post", [5, 6]) for i in range(LAYERS)]
    runs, run = [], type(model).run
    monkeypatch.setattr(type(model), "run", lambda *a, **kw: runs.append(1) or run(*a, **kw))
    layers = helix.layer_activations(model, [5, 6])
    assert np.array_equal(layers, single)
    assert len(runs) == 1


def test_many_prompts_run_in_parts(model, monkeypatch):
    """Of a run over all 10,000 sums, GPT-J's logits alone would take 2 GB."""
    sites = [Site("neuron_pre", 1), Site("z", 0)]
    pairs = [(a, b) for a in range(5) for b in range(7)]
    whole = last_activations(model, sites, pairs)
    monkeypatch.setattr("patchwidgets.helix.representations.PART", 8)
    parts = last_activations(model, sites, pairs)
    assert [each.shape for each in parts] == [(35, 40), (35, 24)]
    for one, other in zip(whole, parts, strict=True):
        assert one == pytest.approx(other, abs=1e-5)


def test_numbers_are_found_in_any_template(model):
    """The number is at another place in each, and its activation depends on what stands before it."""
    first, after, later = (
        helix.layer_activations(model, [7, 42], template=template)
        for template in ("{n}+0=", "{n}-9 mod 10=", "1+1=2 {n}+0=")
    )
    assert np.allclose(first, after, atol=1e-5)
    assert not np.allclose(first[1], later[1], atol=1e-2)
    ids = model.tokenizer.convert_tokens_to_ids(["▁7", "▁42"])
    embedded = helix.number_activations(model, "embed", [7, 42], template="1+1=2 {n}+0=")
    assert embedded == pytest.approx(model.hf_model.model.embed_tokens.weight[ids].detach().numpy())


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"template": "12+0="}, r"template='12\+0=' has no place; expected a prompt with {n}"),
        ({"template": "{a}+{b}="}, "expected a prompt with {n}, each once"),
        ({"numbers": []}, "numbers is empty; expected at least one"),
    ],
)
def test_what_layer_activations_refuse(model, arguments, says):
    with pytest.raises(TaskError, match=says):
        helix.layer_activations(model, **arguments)


@pytest.mark.parametrize(("family", "last"), [("gptj", 520), ("gpt_neox", 530)])
def test_numbers_of_one_token(family, last):
    tokenizer = number_tokenizer(VOCABULARIES[family][0], last)
    found = helix.single_token_numbers(SimpleNamespace(tokenizer=tokenizer))
    assert found == range(last + 1)
    assert helix.single_token_numbers(SimpleNamespace(tokenizer=tokenizer), most=7) == range(7)
    assert helix.single_token_numbers(
        SimpleNamespace(tokenizer=tokenizer), "{a} plus {b} is"
    ) == range(last + 1)


def test_random_operands():
    drawn = random_operands(9_999, exclude=[(3, 4)])
    assert len(set(drawn)) == 9_999
    assert (3, 4) not in drawn
    with pytest.raises(TaskError, match=r"at most 9,999 pairs of numbers.*got 10,000"):
        random_operands(10_000, exclude=[(3, 4)])


def test_an_effect_of_nothing_makes_ratios_undefined(exp):
    """Position 0 is the same in both prompts, so the true effect is exactly 0."""
    values = np.ones((12, 24))
    table = helix.compare_patches(exp, "L0.resid_pre@0", {"ones": values})
    assert table.loc["true", "effect"] == 0
    assert np.isnan(table["relative"]).all()


def test_an_effect_within_the_noise_floor_makes_ratios_undefined(exp):
    effect = exp.patch("L0.resid_pre@a").effect
    values = {"ones": np.ones((12, 24))}
    for part, defined in ((0.9, True), (1.1, False)):
        measured = replace(exp.measurements, noise_floor={"logit_diff": part * abs(effect)})
        noisy = Experiment(exp.model, exp.task, measurements=measured)
        table = helix.compare_patches(noisy, "L0.resid_pre@a", values)
        assert table["relative"].notna().all() == defined


def test_a_head_without_effect_is_mixed(exp):
    model = number_model()
    with torch.no_grad():
        model.hf_model.model.layers[1].self_attn.v_proj.weight.zero_()
    table = helix.sort_heads(Experiment(model, exp.task), min_share=-10, n_fit=50)
    of_layer = table[table["layer"] == 1]
    assert of_layer["total"].tolist() == [0, 0]
    assert of_layer[["a,b", "a+b", "all", "confidence"]].isna().all(axis=None)
    assert set(of_layer["kind"]) == {"mixed"}


def test_operands():
    task = Task(["12+34=", "5+6="], ["13+34=", "7+6="], ["46", "11"], ["47", "13"])
    assert helix.operands(task).tolist() == [[12, 34], [5, 6]]
    assert helix.operands(task, "corrupted").tolist() == [[13, 34], [7, 6]]
    with pytest.raises(TaskError, match="Expected two numbers in each prompt"):
        helix.operands(Task("a 12", "a 13", "x"))


def test_patching_a_perfect_fit_is_patching_the_truth(model, exp):
    activations = helix.number_activations(model, "L0.resid_pre")
    fit = helix.fit_numbers(helix.NUMBERS, activations)
    numbers = helix.operands(exp.task)[:, 0]
    mean = np.tile(activations.mean(0), (12, 1))
    candidates = {"helix": fit.predict(helix.HELIX.features(numbers)), "mean": mean}
    table = helix.compare_patches(exp, "L0.resid_pre@a", candidates)
    assert list(table.index) == ["true", "helix", "mean"]
    assert table.loc["helix", "relative"] == pytest.approx(1, abs=1e-4)
    assert table.loc["helix", "effect"] == pytest.approx(
        exp.patch("L0.resid_pre@a").effect, abs=1e-4
    )
    assert abs(table.loc["mean", "relative"] - 1) > 0.05


def test_sorted_heads(exp):
    table = helix.sort_heads(exp, min_share=-10, n_fit=300)
    assert len(table) == LAYERS * HEADS
    assert list(table["share"]) == sorted(table["share"], reverse=True)
    assert set(table["kind"]) <= {"a,b", "a+b", "mixed"}
    assert set(table.loc[table["confidence"] < 0.5, "kind"]) <= {"mixed"}
    last = table[table["layer"] == LAYERS - 1].iloc[0]
    assert helix.sort_heads(exp, min_share=10, n_fit=50).empty
    assert last["direct"] != pytest.approx(last["total"])


def test_neuron_fits_of_a_linear_neuron(model, exp):
    fits = helix.fit_neurons(exp, 0, n_fit=400, n_test=100)
    frame = fits.to_frame()
    assert len(frame) == 40
    assert fits.amplitude.shape == (40, 3, 4)
    assert np.isfinite(fits.r2).all()
    assert fits.predict([(1, 2), (3, 4)]).shape == (2, 40)
    assert frame["sum_part"].between(0, 1).all()
    assert set(frame["period"]) <= {2, 5, 10, 100}


def test_patching_all_neurons_with_their_fits(exp):
    fits = [
        helix.fit_neurons(exp, 1, component, n_fit=400, n_test=100)
        for component in ("neuron_pre", "neuron_up")
    ]
    result = helix.patch_neurons(exp, *fits)
    assert result.sites == ("L1.neuron_pre@-1", "L1.neuron_up@-1")
    assert np.isfinite(result.effect)
