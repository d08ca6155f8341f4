"""Of a dataset, one pair or the mean is shown: every number and every word of an answer is about the same."""

from typing import Any

import numpy as np
import pytest

from patchwidgets.facade import Experiment
from patchwidgets.models.model import Model
from patchwidgets.sweep.over_pairs import PairValues
from patchwidgets.tasks import Task
from tests.support.families import VOCABULARY, random_model
from tests.support.page import HEADS, MLP, Page
from tests.support.toy_tokenizer import toy_tokenizer

CLEAN = [
    "w3 w14 w15 w9 w26",
    "w3 w7 w15 w9 w26",
    "w3 w5 w15 w2 w26",
    "w3 w6 w15 w2 w26",
    "w3 w8 w15 w1 w26",
]
CORRUPTED = [text.replace("w15", "w42") for text in CLEAN]


def _model() -> Model:
    return Model(random_model("llama"), toy_tokenizer(VOCABULARY), "toy")


@pytest.fixture(scope="module")
def dataset() -> Experiment:
    names: dict[str, Any] = {"X": 2, "Y": [1, 1, 1, 1, 3]}
    return Experiment(_model(), Task(CLEAN, CORRUPTED, " w8", " w9", names))


@pytest.fixture(scope="module")
def unequal() -> Experiment:
    clean = ["w3 w14 w15 w26", "w3 w3 w7 w15 w26"]
    corrupted = [text.replace("w15", "w42") for text in clean]
    return Experiment(_model(), Task(clean, corrupted, " w8", " w9", {"X": [1, 2]}))


def test_a_patch_is_answered_for_the_pair_that_was_asked_for(dataset: Experiment) -> None:
    page = Page(dataset)
    page.patch(1, "L1.H2", pair=3)
    page.wait()
    result, expected = page.last("result"), dataset.patch("L1.H2", record_reach=True)
    assert result["pair"] == 3
    for name in ("value", "effect", "share", "recovery"):
        assert result["readings"]["logit_diff"][name] == getattr(expected.per_pair, name)[3]
    assert result["task"]["clean"] == [" w3", " w6", " w15", " w2", " w26"]
    assert (
        result["runs"]["clean"]["values"]["logit_diff"]
        == dataset.evaluation.values["clean"]["logit_diff"][3]
    )
    tops = [token["token"] for token in result["patched"]["top"]]
    assert tops == [token.token for token in expected.run_tokens(5, 3)]
    assert [row["token"] for row in result["tokens"]] == [
        row.token for row in expected.top_tokens(5, 3)
    ]


def test_the_mean_is_over_all_pairs(dataset: Experiment) -> None:
    page = Page(dataset)
    page.patch(1, "L1.H2")
    page.wait()
    result, expected = page.last("result"), dataset.patch("L1.H2")
    assert result["pair"] == "mean"
    assert result["readings"]["logit_diff"]["recovery"] == expected.recovery
    assert [token["token"] for token in result["patched"]["top"]] == [
        t.token for t in expected.run_tokens(5)
    ]


def test_over_the_mean_stands_no_word_of_one_pair(dataset: Experiment) -> None:
    page = Page(dataset)
    page.say("hello", 1)
    task = page.last("scene")["task"]
    assert task["clean"] == [" w3", None, " w15", None, " w26"]
    assert task["corrupted"] == [" w3", None, " w42", None, " w26"]
    assert task["positions"] == {"X": 2}, "Y is somewhere else in the last pair"
    assert (task["differs"], task["lengths"], task["n_pairs"]) == ([2], [5, 5], 5)
    assert "places" not in task


def test_of_unequal_lengths_the_mean_has_named_positions_and_the_last(unequal: Experiment) -> None:
    page = Page(unequal)
    page.say("hello", 1)
    task = page.last("scene")["task"]
    assert task["places"] == ["X", "-1"]
    assert task["clean"] == [None, " w26"]
    assert task["positions"] == {"X": 0}
    assert (task["counterparts"], task["differs"], task["lengths"]) == ([0, 1], [], [4, 5])


def test_the_scene_names_every_pair(dataset: Experiment) -> None:
    page = Page(dataset)
    page.say("hello", 1)
    pairs = page.last("scene")["pairs"]
    assert [pair["clean"] for pair in pairs] == [f" {text}" for text in CLEAN]
    assert pairs[0] | {"clean": ""} == {"clean": "", "answer": " w8", "foil": " w9"}


def test_every_result_has_the_numbers_of_all_pairs_and_the_interval_of_their_mean(
    dataset: Experiment,
) -> None:
    page = Page(dataset)
    page.patch(1, "L1.H2", pair=2)
    page.wait()
    over, expected = page.last("result")["over_pairs"]["logit_diff"], dataset.patch("L1.H2")
    assert over["recovery"] == expected.per_pair.recovery.tolist()
    assert over["mean"]["recovery"] == expected.recovery
    reading = expected["logit_diff"]
    values = PairValues(
        reading.patched,
        expected.per_pair.effect,
        reading.clean,
        reading.corrupted,
        reading.noise_floor,
        "denoise",
        False,
    )
    low, high = (float(values.intervals()[name]) for name in ("recovery_low", "recovery_high"))
    assert (over["low"], over["high"]) == (
        None if np.isnan(low) else low,
        None if np.isnan(high) else high,
    )


def test_another_pair_of_the_same_patch_needs_no_pass_and_adds_nothing_to_the_history(
    dataset: Experiment,
) -> None:
    page = Page(dataset)
    page.patch(1, "L1.H2", "L0.H1")
    page.wait()
    runs: list[int] = []
    hook = dataset.model.layout.blocks[0].register_forward_hook(lambda *_: runs.append(1))
    try:
        page.patch(2, "L1.H2", "L0.H1", pair=4)
        page.wait()
    finally:
        hook.remove()
    assert page.kinds(2) == ["ack", "result", "singles"]
    assert len(runs) <= 1, "only the reach of the pair"
    assert len(page.session.history) == 1
    single = page.last("singles")["singles"][0]["readings"]["logit_diff"]
    assert single["effect"] == dataset.patch("L1.H2").per_pair.effect[4]


def test_another_metric_of_the_same_patch_needs_no_pass(dataset: Experiment) -> None:
    page = Page(dataset)
    page.patch(1, "L1.H2")
    page.wait()
    runs: list[int] = []
    hook = dataset.model.layout.blocks[0].register_forward_hook(lambda *_: runs.append(1))
    try:
        page.patch(2, "L1.H2", metric="kl")
        page.wait()
    finally:
        hook.remove()
    assert runs == []
    assert page.session.result is not None
    assert page.session.result.value == dataset.measuring("kl").patch("L1.H2").value


def test_a_map_is_of_the_pair_that_was_asked_for(dataset: Experiment) -> None:
    page = Page(dataset)
    page.sweep(1, HEADS, MLP)
    page.wait()
    page.sweep(2, HEADS, MLP, pair=1)
    page.wait()
    expected = dataset.sweep("z", progress=False).to_xarray().sel(metric="logit_diff")
    assert page.last("cells")["pair"] == 1
    np.testing.assert_allclose(
        page.maps("heads")[-1]["effect"], expected.effect.isel(pair=1), rtol=1e-4, atol=1e-5
    )
    np.testing.assert_allclose(
        page.maps("heads")[-1]["share"], expected.share.isel(pair=1), rtol=1e-4, atol=1e-4
    )
    assert page.kinds(2) == ["ack", "cells", "cells", "swept"], "the sweep did not run again"


@pytest.mark.parametrize("pair", [-1, 5, "4", 1.0, True, None, "median"])
def test_a_pair_that_is_not_there_is_an_error(dataset: Experiment, pair: Any) -> None:
    page = Page(dataset)
    page.patch(1, "L1.H2", pair=pair)
    assert page.kinds(1) == ["error"]
    assert "'mean' or a number from 0 to 4" in page.last("error")["message"]


def test_a_new_page_gets_the_pair_that_is_shown(dataset: Experiment) -> None:
    page = Page(dataset)
    page.patch(1, "L1.H2", pair=3)
    page.wait()
    page.say("hello", 2)
    assert page.last("scene")["pair"] == 3
    assert page.last("scene")["task"]["clean"][1] == " w6"
    assert page.last("result")["pair"] == 3


def test_the_code_reads_the_numbers_of_the_pair(dataset: Experiment) -> None:
    page = Page(dataset)
    page.say(
        "code", 1, patches=[{"site": "L1.H2"}], direction="denoise", metric="logit_diff", pair=3
    )
    lines = page.last("code")["code"].splitlines()
    assert (
        lines[-1]
        == "r.per_pair.value[3], r.per_pair.effect[3], r.per_pair.share[3], r.per_pair.recovery[3]"
    )


def test_a_task_of_one_pair_is_its_own_mean(page: Page) -> None:
    page.say("hello", 1)
    assert page.last("scene")["task"]["clean"] == [" w3", " w14", " w15", " w9", " w26"]
    assert page.last("scene")["pairs"] == []
    page.patch(2, "L1.H2")
    page.wait()
    assert "over_pairs" not in page.last("result")
