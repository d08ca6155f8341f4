"""A notebook in a page of JupyterLab: open it, run it, restart its kernel, change the theme.

JupyterLab's own objects are asked (`window.jupyterapp`), so that nothing waits for a fixed time.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import nbformat
from playwright.sync_api import Browser, ConsoleMessage, Page, Playwright, Request

from tests.browser import chromium
from tests.browser.lab import Lab

Theme = Literal["light", "dark"]
THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}
MINUTE = 60_000

READY = """async () => {
  const app = window.jupyterapp;
  const until = async (ask) => {
    while (!ask()) await new Promise((done) => setTimeout(done, 50));
    return ask();
  };
  await app.restored;
  const panel = await until(() => app.shell.currentWidget?.context?.sessionContext
    && app.shell.currentWidget);
  await panel.context.ready;
  const session = panel.context.sessionContext;
  await session.ready;
  // The indicator says idle while there is no kernel, and running then hangs for ever.
  await until(() => session.session?.kernel?.connectionStatus === "connected"
    && session.session.kernel.status === "idle");
}"""
RUN_ALL = "() => window.jupyterapp.commands.execute('notebook:run-all-cells')"
ERRORS = """() => [...window.jupyterapp.shell.currentWidget.content.model.cells]
  .flatMap((cell) => cell.toJSON().outputs ?? [])
  .filter((output) => output.output_type === "error")
  .map((output) => `${output.ename}: ${output.evalue}`)"""
KERNEL = "window.jupyterapp.shell.currentWidget.context.sessionContext.session.kernel"
# Runs code in no cell and returns what it printed: all of it, or only the first piece where it goes on.
ASK = f"""([code, whole]) => new Promise((tell, fail) => {{
  const future = {KERNEL}.requestExecute({{ code }});
  let said = "";
  future.onIOPub = ({{ header, content }}) => {{
    if (header.msg_type !== "stream") return;
    said += content.text;
    if (!whole) tell(said);
  }};
  future.done.then(({{ content }}) => content.status === "ok" ? tell(said) : fail(content.evalue), fail);
}})"""
RUN_CELL = """(index) => {
  window.jupyterapp.shell.currentWidget.content.activeCellIndex = index;
  return window.jupyterapp.commands.execute('notebook:run-cell');
}"""
THEME = """(name) => window.jupyterapp.commands.execute('apputils:change-theme', {theme: name})"""
THEME_SHOWN = """(light) => document.body.dataset.jpThemeLight === String(light)"""


@dataclass
class Notices:
    """What a page said that a test should know.

    Attributes
    ----------
    errors
        Messages of the console at the level of errors, and exceptions that nothing caught.
    outside
        Addresses of other machines that the page asked for.
    """

    errors: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)

    def listen(self, page: Page) -> None:
        """Write down what this page says from now on."""
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.errors.append(f"{error}\n{error.stack}"))
        page.on("request", self._request)
        page.on("websocket", lambda socket: self._address(socket.url))

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.errors.append(f"{message.text} ({message.location.get('url')})")

    def _request(self, request: Request) -> None:
        self._address(request.url)

    def _address(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme in ("http", "https", "ws", "wss") and parts.hostname != "127.0.0.1":
            self.outside.append(url)


@dataclass(frozen=True)
class Notebook:
    """An open notebook whose kernel is connected."""

    page: Page
    lab: Lab

    def run_all(self) -> None:
        """Run every cell and return when the last has ended; raise what a cell raised."""
        self.page.evaluate(RUN_ALL)
        self._raise_errors()

    def run_cell(self, index: int) -> None:
        """Run one cell and return when it has ended; raise what a cell raised."""
        self.page.evaluate(RUN_CELL, index)
        self._raise_errors()

    def _raise_errors(self) -> None:
        errors: list[str] = self.page.evaluate(ERRORS)
        if errors:
            raise RuntimeError("\n".join(errors))

    def restart_kernel(self) -> None:
        """Restart the kernel as the menu does, without its question."""
        self.page.evaluate(f"() => {KERNEL}.restart()")

    def interrupt_kernel(self) -> None:
        """Interrupt the kernel as the menu does."""
        self.page.evaluate(f"() => {KERNEL}.interrupt()")

    def begin_in_kernel(self, code: str) -> None:
        """Have the kernel run `code` in no cell; returns when it has printed something."""
        self.page.evaluate(ASK, [code, False])

    def ask(self, expression: str) -> Any:
        """Return what an expression of plain data is in the kernel."""
        said: str = self.page.evaluate(ASK, [f"import json; print(json.dumps({expression}))", True])
        return json.loads(said)

    def expect(self, expression: str, value: Any) -> None:
        """Wait until an expression has this value in the kernel, where messages of the page may come after code."""
        code = f"import json; print(json.dumps({expression}))"
        same = f"([code, value]) => ({ASK})([code, true]).then((said) => said.trim() === value)"
        self.page.wait_for_function(same, arg=[code, json.dumps(value)], timeout=30_000)

    def n_cells(self) -> int:
        """Count the notebook's cells."""
        count: int = self.page.evaluate(
            "() => window.jupyterapp.shell.currentWidget.content.model.cells.length"
        )
        return count

    def active_cell(self) -> int:
        """Return the index of the cell that JupyterLab's shortcuts are about."""
        index: int = self.page.evaluate(
            "() => window.jupyterapp.shell.currentWidget.content.activeCellIndex"
        )
        return index

    def set_theme(self, theme: Theme) -> None:
        """Change JupyterLab's theme and wait until it shows."""
        self.page.evaluate(THEME, THEMES[theme])
        self.page.wait_for_function(THEME_SHOWN, arg=theme == "light")

    def set_width(self, selector: str, width: int) -> None:
        """Make the window so wide that the element is `width` pixels wide."""
        for _ in range(3):
            box = self.page.locator(selector).first.bounding_box()
            size = self.page.viewport_size
            assert box is not None
            assert size is not None
            missing = width - round(box["width"])
            if missing == 0:
                return
            self.page.set_viewport_size(
                {"width": size["width"] + missing, "height": size["height"]}
            )
            self.page.evaluate("() => new Promise((done) => requestAnimationFrame(done))")


def show_whole(page: Page, selector: str) -> None:
    """Make the window so high that the element fits, with JupyterLab's bars above and below."""
    box = page.locator(selector).first.bounding_box()
    size = page.viewport_size
    assert box is not None
    assert size is not None
    height = max(size["height"], round(box["height"]) + 220)
    page.set_viewport_size({"width": size["width"], "height": height})
    page.locator(selector).first.scroll_into_view_if_needed()


def launch(playwright: Playwright) -> Browser:
    """Start a browser that cannot find any other machine."""
    path = chromium.find()
    if path is None:
        raise RuntimeError(chromium.MISSING)
    return playwright.chromium.launch(
        executable_path=path,
        args=[
            "--no-sandbox",
            "--disable-dev-shm-usage",
            "--disable-gpu",
            "--disable-background-networking",
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
        ],
    )


def write_notebook(lab: Lab, name: str, *codes: str) -> Path:
    """Write a notebook with a cell for each piece of code into the server's folder."""
    written = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code) for code in codes])
    written.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    path = lab.root / name
    nbformat.write(written, path)
    return path


def open_notebook(page: Page, lab: Lab, name: str) -> Notebook:
    """Open a notebook of the server and wait until its kernel can run cells."""
    page.goto(lab.page(name), wait_until="domcontentloaded", timeout=MINUTE)
    page.wait_for_function("() => window.jupyterapp !== undefined", timeout=MINUTE)
    page.evaluate(READY)
    return Notebook(page, lab)
