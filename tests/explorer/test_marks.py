"""Notes and pins in the history: kept in the kernel, told to every view, in the table of `w.history`."""

from typing import Any

import pytest

from patchwidgets.explorer.widget import PatchExplorer
from patchwidgets.facade import Experiment
from tests.support.page import Page


def asked(page: Page, result_id: int) -> dict[str, Any]:
    """The run of a result as the page sends it back: with sources and edits as they came."""
    results = [event for event, _ in page.events if event["kind"] == "result"]
    result = next(each for each in results if each["id"] == result_id)
    fields = ("patches", "direction", "metric", "pair", "edits")
    return {name: result[name] for name in fields if name in result}


def test_a_note_and_a_pin_come_back_with_the_history(page: Page) -> None:
    page.patch(1, "L1.H2", "L0.H1@1")
    page.wait()
    page.say("mark", 2, **asked(page, 1), note="<b>both</b>", pinned=True)
    assert page.kinds(2) == ["marked"]
    told = page.last("marked")
    assert (told["note"], told["pinned"], told["direction"]) == ("<b>both</b>", True, "denoise")
    assert {patch["site"] for patch in told["patches"]} == {"L1.H2", "L0.H1@1"}
    page.say("hello", 3)
    assert [(each["note"], each["pinned"]) for each in page.last("history")["results"]] == [
        ("<b>both</b>", True)
    ]


def test_what_a_mark_does_not_name_stays_and_a_patch_made_again_keeps_both(page: Page) -> None:
    page.patch(1, "L1.H2")
    page.wait()
    page.say("mark", 2, **asked(page, 1), note="first")
    page.say("mark", 3, **asked(page, 1), pinned=True)
    page.patch(4, "L0.H0")
    page.patch(5, "L1.H2", metric="kl")
    page.wait()
    page.say("hello", 6)
    first = page.last("history")["results"][0]
    assert (first["note"], first["pinned"], first["metric"]) == ("first", True, "kl")
    page.say("mark", 7, **asked(page, 1), note="", pinned=False)
    assert (page.last("marked")["note"], page.last("marked")["pinned"]) == ("", False)


@pytest.mark.parametrize(
    "source",
    [
        "corrupted",
        {"kind": "zero"},
        {"kind": "mean", "per": None},
        {"kind": "steer", "vector": "clean - corrupted", "alpha": 0.5},
        {"kind": "at", "site": "L1.H2@1"},
    ],
)
def test_runs_with_any_source_are_found_again(page: Page, source: object) -> None:
    page.patch(1, patches=[{"site": "L1.H2", "source": source}])
    page.wait()
    page.say("mark", 2, **asked(page, 1), note="n")
    assert page.kinds(2) == ["marked"]
    assert page.session.history[0].note == "n"


def test_paths_and_edited_prompts_are_found_again(page: Page) -> None:
    page.patch(1, "L0.H0->L1.H2.q")
    edit = {"pair": 0, "clean": "w3 w14 w15 w9 w26", "corrupted": "w3 w14 w43 w9 w26"}
    edits = [edit | {"answer": " w8", "foil": " w9", "align": False}]
    page.wait()
    page.patch(2, "L1.H2", edits=edits)
    page.wait()
    page.say("mark", 3, **asked(page, 1), note="a path")
    page.say("mark", 4, **asked(page, 2), note="edited")
    assert page.kinds(3) == page.kinds(4) == ["marked"]
    assert [each.note for each in page.session.history] == ["a path", "edited"]


def test_a_third_pin_takes_the_place_of_the_earliest(page: Page) -> None:
    for number, site in enumerate(["L0.H0", "L1.H1", "L1.H2"]):
        page.patch(number, site)
        page.wait()
        page.say("mark", 10 + number, **asked(page, number), pinned=True)
    page.say("hello", 20)
    assert [each["pinned"] for each in page.last("history")["results"]] == [False, True, True]


@pytest.mark.parametrize(
    ("mark", "says"),
    [
        ({"note": 3}, "Expected a note as text; got 3"),
        ({"note": "n" * 501}, "at most 500 characters; got 501"),
        ({"pinned": 1}, "Expected pinned as true or false; got 1"),
        ({"note": "n", "direction": "noise"}, "Patch it first"),
        ({"note": "n", "patches": [{"site": "L0.H0"}]}, "Patch it first"),
        ({"note": "n", "patches": []}, "Patch it first"),
    ],
)
def test_what_cannot_be_marked_is_refused(page: Page, mark: dict[str, Any], says: str) -> None:
    page.patch(1, "L1.H2")
    page.wait()
    page.say("mark", 2, **(asked(page, 1) | mark))
    assert page.kinds(2) == ["error"]
    assert page.last("error")["code"] == "ProtocolError"
    assert says in page.last("error")["message"]
    assert [each.note for each in page.session.history] == [""]


def test_a_page_gets_pins_that_are_older_than_what_it_lists(
    page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("patchwidgets.explorer.session.MOST_LISTED", 2)
    for number, site in enumerate(["L0.H0", "L0.H1", "L1.H1", "L1.H2"]):
        page.patch(number, site)
        page.wait()
    page.say("mark", 10, **asked(page, 0), pinned=True)
    page.say("hello", 11)
    listed = [each["patches"][0]["site"] for each in page.last("history")["results"]]
    assert listed == ["L0.H0", "L1.H1", "L1.H2"]


def test_the_table_of_the_history_has_the_notes(experiment: Experiment) -> None:
    explorer = PatchExplorer(experiment, ["L1.H2"])
    assert explorer.result is not None
    explorer.selection = ["L0.H0"]
    assert explorer.result is not None
    message = {"patches": [{"site": "L1.H2"}], "direction": "denoise", "metric": "logit_diff"}
    explorer._receive(explorer, {"v": 1, "kind": "mark", "id": 1, "note": "why?"} | message, [])
    assert explorer.history.to_frame()["note"].tolist() == ["why?", ""]
    assert [each.note for each in explorer.history] == ["why?", ""]
    assert explorer.selection == ["L0.H0"]
    explorer.close()


def test_a_result_has_no_note_of_its_own(experiment: Experiment) -> None:
    assert experiment.patch("L1.H2").note == ""
