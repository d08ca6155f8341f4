"""Every panel in both themes and four widths: axe finds nothing serious, and nothing leaves the view."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

import patchwidgets as pw
from tests.browser.axe import serious
from tests.browser.bare.kernel import BareKernel, showing

PANELS = {
    "reach": ("h", "[data-tab='reach']"),
    "head": ("h", "[data-tab='head']"),
    "neurons": ("h", "[data-tab='neurons']"),
    "circuit": ("c", "[data-tab='circuit']"),
    "history": ("p", "[data-tab='history']"),
}
"""Tabs: a key that is pressed in the grid before each of them, and the tab."""
KEYS = {"editor": "w", "lens": "t", "path": "e", "site": "/", "keys": "?", "lanes": "l"}
"""What a key opens, and Escape or the same key closes."""


@pytest.fixture(scope="module")
def experiment() -> pw.Experiment:
    return pw.Experiment(pw.load(), pw.tasks.ioi(n=4, seed=0))


@pytest.fixture(params=[480, 900, 1280, 1800])
def page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    page = browser.new_page(viewport={"width": request.param, "height": 900})
    yield page
    page.close()


@pytest.fixture
def kernel(page: Page, experiment: pw.Experiment) -> Iterator[BareKernel]:
    """The page, with L0.H1 patched in the first pair."""
    with showing(page, experiment) as kernel:
        kernel.answer_until("[data-sweep='done']")
        page.locator("[data-run='patched'] [data-site='L0.H1']").first.click()
        kernel.answer_until("[data-result][data-site='L0.H1']")
        page.keyboard.press(".")
        kernel.answer_until("[data-result][data-pair='0']")
        yield kernel


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_panel_can_be_read_by_everybody(
    kernel: BareKernel, page: Page, shoot: Callable[[str, str], Path], theme: str
) -> None:
    page.evaluate(
        "(light) => document.body.setAttribute('data-jp-theme-light', light)",
        str(theme == "light").lower(),
    )
    width = (page.viewport_size or {"width": 0})["width"]
    root = page.locator(".patchwidgets")
    wrong = {}

    def look(name: str) -> None:
        kernel.settle()
        shoot(".patchwidgets", f"panel-{name}-{theme}-{width}")
        if found := serious(root):
            wrong[name] = found
        if (over := root.evaluate("(root) => root.scrollWidth - root.clientWidth")) > 0:
            wrong[f"{name}: too wide"] = [str(over)]

    cell = page.locator("[data-run='patched'] [data-site='L0.H1']").first
    for name, (key, tab) in PANELS.items():
        cell.focus()
        page.keyboard.press(key)
        page.locator(tab).click()
        look(name)
    for name, key in KEYS.items():
        cell.focus()
        page.keyboard.press(key)
        look(name)
        page.keyboard.press("Escape")
    assert wrong == {}
