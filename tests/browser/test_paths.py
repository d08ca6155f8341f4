"""Paths and the fields of maps in a real JupyterLab: the page's numbers are those of `exp.path`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.explorer import SECONDS, Explorer
from tests.browser.lab import Lab
from tests.browser.notebook import Notebook, Notices, write_notebook
from tests.browser.stories import SMOLLM2

FIELD = "[data-of='heads'] select[aria-label='what the cells say']"
PATH = "L20.H0->L23.H3.q"
EFFECT = -0.3864
"""`exp.path`, as tests/methods/paths/test_paths.py has it."""


@pytest.fixture(scope="module")
def explorer(lab: Lab, open_in_lab: Callable[[str], Notebook]) -> Explorer:
    write_notebook(lab, "paths.ipynb", SMOLLM2)
    return Explorer.run(open_in_lab("paths.ipynb"))


@pytest.fixture(autouse=True)
def nothing_unseen(notices: Notices, lab: Lab) -> Iterator[None]:
    """After each test: no error in the console, and nobody tried to reach another machine."""
    yield
    assert notices.errors == []
    assert notices.outside == []
    assert lab.outside_requests() == []


def test_two_clicks_and_a_key_make_a_path(explorer: Explorer, page: Page) -> None:
    explorer.root.locator("[data-mode='path']").click()
    explorer.click("L20.H0")
    expect(explorer.root.locator("[data-step='receiver']")).to_be_visible()
    explorer.click("L23.H3")
    expect(explorer.root.locator("[data-receiver]")).to_have_count(3)
    page.keyboard.press("q")
    reading = explorer.wait_for(PATH)
    assert reading.effect == pytest.approx(EFFECT, abs=2e-4)
    expect(explorer.root.locator(f"[data-path='{PATH}']")).to_have_count(1)
    finding = explorer.root.locator(".finding")
    expect(finding).to_have_text(
        "L20.H0 → L23.H3 through its queries carries −0.386 of +6.77.", timeout=30 * SECONDS
    )


def test_escape_steps_back_to_the_sender_and_out_of_path_mode(
    explorer: Explorer, page: Page
) -> None:
    explorer.component("L23.H3").focus()
    for step in ("receiver", "sender"):
        page.keyboard.press("Escape")
        expect(explorer.root.locator(f"[data-step='{step}']")).to_be_visible()
    page.keyboard.press("Escape")
    expect(explorer.root.locator(".path-step")).to_have_count(0)
    expect(explorer.root.locator("[data-mode='patch']")).to_have_attribute("aria-pressed", "true")


def test_a_typed_path_gives_the_same_number(explorer: Explorer, page: Page) -> None:
    explorer.component("L20.H0").focus()
    page.keyboard.press("/")
    page.keyboard.type("L20.H0 -> L23.H3.q")
    page.keyboard.press("Enter")
    assert explorer.wait_for(PATH).effect == pytest.approx(EFFECT, abs=2e-4)


def test_a_cell_of_a_receivers_map_is_a_path(explorer: Explorer) -> None:
    explorer.click("L23.H3")
    explorer.wait_for("L23.H3")
    explorer.root.locator(FIELD).select_option("L23.H3.q")
    heads = explorer.root.locator("[data-map='heads'][data-field='L23.H3.q']")
    expect(explorer.root.locator(".chart.heads [data-sweep]")).to_have_attribute(
        "data-sweep", "done", timeout=120 * SECONDS
    )
    heads.locator("[data-site='L20.H0']").click()
    assert explorer.wait_for(PATH).effect == pytest.approx(EFFECT, abs=2e-4)
    expect(heads.locator("[data-site='L20.H0']")).to_have_attribute(
        "aria-label", re.compile("^L20.H0, −3.3 %$")
    )
    explorer.root.locator(FIELD).select_option("total")
