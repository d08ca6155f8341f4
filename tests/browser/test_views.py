"""Several explorers in one notebook: two views of one, one in a row of widgets; and one scope in all that it says."""

from __future__ import annotations

from collections.abc import Iterator

import nbformat
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.explorer import ROOT, Explorer
from tests.browser.lab import serve
from tests.browser.notebook import Notebook, open_notebook

MAKE = """
import ipywidgets
import patchwidgets as pw

exp = pw.Experiment(pw.load(), pw.tasks.addition(1, varies="both", part="test"))
w = exp.explore()
w
"""
ROW = "ipywidgets.HBox([exp.explore(), ipywidgets.Label('beside it')])"
SECOND = 1
IN_ROW = 2


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    page = browser.new_page(viewport={"width": 1500, "height": 3200})
    yield page
    page.close()


@pytest.fixture(scope="module")
def notebook(page: Page, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Notebook]:
    root = tmp_path_factory.mktemp("root")
    cells = [nbformat.v4.new_code_cell(code) for code in (MAKE, "w", ROW)]
    written = nbformat.v4.new_notebook(cells=cells)
    written.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    nbformat.write(written, root / "views.ipynb")
    with serve(root, tmp_path_factory.mktemp("jupyter")) as lab:
        yield open_notebook(page, lab, "views.ipynb")


@pytest.fixture(scope="module")
def views(notebook: Notebook) -> Locator:
    """The explorers, from top to bottom."""
    notebook.run_all()
    views = notebook.page.locator(ROOT)
    expect(views).to_have_count(3)
    return views


def test_both_views_fill_their_maps_and_nothing_stopped(views: Locator) -> None:
    for i in (0, SECOND):
        expect(views.nth(i).locator("[data-sweep='done']")).to_have_count(2)
        expect(views.nth(i).locator(".map-note", has_text="Exact: 16 of 16.")).to_have_count(1)
        expect(views.nth(i).get_by_text("Stopped")).to_have_count(0)


def test_views_that_show_different_maps_fill_them_too(views: Locator) -> None:
    for i, component in ((0, "attn_out"), (SECOND, "mlp_out")):
        views.nth(i).get_by_label("component of the map").select_option(component)
    for i, component in ((0, "attn_out"), (SECOND, "mlp_out")):
        cell = views.nth(i).locator(f"[data-map='positions'] [data-site='L0.{component}@-1']")
        expect(cell).to_have_count(1)
        expect(views.nth(i).locator("[data-sweep='done']")).to_have_count(2)


def test_both_views_list_what_either_patched(views: Locator) -> None:
    for i, site in ((0, "L1.H1"), (SECOND, "L2.H2")):
        views.nth(i).locator(f"[data-run='patched'] [data-site='{site}']").click()
        for each in (0, SECOND):
            shown = views.nth(each).locator("[data-result]")
            expect(shown).to_have_attribute("data-site", site)
    for each in (0, SECOND):
        views.nth(each).get_by_role("tab", name="History").click()
        expect(views.nth(each).locator("[data-history]")).to_have_count(2)


def test_in_a_row_it_takes_the_room_that_is_left(views: Locator) -> None:
    box, alone = views.nth(IN_ROW).bounding_box(), views.nth(0).bounding_box()
    label = views.page.locator(".widget-label", has_text="beside it").bounding_box()
    assert box is not None
    assert alone is not None
    assert label is not None
    assert box["width"] > 0.7 * alone["width"]
    assert label["x"] >= box["x"] + box["width"] - 1


def test_lanes_maps_and_toolbar_have_one_scope(views: Locator, page: Page) -> None:
    explorer = Explorer(page)
    scope = explorer.root.locator(".chart.heads .scope")
    explorer.root.get_by_label("component of the map").select_option("attn_out")
    explorer.token(1, "clean").click()
    said = explorer.root.locator(".where").inner_text()
    assert said.startswith("@1 ")
    expect(scope).to_have_text(f"patched at {said}")
    explorer.cell("heads", "L1.H1@1").click()
    heads = explorer.wait_for("L1.H1@1")
    share = explorer.cell("heads", "L1.H1@1").get_attribute("aria-label") or ""
    assert share.endswith("exactly 0" if heads.effect == 0 else "%")
    explorer.cell("positions", "L1.attn_out@-1").click()
    explorer.wait_for("L1.attn_out@-1")
    last = explorer.root.locator(".where").inner_text()
    assert not last.startswith("@1 ")
    expect(scope).to_have_text(f"patched at {last}")
    explorer.root.locator(".where").click()
    explorer.wait_for("L1.attn_out")
    expect(scope).to_have_text("patched at all positions")
    explorer.click("L1.H1")
    explorer.wait_for("L1.H1")
