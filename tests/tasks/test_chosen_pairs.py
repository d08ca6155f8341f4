"""Some pairs of a task, by number, slice, list and condition; its table; and which pairs a model gets right."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

import patchwidgets as pw
from patchwidgets.errors import TaskError
from patchwidgets.facade import Experiment
from patchwidgets.models.model import Model
from patchwidgets.tasks import Task

ALIGN = ((0, 0), (1, 1), (2, 3))
DATASET = Task(
    ["w1 w2 w3", "w4 w5 w6", "w7 w8 w9"],
    ["w1 w9 w3", "w4 w8 w2 w6", "w7 w1 w9"],
    [(" a", " b"), " c", " d"],
    " f",
    {"second": [1, "w5", 1], "end": -1},
    align=[None, ALIGN, None],
    foil_expected=False,
)
SINGLE = Task("w1 w2", "w1 w3", (" a", " b"), " c", {"end": -1})


@pytest.fixture(scope="module")
def teaching() -> Model:
    return pw.load()


def test_a_number_is_a_pair() -> None:
    assert DATASET[1] == DATASET.pair(1) == DATASET[-2] == DATASET[np.int64(1)]
    assert (DATASET[1].clean, DATASET[1].align, DATASET[0].answer) == (
        "w4 w5 w6",
        ALIGN,
        (" a", " b"),
    )
    assert list(DATASET) == [DATASET.pair(i) for i in range(3)]
    assert SINGLE[0] == SINGLE
    assert [*SINGLE] == [SINGLE]


@pytest.mark.parametrize(
    ("chosen", "numbers"),
    [
        (slice(2), [0, 1]),
        (slice(None, None, -1), [2, 1, 0]),
        ([2, 0], [2, 0]),
        ((-1, 1), [2, 1]),
        (np.array([1, 2]), [1, 2]),
        ([True, False, True], [0, 2]),
        (np.array([False, True, True]), [1, 2]),
        (torch.tensor([True, False, False]), [0]),
        (pd.Series([False, False, True]), [2]),
    ],
)
def test_several_are_a_dataset(chosen: Any, numbers: list[int]) -> None:
    part = DATASET[chosen]
    assert list(part) == [DATASET[i] for i in numbers]
    assert len(part) == len(numbers)
    assert isinstance(part.clean, list)
    assert (part.foil, part.positions["end"], part.foil_expected) == (" f", -1, False)


def test_all_of_them_are_the_task_itself() -> None:
    assert DATASET[:] == DATASET
    assert SINGLE[:] != SINGLE
    assert (SINGLE[:].clean, SINGLE[:].answer) == (["w1 w2"], [(" a", " b")])
    assert SINGLE[[0, 0]][1] == SINGLE


def test_a_condition() -> None:
    assert DATASET.where(lambda pair: pair.answer != " c") == DATASET[[0, 2]]
    assert DATASET.where([False, True, True]) == DATASET[1:]
    assert DATASET.where(np.array([2.0, 0.5, 1.0]) > 0.7) == DATASET[[0, 2]]
    assert DATASET.where(lambda pair: np.bool_(pair.align is not None)) == DATASET[1:2]


@pytest.mark.parametrize(
    ("chosen", "says"),
    [
        (3, "There is no pair 3; this task has 3 pairs, 0 to 2"),
        (-4, "There is no pair -4"),
        ([0, 5], "There is no pair 5"),
        (
            "clean",
            r"chosen by its number, as in task\[0\].*got 'clean'\. Its fields are task\.clean",
        ),
        (1.5, "chosen by its number"),
        (slice(3, None), r"\[3:\] leaves none of the 3 pairs, and a task needs at least one"),
        ([], r"\[\[\]\] leaves none"),
        ([True, False], "has 2 entries for 3 pairs"),
    ],
)
def test_pairs_that_are_not_there(chosen: Any, says: str) -> None:
    with pytest.raises(TaskError, match=says):
        DATASET[chosen]
    with pytest.raises(TaskError, match="There is no pair 1; this task has 1 pair, number 0"):
        SINGLE.pair(1)


@pytest.mark.parametrize(
    ("condition", "says"),
    [
        (
            [True],
            "has 1 entries for 3 pairs of prompts; give True or False for each, or a function",
        ),
        ([0, 2, 1], r"holds 0; expected True or False for each pair.*task\[\[0, 3\]\]"),
        ([False] * 3, "The condition leaves none of the 3 pairs"),
        (lambda pair: np.array([True, False]), "holds array"),
        (lambda pair: None, "holds None; expected True or False"),
        (lambda pair: False, "leaves none"),
        (pw.Site.parse("embed"), r"where\(\) takes True or False.*got a Site\. .*\.correct\(\)\)"),
        ("correct", "got a str"),
    ],
)
def test_conditions_that_choose_nothing(condition: Any, says: str) -> None:
    with pytest.raises(TaskError, match=says):
        DATASET.where(condition)


def test_the_table_reads_back() -> None:
    frame = DATASET.to_frame()
    assert list(frame) == ["clean", "corrupted", "answer", "foil", "align", "@second", "@end"]
    assert frame["@end"].tolist() == [-1, -1, -1]
    assert list(Task.from_frame(frame)) == [Task.from_frame(pair.to_frame())[0] for pair in DATASET]
    assert Task.from_frame(frame)[1].align == ALIGN
    generated = pw.tasks.ioi(5)
    assert list(Task.from_frame(generated.to_frame())) == list(generated)
    assert list(SINGLE.to_frame()) == ["clean", "corrupted", "answer", "foil", "@end"]


def test_a_model_is_no_condition(teaching: Model) -> None:
    with pytest.raises(TaskError, match=r"pw\.Experiment\(model, task\)\.correct\(\)"):
        pw.tasks.addition(3).where(teaching)  # type: ignore[arg-type]


def test_which_pairs_the_model_gets_right(teaching: Model) -> None:
    task = Task(
        ["12+34=", "12+35=", "12+36="],
        ["15+34=", "15+35=", "15+36="],
        ["46", "50", "49"],
        ["49", "47", "48"],
    )
    exp = Experiment(teaching, task, "answer_prob")
    # The model says 46, 47, 48: pair 0 is right, in pair 1 the foil is its answer, in pair 2 too.
    assert exp.correct().tolist() == [True, False, False]
    assert exp.correct("foil").mean() == exp.accuracy
    assert exp.correct("top").tolist() == [True, False, False]
    assert task.where(exp.correct()).clean == ["12+34="]
    above_foil = Task(
        task.clean, task.corrupted, ["46", "50", "48"], ["49", "7", "8"], foil_expected=False
    )
    judged = Experiment(teaching, above_foil)
    assert judged.correct().tolist() == [True, True, True]
    assert judged.correct("top").tolist() == [True, False, True]


def test_without_a_foil_the_top_token_counts(teaching: Model) -> None:
    exp = Experiment(teaching, Task("12+34=", "15+34=", "46"), "answer_prob")
    assert exp.correct().tolist() == [True]
    with pytest.raises(TaskError, match="by='foil' needs a task with foils; by='top' does not"):
        exp.correct("foil")
    with pytest.raises(TaskError, match=r"by is 'best'; expected 'foil' .* or 'top'"):
        exp.correct("best")  # type: ignore[arg-type]
