"""Tasks as data: one pair or lists of equal length."""

import pytest

from patchwidgets.errors import TaskError
from patchwidgets.tasks import Task
from tests.support.prompts import CLEAN, CORRUPTED


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
    with pytest.raises(TaskError, match="foil holds 7; expected texts"):
        Task([CLEAN], [CORRUPTED], [" Mary"], [7])  # type: ignore[list-item]


def test_a_tuple_of_prompts_is_a_dataset_and_a_tuple_of_answers_alternatives() -> None:
    task = Task((CLEAN, CLEAN), (CORRUPTED, CORRUPTED), (" Mary", " her"))  # type: ignore[arg-type]
    assert len(task) == 2
    assert task.pair(1).answer == (" Mary", " her")
