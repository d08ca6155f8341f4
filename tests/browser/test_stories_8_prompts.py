"""Story 8: other prompts, written in place; and a dataset, pair by pair."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Locator, expect

import patchwidgets as pw
from patchwidgets.facade import Experiment
from tests.browser.explorer import Explorer, close
from tests.browser.lab import Lab
from tests.browser.notebook import Notebook, Notices, write_notebook
from tests.browser.stories import CODE, teaching_experiment
from tests.support.prompts import CLEAN, CORRUPTED

PAIRS = """
pairs = pw.Experiment(pw.load(), pw.tasks.ioi(n=4, seed=0)).explore("L0.H1")
pairs
"""
SITE = "L0.H1"
LONGER = CORRUPTED.replace("the store", "the old store")
OTHER = CORRUPTED.replace("Mary gave", "Tom gave")


@pytest.fixture(scope="module")
def notebook(lab: Lab, open_in_lab: Callable[[str], Notebook]) -> Notebook:
    write_notebook(lab, "prompts.ipynb", CODE, PAIRS)
    notebook = open_in_lab("prompts.ipynb")
    notebook.run_all()
    return notebook


@pytest.fixture(autouse=True)
def nothing_unseen(notices: Notices) -> Iterator[None]:
    yield
    assert notices.errors == []


@pytest.fixture(scope="module")
def explorer(notebook: Notebook) -> Explorer:
    return Explorer.shown(notebook.page)


@pytest.fixture(scope="module")
def exp() -> Experiment:
    return teaching_experiment()


def words(explorer: Explorer, lane: str) -> str:
    """The text of a lane's tokens, without what begins a prompt."""
    tokens = explorer.root.locator(f"[data-run='{lane}'] .token")
    said: list[str] = tokens.evaluate_all("(all) => all.map((each) => each.textContent)")
    return "".join(said[1:]).replace("␣", " ").strip()


def unfold(explorer: Explorer) -> None:
    """Show all tokens of a pair, and go back to the mean."""
    explorer.root.get_by_label("next pair").click()
    expect(explorer.result).to_have_attribute("data-pair", "0")
    if explorer.root.locator(".fold").count() > 0:
        explorer.root.locator(".fold").first.click()
        expect(explorer.root.locator(".token-row.long")).to_have_count(3)
    explorer.root.locator(".stepper .mean").click()
    expect(explorer.result).to_have_attribute("data-pair", "mean")


def field(explorer: Explorer, name: str) -> Locator:
    return explorer.root.locator(f".editor [data-field='{name}']")


def expect_shown(explorer: Explorer, exp: Experiment, corrupted: str) -> None:
    """The head's numbers, the words of all lanes and the cell of the map are those of this experiment."""
    result = exp.patch(SITE)
    explorer.wait_for_effect(result.effect)
    assert explorer.reading().recovery == close(result.recovery)
    assert words(explorer, "clean") == CLEAN
    assert words(explorer, "patched") == words(explorer, "corrupted") == corrupted
    explorer.wait_for_maps()
    label = explorer.cell("heads", SITE).get_attribute("aria-label")
    assert label is not None
    assert float(label.split(", ")[1].removesuffix(" %")) == pytest.approx(
        100 * (result.share or 0), abs=0.51
    )


def test_story_8_prompts_are_edited_in_place_and_undo_restores_them(
    explorer: Explorer, notebook: Notebook, exp: Experiment
) -> None:
    explorer.click(SITE)
    explorer.wait_for(SITE)
    expect_shown(explorer, exp, CORRUPTED)

    explorer.root.locator("[data-edit='corrupted']").click()
    expect(field(explorer, "corrupted")).to_be_focused()
    form = explorer.root.locator("form.editor")
    field(explorer, "corrupted").fill(LONGER)
    expect(form).to_have_attribute("data-editing", "wrong")
    told = explorer.root.locator(".written-line [role='status']")
    expect(told).to_contain_text("patching needs equal counts")
    expect(field(explorer, "corrupted")).to_have_attribute("aria-invalid", "true")
    explorer.page.keyboard.press("Enter")
    expect(field(explorer, "corrupted")).to_have_value(LONGER)
    assert explorer.reading().effect == close(exp.patch(SITE).effect)

    field(explorer, "corrupted").fill(OTHER)
    expect(form).to_have_attribute("data-editing", "ready")
    field(explorer, "foil").fill(" Tom")
    expect(form).to_have_attribute("data-editing", "ready")
    field(explorer, "foil").press("Enter")
    expect(form).to_have_count(0)
    edited = Experiment(pw.load(), pw.Task(CLEAN, OTHER, " Mary", " Tom"))
    expect_shown(explorer, edited, OTHER)
    notebook.expect(f"{OTHER!r} in w.experiment.task.corrupted", True)
    assert notebook.ask("w.result.effect") == close(edited.patch(SITE).effect)

    explorer.tool("undo").click()
    expect_shown(explorer, exp, CORRUPTED)
    notebook.expect(f"{CORRUPTED!r} in w.experiment.task.corrupted", True)


def test_story_8_escape_leaves_the_prompts_as_they_were(
    explorer: Explorer, exp: Experiment
) -> None:
    explorer.root.locator("[data-edit='clean']").click()
    field(explorer, "clean").fill("When")
    explorer.page.keyboard.press("Escape")
    expect(explorer.root.locator("form.editor")).to_have_count(0)
    assert explorer.has_focus()
    expect_shown(explorer, exp, CORRUPTED)


def test_story_8_a_step_through_pairs_changes_every_number_and_word_together(
    notebook: Notebook,
) -> None:
    explorer = Explorer.shown(notebook.page, 1)
    exp = Experiment(pw.load(), pw.tasks.ioi(n=4, seed=0))
    result = exp.patch(SITE)
    expect(explorer.result).to_have_attribute("data-pair", "mean")
    assert explorer.reading().effect == close(result.effect)
    unfold(explorer)
    # In one frame: whenever the page names a pair, everything on it is of that pair.
    explorer.root.evaluate(WATCH_PAIRS)
    for pair in range(3):
        explorer.root.get_by_label("next pair").click()
        expect(explorer.result).to_have_attribute("data-pair", str(pair))
        reading = explorer.reading()
        assert reading.effect == close(float(result.per_pair.effect[pair]))
        assert reading.recovery == close(float(result.per_pair.recovery[pair]))
        assert words(explorer, "clean") == exp.task.clean[pair]
        assert (
            words(explorer, "patched") == words(explorer, "corrupted") == exp.task.corrupted[pair]
        )
        expect(explorer.finding).to_have_text(re.compile(f"^In pair {pair + 1}, "))
        notebook.expect("pairs.pair", pair)
    explorer.root.locator(".stepper .mean").click()
    expect(explorer.result).to_have_attribute("data-pair", "mean")
    assert explorer.reading().effect == close(result.effect)
    seen = explorer.page.evaluate("() => window.pairsSeen")
    assert {pair: {exp.task.clean.index(said)} for pair, said in seen} == {
        pair: {pair} for pair in range(3)
    }


# Of each frame in which something changed: the pair that the numbers are of, and the words of the clean lane.
WATCH_PAIRS = """(root) => {
  const seen = window.pairsSeen = [];
  const look = () => {
    const pair = root.querySelector("[data-result]")?.dataset.pair;
    if (pair === undefined || pair === "mean") return;
    const tokens = [...root.querySelectorAll("[data-run='clean'] .token")].slice(1);
    const said = tokens.map((each) => each.textContent).join("").replaceAll("␣", " ").trim();
    seen.push([Number(pair), said]);
  };
  new MutationObserver(look).observe(root, { subtree: true, childList: true, attributes: true });
}"""
