"""Prompts edited in a page: tokens while they are written, a new experiment when they run, and the way back."""

from typing import Any

import pytest

from patchwidgets.explorer.widget import PatchExplorer
from patchwidgets.facade import Experiment
from patchwidgets.models.model import Model
from patchwidgets.tasks import Task
from tests.support.families import VOCABULARY, random_model
from tests.support.page import HEADS, Page
from tests.support.toy_tokenizer import toy_tokenizer

EDIT: dict[str, Any] = {
    "pair": 0,
    "clean": "w3 w14 w15 w9 w26",
    "corrupted": "w3 w14 w41 w9 w26",
    "answer": " w8",
    "foil": " w9",
    "align": False,
}


@pytest.fixture(scope="module")
def model() -> Model:
    return Model(random_model("llama"), toy_tokenizer(VOCABULARY), "toy")


def edited(**change: Any) -> dict[str, Any]:
    return EDIT | change


def tokens(page: Page, **change: Any) -> dict[str, Any]:
    page.say("tokens", 9, **edited(**change))
    page.wait()
    return page.last("tokens")


def test_a_scene_has_the_texts_of_its_pair(page: Page) -> None:
    page.say("hello", 1)
    text = page.last("scene")["task"]["text"]
    assert text == EDIT | {"corrupted": "w3 w14 w42 w9 w26"}
    assert page.last("scene")["edits"] == []


def test_tokens_are_told_while_a_person_writes(page: Page) -> None:
    told = tokens(page)
    assert told["clean"] == [" w3", " w14", " w15", " w9", " w26"]
    assert told["corrupted"][2] == " w41"
    assert (told["counterparts"], told["differs"]) == ([0, 1, 2, 3, 4], [2])
    assert (told["answer"], told["foil"], told["problem"]) == ([[" w8"]], [[" w9"]], None)
    assert page.kinds(9) == ["ack", "tokens"]


@pytest.mark.parametrize(
    ("change", "field", "message"),
    [
        (
            {"corrupted": "w3 w14 w42 w9"},
            "corrupted",
            "5 and 4 tokens; patching needs equal counts.",
        ),
        ({"corrupted": EDIT["clean"]}, "corrupted", "Both prompts are identical"),
        ({"clean": ""}, "clean", "has no tokens"),
        ({"answer": " w8 w7"}, "answer", "' w8 w7' is 2 tokens (␣w8·␣w7); choose one."),
        ({"foil": ""}, "foil", "has no tokens"),
    ],
)
def test_what_is_wrong_is_told_beside_its_field(
    page: Page, change: dict[str, str], field: str, message: str
) -> None:
    problem = tokens(page, **change)["problem"]
    assert problem["field"] == field
    assert message in problem["message"]


def test_prompts_of_unequal_counts_can_be_matched(page: Page) -> None:
    told = tokens(page, corrupted="w3 w14 w42 w42 w9 w26", align=True)
    assert told["problem"] is None
    assert told["counterparts"] == [0, 1, 3, 4, 5]
    page.patch(2, "L1.H2", edits=[edited(corrupted="w3 w14 w42 w42 w9 w26", align=True)])
    page.wait()
    assert page.last("result")["task"]["counterparts"] == [0, 1, 3, 4, 5]


def test_edited_prompts_are_a_new_experiment(page: Page, model: Model) -> None:
    page.patch(1, "L1.H2@-1", edits=[EDIT])
    page.wait()
    result = page.last("result")
    expected = Experiment(
        model, Task(EDIT["clean"], EDIT["corrupted"], " w8", " w9", {"X": 2})
    ).patch("L1.H2@-1")
    assert result["edits"] == [EDIT]
    assert result["readings"]["logit_diff"]["effect"] == pytest.approx(expected.effect, abs=1e-5)
    assert result["task"]["corrupted"][2] == " w41"
    assert result["task"]["positions"] == {"X": 2}
    assert page.session.experiment.task.corrupted == EDIT["corrupted"]
    assert page.session.result is not None
    assert page.session.result.experiment.task == page.session.experiment.task


def test_undo_brings_the_old_prompts_back_without_a_new_experiment(page: Page) -> None:
    page.patch(1, "L1.H2")
    page.patch(2, "L1.H2", edits=[EDIT])
    page.wait()
    before = page.session.experiment
    page.patch(3, "L1.H2", edits=[])
    page.wait()
    assert page.last("result")["edits"] == []
    assert page.last("result")["task"]["corrupted"][2] == " w42"
    page.patch(4, "L1.H2", edits=[EDIT])
    page.wait()
    assert page.session.experiment is before


def test_maps_and_questions_follow_the_prompts(page: Page) -> None:
    page.sweep(1, HEADS)
    page.wait()
    old = page.maps("heads")[-1]["effect"]
    page.patch(2, "L1.H2", edits=[EDIT])
    page.wait()
    page.sweep(3, HEADS)
    page.wait()
    new = page.maps("heads")[-1]["effect"]
    assert abs(new - old).max() > 1e-6
    assert new[1, 2] == pytest.approx(
        page.last("result")["readings"]["logit_diff"]["effect"], abs=1e-5
    )


def test_the_code_gives_the_new_task(page: Page) -> None:
    request = {"patches": [], "direction": "denoise", "metric": "logit_diff"}
    page.say("code", 1, **request, edits=[EDIT])
    assert "corrupted='w3 w14 w41 w9 w26'" in page.last("code")["code"]
    assert "positions={'X': 2}" in page.last("code")["code"]


@pytest.mark.parametrize(
    "edits",
    [
        [edited(pair=1)],
        [EDIT, EDIT],
        [edited(clean=3)],
        [edited(foil=None)],
        [edited(align=1)],
        "w3",
        [edited(clean="w3 " * 7000)],
    ],
)
def test_edits_of_another_form_are_an_error(page: Page, edits: Any) -> None:
    page.patch(1, "L1.H2", edits=edits)
    assert page.kinds(1) == ["error"]
    assert page.last("error")["code"] == "ProtocolError"


def test_prompts_that_cannot_run_are_refused_before_anything_runs(page: Page) -> None:
    page.patch(1, "L1.H2")
    page.wait()
    page.patch(2, "L1.H2", edits=[edited(corrupted="w3 w4")])
    assert page.kinds(2) == ["error"]
    assert "5 and 2 tokens; patching needs equal counts" in page.last("error")["message"]
    page.patch(3, "L1.H2", edits=[edited(answer=" w8 w7")])
    assert page.last("error")["code"] == "AnswerError"
    page.say("hello", 4)
    assert page.last("scene")["edits"] == []


def test_a_name_stays_with_its_token_and_goes_with_it(page: Page) -> None:
    longer = {"clean": "w3 w7 w14 w15 w9 w26", "corrupted": "w3 w7 w14 w41 w9 w26"}
    page.patch(1, edits=[edited(**longer)])
    page.wait()
    assert page.last("result")["task"]["positions"] == {"X": 3}
    page.patch(2, edits=[edited(clean="w7 w14 w9 w26", corrupted="w8 w14 w9 w26")])
    page.wait()
    assert page.last("result")["task"]["positions"] == {}


def test_of_a_dataset_only_the_edited_pair_changes(model: Model) -> None:
    clean, corrupted = ["w3 w14 w15 w26", "w3 w7 w15 w26"], ["w3 w14 w42 w26", "w3 w7 w42 w26"]
    dataset = Experiment(model, Task(clean, corrupted, " w8", " w9", {"X": 2}))
    page = Page(dataset)
    edit = edited(pair=1, clean="w3 w7 w15 w26", corrupted="w3 w7 w41 w26")
    page.patch(1, "L1.H2", edits=[edit], pair=1)
    page.wait()
    task = page.session.experiment.task
    assert (task.clean, task.corrupted) == (clean, [corrupted[0], "w3 w7 w41 w26"])
    assert page.last("result")["task"]["corrupted"] == [" w3", " w7", " w41", " w26"]
    assert page.last("result")["over_pairs"]["logit_diff"]["effect"][0] == pytest.approx(
        dataset.patch("L1.H2").per_pair.effect[0], abs=1e-5
    )


def test_the_widget_follows(model: Model) -> None:
    task = Task("w3 w14 w15 w9 w26", "w3 w14 w42 w9 w26", " w8", " w9", {"X": 2})
    explorer = PatchExplorer(Experiment(model, task))
    message = {"patches": [{"site": "L1.H2"}], "direction": "denoise", "metric": "logit_diff"}
    explorer._receive(explorer, {"v": 1, "kind": "patch", "id": 1, "edits": [EDIT]} | message, [])
    result = explorer.result
    assert result is not None
    assert explorer.experiment.task.corrupted == EDIT["corrupted"]
    assert "corrupted='w3 w14 w41 w9 w26'" in explorer.to_code()
    explorer.selection = ["L0.H1"]
    assert explorer.result is not None
    assert explorer.result.experiment.task.corrupted == EDIT["corrupted"]
    explorer.close()
