"""``demo``: a notebook in JupyterLab, or a page; what is there already is left as it is."""

import ast
import contextlib
import io
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest

from hatch_build import lectures
from patchwidgets.cli import demo, lab
from patchwidgets.cli.demo import FIRST, PAGE, find_notebook, notebooks
from patchwidgets.errors import FileError
from tests.cli.conftest import Run


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What JupyterLab would have been started with."""
    calls: list[Any] = []
    monkeypatch.setattr(demo, "find_spec", lambda name: object())
    monkeypatch.setattr(demo, "is_free", lambda port: port != 8888)
    monkeypatch.setattr(
        demo, "run_lab", lambda notebook, port, *, opens: calls.append((notebook, port, opens))
    )
    return calls


def test_a_copy_of_the_first_notebook_is_opened(run: Run, folder: Path, started: list[Any]) -> None:
    assert run("demo --no-open").code == 0
    assert started == [("first_steps.ipynb", 8889, False)]
    assert Path("first_steps.ipynb").read_bytes() == notebooks()[FIRST].read_bytes()


def test_a_notebook_that_is_there_is_opened_as_it_is(run: Run, started: list[Any]) -> None:
    Path("first_steps.ipynb").write_text("my work")
    code, _, err = run("demo")
    assert code == 0
    assert err == (
        "first_steps.ipynb is there already and is opened as it is; --force begins anew.\n"
    )
    assert Path("first_steps.ipynb").read_text() == "my work"
    assert run("demo --force --port 9000").code == 0
    assert Path("first_steps.ipynb").read_bytes() == notebooks()[FIRST].read_bytes()
    assert started == [("first_steps.ipynb", 8889, True), ("first_steps.ipynb", 9000, True)]


def test_a_port_that_is_used_is_answered(run: Run, started: list[Any]) -> None:
    assert (
        run("demo --port 8888").err == "Port 8888 is in use. Choose another, as in --port 8889.\n"
    )
    assert started == []


def test_without_jupyterlab_there_is_a_page(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "find_spec", lambda name: None)
    code, _, err = run("demo --no-open")
    assert (code, err) == (
        0,
        f"{PAGE}: the explorer of the teaching model; every click is answered.\n",
    )
    page = Path(PAGE).read_text()
    assert "When Mary and John went to the store" in page
    Path(PAGE).write_text("mine")
    shown: list[Path] = []
    monkeypatch.setattr(demo, "show_in_browser", shown.append)
    assert (
        run("demo").err == f"{PAGE} is there already and is opened as it is; --force begins anew.\n"
    )
    assert shown == [Path(PAGE)]
    assert Path(PAGE).read_text() == "mine"


def test_a_lecture_is_found_by_number_and_name(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lectures = ("01_splice", "04_induction")
    for name in lectures:
        Path(f"{name}.ipynb").touch()
    monkeypatch.setattr(demo, "FOLDERS", (*demo.FOLDERS[:1], folder))
    assert set(notebooks()) == {FIRST, *lectures}
    for asked in ("4", "04", "04_induction", "induction", "04_induction.ipynb"):
        assert find_notebook(asked) == folder / "04_induction.ipynb"
    there = "there are 01_splice, 04_induction, first_steps."
    for asked, found in {"_": "more than one", "5": "no"}.items():
        with pytest.raises(FileError, match=f"'{asked}' names {found} notebook; {there}"):
            find_notebook(asked)


def test_a_wheel_has_the_lectures_where_they_are_looked_for() -> None:
    root = Path(__file__).parents[2]
    shipped = lectures(root)
    assert {(root / target).parent for target in shipped.values()} == {demo.FOLDERS[1]}
    assert {Path(source).stem for source in shipped} == set(notebooks()) - {FIRST}
    assert all(Path(source).parent == root / "notebooks" for source in shipped)  # no solutions


def test_the_first_notebook_runs_on_the_model_in_the_package() -> None:
    notebook = nbformat.read(notebooks()[FIRST], as_version=4)
    nbformat.validate(notebook)
    names: dict[str, Any] = {}
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        for cell in notebook.cells:
            if cell.cell_type == "code":
                ast.parse(cell.source)
                exec(cell.source, names)
    assert said.getvalue().splitlines()[0] == "clean +6.59, corrupted -6.15"
    assert "L0.H1: effect +12.64, recovery 0.99" in said.getvalue()
    assert {"w", "heads", "ax"} <= names.keys()
    names["w"].close()


@pytest.mark.skipif(
    sys.platform == "win32", reason="there a process is started in place of this one"
)
def test_jupyterlab_is_this_pythons_and_answers_this_machine_only(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    became: list[list[str]] = []
    monkeypatch.setattr(lab.os, "execvp", lambda program, command: became.append(command))
    lab.run_lab("first_steps.ipynb", 8890, opens=False)
    (command,) = became
    assert command[:3] == [sys.executable, "-m", "jupyterlab"]
    assert "--ServerApp.ip=127.0.0.1" in command
    assert "--no-browser" in command
    token = next(each for each in command if "token=" in each).partition("=")[2]
    address = f"http://127.0.0.1:8890/lab/tree/first_steps.ipynb?token={token}"
    assert address in capsys.readouterr().err
