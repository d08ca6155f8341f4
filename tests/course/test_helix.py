"""Lecture 6: each exercise answers the right answer in three forms, and each foreseen wrong one with its sentence."""

import re
from typing import Any

import pytest

import patchwidgets as pw
from patchwidgets.errors import TaskError

METRICS = ["answer_logit", "logit_diff"]
RIGHT = {
    "alone": [2, "L2", "L2.resid_pre@end"],
    "distance": [5, "-5", 5.0],
    "unneeded": [10, "10", "period 10"],
    "added": [50, "T=50", 50.0],
    "right": [0.84, "84%", ".84"],
}
WRONG = {
    "alone": [
        (0, "the same sign in both prompts: exactly 0"),
        ("L1", r"0\.670 there\. Where is the rest"),
        (3, r"1\.000 there too\. But is this the first"),
        (4, "the layers 0 to 3"),
        ("early", "Write a layer as its number"),
    ],
    "distance": [
        (0, "off by 1 or more"),
        (2.5, "off by 1 or more"),
        (2, "the same to period 2: it never told them apart"),
        (10, "the same to period 2: it never told them apart"),
        (-1, "Period 5 is still there, and it tells numbers 1 apart"),
        (25, "What is the nearest such number"),
        ("odd", "Write a number"),
    ],
    "unneeded": [
        (2, r"Without period 2 only 40\.0% are right, and with it 89\.0%"),
        ("5", r"Without period 5 only 13\.0%"),
        (100, r"Without period 100 only 41\.5%"),
        (1, "The linear part is no period"),
        (2.5, "it is not in the helix"),
        (7, "The helix has the periods 2, 5, 10 and 100"),
        (0, "Write a period as a number"),
        ("none", "Write a period as a number"),
    ],
    "added": [
        (100, "has this period already"),
        (
            2.5,
            r"90\.0% are right\. It removes other errors: 0 are left of 5\. But 20 are off by ten",
        ),
        (3.3, "Has the model this wave"),
        (1.25, "look the same to this period"),
        (20, "if the model had it"),
        ("long", "Write a period as a number"),
    ],
    "right": [
        (0.89, "This is a"),
        (168, "Which part of the 200"),
        (1, "with the vector of b itself"),
        (0.925, "a share of logits"),
        (0.955, "a share of logits"),
        (0.76, "the R² of the fit"),
        (0.03, "with the line"),
        (0.66, "with the circles alone"),
        (0.5, r'put_in\(second, "b", helix\.HELIX\)'),
        ("most", "Write a number"),
    ],
}


@pytest.fixture(scope="module")
def model() -> pw.Model:
    return pw.load()


@pytest.fixture(scope="module")
def check(model: pw.Model) -> Any:
    return pw.course.Helix(pw.Experiment(model, pw.tasks.addition(200, part="test"), METRICS))


@pytest.fixture(scope="module")
def second(model: pw.Model) -> pw.Experiment:
    return pw.Experiment(model, pw.tasks.addition(200, part="test", varies="b"), METRICS)


def asked(check: Any, exercise: str, answer: Any, second: pw.Experiment) -> Any:
    more: dict[str, Any] = {"distance": {"without": 2}, "right": {"of": second}}
    return getattr(check, exercise)(answer, **more.get(exercise, {}))


@pytest.mark.parametrize(
    ("exercise", "answer"), [(e, a) for e, answers in RIGHT.items() for a in answers]
)
def test_right_answers(check: Any, second: pw.Experiment, exercise: str, answer: Any) -> None:
    verdict = asked(check, exercise, answer, second)
    assert verdict, verdict


@pytest.mark.parametrize(
    ("exercise", "answer", "says"), [(e, *case) for e, cases in WRONG.items() for case in cases]
)
def test_foreseen_wrong_answers_are_led_on(
    check: Any, second: pw.Experiment, exercise: str, answer: Any, says: str
) -> None:
    verdict = asked(check, exercise, answer, second)
    assert not verdict
    assert re.search(says, verdict.text), verdict


@pytest.mark.parametrize("exercise", RIGHT)
def test_no_answer_yet(check: Any, second: pw.Experiment, exercise: str) -> None:
    assert "There is no answer yet" in asked(check, exercise, ..., second).text


@pytest.mark.parametrize(("without", "right"), [(5, 2), (100, 10)])
def test_other_periods_have_other_errors(check: Any, without: int, right: int) -> None:
    assert check.distance(right, without=without)
    assert not check.distance(5, without=without)


def test_one_number_has_to_differ(model: pw.Model) -> None:
    both = pw.Experiment(model, pw.tasks.addition(5, varies="both"))
    with pytest.raises(TaskError, match=r"one number differs.*both differ"):
        pw.course.Helix(both).unneeded(10)
