"""The first notebook in a real JupyterLab: what a person clicks, types and reads."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.axe import serious
from tests.browser.explorer import FOCUSED_SITE, IN_GRID, SECONDS, Explorer
from tests.browser.explorer import ROOT as EXPLORER
from tests.browser.lab import Lab
from tests.browser.notebook import Notebook, Notices, Theme


@pytest.fixture(scope="module")
def notebook(open_in_lab: Callable[[str], Notebook]) -> Notebook:
    return open_in_lab("01_quickstart.ipynb")


@pytest.fixture(scope="module")
def explorer(notebook: Notebook) -> Explorer:
    return Explorer.run(notebook)


@pytest.fixture(autouse=True)
def nothing_unseen(notices: Notices, lab: Lab) -> Iterator[None]:
    """After each test: no error in the console, and nobody tried to reach another machine."""
    yield
    assert notices.errors == []
    assert notices.outside == []
    assert lab.outside_requests() == []


def test_a_clicked_head_shows_its_recovery(explorer: Explorer) -> None:
    explorer.click("L23.H3")
    reading = explorer.wait_for("L23.H3")
    assert reading.metric == "logit_diff"
    assert reading.effect == pytest.approx(6.7749, abs=0.005)
    assert reading.recovery == pytest.approx(0.5838, abs=0.001)


def test_shift_click_patches_jointly(explorer: Explorer) -> None:
    explorer.click("L23.H3")
    explorer.wait_for("L23.H3")
    explorer.click("L20.H0", modifiers=["Shift"])
    expect(explorer.result).to_have_attribute("data-recovery", re.compile(r"^0\.98"))
    assert explorer.reading().recovery == pytest.approx(0.9848, abs=0.001)


def test_the_other_direction_is_one_key_away(explorer: Explorer, page: Page) -> None:
    explorer.click("L23.H3")
    explorer.wait_for("L23.H3")
    page.keyboard.press("n")
    expect(explorer.result).to_have_attribute("data-recovery", re.compile(r"^0\.3"))
    assert explorer.reading().recovery == pytest.approx(0.3897, abs=0.001)
    page.keyboard.press("n")
    expect(explorer.result).to_have_attribute("data-recovery", re.compile(r"^0\.5"))


def test_of_twenty_fast_clicks_the_last_one_stays(explorer: Explorer) -> None:
    explorer.click("L29.H1")
    explorer.wait_for("L29.H1")
    explorer.watch()
    sites = [f"L{layer}.H{layer % 9}" for layer in range(19)] + ["L20.H0"]
    boxes = [explorer.component(site).bounding_box() for site in sites]
    for box in boxes:
        assert box is not None
        explorer.page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    reading = explorer.wait_for("L20.H0")
    assert reading.recovery == pytest.approx(0.216, abs=0.001)
    # A late answer to an earlier click would come between these two.
    explorer.click("L23.H3")
    explorer.wait_for("L23.H3")
    answers = explorer.answers()
    assert answers[-2:] == ["L20.H0", "L23.H3"]
    assert len(answers) < len(sites), "superseded clicks were computed all the same"


def test_the_keyboard_alone_is_enough(explorer: Explorer, page: Page) -> None:
    tab_into_grid(explorer)
    before = page.evaluate(FOCUSED_SITE)
    page.keyboard.press("ArrowLeft")
    page.wait_for_function(f"(before) => ({FOCUSED_SITE})() !== before", arg=before)
    site = page.evaluate(FOCUSED_SITE)
    page.keyboard.press("Enter")
    assert explorer.wait_for(site).metric == "logit_diff"


def test_a_site_can_be_typed(explorer: Explorer) -> None:
    type_site(explorer, "L24.H4")
    assert explorer.wait_for("L24.H4").recovery == pytest.approx(-0.250, abs=0.001)


def test_a_site_that_is_not_there_is_told(explorer: Explorer) -> None:
    type_site(explorer, "L99.H4")
    expect(explorer.root.get_by_text("The model is unchanged").first).to_be_visible()
    expect(explorer.root.get_by_text(re.compile("0 to 29")).first).to_be_visible()
    explorer.click("L23.H3")
    explorer.wait_for("L23.H3")
    expect(explorer.root.get_by_text("The model is unchanged")).to_have_count(0)


def test_shortcuts_of_jupyterlab_do_not_reach_the_notebook(
    explorer: Explorer, notebook: Notebook, page: Page
) -> None:
    cells = notebook.n_cells()
    active = notebook.active_cell()
    tab_into_grid(explorer)
    for key in ("d", "d", "x", "c", "v", "z", "b", "a", "m", "ArrowDown", "ArrowUp"):
        page.keyboard.press(key)
    assert notebook.n_cells() == cells
    assert notebook.active_cell() == active


@pytest.mark.parametrize("width", [1300, 700])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious(
    explorer: Explorer,
    notebook: Notebook,
    page: Page,
    shoot: Callable[[str, str], Path],
    theme: Theme,
    width: int,
) -> None:
    notebook.set_theme(theme)
    notebook.set_width(EXPLORER, width)
    explorer.click("L23.H3")
    explorer.wait_for("L23.H3")
    shoot(EXPLORER, f"explorer-{theme}-{width}")
    assert serious(explorer.root) == []


def test_an_explorer_stays_inside_its_cell(
    explorer: Explorer, notebook: Notebook, page: Page
) -> None:
    notebook.set_width(EXPLORER, 700)
    too_wide = explorer.root.evaluate("(root) => root.scrollWidth - root.clientWidth")
    assert too_wide <= 0


def test_a_restart_of_the_kernel_is_told(explorer: Explorer, notebook: Notebook) -> None:
    notebook.restart_kernel()
    told = explorer.root.get_by_text("The kernel restarted")
    expect(told.first).to_be_visible(timeout=30 * SECONDS)


def tab_into_grid(explorer: Explorer) -> None:
    """Go from the explorer's first button into a grid, with the Tab key alone."""
    page = explorer.page
    explorer.root.locator("button, select, input, [tabindex='0']").first.focus()
    for _ in range(40):
        if page.evaluate(IN_GRID):
            return
        page.keyboard.press("Tab")
    raise AssertionError("No grid was reached with forty presses of Tab")


def type_site(explorer: Explorer, site: str) -> None:
    """Open the box with a slash, type, and press Enter."""
    tab_into_grid(explorer)
    explorer.page.keyboard.press("/")
    expect(explorer.root.locator("input:focus")).to_be_visible()
    explorer.page.keyboard.type(site)
    explorer.page.keyboard.press("Enter")
