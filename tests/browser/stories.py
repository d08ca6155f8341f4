"""Where the stories of the explorer are told: a page with an explorer of the teaching model, in three programs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from playwright.sync_api import Page, expect

import patchwidgets as pw
from patchwidgets.facade import Experiment
from tests.browser.explorer import Explorer
from tests.browser.notebook import Notebook
from tests.support.prompts import CLEAN, CORRUPTED

CODE = f"""
import patchwidgets as pw

task = pw.Task({CLEAN!r}, {CORRUPTED!r}, " Mary", " John")
w = pw.Experiment(pw.load(), task).explore()
w
"""
"""The names task, whose prompts differ in one token; `marimo_app.py` has the same."""
OF_NOTEBOOK_7 = "/static/notebook/notebook_core"
"""Where an error of Notebook 7 itself at its start is from."""
DIFFERS = 10
"""The position of that token, after the token that begins a prompt."""


SMOLLM2 = CODE.replace("pw.load()", 'pw.load("smollm2")')
"""The same on SmolLM2, where each token is one earlier."""


def names_task() -> pw.Task:
    """The task of `CODE`."""
    return pw.Task(CLEAN, CORRUPTED, " Mary", " John")


def teaching_experiment() -> Experiment:
    """The experiment of `CODE`, in this process."""
    return Experiment(pw.load(), names_task())


class Place(Protocol):
    """A page with one explorer, and what a test asks of the program around it."""

    @property
    def page(self) -> Page:
        """The page."""

    def explorer(self) -> Explorer:
        """Run what shows the explorer, and return it when it is there."""

    def cells(self) -> Any:
        """What a shortcut of the program would change: its cells, and which is active."""

    def expect_python(self, selection: list[str], position: Any) -> None:
        """What Python says is selected, and where a click patches."""


@dataclass(frozen=True)
class InJupyter:
    """JupyterLab or Notebook 7, with the explorer in the second cell of three."""

    notebook: Notebook

    @property
    def page(self) -> Page:
        """The page."""
        return self.notebook.page

    def explorer(self) -> Explorer:
        """Run all cells."""
        return Explorer.run(self.notebook)

    def cells(self) -> Any:
        """How many cells there are; a click may make the second one the active one."""
        active = self.notebook.active_cell()
        return self.notebook.n_cells(), active in (1, 2)

    def expect_python(self, selection: list[str], position: Any) -> None:
        """Ask the kernel."""
        self.notebook.expect("[w.selection, w.position]", [selection, position])


@dataclass(frozen=True)
class InMarimo:
    """A marimo app, in which a second cell reads the explorer."""

    page: Page
    address: str

    def explorer(self) -> Explorer:
        """Open the page."""
        self.page.goto(self.address)
        return Explorer.shown(self.page)

    def cells(self) -> Any:
        """An app has none that a key could change."""

    def expect_python(self, selection: list[str], position: Any) -> None:
        """Read what the second cell says."""
        said = self.page.get_by_text(f"selected: {selection} at {position}", exact=True)
        expect(said).to_be_visible()
