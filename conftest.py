"""The examples in docstrings run as doctests, on the teaching model and the prompts of the names task."""

from typing import Any

import pytest

import patchwidgets as pw


@pytest.fixture(scope="session")
def _examples() -> dict[str, Any]:
    model = pw.load()
    task = pw.Task(
        clean="When Mary and John went to the store, John gave a drink to",
        corrupted="When Mary and John went to the store, Mary gave a drink to",
        answer=" Mary",
        foil=" John",
        positions={"S2": 9},
    )
    return {"pw": pw, "model": model, "task": task, "exp": pw.Experiment(model, task)}


@pytest.fixture(autouse=True)
def _names_of_examples(request: pytest.FixtureRequest) -> None:
    """Let every example use ``pw``, ``model``, ``task`` and ``exp``; other tests do not pay for it."""
    if isinstance(request.node, pytest.DoctestItem):
        namespace: dict[str, Any] = request.getfixturevalue("doctest_namespace")
        namespace |= request.getfixturevalue("_examples")
