"""On how many pairs a model does a task, and how an experiment says so."""

from dataclasses import replace
from math import isnan

import pytest

import patchwidgets as pw
from patchwidgets.errors import ResultWarning
from patchwidgets.facade import Experiment
from patchwidgets.models.model import Model
from patchwidgets.tasks import Task
from tests.support.prompts import CLEAN, CORRUPTED


def names_task(pairs: str) -> Task:
    """The names prompts, a letter for each pair: y is right, n wrong in both runs, and c right in the clean one."""
    foil = {"y": " John", "n": " Mary", "c": " table"}
    return Task(
        [CLEAN] * len(pairs),
        [CORRUPTED] * len(pairs),
        [" John" if pair == "n" else " Mary" for pair in pairs],
        [foil[pair] for pair in pairs],
    )


@pytest.mark.parametrize(("pairs", "accuracy"), [("y", 1), ("yn", 0.5), ("nn", 0), ("ycc", 1 / 3)])
def test_a_pair_counts_where_both_runs_are_right(
    pairs: str, accuracy: float, smollm2: Model
) -> None:
    exp = Experiment(smollm2, names_task(pairs), "kl")
    assert exp.accuracy == pytest.approx(accuracy)
    assert exp.flip().accuracy == exp.measuring("rank").accuracy == exp.accuracy


@pytest.mark.parametrize(
    ("pairs", "says"),
    [
        (
            "n",
            "The model does not do this task: its clean run does not prefer the answer to the foil, and its corrupted "
            "run does not prefer the foil to the answer.",
        ),
        (
            "c",
            "The model does not do this task: its corrupted run does not prefer the foil to the answer.",
        ),
        (
            "ycn",
            "On 2 of 3 pairs the model does not do the task: its clean run does not prefer the answer to the foil "
            "there, or its corrupted run not the foil to the answer.",
        ),
    ],
)
def test_a_task_that_the_model_does_not_do_says_so(
    pairs: str, says: str, smollm2: Model, recwarn: pytest.WarningsRecorder
) -> None:
    """In the warnings of the experiment, which the explorer shows, and once as a warning at this line."""
    exp = Experiment(smollm2, names_task(pairs))
    exp.flip().measuring("kl").patch("L20.H0")
    assert exp.warnings[0] == says
    told = [(each.category, str(each.message), each.filename) for each in recwarn]
    assert told == [(ResultWarning, f"{smollm2.name}: {says}", __file__)]


def test_half_of_the_pairs_are_said_but_not_warned_of(
    smollm2: Model, recwarn: pytest.WarningsRecorder
) -> None:
    assert (
        Experiment(smollm2, names_task("yyn")).warnings[0].startswith("On 1 of 3 pairs the model")
    )
    assert Experiment(smollm2, names_task("y")).warnings == []
    assert not list(recwarn)


def test_there_is_no_accuracy_without_a_foil(
    smollm2: Model, recwarn: pytest.WarningsRecorder
) -> None:
    exp = Experiment(smollm2, Task(CLEAN, CORRUPTED, " Mary"), "answer_logprob")
    assert isnan(exp.accuracy)
    assert exp.warnings == []
    assert not list(recwarn)


def test_alternatives_and_answers_of_several_tokens_count_together(smollm2: Model) -> None:
    """All alternatives of an answer against all of a foil; of several tokens, their joint probability."""
    prompts = ("The capital of France is", "The capital of Italy is")
    several = Task(*prompts, " Paris, the", " Rome, the")
    exp = Experiment(smollm2, several, "answer_logprob")
    assert (exp.accuracy, exp.warnings[:1]) == (1, [])
    unlikely = Task(*prompts, (" Paris", " table"), (" Rome", " chair"))
    assert Experiment(smollm2, unlikely).accuracy == 1
    outvoted = Task(CLEAN, CORRUPTED, (" table", " John"), (" Mary", " chair"))
    assert Experiment(smollm2, outvoted).accuracy == 0


@pytest.mark.parametrize(
    ("pairs", "accuracy", "says"),
    [
        ("c", 1, []),
        (
            "n",
            0,
            [
                "The model does not do this task: its clean run does not prefer the answer to the foil."
            ],
        ),
        (
            "ycn",
            2 / 3,
            [
                "On 1 of 3 pairs the model does not do the task: its clean run does not prefer the answer to the foil "
                "there."
            ],
        ),
    ],
)
def test_the_clean_run_alone_counts_where_the_foil_is_not_expected(
    pairs: str, accuracy: float, says: list[str], smollm2: Model
) -> None:
    exp = Experiment(smollm2, replace(names_task(pairs), foil_expected=False))
    assert exp.accuracy == pytest.approx(accuracy)
    assert [each for each in exp.warnings if "not do th" in each] == says


def test_the_teaching_model_does_the_years(recwarn: pytest.WarningsRecorder) -> None:
    """After 1701 it has no reason to prefer the years up to that of the clean prompt."""
    exp = Experiment(pw.load(), pw.tasks.greater_than(n=50))
    assert (exp.accuracy, exp.warnings) == (1, [])
    assert exp.measurements.logit_diffs is not None
    assert (exp.measurements.logit_diffs[1] > 0).any()
    assert not list(recwarn)
    assert [pw.tasks.greater_than(1, digits=digits).foil_expected for digits in (1, 2)] == [
        True,
        False,
    ]
