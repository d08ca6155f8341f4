"""Story 10: narrow, dark, enlarged, without motion; two views, a row of widgets, and in marimo. Nothing is clipped.

What looks like HTML in a prompt is with the stories of SmolLM2, whose tokenizer has such tokens.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.axe import serious
from tests.browser.explorer import ROOT, Explorer
from tests.browser.lab import Lab
from tests.browser.notebook import Notebook, Notices, Theme, write_notebook
from tests.browser.stories import CODE

SECOND_VIEW = "w"
IN_A_ROW = """
from ipywidgets import HBox, HTML
HBox([HTML("beside it", layout={"width": "120px"}), pw.Experiment(pw.load(), task).explore()])
"""
SITE = "L0.H1"
TOGGLE_FILES = "() => window.jupyterapp.commands.execute('application:toggle-left-area')"
# What reaches over the right edge of the view, but for what a row of tokens or of tabs scrolls.
BEYOND = """(root) => {
  const edge = root.getBoundingClientRect().right + 1;
  const scrolls = (each) => each.closest(".token-row, pre, .charts .tabs") !== null;
  return [...root.querySelectorAll("*")]
    .filter((each) => !scrolls(each) && each.getClientRects().length > 0)
    .filter((each) => each.getBoundingClientRect().right > edge)
    .map((each) => each.outerHTML.slice(0, 120));
}"""
# Texts that end before they should: their box is narrower than they are, and no title has the whole.
CUT = """(root) => [...root.querySelectorAll("button, h2, h3, p, b, option, .caption, .finding")]
  .filter((each) => each.scrollWidth > each.clientWidth + 1 && each.clientWidth > 0)
  .filter((each) => getComputedStyle(each).overflowX !== "visible" && each.title === "")
  .map((each) => each.outerHTML.slice(0, 120))"""
COUNT_MOTION = """(root) => {
  window.motions = 0;
  for (const kind of ["animationstart", "transitionrun"])
    root.addEventListener(kind, () => { window.motions += 1; });
}"""


@pytest.fixture(scope="module")
def notebook(lab: Lab, open_in_lab: Callable[[str], Notebook]) -> Notebook:
    write_notebook(lab, "places.ipynb", CODE, SECOND_VIEW, IN_A_ROW)
    notebook = open_in_lab("places.ipynb")
    notebook.page.evaluate(TOGGLE_FILES)
    notebook.run_all()
    return notebook


@pytest.fixture(scope="module")
def explorer(notebook: Notebook) -> Explorer:
    return Explorer.shown(notebook.page)


@pytest.fixture(autouse=True)
def nothing_unseen(notices: Notices) -> Iterator[None]:
    yield
    assert notices.errors == []


def patch(explorer: Explorer, site: str) -> None:
    explorer.root.scroll_into_view_if_needed()
    explorer.click(site)
    explorer.wait_for(site)


def expect_whole(explorer: Explorer) -> None:
    """Nothing is cut off, the last token of each prompt is in view, and axe finds nothing serious."""
    assert explorer.root.evaluate("(root) => root.scrollWidth - root.clientWidth") <= 0
    assert explorer.root.evaluate(BEYOND) == []
    assert explorer.root.evaluate(CUT) == []
    for lane in ("clean", "patched", "corrupted"):
        row = explorer.root.locator(f"[data-run='{lane}'] .token-row").bounding_box()
        last = explorer.root.locator(f"[data-run='{lane}'] .token").last.bounding_box()
        assert row is not None
        assert last is not None
        assert last["x"] + last["width"] <= row["x"] + row["width"] + 1
    assert serious(explorer.root) == []


def test_story_10_two_views_agree(explorer: Explorer) -> None:
    other = Explorer.shown(explorer.page, 1)
    for one, two, site in ((explorer, other, SITE), (other, explorer, "L1.H2")):
        patch(one, site)
        assert two.wait_for(site) == one.reading()
        one.wait_for_maps()
        two.wait_for_maps()
    explorer.root.locator(".swap").click()
    for view in (explorer, other):
        expect(view.root.locator("select.host[data-host='clean']")).to_be_visible()
        expect(view.finding).to_contain_text("Corrupting L1.H2")
        view.wait_for_maps()
    assert explorer.reading() == other.reading()
    explorer.root.locator(".swap").click()
    expect(other.root.locator("select.host[data-host='corrupted']")).to_be_visible()


def test_story_10_in_a_row_of_widgets_it_has_the_room_that_is_left(explorer: Explorer) -> None:
    row = Explorer.shown(explorer.page, 2)
    widths = explorer.page.locator(".jupyter-widgets.widget-hbox").first.evaluate(
        "(row) => [row, ...row.children].map((each) => each.getBoundingClientRect().width)"
    )
    whole, text, view = widths
    assert view > 0.95 * (whole - text), widths
    patch(row, SITE)
    expect_whole(row)


def test_story_10_it_stands_in_a_shadow_root_so_that_no_style_leaks(explorer: Explorer) -> None:
    script = "(name) => document.querySelectorAll(name).length"
    assert explorer.page.evaluate(script, ROOT) == 0


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [480, 900])
def test_story_10_narrow_and_dark_nothing_is_clipped(
    explorer: Explorer,
    notebook: Notebook,
    shoot: Callable[[str, str], Path],
    theme: Theme,
    width: int,
) -> None:
    notebook.set_theme(theme)
    notebook.set_width(ROOT, width)
    patch(explorer, SITE)
    shoot(ROOT, f"story-10-{theme}-{width}")
    expect_whole(explorer)


def test_story_10_at_twice_the_size_nothing_is_clipped(explorer: Explorer, page: Page) -> None:
    emulation = page.context.new_cdp_session(page)
    half = {"width": 700, "height": 500, "deviceScaleFactor": 2, "mobile": False}
    emulation.send("Emulation.setDeviceMetricsOverride", half)
    page.wait_for_function("() => window.devicePixelRatio === 2 && window.innerWidth === 700")
    patch(explorer, "L1.H2")
    expect_whole(explorer)
    emulation.send("Emulation.clearDeviceMetricsOverride")
    emulation.detach()


@pytest.mark.parametrize("motion", ["no-preference", "reduce"])
def test_story_10_with_reduced_motion_nothing_moves(
    explorer: Explorer, page: Page, motion: str
) -> None:
    page.emulate_media(reduced_motion="reduce" if motion == "reduce" else "no-preference")
    explorer.root.evaluate(COUNT_MOTION)
    for site in (SITE, "L1.H1"):
        patch(explorer, site)
        page.evaluate(
            "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
        )
    moved = page.evaluate("() => window.motions")
    assert (moved == 0) == (motion == "reduce")


def test_story_10_in_marimo_the_styles_of_the_page_stay_out(browser: Browser, marimo: str) -> None:
    page, notices = browser.new_page(viewport={"width": 1300, "height": 1000}), Notices()
    notices.listen(page)
    page.goto(marimo)
    explorer = Explorer.shown(page)
    button = explorer.root.locator("[data-direction='noise']")
    toolbar, box = explorer.root.locator(".toolbar").bounding_box(), button.bounding_box()
    assert toolbar is not None
    assert box is not None
    assert box["width"] < 200
    assert toolbar["y"] <= box["y"] <= toolbar["y"] + toolbar["height"]
    patch(explorer, SITE)
    button.click()
    expect(explorer.root.locator("select.host[data-host='clean']")).to_be_visible()
    expect_whole(explorer)
    assert notices.errors == []
    assert notices.outside == []
    page.close()
