"""Mistakes get a message for people and an exit code, and no traceback; nothing is written."""

from pathlib import Path

import pytest

from patchwidgets.errors import TaskError
from tests.cli.conftest import Run

HEADER = "clean,corrupted,answer,foil\n"
TABLES = {
    "cells.csv": (
        HEADER + "12+34=,15+34=,46,49\n12+34=,15+34=\n",
        "'cells.csv', row 3 has fewer cells than the header (2, not 4). Quote texts that contain commas.",
    ),
    "empty.csv": (
        HEADER + "12+34=,15+34=,46,49\n\n12+34=,,46,49\n",
        "'empty.csv', row 4, column 'corrupted': the cell is empty; expected a text.",
    ),
    "semicolons.csv": (
        "clean;corrupted;answer\na;b;c\n",
        "The header of 'semicolons.csv' lacks clean, corrupted, answer; it has 'clean;corrupted;answer'. "
        "The cells seem to be separated by ';'; use commas.",
    ),
    "column.csv": (
        "clean,corrupted,answer,pos\n12+34=,15+34=,46,1\n",
        "Unknown column 'pos'. A task has clean, corrupted, answer, foil, align, and positions as '@name': "
        "is it '@pos'?",
    ),
    "longer.csv": (
        HEADER + "12+34=,15+34=,46,49\n\n12+34=,15+34 mod 10=,46,9\n",
        "'longer.csv', row 4: 5 and 7 tokens; patching needs equal counts",
    ),
    "same.csv": (
        HEADER + "12+34=,15+34=,46,49\n12+34=,12+34=,46,49\n",
        "'same.csv', row 3: The clean and the corrupted prompt are identical",
    ),
    "position.csv": (
        "clean,corrupted,answer,@a\n12+34=,15+34=,46,1\n12+34=,15+34=,46,9\n",
        "'position.csv', row 3: positions['a']: Position 9 is out of range",
    ),
    "one.csv": (HEADER + "12+34=,12+34=,46,49\n", "The clean and the corrupted prompt are"),
}


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("command", ["sweep {} z", "page {} -o page.html"])
def test_a_table_with_a_mistake_is_answered_with_its_row(
    run: Run, folder: Path, name: str, command: str
) -> None:
    content, says = TABLES[name]
    Path(name).write_text(content)
    code, out, err = run(command.format(name))
    assert (code, out) == (1, "")
    assert err.startswith(says)
    assert [path.name for path in folder.iterdir()] == [name]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (
            "sweep none.csv z",
            "'none.csv' cannot be read (No such file or directory). Check the name",
        ),
        ("sweep ioo:3 z", "There is no task 'ioo'. Did you mean ioi? There are addition, "),
        ("sweep nothing_like_it z", "There is no task 'nothing_like_it'. There are addition, "),
        ("demo 4 --page", "--page is a page of its own, and none of notebook '4'"),
        (
            "sweep ioi:x z",
            "'ioi:x': 'x' is no number of pairs; write arguments as in ioi:32,seed=1.",
        ),
        ("sweep ioi:0 z", "n is 0; expected a number of pairs"),
        ("sweep ioi:2,m=3 z", "ioi() has no argument 'm'. It takes n, seed, part, model."),
        ("sweep encode_pairs z", "pw.tasks.encode_pairs makes no task; try ioi"),
        ("sweep capital:3 z", "tasks.capital has 0 different pairs, and n is 3."),
        ("sweep ioi:2", "A sweep needs a component, as in exp.sweep('z'), or sites=[...]"),
        ("sweep ioi:2 heads", "Unknown component 'heads'. "),
        ("sweep ioi:2 z --over layer,posn", "Cannot sweep z over ('layer', 'posn')"),
        ("sweep ioi:2 z --metric accuracy", "Unknown metric 'accuracy'. Did you mean 'rank'?"),
        (
            "sweep ioi:2 --sites L9.H0",
            "L9.H0: layer 9 is out of range; teaching model has layers 0",
        ),
        ("sweep ioi:2 z --layers 4", "L4.z: layer 4 is out of range"),
        ("sweep ioi:2 z -m smolLM2", "No model 'smolLM2'. "),
        ("sweep ioi:2 z -o none/z.nc", "none/z.nc: there is no folder none. Make it first."),
        ("check ./nothing-here", "There is no folder './nothing-here'"),
        ("check --device tpu:9", "The device 'tpu:9' cannot be used here"),
        ("page ioi:2 -o p.html --sites L9.H0", "L9.H0: layer 9 is out of range"),
        ("plot none.nc -o a.pdf", "'none.nc' cannot be read"),
        ("open none.nc", "'none.nc' cannot be read"),
        ("open none.html", "'none.html' cannot be read"),
        ("demo nothing", "'nothing' names no notebook; there are 0"),
    ],
)
def test_what_cannot_be_done_is_said(run: Run, folder: Path, line: str, says: str) -> None:
    code, out, err = run(line)
    assert (code, out) == (1, "")
    assert err.startswith(says)
    assert "Traceback" not in err
    assert not list(folder.iterdir())


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("swep ioi:2 z", "No such command 'swep'"),
        ("sweep", "Missing argument 'TASK'"),
        ("sweep ioi:2 z --directon noise", "No such option: --directon"),
        ("sweep ioi:2 z --direction denoising", "'denoising' is not one of 'denoise', 'noise'"),
        (
            "sweep ioi:2 z --layers 0-3",
            "'0-3' is no number and no range of them, as in --layers 0,4:7",
        ),
        (
            "sweep ioi:2 z -o z.pdf",
            "-o z.pdf ends neither in .nc nor in .csv; figures are drawn by",
        ),
        ("sweep ioi:2 z --executor threads", "is none of processes:4, dask://host:port, slurm"),
        ("sweep ioi:2 z --executor processes:0", "has no number of processes from 1 to 1024"),
        ("plot z.nc", "Missing option '--output'"),
        ("plot z.nc -o z.jpg", "-o z.jpg ends in none of .pdf, .svg, .png"),
        ("page ioi:2 -o page.pdf", "-o page.pdf does not end in .html"),
    ],
)
def test_a_wrong_command_line_has_a_code_of_its_own(
    run: Run, folder: Path, line: str, says: str
) -> None:
    code, out, err = run(line)
    assert (code, out) == (2, "")
    assert says in " ".join(err.split())
    assert not list(folder.iterdir())


def test_a_traceback_is_shown_to_those_who_ask(run: Run) -> None:
    with pytest.raises(TaskError, match="'x' is no number of pairs"):
        run("sweep ioi:x z --traceback")


def test_a_file_without_an_ending_is_no_task(run: Run) -> None:
    Path("pairs").write_text(HEADER)
    assert run("sweep pairs z").err == (
        "'pairs' does not say what it is. Let its name end in .csv or .json.\n"
    )
