"""Tasks by name and from files; numbers in lists."""

from pathlib import Path

import pytest
import typer

import patchwidgets as pw
from patchwidgets.cli.inputs import find_task, open_saved
from patchwidgets.cli.options import numbers, several


@pytest.mark.parametrize(
    ("text", "task"),
    [
        ("ioi", pw.tasks.ioi()),
        ("ioi:3", pw.tasks.ioi(3)),
        ("ioi:n=3,seed=2", pw.tasks.ioi(n=3, seed=2)),
        ("addition:4,varies=both", pw.tasks.addition(4, varies="both")),
        ("agreement:4,attractor=True", pw.tasks.agreement(4, attractor=True)),
    ],
)
def test_a_name_with_arguments_is_that_call(text: str, task: pw.Task) -> None:
    assert find_task(text)(None) == task


def test_words_that_a_model_does_not_have_are_left_out() -> None:
    model = pw.load()
    assert find_task("induction:5")(model) == pw.tasks.induction(5, model=model)


@pytest.mark.parametrize("name", ["pairs.json", "saved.json", "pairs.csv", "PAIRS.CSV"])
def test_every_form_of_a_file_is_read(folder: Path, name: str) -> None:
    task = pw.tasks.ioi(3)
    if name == "saved.json":
        task.save(name)
    elif name == "pairs.json":
        task.to_json(name)
    else:
        task.to_frame().to_csv(name, index=False)
    for found in (find_task(name)(None), open_saved(name)):
        assert [found.pair(i) for i in range(3)] == [task.pair(i) for i in range(3)]


def test_lists_have_commas_and_ranges_are_half_open() -> None:
    assert several("layer, head,") == ["layer", "head"]
    assert numbers("0,4:7", "--layers") == [0, 4, 5, 6]
    assert numbers(None, "--layers") is None
    for wrong in ("-1", "1:", "a", "1:2:3", "1" * 20):
        with pytest.raises(typer.BadParameter, match="is no number and no range"):
            numbers(wrong, "--layers")
