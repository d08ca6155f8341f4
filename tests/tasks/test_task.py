"""Tasks as data: one pair or lists of equal length."""

from pathlib import Path

import numpy as np
import pytest

from patchwidgets.errors import TaskError
from patchwidgets.tasks import Task, encode_pairs
from tests.support.prompts import CLEAN, CORRUPTED
from tests.support.toy_tokenizer import toy_tokenizer


def test_lists_of_unequal_length() -> None:
    with pytest.raises(TaskError, match="answer has 1 entries for 2 pairs"):
        Task([CLEAN, CLEAN], [CORRUPTED, CORRUPTED], [" Mary"])
    with pytest.raises(TaskError, match="One of clean and corrupted is a list"):
        Task([CLEAN], CORRUPTED, " Mary")
    with pytest.raises(TaskError, match="at least one pair"):
        Task([], [], " Mary")


def test_answers_that_are_no_texts() -> None:
    with pytest.raises(TaskError, match="answer is 5; expected a text"):
        Task(CLEAN, CORRUPTED, 5)  # type: ignore[arg-type]
    with pytest.raises(TaskError, match=r"answer holds \(' Mary', None\); expected texts"):
        Task([CLEAN], [CORRUPTED], [(" Mary", None)])  # type: ignore[list-item]
    with pytest.raises(TaskError, match="foil holds 7; expected texts"):
        Task([CLEAN], [CORRUPTED], [" Mary"], [7])  # type: ignore[list-item]


def test_a_tuple_of_prompts_is_a_dataset_and_a_tuple_of_answers_alternatives() -> None:
    task = Task((CLEAN, CLEAN), (CORRUPTED, CORRUPTED), (" Mary", " her"))  # type: ignore[arg-type]
    assert len(task) == 2
    assert task.pair(1).answer == (" Mary", " her")


def test_positions_are_plain_numbers_whatever_they_were(tmp_path: Path) -> None:
    """A number of numpy is no Python int: it would be read as a text, and be no JSON."""
    positions = {"S2": np.int64(1), "end": -1, "word": "w14"}
    task = Task("w3 w14 w1", "w3 w15 w1", " w8", positions=positions)
    assert [type(each) for each in task.positions.values()] == [int, int, str]
    (pair,) = encode_pairs(task, toy_tokenizer(61))
    assert pair.positions == {"S2": 1, "end": 2, "word": 1}
    clean, corrupted = ["w3 w14 w1", "w5 w14 w1"], ["w3 w15 w1", "w5 w15 w1"]
    dataset = Task(
        clean, corrupted, " w8", positions={"S2": np.array([1, 0]), "a": (np.int8(2), 1)}
    )
    assert dataset.positions == {"S2": [1, 0], "a": [2, 1]}
    dataset.to_json(tmp_path / "task.json")
    assert Task.from_json(tmp_path / "task.json").positions == dataset.positions
    with pytest.raises(TaskError, match=r"positions\['S2'\] has 1 entries for 2 pairs"):
        Task(clean, corrupted, " w8", positions={"S2": np.array([1])})


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"chat": "no"}, "chat is 'no'; expected True or False"),
        ({"chat": None}, "chat is None; expected True or False"),
        ({"bos": "yes"}, "bos is 'yes'; expected True or False"),
        ({"bos": 1}, "bos is 1; expected True or False"),
        ({"positions": {"p": 1.0}}, r"positions\['p'\] is 1.0; expected an index, or a text"),
        ({"positions": {"p": float("nan")}}, r"positions\['p'\] is nan; expected an index"),
        ({"positions": {"p": True}}, r"positions\['p'\] is True; expected an index"),
        (
            {"positions": {"p": 10**5000}},
            "is a number too long to print; expected an index",
        ),
        ({"align": "x" * 10**7}, "align holds 'x+…x+'; expected pairs"),
        ({"answer": 10**5000}, "answer is a number too long to print; expected a text"),
    ],
)
def test_settings_of_another_kind(settings: dict[str, object], says: str) -> None:
    fields = {"clean": CLEAN, "corrupted": CORRUPTED, "answer": " Mary"}
    with pytest.raises(TaskError, match=says) as caught:
        Task(**(fields | settings))  # type: ignore[arg-type]
    assert len(str(caught.value)) < 600
