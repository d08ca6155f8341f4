"""Further kinds of requests: the newest of each kind is answered, after patches and before maps."""

from collections.abc import Iterator
from typing import Any

import pytest

from patchwidgets.experiment.patching import run_patch
from patchwidgets.explorer.questions import QUESTIONS, Question
from patchwidgets.explorer.views import Views
from patchwidgets.facade import Experiment
from tests.support.page import HEADS, LONG, Gate, Page


def _check(content: dict[str, Any], experiment: Experiment) -> str:
    return str(experiment.model.resolve(content["site"]))


def _answer(views: Views, site: str) -> tuple[dict[str, Any], list[bytes]]:
    outcome = run_patch(views.of("denoise", "kl"), site)
    return {"kind": "told", "site": site, "value": outcome.value}, [b"1234"]


@pytest.fixture(autouse=True)
def told(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(QUESTIONS, "tell", Question(_check, _answer))
    monkeypatch.setitem(QUESTIONS, "tell too", Question(_check, _answer))
    return


def test_a_question_is_acknowledged_and_answered(page: Page, experiment: Experiment) -> None:
    page.say("tell", 5, site="L1.H2")
    page.wait()
    assert page.kinds(5) == ["ack", "told"]
    assert page.last("told")["value"] == experiment.measuring("kl").patch("L1.H2").value
    assert page.events[-1][1] == [b"1234"]


def test_what_is_wrong_with_a_question_is_said(page: Page) -> None:
    page.say("tell", 5, site="L9.H2")
    assert page.kinds(5) == ["error"]
    assert page.last("error")["code"] == "SiteError"


def test_patches_come_first_and_maps_last(page: Page, experiment: Experiment) -> None:
    gate = Gate(experiment)
    page.sweep(1, HEADS)
    assert gate.reached.wait(LONG)
    page.say("tell", 2, site="L1.H2")
    page.patch(3, "L0.H0")
    gate.open()
    page.wait()
    finals = ("result", "told", "swept")
    assert [e["kind"] for e, _ in page.events if e["kind"] in finals] == list(finals)


def test_the_newest_of_each_kind_wins(page: Page, experiment: Experiment) -> None:
    gate = Gate(experiment)
    page.say("tell", 1, site="L0.H0")
    assert gate.reached.wait(LONG)
    page.say("tell too", 2, site="L0.H1")
    for i in range(3, 9):
        page.say("tell", i, site=f"L1.H{i % 4}")
    gate.open()
    page.wait()
    assert [e["id"] for e, _ in page.events if e["kind"] == "told"] == [2, 8]
    assert all(page.kinds(i) == ["ack", "dropped"] for i in (1, 3, 4, 5, 6, 7))


def test_a_click_in_between_is_answered_first(page: Page, experiment: Experiment) -> None:
    gate = Gate(experiment)
    page.say("tell", 1, site="L0.H0")
    assert gate.reached.wait(LONG)
    page.patch(2, "L0.H1")
    gate.open()
    page.wait()
    assert [e["kind"] for e, _ in page.events if e["kind"] != "ack"] == ["result", "told"]


@pytest.mark.parametrize("ended", ["cancel", "close"])
def test_a_question_can_be_dropped(page: Page, experiment: Experiment, ended: str) -> None:
    gate = Gate(experiment)
    page.say("tell", 1, site="L0.H0")
    assert gate.reached.wait(LONG)
    if ended == "cancel":
        page.say("cancel", 2)
    else:
        page.session.close()
    gate.open()
    page.wait()
    assert page.kinds(1) == ["ack", "dropped"]


def test_what_fails_is_told(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(views: Views, site: str) -> tuple[dict[str, Any], list[bytes]]:
        raise SystemExit(site)

    monkeypatch.setitem(QUESTIONS, "tell", Question(_check, fails))
    page.say("tell", 1, site="L1.H2")
    page.wait()
    assert page.kinds(1) == ["ack", "error"]
    page.patch(2, "L0.H0")
    page.wait()
    assert page.kinds(2) == ["ack", "result"]
