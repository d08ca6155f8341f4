"""Which tokens are counterparts: maps as data, in files, checked against the prompts, and proposed."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import patchwidgets as pw
from patchwidgets.errors import CounterpartError, SiteError, TaskError
from patchwidgets.tasks import Task, encode_pairs, propose_alignment
from patchwidgets.tasks.alignment import all_columns, propose_columns
from tests.support.toy_tokenizer import toy_tokenizer

CLEAN, CORRUPTED = "w3 w14 w15 w9 w26 w5", "w3 w14 w42 w43 w9 w26 w5"
ALIGN = ((0, 0), (1, 1), (3, 4), (4, 5), (5, 6))
TOKENIZER = toy_tokenizer(61)
TOY: Any = SimpleNamespace(tokenizer=TOKENIZER)


def pair_of(align: Any, clean: str = CLEAN, corrupted: str = CORRUPTED):  # type: ignore[no-untyped-def]
    return encode_pairs(Task(clean, corrupted, " w8", " w9", align=align), TOKENIZER)[0]


def test_a_map_says_which_tokens_are_counterparts() -> None:
    pair = pair_of(ALIGN)
    assert pair.columns == ALIGN
    assert (pair.differing(), pair.differing("corrupted"), pair.prefix) == ((2,), (2, 3), 2)
    assert pair.columns_at(None) == ALIGN
    assert pair.columns_at(-1) == ((5, 6),)
    assert pair.columns_at((3, None)) == ALIGN[2:]
    assert len(pair) == 6


def test_negative_positions_count_from_the_end() -> None:
    assert pair_of([(0, 0), (-2, -2), [-1, -1]]).columns == ((0, 0), (4, 5), (5, 6))


def test_equal_counts_need_no_map_and_may_have_one() -> None:
    assert pair_of(None, corrupted="w3 w14 w42 w9 w26 w5").columns == tuple(
        (i, i) for i in range(6)
    )
    shifted = pair_of([(0, 0), (2, 3), (5, 5)], corrupted="w3 w14 w42 w15 w26 w5")
    assert (shifted.differing(), shifted.prefix) == ((1, 3, 4), 2)


def test_what_is_named_and_has_no_counterpart_is_refused_with_both_prompts() -> None:
    with pytest.raises(CounterpartError, match="Position 2 of the clean prompt has no") as error:
        pair_of(ALIGN).columns_at(2)
    assert str(error.value).splitlines()[1:] == [
        "  position |0  |1   |2   |    |    |3  |4   |5",
        "  clean    |␣w3|␣w14|␣w15|    |    |␣w9|␣w26|␣w5",
        "  corrupted|␣w3|␣w14|    |␣w42|␣w43|␣w9|␣w26|␣w5",
        "  position |0  |1   |    |2   |3   |4  |5   |6",
        "           |=  |=   |×   |×   |×   |=  |=   |=",
    ]
    with pytest.raises(CounterpartError, match="Position 1, 2 of the clean prompt"):
        pair_of([(0, 0), (5, 6)]).columns_at((1, 3))
    with pytest.raises(SiteError, match=r"Position 6 is out of range: the prompt has 6 tokens"):
        pair_of(ALIGN).columns_at(6)


@pytest.mark.parametrize(
    ("align", "says"),
    [
        ([(0, 0), (6, 6)], r"position 6 of the clean prompt, which has 6 tokens \(0 to 5, or -6"),
        ([(0, -8), (5, 6)], "position -8 of the corrupted prompt, which has 7 tokens"),
        ([(1, 1), (0, 2), (5, 6)], r"\(1, 1\) and then \(0, 2\); expected both positions to grow"),
        ([(1, 1), (2, 1), (5, 6)], r"\(1, 1\) and then \(2, 1\); .* each once"),
        ([(1, 1), (1, 1), (5, 6)], r"\(1, 1\) and then \(1, 1\)"),
        ([(0, 0), (4, 5)], r"ends with \(4, 5\); expected \(5, 6\), .* metric is read there"),
    ],
)
def test_a_map_that_does_not_fit_its_prompts(align: Any, says: str) -> None:
    with pytest.raises(TaskError, match=says) as error:
        pair_of(align)
    assert "pw.propose_alignment pairs them like this:\n  position |0" in str(error.value)
    assert "  clean    |␣w3|␣w14" in str(error.value)


@pytest.mark.parametrize("align", [[], 5, "0:0", [(0, 0), (1,)], [(0, 0), (1.0, 1)], [None]])
def test_a_map_of_another_form(align: Any) -> None:
    with pytest.raises(TaskError, match=r"align holds .*; expected pairs of a clean and a corr"):
        Task(CLEAN, CORRUPTED, " w8", align=align)


def test_maps_of_a_dataset() -> None:
    same = "w3 w14 w42 w9 w26 w5"
    task = Task([CLEAN, CLEAN], [CORRUPTED, same], " w8", align=[ALIGN, None])
    assert task.pair(0) == Task(CLEAN, CORRUPTED, " w8", align=ALIGN)
    assert task.pair(1) == Task(CLEAN, same, " w8")
    assert [len(pair.columns) for pair in encode_pairs(task, TOKENIZER)] == [5, 6]
    for_all = Task([CLEAN, CLEAN], [CORRUPTED, CORRUPTED], " w8", align=list(ALIGN))
    assert for_all.pair(1).align == ALIGN
    with pytest.raises(TaskError, match="align has 1 entries for 2 pairs"):
        Task([CLEAN, CLEAN], [CORRUPTED, same], " w8", align=[ALIGN])
    with pytest.raises(TaskError, match="align holds 3"):
        Task([CLEAN, CLEAN], [CORRUPTED, same], " w8", align=[ALIGN, 3])  # type: ignore[list-item]
    with pytest.raises(TaskError, match=r"^Pair 1: 6 and 7 tokens"):
        encode_pairs(Task([CLEAN] * 2, [CORRUPTED] * 2, " w8", align=[ALIGN, None]), TOKENIZER)


def test_the_error_about_unequal_counts_names_the_way_out() -> None:
    with pytest.raises(
        TaskError, match="6 and 7 tokens; patching needs equal counts, or a map"
    ) as e:
        pair_of(None)
    assert "task.aligned(pw.propose_alignment(model, task))" in str(e.value)
    assert "Replace a word by one of as many tokens" in str(e.value)


@pytest.mark.parametrize(
    "task",
    [
        Task(CLEAN, CORRUPTED, " w8", " w9", align=ALIGN),
        Task([CLEAN, CLEAN], [CORRUPTED, CLEAN], " w8", align=[ALIGN, None]),
    ],
    ids=["single", "dataset"],
)
def test_json_round_trip(task: Task, tmp_path: Path) -> None:
    task.to_json(tmp_path / "task.json")
    back = Task.from_json(tmp_path / "task.json")
    assert [back.pair(i) for i in range(len(task))] == [task.pair(i) for i in range(len(task))]
    assert back.align == task.align


def test_csv_and_frames(tmp_path: Path) -> None:
    text = "clean,corrupted,answer,align\na b,c d e,x,0:0 -1:-1\na,b,x,\n"
    (tmp_path / "task.csv").write_text(text)
    expected = Task(["a b", "a"], ["c d e", "b"], ["x", "x"], align=[[(0, 0), (-1, -1)], None])
    assert Task.from_csv(tmp_path / "task.csv") == expected
    columns = {"clean": ["a b", "a"], "corrupted": ["c d e", "b"], "answer": ["x", "x"]}
    for empty in (None, float("nan"), ""):
        frame = pd.DataFrame(columns | {"align": [[(0, 0), (-1, -1)], empty]})
        assert Task.from_frame(frame) == expected
    (tmp_path / "task.csv").write_text(text.replace("0:0 -1:-1", "0-0"))
    with pytest.raises(TaskError, match=r"align is '0-0'; expected .* as in '0:0 1:2'"):
        Task.from_csv(tmp_path / "task.csv")


@given(
    clean=st.lists(st.integers(0, 5), min_size=1, max_size=12),
    corrupted=st.lists(st.integers(0, 5), min_size=1, max_size=12),
)
def test_every_proposal_is_a_valid_map(clean: list[int], corrupted: list[int]) -> None:
    columns = propose_columns(clean, corrupted)
    assert columns[-1] == (len(clean) - 1, len(corrupted) - 1)
    assert all(a < c and b < d for (a, b), (c, d) in pairwise(columns))
    assert min(min(column) for column in columns) >= 0
    shown = list(all_columns(columns, len(clean), len(corrupted)))
    assert [i for i, _ in shown if i is not None] == list(range(len(clean)))
    assert [j for _, j in shown if j is not None] == list(range(len(corrupted)))
    assert tuple(each for each in shown if None not in each) == columns
    if len(clean) == len(corrupted):
        assert all(i == j for i, j in columns)
    if clean != corrupted:
        words = (" ".join(f"w{i}" for i in ids) for ids in (clean, corrupted))
        task = Task(*words, " w8")
        proposal = propose_alignment(TOY, task)
        assert encode_pairs(task.aligned(proposal), TOKENIZER)[0].columns == columns


@pytest.mark.parametrize(
    ("clean", "corrupted", "expected"),
    [
        ([1, 2, 3, 9], [1, 5, 6, 3, 9], [(0, 0), (1, 2), (2, 3), (3, 4)]),
        ([1, 2, 3, 4, 9], [1, 5, 6, 9], [(0, 0), (3, 2), (4, 3)]),
        ([1, 2, 9], [1, 2, 9, 9], [(0, 0), (1, 1), (2, 3)]),
        ([7, 8, 1, 9], [5, 6, 1, 2, 9], [(0, 0), (1, 1), (2, 2), (3, 4)]),
        ([9], [1, 2], [(0, 1)]),
    ],
    ids=["a longer name", "a shorter one", "an insertion", "as long as before", "one token"],
)
def test_what_is_proposed(clean: list[int], corrupted: list[int], expected: Any) -> None:
    assert list(propose_columns(clean, corrupted)) == expected


def test_a_proposal_shows_itself_and_is_taken_in_one_line() -> None:
    task = Task(CLEAN, CORRUPTED, " w8")
    proposal = pw.propose_alignment(TOY, task)
    assert repr(proposal).splitlines() == [
        "6 and 7 tokens, 6 counterparts (= the same token, ~ another one, × no counterpart, so not patchable)",
        "  position |0  |1   |    |2   |3  |4   |5",
        "  clean    |␣w3|␣w14|    |␣w15|␣w9|␣w26|␣w5",
        "  corrupted|␣w3|␣w14|␣w42|␣w43|␣w9|␣w26|␣w5",
        "  position |0  |1   |2   |3   |4  |5   |6",
        "           |=  |=   |×   |~   |=  |=   |=",
        "Use it: task.aligned(proposal). Change it: Task(..., align=[…])",
    ]
    assert task.aligned(proposal) == replace(task, align=proposal)
    assert task.aligned(proposal).align == proposal.align == proposal.pairs[0].columns
    assert task.aligned(proposal).aligned(None) == task


def test_a_proposal_for_a_dataset() -> None:
    same = "w3 w14 w42 w9 w26 w5"
    proposal = pw.propose_alignment(TOY, Task([CLEAN] * 7, [same] + [CORRUPTED] * 6, " w8"))
    assert proposal.align[0] is None  # type: ignore[index]
    assert repr(proposal).startswith("Pair 1: 6 and 7 tokens")
    assert "… and 1 more pairs of unequal counts, in .pairs" in repr(proposal)
    nothing = pw.propose_alignment(TOY, Task([CLEAN], [same], " w8"))
    assert nothing.align is None
    assert "each position is its own counterpart" in repr(nothing)


def test_long_prompts_go_on_below() -> None:
    words = " ".join(f"w{i % 61}" for i in range(60))
    text = repr(pw.propose_alignment(TOY, Task(words, f"w7 {words}", " w8")))
    lines = text.splitlines()[1:-1]
    assert len(lines) == 15
    assert max(map(len, lines)) <= 114
    assert lines[5].startswith("  position |")
