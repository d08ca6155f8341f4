"""What is in view at first: on a screen of 1,280 × 720, the answer, the lanes and the first rows of a map."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, ViewportSize, expect

from tests.browser.explorer import SECONDS, Explorer
from tests.browser.notebook import Notebook

SCREEN: ViewportSize = {"width": 1280, "height": 720}
TOGGLE_FILES = "() => window.jupyterapp.commands.execute('application:toggle-left-area')"
# JupyterLab scrolls its own panel; the explorer begins at its upper edge.
TO_TOP = """(root) => {
  root.scrollIntoView({ block: "start" });
  return new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
}"""
ROWS = 5


@pytest.fixture(scope="module")
def notebook(page: Page, open_in_lab: Callable[[str], Notebook]) -> Notebook:
    page.set_viewport_size(SCREEN)
    return open_in_lab("01_quickstart.ipynb")


@pytest.fixture(scope="module")
def explorer(notebook: Notebook) -> Explorer:
    return Explorer.run(notebook)


def bottom(explorer: Explorer, selector: str) -> float:
    box = explorer.root.locator(selector).first.bounding_box()
    assert box is not None
    return box["y"] + box["height"]


def lower_edge(page: Page) -> float:
    """Where JupyterLab's panel ends and its status bar begins."""
    box = page.locator(".jp-NotebookPanel-notebook").first.bounding_box()
    assert box is not None
    return box["y"] + box["height"]


def test_the_first_step_is_offered_and_patches_the_strongest_head(explorer: Explorer) -> None:
    step = explorer.root.locator("[data-first-step]")
    expect(step).to_have_attribute("data-first-step", "L23.H3", timeout=120 * SECONDS)
    step.click()
    assert explorer.wait_for("L23.H3").recovery == pytest.approx(0.5838, abs=0.001)


@pytest.mark.parametrize("files", ["open", "closed"])
def test_the_answer_the_lanes_and_the_head_of_a_map_are_in_view(
    explorer: Explorer, page: Page, files: str
) -> None:
    if files == "closed":
        page.evaluate(TOGGLE_FILES)
    explorer.root.evaluate(TO_TOP)
    top = explorer.root.locator(".answer").bounding_box()
    assert top is not None
    assert top["y"] > 0
    edge = lower_edge(page)
    assert bottom(explorer, "[data-run='corrupted']") < edge
    row = f"[data-map='positions'] [data-site='L{ROWS - 1}.resid_pre@-1']"
    assert bottom(explorer, row) < edge


def test_the_lanes_unfold_and_a_box_of_the_clean_run_patches(explorer: Explorer) -> None:
    box = explorer.root.locator("[data-run='clean'] [data-site='L20.H0']")
    expect(box).to_have_count(0)
    explorer.root.locator("[data-run='clean'] [data-lanes]").click()
    box.click()
    assert explorer.wait_for("L20.H0").recovery == pytest.approx(0.216, abs=0.001)
    explorer.root.locator("[data-lanes='full']").first.click()
    expect(explorer.root.locator("[data-run='clean'] .slim-box")).to_have_count(1)
