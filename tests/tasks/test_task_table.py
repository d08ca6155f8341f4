"""docs/tasks.md has every task that is made as text, with the prompts and the figures of today."""

from pathlib import Path

import pytest

from benchmarks.tasks import (
    OTHER_PROMPTS,
    PAIRS,
    TASKS,
    example,
    measure,
    other_prompt,
    positions_of,
    row,
)
from patchwidgets import tasks
from patchwidgets.models.model import Model
from patchwidgets.tasks import Task

PAGE = (Path(__file__).parents[2] / "docs" / "tasks.md").read_text(encoding="utf-8")
ROWS = [line for line in PAGE.splitlines() if line.startswith("| `")]
WITH_NUMBERS = {"addition", "subtraction", "modular", "multiplication", "division"}
"""The teaching model's own, and those for models that can."""
NO_TASKS = {"Pair", "Task", "encode_pairs", "propose_alignment"}


def test_every_task_has_a_row_and_an_example() -> None:
    assert {name.partition(",")[0] for name in TASKS} == {*tasks.__all__} - WITH_NUMBERS - NO_TASKS
    expected = [f"| `{name}` | {positions_of(make(n=1))} |" for name, make in TASKS.items()]
    expected += [f"| `{name}` | `{prompt}` |" for name, prompt in OTHER_PROMPTS.items()]
    again = "run python -m benchmarks.tasks docs/tasks.md"
    assert [" | ".join(line.split(" | ")[:2]) + " |" for line in ROWS] == expected, again
    assert all(example(name) in PAGE for name in TASKS), again


@pytest.mark.parametrize(
    ("task", "line"),
    [
        (TASKS["agreement"](n=PAIRS), ROWS[list(TASKS).index("agreement")]),
        (other_prompt("colour"), ROWS[len(TASKS) + list(OTHER_PROMPTS).index("colour")]),
    ],
    ids=["agreement", "another prompt"],
)
def test_the_figures_are_those_of_today(task: Task, line: str, smollm2: Model) -> None:
    first, about, *figures, does_it = line.strip("| ").split(" | ")
    measured = measure(smollm2, task)
    assert list(measured) == pytest.approx([float(figure) for figure in figures], abs=0.011)
    assert row(first, about, measured).endswith(f" | {does_it} |")
