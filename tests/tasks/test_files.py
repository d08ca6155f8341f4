"""Tasks from tables and files, and back."""

import pandas as pd
import pytest

from patchwidgets import tasks
from patchwidgets.errors import TaskError
from patchwidgets.tasks import Task

CSV = """clean,corrupted,answer,foil,@S2,@end
"Ann and Bob met, Bob told","Ann and Bob met, Ann told", Ann, Bob, Bob,-1
A,B,x|y,z,A,0
"""


def test_csv_keeps_leading_spaces_and_splits_alternatives(tmp_path):
    (tmp_path / "task.csv").write_text(CSV)
    task = Task.from_csv(tmp_path / "task.csv")
    assert task.clean == ["Ann and Bob met, Bob told", "A"]
    assert task.answer == [" Ann", ("x", "y")]
    assert task.foil == [" Bob", "z"]
    assert task.positions == {"S2": [" Bob", "A"], "end": [-1, 0]}


def test_csv_with_a_ragged_row(tmp_path):
    (tmp_path / "task.csv").write_text("clean,corrupted,answer\na,b,c\na,b\n")
    with pytest.raises(TaskError, match="Row 1 has fewer cells"):
        Task.from_csv(tmp_path / "task.csv")
    (tmp_path / "task.csv").write_text("clean,corrupted,answer\na, b, c, d\n")
    with pytest.raises(TaskError, match="Row 0 has more cells"):
        Task.from_csv(tmp_path / "task.csv")


def test_frame():
    frame = pd.DataFrame(
        {"clean": ["a", "b"], "corrupted": ["c", "d"], "answer": [("x", "y"), "z"], "@p": [0, -1]}
    )
    task = Task.from_frame(frame)
    assert task == Task(["a", "b"], ["c", "d"], [("x", "y"), "z"], None, {"p": [0, -1]})


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"clean": ["a"], "answer": ["b"]}, "lacks corrupted"),
        ({"clean": ["a"], "corrupted": ["b"], "answer": ["c"], "S2": [3]}, "is it '@S2'"),
        ({"clean": []}, "no rows"),
    ],
)
def test_frames_that_are_no_task(columns, message):
    with pytest.raises(TaskError, match=message):
        Task.from_frame(pd.DataFrame(columns))


@pytest.mark.parametrize(
    "task",
    [
        Task("a", "b", ("x", "y"), "z", {"p": -1}, bos=True, chat=True),
        Task("a", "b", "x"),
        tasks.ioi(5),
        tasks.greater_than(3),
    ],
    ids=["single", "no foil", "ioi", "years"],
)
def test_json_round_trip(task, tmp_path):
    task.to_json(tmp_path / "task.json")
    back = Task.from_json(tmp_path / "task.json")
    assert len(back) == len(task)
    assert [back.pair(i) for i in range(len(task))] == [task.pair(i) for i in range(len(task))]
    assert isinstance(back.clean, str) == isinstance(task.clean, str)


def test_json_of_something_else(tmp_path):
    (tmp_path / "other.json").write_text("[1, 2]")
    with pytest.raises(TaskError, match="is not a task"):
        Task.from_json(tmp_path / "other.json")


def test_a_map_that_cannot_be_read_is_named_with_its_row(tmp_path):
    (tmp_path / "task.csv").write_text("clean,corrupted,answer,align\na,b,c,0:0\na,b,c,0-0\n")
    with pytest.raises(TaskError, match=r"^Row 1: align is '0-0'; expected clean and corrupted"):
        Task.from_csv(tmp_path / "task.csv")
