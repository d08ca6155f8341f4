"""The notebooks as they are committed. nbval compares only what is saved, so it must be saved."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("[!.]*/*.ipynb")) + sorted(
    (ROOT / "notebooks").glob("*.ipynb")
)
"""Without the checkpoints that JupyterLab writes."""


def test_there_are_notebooks() -> None:
    assert "01_splice.ipynb" in [path.name for path in NOTEBOOKS]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_notebook_is_saved_as_it_ran_from_the_top(path: Path) -> None:
    cells = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_notebook_prints_numbers_that_nbval_compares(path: Path) -> None:
    cells = nbformat.read(path, as_version=4).cells
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    assert any(output.output_type in ("stream", "execute_result") for output in outputs)
    assert not any(output.output_type == "error" for output in outputs)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_notebook_carries_no_widget_state(path: Path) -> None:
    """Saved state would show a widget with no Python behind it."""
    assert "widgets" not in nbformat.read(path, as_version=4).metadata


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_notebook_carries_no_bar(path: Path) -> None:
    """A bar of what only the first load on a machine does is no part of a lecture."""
    assert "it/s]" not in path.read_text(encoding="utf-8")
