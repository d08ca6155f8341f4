"""Make the notebooks of the course from their sources, and run them: ``python -m tools.course [NAME...]``.

Each file of `course/` is one lecture, as a Python script with cells (jupytext's percent format). Cells with the tag
``exercise`` are for students, those with ``solution`` or ``instructor`` for the instructor, all others for both.
"""

import sys
from pathlib import Path
from typing import Any, Literal

import jupytext
import nbformat
from nbclient import NotebookClient

import patchwidgets as pw

ROOT = Path(__file__).parents[1]
SOURCES = ROOT / "course"
NOTEBOOKS = ROOT / "notebooks"
FOLDERS = {"student": NOTEBOOKS, "instructor": NOTEBOOKS / "instructor"}
Reader = Literal["student", "instructor"]
NOT_FOR: dict[Reader, set[str]] = {
    "student": {"solution", "instructor"},
    "instructor": {"exercise"},
}


def sources() -> list[Path]:
    """The lectures in their order."""
    return sorted(SOURCES.glob("[0-9]*.py"))


def notebook_of(source: Path, reader: Reader) -> Any:
    """The notebook of a lecture for students or for the instructor, without outputs."""
    notebook = jupytext.read(source)
    cells = [
        cell for cell in notebook.cells if not NOT_FOR[reader] & set(cell.metadata.get("tags", []))
    ]
    made = nbformat.v4.new_notebook(cells=cells)
    made.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    for i, cell in enumerate(made.cells):
        cell.id = f"{source.stem.replace('_', '-')}-{i:02}"
    return made


def run(path: Path) -> None:
    """Execute one notebook in place, and save what it printed, without widget state."""
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(
        notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": path.parent}},
        coalesce_streams=True,
    ).execute()  # fmt: skip
    # Saved state would show a widget without its kernel; versions and times change with every run.
    notebook.metadata.pop("widgets", None)
    notebook.metadata["language_info"] = {"name": "python"}
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
    nbformat.write(notebook, path)


def main(names: list[str]) -> None:
    pw.load("smollm2")  # the first load on a machine shows bars, which would be saved
    for source in sources():
        if names and source.stem not in names:
            continue
        for reader in NOT_FOR:
            path = FOLDERS[reader] / f"{source.stem}.ipynb"
            path.parent.mkdir(parents=True, exist_ok=True)
            print(path.relative_to(ROOT), flush=True)
            nbformat.write(notebook_of(source, reader), path)
            run(path)


if __name__ == "__main__":
    main(sys.argv[1:])
