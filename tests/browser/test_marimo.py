"""The explorer in marimo, whose page has styles for classes with everyday names, and whose cells are reactive."""

from __future__ import annotations

import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.explorer import Explorer
from tests.browser.lab import free_port, stop
from tests.browser.notebook import Notices

APP = Path(__file__).parent / "marimo_app.py"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A marimo that runs the notebook as an app."""
    port = free_port()
    log = tmp_path_factory.mktemp("marimo") / "log.txt"
    options = ["--headless", "--no-token", "--host", "127.0.0.1", "--port", str(port)]
    command = [sys.executable, "-m", "marimo", "run", str(APP), *options]
    with log.open("w") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out)
        try:
            url = f"http://127.0.0.1:{port}"
            wait_until_it_answers(f"{url}/health", process, log)
            yield url
        finally:
            stop(process)


def wait_until_it_answers(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.1)
    raise RuntimeError(f"marimo did not start:\n{log.read_text()}")


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    page = browser.new_page(viewport={"width": 1300, "height": 1000})
    yield page
    page.close()


@pytest.fixture(scope="module")
def explorer(page: Page, notices: Notices, address: str) -> Explorer:
    page.goto(address)
    return Explorer.shown(page)


def test_noise_stays_in_the_widget(explorer: Explorer) -> None:
    button = explorer.root.locator("[data-direction='noise']")
    toolbar, box = explorer.root.locator(".toolbar").bounding_box(), button.bounding_box()
    assert toolbar is not None
    assert box is not None
    assert box["width"] < 200
    assert toolbar["y"] <= box["y"] <= toolbar["y"] + toolbar["height"]
    explorer.click("L1.H1")
    explorer.wait_for("L1.H1")
    button.click()
    expect(explorer.root.locator(".segment.on[data-direction='noise']")).to_be_visible()


def test_cells_that_read_the_explorer_run_again_after_a_click(explorer: Explorer) -> None:
    for site in ("L0.H0", "L2.H1"):
        explorer.click(site)
        explorer.wait_for(site)
        expect(explorer.page.get_by_text(f"selected: ['{site}']")).to_be_visible()


def test_nothing_is_said_or_asked_elsewhere(explorer: Explorer, notices: Notices) -> None:
    assert notices.errors == []
    assert notices.outside == []
