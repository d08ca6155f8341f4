"""A click leaves the keyboard in the explorer: D D after it must not delete the cell that the explorer lives in.

In JupyterLab and in Notebook 7, whose shortcuts look at the element that has the focus.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import get_args

import nbformat
import pytest
from playwright.sync_api import Browser, Locator, expect

from tests.browser.explorer import Explorer
from tests.browser.lab import App, serve
from tests.browser.notebook import Notebook, open_notebook

CODE = """
import patchwidgets as pw

pw.Experiment(pw.load(), pw.tasks.addition(1, varies="both", part="test")).explore()
"""
SHORTCUTS = ("d", "d", "x", "a", "b", "ArrowDown")


@pytest.fixture(scope="module", params=get_args(App))
def notebook(
    request: pytest.FixtureRequest, browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Notebook]:
    """A notebook whose second cell holds an explorer of the teaching model."""
    root = tmp_path_factory.mktemp("root")
    cells = [nbformat.v4.new_code_cell(code) for code in ("1", CODE, "2")]
    written = nbformat.v4.new_notebook(cells=cells)
    written.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    nbformat.write(written, root / "focus.ipynb")
    page = browser.new_page(viewport={"width": 1500, "height": 1000})
    with serve(root, tmp_path_factory.mktemp("jupyter"), request.param) as lab:
        yield open_notebook(page, lab, "focus.ipynb")
    page.close()


@pytest.fixture(scope="module")
def explorer(notebook: Notebook) -> Explorer:
    explorer = Explorer.run(notebook)
    expect(explorer.root.locator("[data-sweep='done']")).to_have_count(2)
    return explorer


PLACES: dict[str, Callable[[Explorer], Locator]] = {
    "the clean lane": lambda explorer: explorer.component("L1.resid_post", "clean"),
    "a box of the patched lane": lambda explorer: explorer.component("L1.H1"),
    "the corrupted lane": lambda explorer: explorer.component("L1.resid_post", "corrupted"),
    "a cell of a map": lambda explorer: explorer.cell("heads", "L1.H1"),
    "a printed number": lambda explorer: explorer.root.locator("[data-map='heads'] .inside").first,
    "the finding": lambda explorer: explorer.root.locator(".finding"),
    "a token": lambda explorer: explorer.token(1, "clean"),
    "the chart of logits": lambda explorer: explorer.root.locator(".chart.logits").first,
    "a button that is disabled by its click": lambda explorer: explorer.root.get_by_label("undo"),
}


@pytest.mark.parametrize("place", PLACES)
def test_a_click_keeps_the_keyboard(explorer: Explorer, notebook: Notebook, place: str) -> None:
    cells, active = notebook.n_cells(), notebook.active_cell()
    PLACES[place](explorer).click(force=True)
    assert explorer.has_focus()
    for key in SHORTCUTS:
        explorer.page.keyboard.press(key)
    assert notebook.n_cells() == cells
    assert notebook.active_cell() in (active, 1)
    assert explorer.has_focus()


@pytest.mark.parametrize("place", ["clean", "corrupted"])
def test_the_keys_go_on_from_a_clicked_box(explorer: Explorer, place: str) -> None:
    show_boxes(explorer)
    before = explorer.root.locator(".segment.on").get_attribute("data-direction")
    explorer.component("L1.H1", place).click()
    assert explorer.focused_site() == "L1.H1"
    explorer.page.keyboard.press("n")
    other = "noise" if before == "denoise" else "denoise"
    expect(explorer.root.locator(f".segment.on[data-direction='{other}']")).to_be_visible()


def show_boxes(explorer: Explorer) -> None:
    """Show the boxes of the clean and the corrupted lane."""
    if explorer.component("L1.H1", "clean").count() == 0:
        explorer.root.locator("[data-run='clean'] [data-lanes='slim']").click()
    expect(explorer.component("L1.H1", "clean")).to_be_visible()
