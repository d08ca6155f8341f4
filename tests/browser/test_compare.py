"""Pins and notes in a real browser: the numbers of `exp.patch`, after undo, in a second view, after a reload."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

import patchwidgets as pw
from tests.browser.axe import serious
from tests.browser.bare.kernel import BareKernel, showing
from tests.browser.explorer import SECONDS, Explorer
from tests.browser.lab import Lab, serve
from tests.browser.notebook import Notices, open_notebook

CODE = """
import json
import pathlib

import patchwidgets as pw

exp = pw.Experiment(pw.load(), pw.tasks.addition(1, varies="both", part="test"))
w = exp.explore()
w
"""
SHARES = "dict(zip(w.history.to_frame().sites, w.history.to_frame().share))"
NOTES = "dict(zip(w.history.to_frame().sites, w.history.to_frame().note))"
SAVE = "() => window.jupyterapp.commands.execute('docmanager:save')"


@pytest.fixture(scope="module")
def experiment() -> pw.Experiment:
    return pw.Experiment(pw.load(), pw.tasks.ioi(n=4, seed=0))


@pytest.fixture
def notices() -> Notices:
    return Notices()


@pytest.fixture
def page(browser: Browser, notices: Notices) -> Iterator[Page]:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    notices.listen(page)
    yield page
    page.close()


@pytest.fixture
def kernel(page: Page, experiment: pw.Experiment) -> Iterator[BareKernel]:
    """The page, with L0.H1 and L1.H2 pinned and L1.H1 patched."""
    with showing(page, experiment) as kernel:
        kernel.answer_until(".chart.heads .map-note:has-text('Exact: 16')")
        for site in ("L0.H1", "L1.H2"):
            click(kernel, site)
            page.keyboard.press("p")
        click(kernel, "L1.H1")
        yield kernel


def click(kernel: BareKernel, site: str) -> None:
    kernel.bare.page.locator(f"[data-run='patched'] svg [data-site='{site}']").first.click()
    kernel.answer_until(f"[data-result][data-site='{site}']")


def pin(page: Page, site: str) -> Locator:
    return page.locator(f".pin-row[data-site='{site}']")


def close(expected: float) -> Any:
    """Equal but for the rounding of a click, which computes only what it changes."""
    return pytest.approx(expected, abs=1e-5)


def number(row: Locator, name: str) -> float:
    return float(row.get_attribute(f"data-{name}") or "nan")


def test_the_numbers_of_a_pin_are_those_of_patch(
    kernel: BareKernel, page: Page, experiment: pw.Experiment, notices: Notices
) -> None:
    now = experiment.patch("L1.H1")
    for site in ("L0.H1", "L1.H2"):
        pinned = experiment.patch(site)
        assert number(pin(page, site), "share") == close(pinned.share)
        assert number(pin(page, site), "effect") == close(pinned.effect)
        assert number(pin(page, site), "now") == close(now.share)
        assert number(pin(page, site), "delta") == close(now.share - pinned.share)
    said = page.locator(".pin-said").all_text_contents()
    assert all(text.startswith("now L1.H1 ") and "Δ" in text for text in said)
    assert notices.errors == []
    assert kernel.bare.violations() == []


def test_pins_follow_the_pair_and_say_what_cannot_be_compared(
    kernel: BareKernel, page: Page, experiment: pw.Experiment
) -> None:
    expected = experiment.patch("L0.H1")
    page.get_by_label("next pair").click()
    kernel.answer_until("[data-result][data-pair='0']")
    assert number(pin(page, "L0.H1"), "share") == close(expected.per_pair.share[0])
    page.locator(".picture [role='grid'] [tabindex='0']").first.focus()
    page.keyboard.press("n")
    kernel.answer_until(".pin-row[data-differs='direction']")
    assert page.locator(".pin-row[data-delta]").count() == 0
    assert page.locator(".pin-said").first.text_content() == (
        "patched in denoise, not in noise: no difference is shown"
    )
    pin(page, "L0.H1").locator(".pin-back").click()
    kernel.answer_until("[data-result][data-site='L0.H1']")
    assert pin(page, "L0.H1").locator(".pin-said").text_content() == "shown now"


def test_the_tokens_of_the_pins_stand_beside_those_of_now(
    kernel: BareKernel, page: Page, experiment: pw.Experiment
) -> None:
    pinned = [
        row.patched.logit
        for site in ("L0.H1", "L1.H2")
        for row in experiment.patch(site).top_tokens(5)
    ]
    bars = page.locator(".lrow .lbars [data-bar='pinned']").all()
    assert bars
    for bar in bars:
        assert number(bar, "value") in map(close, pinned)


def test_a_cross_takes_a_pin_away_and_the_kernel_knows(kernel: BareKernel, page: Page) -> None:
    pin(page, "L0.H1").get_by_label("unpin L0.H1").click()
    expect(page.locator(".pin-row")).to_have_count(1)
    for message in kernel.bare.sent():
        kernel.session.handle(message)
    kernel.session.wait()
    kernel.bare.show()
    kernel.answer_until(".pin-row")
    assert [row.get_attribute("data-site") for row in page.locator(".pin-row").all()] == ["L1.H2"]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [480, 900, 1280, 1800])
def test_axe_finds_nothing_serious_and_nothing_is_cut_off(
    kernel: BareKernel,
    page: Page,
    shoot: Callable[[str, str], Path],
    theme: str,
    width: int,
) -> None:
    page.evaluate(
        "(light) => document.body.setAttribute('data-jp-theme-light', light)",
        str(theme == "light").lower(),
    )
    page.set_viewport_size({"width": width, "height": 900})
    page.locator("[data-tab='history']").click()
    page.locator("[data-note='1']").click()
    shoot(".patchwidgets", f"compare-{theme}-{width}")
    root = page.locator(".patchwidgets")
    assert root.evaluate("(root) => root.scrollWidth - root.clientWidth") <= 0
    assert serious(root) == []


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    root = tmp_path_factory.mktemp("root")
    cells = [nbformat.v4.new_code_cell(code) for code in (CODE, "w", "2")]
    written = nbformat.v4.new_notebook(cells=cells)
    written.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    nbformat.write(written, root / "compare.ipynb")
    with serve(root, tmp_path_factory.mktemp("jupyter")) as lab:
        yield lab


def test_in_jupyterlab_pins_and_notes_reach_a_second_view_and_survive_a_reload(
    browser: Browser, lab: Lab
) -> None:
    page = browser.new_page(viewport={"width": 1500, "height": 1000})
    notebook = open_notebook(page, lab, "compare.ipynb")
    explorer = Explorer.run(notebook)
    second = page.locator(".patchwidgets").nth(1)
    for site in ("L0.H1", "L1.H2"):
        explorer.click(site)
        explorer.wait_for(site)
        page.keyboard.press("p")
        expect(second.locator(f".pin-row[data-site='{site}']")).to_have_count(1)
    explorer.click("L1.H1")
    explorer.wait_for("L1.H1")
    page.keyboard.press("z")
    explorer.wait_for("L1.H2")
    expect(explorer.root.locator(".pin-row")).to_have_count(2)

    cells = notebook.n_cells()
    explorer.root.locator("[data-tab='history']").click()
    explorer.root.locator("[data-note='1']").click()
    for key in ("d", "d", "ArrowLeft", "ArrowUp", "n", "p", "x", "a", "b", "z", "End", "!"):
        page.keyboard.press(key)
    field = explorer.root.locator(".note-field")
    expect(field).to_have_value("npxabzdd!")
    page.keyboard.press("Enter")
    expect(explorer.root.locator(".hnote")).to_have_text("npxabzdd!")
    assert explorer.has_focus()
    assert notebook.n_cells() == cells
    assert explorer.reading().site == "L1.H2"
    expect(explorer.root.locator(".pin-row")).to_have_count(2)

    assert notebook.ask(NOTES) == {"L0.H1": "npxabzdd!", "L1.H2": "", "L1.H1": ""}
    shares = notebook.ask(SHARES)
    for site in ("L0.H1", "L1.H2"):
        row = explorer.root.locator(f".pin-row[data-site='{site}']")
        assert number(row, "share") == shares[site]
        assert shares[site] == close(notebook.ask(f"exp.patch('{site}').share"))

    page.evaluate(SAVE)
    reopened = open_notebook(page, lab, "compare.ipynb")
    again = Explorer.shown(reopened.page)
    expect(again.root.locator(".pin-row")).to_have_count(2, timeout=60 * SECONDS)
    row = again.root.locator(".pin-row[data-site='L0.H1']")
    assert number(row, "share") == shares["L0.H1"]
    again.root.locator("[data-tab='history']").click()
    expect(again.root.locator(".hnote")).to_have_text("npxabzdd!")
    page.close()
