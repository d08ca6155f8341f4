"""JupyterLab 4, Notebook 7 and marimo as they are: the explorer has their theme, and may be hidden by them.

That clicks have the numbers of `exp.patch` there is in the stories; `docs/hosts.md` says what is tested where.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import version

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.explorer import Explorer, close
from tests.browser.lab import Lab
from tests.browser.notebook import Notices, Theme, open_notebook, write_notebook
from tests.browser.stories import CODE, OF_NOTEBOOK_7, InJupyter, teaching_experiment

WEARS = """([root, dark, surface]) => root.classList.contains("pw-dark") === dark
  && getComputedStyle(root).backgroundColor === surface"""
THEIR_SURFACE = """() => {
  const probe = document.createElement("div");
  probe.style.background = "var(--jp-layout-color1)";
  document.body.append(probe);
  const { backgroundColor } = getComputedStyle(probe);
  probe.remove();
  return backgroundColor;
}"""
WHITE = "rgb(255, 255, 255)"
COMMAND = "(name) => window.jupyterapp.commands.execute(name)"


@pytest.fixture(scope="module", params=["lab", "notebook_7"])
def jupyter(request: pytest.FixtureRequest, browser: Browser) -> Iterator[InJupyter]:
    """A page whose system prefers another theme than the one that Jupyter begins with."""
    server: Lab = request.getfixturevalue(request.param)
    page = browser.new_page(viewport={"width": 1400, "height": 1000}, color_scheme="dark")
    notices = Notices()
    notices.listen(page)
    write_notebook(server, "hosts.ipynb", "1", CODE)
    yield InJupyter(open_notebook(page, server, "hosts.ipynb"))
    assert [error for error in notices.errors if OF_NOTEBOOK_7 not in error] == []
    assert notices.outside == []
    assert server.outside_requests() == []
    page.close()


@pytest.fixture(scope="module")
def explorer(jupyter: InJupyter) -> Explorer:
    return jupyter.explorer()


def test_these_are_the_versions_that_are_promised() -> None:
    assert version("jupyterlab").startswith("4.")
    assert version("notebook").startswith("7.")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_jupyter_gives_it_theme_and_surface(
    jupyter: InJupyter, explorer: Explorer, theme: Theme
) -> None:
    jupyter.notebook.set_theme(theme)
    surface = jupyter.page.evaluate(THEIR_SURFACE)
    assert (surface == WHITE) == (theme == "light")
    root = explorer.root.element_handle()
    jupyter.page.wait_for_function(WEARS, arg=[root, theme == "dark", surface])


def test_what_is_selected_while_its_output_is_folded_is_there_afterwards(
    jupyter: InJupyter, explorer: Explorer
) -> None:
    page = jupyter.page
    explorer.click("L0.H1")
    explorer.wait_for("L0.H1")
    width = explorer.root.evaluate("(root) => root.getBoundingClientRect().width")
    page.evaluate("() => { window.jupyterapp.shell.currentWidget.content.activeCellIndex = 1; }")
    page.evaluate(COMMAND, "notebook:hide-cell-outputs")
    expect(explorer.root).to_be_hidden()
    assert jupyter.notebook.ask("w.select('L1.H2') or w.result.effect") == close(
        teaching_experiment().patch("L1.H2").effect
    )
    page.evaluate(COMMAND, "notebook:show-cell-outputs")
    expect(explorer.root).to_be_visible()
    assert explorer.wait_for("L1.H2").effect == close(teaching_experiment().patch("L1.H2").effect)
    assert explorer.root.evaluate("(root) => root.getBoundingClientRect().width") == width
    explorer.click("L0.H1")
    explorer.wait_for("L0.H1")


@pytest.mark.parametrize("preferred", ["dark", "light"])
def test_marimo_gives_it_its_theme_whatever_the_system_prefers(
    browser: Browser, marimo: str, preferred: Theme
) -> None:
    """Its apps are light unless their settings say otherwise."""
    page = browser.new_page(viewport={"width": 1400, "height": 1000}, color_scheme=preferred)
    page.goto(marimo)
    explorer = Explorer.shown(page)
    root = explorer.root.element_handle()
    page.wait_for_function(WEARS, arg=[root, False, WHITE])
    assert page.evaluate("() => document.body.dataset.theme") == "light"
    # What its own switch does to the page.
    page.evaluate("() => { document.body.className = 'dark dark-theme'; }")
    page.evaluate("() => { document.body.dataset.theme = 'dark'; }")
    page.wait_for_function(WEARS, arg=[root, True, "rgb(22, 24, 27)"])
    page.close()
