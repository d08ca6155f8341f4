"""Story 9: what is seen of the last state after a restart, a shutdown, and in a saved notebook opened again.

In JupyterLab and in Notebook 7, trusted or not, with its kernel or without, or converted.
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest
from nbconvert import HTMLExporter
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect

import patchwidgets as pw
from patchwidgets.explorer.session import PICTURE_NOTE
from tests.browser.explorer import SECONDS, Explorer
from tests.browser.lab import Lab
from tests.browser.notebook import Notebook, open_notebook, write_notebook

VIEW = "application/vnd.jupyter.widget-view+json"
CODE = """
import patchwidgets as pw

pw.Experiment(pw.load(), pw.tasks.addition(1, varies="both", part="test")).explore()
"""
SAVE = "() => window.jupyterapp.commands.execute('docmanager:save')"
SHUT_DOWN = """() => window.jupyterapp.shell.currentWidget.context.sessionContext.shutdown()"""
ERROR = "Error displaying widget"


@pytest.fixture(scope="module", params=["lab", "notebook_7"])
def server(request: pytest.FixtureRequest) -> Lab:
    server: Lab = request.getfixturevalue(request.param)
    write_notebook(server, "saved.ipynb", CODE)
    return server


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    page = browser.new_page(viewport={"width": 1500, "height": 1000})
    yield page
    page.close()


@pytest.fixture(scope="module")
def notebook(page: Page, server: Lab) -> Notebook:
    """A notebook that was saved after a click."""
    notebook = open_notebook(page, server, "saved.ipynb")
    explorer = Explorer.run(notebook)
    explorer.click("L1.H1")
    explorer.wait_for("L1.H1")
    expect(page.locator("[data-picture*='L1.H1']")).to_have_count(1, timeout=60 * SECONDS)
    page.evaluate(SAVE)
    return notebook


@pytest.fixture(scope="module")
def saved(notebook: Notebook) -> Path:
    return notebook.lab.root / "saved.ipynb"


def pixels(png: bytes) -> Any:
    return np.asarray(Image.open(BytesIO(png)).convert("RGB")).astype(int)


def output_of(saved: Path) -> Any:
    [cell] = nbformat.read(saved, 4).cells
    return cell.outputs[-1]


def picture(page: Page) -> Locator:
    return page.locator(".jp-OutputArea-output img")


def assert_shows_the_picture(page: Page, saved: Path) -> None:
    expect(picture(page)).to_be_visible(timeout=60 * SECONDS)
    source = picture(page).get_attribute("src")
    assert source is not None
    assert source.endswith(output_of(saved).data["image/png"].replace("\n", ""))
    expect(page.get_by_text(ERROR)).to_have_count(0)


def test_story_9_the_file_has_the_last_state(saved: Path) -> None:
    output = output_of(saved)
    assert VIEW not in output.data
    assert output.data["text/plain"].startswith("PatchResult(L1.H1, denoise")
    assert "Run this cell" in output.data["text/plain"]
    assert output.data["image/png"]
    assert saved.stat().st_size < 150_000


def test_story_9_the_converted_page_shows_it(saved: Path) -> None:
    html, _ = HTMLExporter().from_filename(str(saved))  # type: ignore[no-untyped-call]
    assert "nothing patched" not in html
    (picture,) = re.findall(r'<img[^>]*src="data:image/png;base64,([^"]*)"', html)
    shown = pixels(b64decode(picture))
    experiment = pw.Experiment(pw.load(), pw.tasks.addition(1, varies="both", part="test"))
    clicked, empty = (
        pixels(pw.plot.flow_png(experiment.patch(*sites), note=PICTURE_NOTE))
        for sites in (["L1.H1"], [])
    )
    assert shown.shape == clicked.shape
    assert np.abs(shown - clicked).mean() < 0.5
    height = min(len(shown), len(empty))
    assert (np.abs(shown[:height] - empty[:height]).max(-1) > 32).sum() > 10_000
    assert 'width="960"' in html or "width: 960px" in html or "width=960" in html


def test_story_9_with_its_kernel_a_reloaded_notebook_lives(notebook: Notebook, saved: Path) -> None:
    assert saved.exists()
    again = open_notebook(notebook.page, notebook.lab, "saved.ipynb")
    explorer = Explorer.shown(again.page)
    explorer.wait_for("L1.H1")
    explorer.click("L0.H1")
    explorer.wait_for("L0.H1")
    expect(picture(again.page)).to_have_count(0)


def test_story_9_a_restart_and_a_shutdown_are_told_beside_the_last_result(
    notebook: Notebook,
) -> None:
    explorer = Explorer.shown(notebook.page)
    told = explorer.root.locator(".answer .status")
    notebook.restart_kernel()
    expect(told).to_have_text(re.compile("The kernel restarted. Run the notebook from the top."))
    assert explorer.reading().site == "L0.H1"
    run_again = Explorer.run(notebook)
    run_again.click("L1.H1")
    run_again.wait_for("L1.H1")
    notebook.page.evaluate(SHUT_DOWN)
    run_again.click("L0.H2")
    expect(run_again.root.locator(".answer .status")).to_have_text(
        re.compile("No Python is answering. Run this cell again. You see the last result, L1.H1.")
    )
    assert run_again.reading().site == "L1.H1"


def test_story_9_trusted_without_its_kernel_it_shows_the_picture(
    notebook: Notebook, saved: Path
) -> None:
    page = notebook.page
    open_notebook(page, notebook.lab, "saved.ipynb")
    assert_shows_the_picture(page, saved)


def test_story_9_not_trusted_it_shows_the_picture(notebook: Notebook, saved: Path) -> None:
    content = nbformat.read(saved, 4)
    content.cells[0].source += "\n# from somebody else"
    other = saved.with_name("other.ipynb")
    nbformat.write(content, other)
    open_notebook(notebook.page, notebook.lab, "other.ipynb")
    assert_shows_the_picture(notebook.page, other)
