"""Tasks from tables and files, and back."""

import numpy as np
import pandas as pd
import pytest

from patchwidgets import tasks
from patchwidgets.errors import FileError, TaskError
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


@pytest.mark.parametrize("column", ["answer", "foil"])
@pytest.mark.parametrize("cell", ["x|", "|x", "|", "x||y"])
def test_csv_with_an_empty_alternative(tmp_path, cell, column):
    cells = {"clean": "a", "corrupted": "b", "answer": "c", "foil": "d"} | {column: cell}
    (tmp_path / "t.csv").write_text(f"{','.join(cells)}\n{','.join(cells.values())}\n")
    with pytest.raises(
        TaskError, match=f"^'t.csv', row 2, column '{column}': got .*none of them empty"
    ):
        Task.from_csv(tmp_path / "t.csv")


def test_csv_with_a_ragged_row(tmp_path):
    (tmp_path / "task.csv").write_text("clean,corrupted,answer\na,b,c\na,b\n")
    with pytest.raises(
        TaskError, match=r"^'task.csv', row 3 has fewer cells than the header .2, not 3."
    ):
        Task.from_csv(tmp_path / "task.csv")
    (tmp_path / "task.csv").write_text("clean,corrupted,answer\na, b, c, d\n")
    with pytest.raises(
        TaskError, match=r"^'task.csv', row 2 has more cells than the header .4, not 3."
    ):
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


HEADER = "clean,corrupted,answer,foil,@S2\n"


@pytest.mark.parametrize(
    ("table", "says"),
    [
        (HEADER + "a,b,c,d,1\na,b,,d,1\n", "'t.csv', row 3, column 'answer': the cell is empty"),
        (HEADER + "\n\na,,c,d,1\n", "'t.csv', row 4, column 'corrupted': the cell is empty"),
        (HEADER + '"a\n\na",b,c,d,1\n,b,c,d,1\n', "'t.csv', row 3, column 'clean': the cell is"),
        (HEADER + "a,b,c,,1\n", "'foil': the cell is empty; expected .*leave the column out"),
        (HEADER + "a,b,c,d,\n", "row 2, column '@S2': the cell is empty; expected an index or a"),
        (HEADER + f"a,b,c,d,{'9' * 5000}\n", "column '@S2': '9+…9+' is too large for an index"),
        (HEADER + f"a,b,c,d,{'9' * 12}\n", "column '@S2': got 999999999999; expected an index"),
        (
            HEADER + f"a,b,c,{'d' * 200_000},0\n",
            "row 2 .* is no CSV: field larger than field limit",
        ),
        (HEADER + 'a,b,"c,d,1\na,b,c,d,1\n', r"row 2 \(up to line 3\) is no CSV: unexpected end"),
        (HEADER + 'a,b,"c"x,d,1\n', "row 2 .* is no CSV: ',' expected after '\"'"),
        (HEADER, "has no rows"),
        ("", "'t.csv' has no header"),
        ("clean,clean,corrupted,answer\n", "has the column 'clean' twice"),
        ("clean;corrupted;answer\na;b;c\n", "to be separated by ';'; use commas"),
        ("clean,corrupted,answer,\na,b,c,d\n", "Unknown column ''"),
        ("clean,corrupted,answer,@\na,b,c,1\n", "column '@'"),
        ("clean,corrupted,answer,chat\na,b,c,no\n", "Unknown column 'chat'"),
        ("clean,corrupted,answer,align\na,b,c,0:²\n", "row 2: align is '0:²'; expected clean"),
        (f"clean,corrupted,answer,align\na,b,c,0:{'1' * 10**5}\n", "row 2: align is '0:1+…1+'"),
    ],
)
def test_csv_files_that_are_no_task(table, says, tmp_path):
    (tmp_path / "t.csv").write_text(table)
    with pytest.raises(TaskError, match=says) as caught:
        Task.from_csv(tmp_path / "t.csv")
    assert len(str(caught.value)) < 700


def test_all_mistakes_of_a_csv_are_told_at_once(tmp_path):
    good, empty = "a,b,c,d,1\n", "a,b,,d,1\n"
    (tmp_path / "t.csv").write_text(HEADER + "a,b\n" + good + "a,b,c,d,1,2,3\n")
    with pytest.raises(TaskError) as ragged:
        Task.from_csv(tmp_path / "t.csv")
    (tmp_path / "t.csv").write_text(HEADER + empty * 2 + good + "a,,,d,1\n")
    with pytest.raises(TaskError) as empties:
        Task.from_csv(tmp_path / "t.csv")
    (tmp_path / "t.csv").write_text(HEADER + "a,b,c|,d,1\n" * 7)
    with pytest.raises(TaskError) as many:
        Task.from_csv(tmp_path / "t.csv")
    told = [line.partition(";")[0] for line in str(ragged.value).splitlines()]
    assert [line[: len("'t.csv', row 2 has fewer")] for line in told] == [
        "'t.csv', row 2 has fewer",
        "'t.csv', row 4 has more ",
    ]
    assert [line.partition(":")[0] for line in str(empties.value).splitlines()] == [
        "'t.csv', row 2, column 'answer'",
        "'t.csv', row 3, column 'answer'",
        "'t.csv', row 5, column 'corrupted'",
        "'t.csv', row 5, column 'answer'",
    ]
    assert len(str(many.value).splitlines()) == 6
    assert str(many.value).splitlines()[-1] == "There are 2 more mistakes."


def test_csv_with_a_byte_order_mark_and_other_encodings(tmp_path):
    table = "clean,corrupted,answer\nDas süße,Das Öl, ß\n"
    (tmp_path / "t.csv").write_text(table, encoding="utf-8-sig")
    task = Task.from_csv(tmp_path / "t.csv")
    assert (task.clean, task.corrupted, task.answer) == (["Das süße"], ["Das Öl"], [" ß"])
    (tmp_path / "t.csv").write_text(table, encoding="utf-16")
    with pytest.raises(TaskError, match=r"'t.csv' is not UTF-8. It is UTF-16; save it as UTF-8"):
        Task.from_csv(tmp_path / "t.csv")
    (tmp_path / "t.csv").write_text(table, encoding="latin-1")
    with pytest.raises(TaskError, match=r"is not UTF-8. Byte 0xfc in line 2 is not; save it"):
        Task.from_csv(tmp_path / "t.csv")


def test_digits_that_are_no_number_are_a_text(tmp_path):
    (tmp_path / "t.csv").write_text("clean,corrupted,answer,@x,@y,@z\na ²,b ²,c,², -1 ,1\x1d\n")
    positions = Task.from_csv(tmp_path / "t.csv").positions
    assert positions == {"x": ["²"], "y": [-1], "z": ["1\x1d"]}


@pytest.mark.parametrize("empty", [None, np.nan, pd.NA, pd.NaT, ""])
@pytest.mark.parametrize("column", ["clean", "corrupted", "answer", "foil", "@p"])
def test_frames_with_an_empty_cell(empty, column):
    cells = {"clean": "a", "corrupted": "b", "answer": "c", "foil": "d", "@p": 1}
    frame = pd.DataFrame([cells, cells | {column: empty}], index=["one", "two"])
    with pytest.raises(TaskError, match=f"^Row 'two', column '{column}': the cell is empty; exp"):
        Task.from_frame(frame)


@pytest.mark.parametrize(
    ("cells", "says"),
    [
        ({"answer": 46}, r"Row 0, column 'answer': got 46; expected a text.*with dtype=str"),
        ({"answer": 46.5}, "column 'answer': got 46.5"),
        ({"answer": ("x", None)}, r"column 'answer': got \('x', None\)"),
        ({"answer": ()}, r"column 'answer': got \(\); expected .* none of them empty"),
        ({"answer": True}, "column 'answer': got True"),
        ({"clean": b"a"}, "column 'clean': got b'a'"),
        ({"@p": 1.5}, "column '@p': got 1.5; expected an index or a text"),
        ({"@p": True}, "column '@p': got True"),
        ({"@p": "x", "clean": ["a"]}, r"column 'clean': got \('a',\)"),
        ({"align": 5}, "column 'align': got 5; expected a map such as 0:0 1:2"),
        ({"align": [(0, True)]}, "column 'align': got"),
        ({"align": []}, r"^Row 0, column 'align': got \(\); expected a map such as 0:0 1:2"),
        ({"answer": "x" * 10**7, "foil": 5}, "column 'foil': got 5"),
        ({"clean": ["x" * 10**7]}, "column 'clean': got"),
    ],
)
def test_frames_with_a_cell_of_another_kind(cells, says):
    row = {"clean": "a", "corrupted": "b", "answer": "c"} | cells
    frame = pd.DataFrame([row], dtype=object)
    with pytest.raises(TaskError, match=says) as caught:
        Task.from_frame(frame)
    assert len(str(caught.value)) < 600


def test_frames_keep_what_is_there():
    rows = [
        {"clean": "nan", "corrupted": "None", "answer": ["x", "y"], "@p": 0, "align": [[0, 0]]},
        {"clean": "b", "corrupted": "c", "answer": "z", "@p": 2, "align": None},
    ]
    task = Task.from_frame(pd.DataFrame(rows))
    assert task.clean == ["nan", "b"]
    assert task.answer == [("x", "y"), "z"]
    assert task.positions == {"p": [0, 2]}
    assert task.align == [((0, 0),), None]


def test_frames_with_a_column_twice():
    frame = pd.DataFrame([["a", "b", "c", "d"]], columns=["clean", "corrupted", "answer", "clean"])
    with pytest.raises(TaskError, match="has the column 'clean' twice"):
        Task.from_frame(frame)


PAIR = '"pairs": [{"clean": "a", "corrupted": "b", "answer": "c"}]'


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[1, 2]", "'t.json' is not a task .*Input should be"),
        ("5", "is not a task"),
        ("", "it is no JSON .Expecting value, at line 1, column 1"),
        ("[" * 100_000, "it is no JSON .it is nested too deeply"),
        (f'{{{PAIR}, "chat": "no"}}', "is not a task .'chat': Input should be a valid boolean"),
        (f'{{{PAIR}, "chat": 0}}', "'chat': Input should be a valid boolean"),
        (f'{{{PAIR}, "bos": "yes"}}', "'bos': Input should be a valid boolean"),
        (f'{{{PAIR}, "single": 1}}', "'single': Input should be a valid boolean"),
        (
            f'{{{PAIR}, "stack": "encoder"}}',
            "'stack': Extra inputs .*as Task.to_json of this version",
        ),
        (f'{{{PAIR}, "chat": true, "chat": false}}', "the key 'chat' is there twice"),
        ('{"pairs": []}', "'pairs': List should have at least 1 item"),
        ('{"pairs": [1]}', "'pairs.0': Input should be a valid dictionary"),
        ('{"pairs": {"clean": "a"}}', "'pairs': Input should be a valid list"),
        (
            f"{{{PAIR[:-1]}, {{}}]}}",
            r"'t.json', pairs\[1\] lacks clean, corrupted, answer; it has no column",
        ),
        (
            f"{{{PAIR.replace(chr(34) + 'c' + chr(34), 'null')}}}",
            r"pairs\[0\], column 'answer': the",
        ),
        (f'{{{PAIR.replace(chr(34) + "c" + chr(34), "[]")}, "x": 1}}', "'x': Extra inputs"),
        (f"{{{PAIR.replace(chr(34) + 'c' + chr(34), '7')}}}", "column 'answer': got 7; expected"),
        (f"{{{PAIR.replace(chr(34) + 'c' + chr(34), '9' * 5000)}}}", "is too large for a number"),
        (f"{{{PAIR.replace('c', chr(92) + 'ud800')}}}", "half of a surrogate pair"),
        (f"{{{PAIR.replace('}', ', ' + chr(34) + '@p' + chr(34) + ': 1.5}')}}}", "'@p': got 1.5"),
        (
            f"{{{PAIR.replace('}', ', ' + chr(34) + '@p' + chr(34) + ': ' + 2 * chr(34) + '}')}}}",
            "'@p': got ''",
        ),
        (
            f'{{{PAIR[:-1]}, {{"@{"E" * 10**6}": 1, {PAIR[11:]}}}',
            r"first row: '@E+…E+'\. Give every",
        ),
        (f'{{{PAIR[:-1]}, {PAIR[10:]}, "single": true}}', "has a single pair, and has 2"),
    ],
)
def test_json_files_that_are_no_task(text, says, tmp_path):
    (tmp_path / "t.json").write_text(text)
    with pytest.raises(TaskError, match=says) as caught:
        Task.from_json(tmp_path / "t.json")
    assert len(str(caught.value)) < 600


def test_json_keeps_empty_texts_and_odd_characters(tmp_path):
    task = Task("", "a\0\u202e", ("😀", "\n"), positions={"p": "\u202e"})
    task.to_json(tmp_path / "t.json")
    assert Task.from_json(tmp_path / "t.json") == task


def test_half_of_a_surrogate_pair_is_not_written(tmp_path):
    with pytest.raises(TaskError, match="half of a surrogate pair"):
        Task("\ud800", "a", "b").to_json(tmp_path / "t.json")
    assert list(tmp_path.iterdir()) == []


def test_files_that_cannot_be_read_or_written(tmp_path):
    for read in (Task.from_csv, Task.from_json):
        with pytest.raises(FileError, match="none' cannot be read"):
            read(tmp_path / "none")
        with pytest.raises(FileError, match=r"is a folder|Is a directory"):
            read(tmp_path)
        with (tmp_path / "large").open("wb") as file:
            file.truncate(2**28 + 1)
        with pytest.raises(FileError, match=r"at most 268,435,456 are read. Read it in parts"):
            read(tmp_path / "large")
    with pytest.raises(FileError, match=r"could not be written .No such file"):
        Task("a", "b", "c").to_json(tmp_path / "none" / "t.json")


def test_json_of_something_else(tmp_path):
    (tmp_path / "other.json").write_text("[1, 2]")
    with pytest.raises(TaskError, match="is not a task"):
        Task.from_json(tmp_path / "other.json")


def test_a_map_that_cannot_be_read_is_named_with_its_row(tmp_path):
    (tmp_path / "task.csv").write_text("clean,corrupted,answer,align\na,b,c,0:0\na,b,c,0-0\n")
    with pytest.raises(
        TaskError, match=r"^'task.csv', row 3: align is '0-0'; expected clean and corrupted"
    ):
        Task.from_csv(tmp_path / "task.csv")
