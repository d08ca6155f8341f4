"""Two views of one explorer: each with its own maps, both with one history. That they agree is told in story 10."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.explorer import ROOT
from tests.browser.lab import Lab
from tests.browser.notebook import Notebook, open_notebook, write_notebook

MAKE = """
import patchwidgets as pw

exp = pw.Experiment(pw.load(), pw.tasks.addition(1, varies="both", part="test"))
w = exp.explore()
w
"""
SECOND = 1


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    page = browser.new_page(viewport={"width": 1500, "height": 3200})
    yield page
    page.close()


@pytest.fixture(scope="module")
def notebook(page: Page, lab: Lab) -> Notebook:
    write_notebook(lab, "views.ipynb", MAKE, "w")
    return open_notebook(page, lab, "views.ipynb")


@pytest.fixture(scope="module")
def views(notebook: Notebook) -> Locator:
    """The explorers, from top to bottom."""
    notebook.run_all()
    views = notebook.page.locator(ROOT)
    expect(views).to_have_count(2)
    return views


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
