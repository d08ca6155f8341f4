"""Lecture 7: each exercise answers the right answer in three forms, and each foreseen wrong one with its sentence."""

import re
from pathlib import Path
from typing import Any

import pytest

import patchwidgets as pw

CLEAN = "When {0} and {1} went to the store, {1} gave a drink to"
CORRUPTED = "When {0} and {1} went to the store, {0} gave a drink to"
NAMES = [("Mary", "John"), ("Tom", "Lisa"), ("Emma", "Paul"), ("Kate", "Mark"), ("Sam", "Rose")]
ROWS = [
    f'"{CLEAN.format(*names)}","{CORRUPTED.format(*names)}", {names[0]}, {names[1]}'
    for names in NAMES
]
ROWS[3] = ROWS[3].replace(" Kate, Mark", " Mark, Kate")
TABLE = "\n".join(["clean,corrupted,answer,foil", *ROWS, ""])


@pytest.fixture(scope="module")
def model() -> pw.Model:
    return pw.load()


@pytest.fixture(scope="module")
def check(model: pw.Model) -> Any:
    return pw.course.YourOwn(model)


@pytest.fixture(scope="module")
def exp(model: pw.Model, tmp_path_factory: pytest.TempPathFactory) -> pw.Experiment:
    path = tmp_path_factory.mktemp("table") / "pairs.csv"
    path.write_text(TABLE, encoding="utf-8")
    return pw.Experiment(model, pw.Task.from_csv(path))


@pytest.mark.parametrize("answer", [TABLE, TABLE.replace("\n", "\r\n"), TABLE.strip()])
def test_a_table_that_loads_is_right(check: Any, answer: str) -> None:
    assert check.table(answer, TABLE)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("corrupted", "corupted", "lacks corrupted; it has 'clean', 'corupted'"),
        (" Tom, Lisa", " Tom,", "row 3, column 'foil': the cell is empty"),
        (" Tom, Lisa", "Tom, Lisa", "Move the space"),
        ("Emma gave a drink", "Emma gave a new drink", "15 and 16 tokens"),
        ("Mary gave a drink", "John gave a drink", "prompts? .*identical"),
        (ROWS[3] + "\n", "", "had 5 pairs. Repair rows, do not take them away"),
        (ROWS[3], ROWS[3] + "\n" + ROWS[2], "more than the 5 pairs"),
    ],
)
def test_mistakes_of_a_table_are_named(check: Any, old: str, new: str, says: str) -> None:
    verdict = check.table(TABLE.replace(old, new), TABLE)
    assert not verdict
    assert re.search(says, verdict.text), verdict


@pytest.mark.parametrize("answer", [3, [3], "3", (3,), {3}, "[3]"], ids=repr)
def test_the_pair_that_the_model_gets_wrong(check: Any, exp: pw.Experiment, answer: Any) -> None:
    assert check.wrong_pairs(answer, exp)


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ([], "The accuracy is 0.800"),
        ([0, 1, 2, 4], "True means right"),
        (4, "Pairs count from 0"),
        (5, "the row in a spreadsheet"),
        ([3, 1], "Part of it is right"),
        (0, "for each pair"),
        ([0.5], "Write the numbers of pairs as a list"),
        ("the last", "Write a number"),
    ],
)
def test_other_pairs_are_led_on(check: Any, exp: pw.Experiment, answer: Any, says: str) -> None:
    verdict = check.wrong_pairs(answer, exp)
    assert not verdict
    assert re.search(says, verdict.text), verdict


def test_the_faithfulness_of_the_head_alone(check: Any, exp: pw.Experiment) -> None:
    kept = pw.Experiment(exp.model, exp.task.where(exp.correct()))
    circuit = kept.evaluate(pw.Circuit(["L0.H1"]))
    right = circuit.faithfulness
    for answer in (right, f"{right:.2f}", f"{right:.1%}"):
        assert check.faithfulness(answer, kept), answer
    for answer, says in (
        (kept.patch("L0.H1").recovery, "the recovery of the patch"),
        (circuit.completeness, "the completeness"),
        (1 - right, "Asked is what stays"),
        (circuit.value, "the metric of the circuit"),
        (0.5, r"pw\.Circuit"),
        ("all", "Write a number"),
    ):
        verdict = check.faithfulness(answer, kept)
        assert not verdict
        assert re.search(says, verdict.text), verdict


def test_a_session_that_is_opened_again(check: Any, exp: pw.Experiment, tmp_path: Path) -> None:
    w = exp.explore("L0.H1")
    path = tmp_path / "session.json"
    w.save(path)
    for opened in (pw.open(path, exp.model), pw.open(str(path), exp.model)):
        assert check.opened(opened, w)
    for answer, says in (
        (w, "the explorer that you saved"),
        (path, "names the file"),
        (str(path), "names the file"),
        (pw.open(path), "takes a model too"),
        (exp.explore("L1.H1"), "shows something else"),
        (7, "w.save"),
        (..., "no answer yet"),
    ):
        verdict = check.opened(answer, w)
        assert not verdict
        assert re.search(says, verdict.text), verdict
