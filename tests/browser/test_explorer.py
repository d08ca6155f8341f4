"""An explorer of SmolLM2 in a real JupyterLab, in two widths and both themes. Stories say what can be done."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.browser.axe import serious
from tests.browser.explorer import ROOT as EXPLORER
from tests.browser.explorer import Explorer
from tests.browser.lab import Lab
from tests.browser.notebook import Notebook, Notices, Theme, write_notebook
from tests.browser.stories import SMOLLM2


@pytest.fixture(scope="module")
def notebook(lab: Lab, open_in_lab: Callable[[str], Notebook]) -> Notebook:
    write_notebook(lab, "smollm2.ipynb", SMOLLM2)
    return open_in_lab("smollm2.ipynb")


@pytest.fixture(scope="module")
def explorer(notebook: Notebook) -> Explorer:
    return Explorer.run(notebook)


@pytest.fixture(autouse=True)
def nothing_unseen(notices: Notices, lab: Lab) -> Iterator[None]:
    """After each test: no error in the console, and nobody tried to reach another machine."""
    yield
    assert notices.errors == []
    assert notices.outside == []
    assert lab.outside_requests() == []


@pytest.mark.parametrize("width", [1300, 700])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious(
    explorer: Explorer,
    notebook: Notebook,
    shoot: Callable[[str, str], Path],
    theme: Theme,
    width: int,
) -> None:
    notebook.set_theme(theme)
    notebook.set_width(EXPLORER, width)
    explorer.click("L23.H3")
    explorer.wait_for("L23.H3")
    shoot(EXPLORER, f"explorer-{theme}-{width}")
    assert serious(explorer.root) == []


def test_an_explorer_stays_inside_its_cell(explorer: Explorer, notebook: Notebook) -> None:
    notebook.set_width(EXPLORER, 700)
    too_wide = explorer.root.evaluate("(root) => root.scrollWidth - root.clientWidth")
    assert too_wide <= 0
