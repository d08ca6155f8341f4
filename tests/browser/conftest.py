"""A real JupyterLab and a real browser. A missing part is an error, never a skipped test."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.browser.lab import Lab, serve
from tests.browser.marimo_server import serve_marimo
from tests.browser.notebook import Notebook, Notices, launch, open_notebook, show_whole

ROOT = Path(__file__).parents[2]
SCREENSHOTS = ROOT / "artifacts" / "screenshots"

collect_ignore = ["kernel"]
"""What kernels run at their start: no module to look for examples in."""

expect.set_options(timeout=30_000)  # a busy machine is slow, and no test waits longer than it must


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = launch(playwright)
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A server over copies of the notebooks."""
    root = tmp_path_factory.mktemp("notebooks")
    shutil.copytree(ROOT / "notebooks", root, dirs_exist_ok=True)
    with serve(root, tmp_path_factory.mktemp("jupyter")) as lab:
        yield lab


@pytest.fixture(scope="package")
def notebook_7(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A server of Notebook 7 over an empty folder."""
    root = tmp_path_factory.mktemp("notebook7")
    with serve(root, tmp_path_factory.mktemp("jupyter"), "notebook") as lab:
        yield lab


@pytest.fixture(scope="package")
def marimo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a marimo that runs `marimo_app.py` as an app."""
    with serve_marimo(tmp_path_factory.mktemp("marimo") / "log.txt") as address:
        yield address


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    page = browser.new_page(viewport={"width": 1400, "height": 1000})
    yield page
    page.close()


@pytest.fixture(scope="module")
def notices(page: Page) -> Notices:
    notices = Notices()
    notices.listen(page)
    return notices


@pytest.fixture(scope="module")
def open_in_lab(page: Page, lab: Lab, notices: Notices) -> Callable[[str], Notebook]:
    """Open a notebook by its name in the server's folder."""
    return lambda name: open_notebook(page, lab, name)


@pytest.fixture
def shoot(page: Page) -> Callable[[str, str], Path]:
    """Keep a picture of an element, whole and with no pointer on it, for people to look at."""

    def take(selector: str, name: str) -> Path:
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        path = SCREENSHOTS / f"{name}.png"
        page.mouse.move(0, 0)
        show_whole(page, selector)
        page.locator(selector).first.screenshot(path=path, animations="disabled")
        return path

    return take
