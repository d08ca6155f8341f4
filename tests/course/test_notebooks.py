"""The committed notebooks of the course are those that their sources make."""

import nbformat
import pytest

from tools.course import FOLDERS, NOT_FOR, Reader, notebook_of, sources


@pytest.mark.parametrize("reader", NOT_FOR)
@pytest.mark.parametrize("source", sources(), ids=lambda source: source.stem)
def test_a_notebook_has_the_cells_of_its_source(source, reader: Reader) -> None:  # type: ignore[no-untyped-def]
    made = notebook_of(source, reader)
    committed = nbformat.read(FOLDERS[reader] / f"{source.stem}.ipynb", as_version=4)
    assert [(cell.id, cell.cell_type, cell.source) for cell in committed.cells] == [
        (cell.id, cell.cell_type, cell.source) for cell in made.cells
    ], "run 'make course'"


@pytest.mark.parametrize("source", sources(), ids=lambda source: source.stem)
def test_students_see_no_solution(source) -> None:  # type: ignore[no-untyped-def]
    text = source.read_text(encoding="utf-8")
    assert 'tags=["exercise"]' in text
    assert 'tags=["solution"]' in text
    for_students = notebook_of(source, "student").cells
    assert not [cell for cell in for_students if "solution" in cell.metadata.get("tags", [])]
    assert not [cell for cell in for_students if "For the instructor" in cell.source]
