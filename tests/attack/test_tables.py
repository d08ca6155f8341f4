"""The attack on tables and files of tasks: damaged and crafted cells, texts and bytes.

Reading survives if it gives a task whose cells are all of the right kind, or an error of ours in few words, within a
bounded memory.
"""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from patchwidgets.errors import FileError, TaskError
from patchwidgets.tasks import Task
from tests.attack.conftest import Attack
from tests.support.damage import ODD_VALUES, bounded, change_somewhere, damaged

TASK = Task(
    ["Ann met Bob, Bob", "a"],
    ["Ann met Bob, Ann", "b"],
    [" Ann", ("x", "y")],
    [" Bob", "z"],
    {"S2": [3, -1], "end": ["Bob", "a"]},
    bos=None,
    align=[[(0, 0), (1, 1)], None],
)


def reads_task(read: Callable[[], Task]) -> None:
    """Read a changed task: an error of ours in few words, or a task whose cells are all texts and indices."""
    with bounded():
        try:
            task: Task | str = read()
        except (TaskError, FileError) as error:
            task = str(error)
    if isinstance(task, str):
        assert len(task) < 2000
        return
    assert isinstance(task.chat, bool)
    assert task.bos in (None, True, False)
    for i in range(len(task)):
        pair = task.pair(i)
        answers = (pair.answer, pair.foil or "")
        texts = [each if isinstance(each, tuple) else (each,) for each in answers]
        assert all(isinstance(text, str) for text in (pair.clean, pair.corrupted, *sum(texts, ())))
        assert all(type(position) in (int, str) for position in pair.positions.values())


def test_odd_json_of_tasks(attack: Attack, tmp_path: Path) -> None:
    path = tmp_path / "t.json"
    TASK.to_json(path)
    content = path.read_bytes()
    for rng in attack("damaged and crafted JSON files of tasks", 300):
        if rng.random() < 0.5:
            path.write_bytes(damaged(rng, content))
        else:
            changed = json.loads(content)
            for _ in range(rng.choice((1, 1, 2, 4))):
                change_somewhere(rng, changed)
            path.write_text(json.dumps(changed))
        reads_task(lambda: Task.from_json(path))


CSV = "clean,corrupted,answer,foil,@S2,align\n" + '"a, b",c, x|y,z,1,0:0 1:1\n' * 3
ODD_CELLS = (
    *("", '"', '""', "\n", "\r", ",", ";", "|", "\ufeff", "\0", "nan", "None", "-", "²", "1e9"),
    *("9" * 5000, "x" * 200_000, "0:0", "0:-", "@", "\u202e", "é"),
)


def test_odd_tables_of_tasks(attack: Attack, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    for rng in attack("damaged and crafted CSV files of tasks", 300):
        text = CSV
        for _ in range(rng.choice((1, 1, 2, 5))):
            i = rng.randrange(len(text))
            text = text[:i] + rng.choice(ODD_CELLS) + text[i + rng.choice((0, 0, 1, 5)) :]
        encoding = rng.choice(("utf-8", "utf-8", "utf-8-sig", "utf-16", "utf-32"))
        content = text.encode(encoding)
        path.write_bytes(damaged(rng, content) if rng.random() < 0.3 else content)
        reads_task(lambda: Task.from_csv(path))


EMPTY = (None, np.nan, pd.NA, pd.NaT, "")


def test_odd_frames_of_tasks(attack: Attack) -> None:
    columns = ["clean", "corrupted", "answer", "foil", "@S2", "align"]
    row = ["a", "b", ("x", "y"), "z", 1, [(0, 0)]]
    odd = (*ODD_VALUES, *EMPTY, np.int64(3), np.bool_(True), np.arange(3), b"x")
    for rng in attack("odd tables in memory", 200):
        rows = [list(row) for _ in range(3)]
        for _ in range(rng.choice((1, 1, 2))):
            rows[rng.randrange(3)][rng.randrange(len(row))] = rng.choice(odd)
        names = [rng.choice((name,) * 30 + ("x", "@", "", 5, "clean")) for name in columns]
        frame = pd.DataFrame(rows, columns=names, dtype=rng.choice((None, object)))
        empty = [
            (i, name)
            for i, cells in enumerate(rows)
            for name, cell in zip(names, cells, strict=True)
            if name != "align" and any(cell is each for each in EMPTY)
        ]
        if empty and names == columns:
            with pytest.raises(TaskError, match=f"Row {empty[0][0]}, column '{empty[0][1]}'"):
                Task.from_frame(frame)
        reads_task(lambda frame=frame: Task.from_frame(frame))
