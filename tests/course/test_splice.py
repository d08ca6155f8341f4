"""Lecture 1: each exercise answers the right answer in three forms, and each foreseen wrong one with its sentence."""

import re
from typing import Any

import pytest

import patchwidgets as pw
from tests.support.prompts import CLEAN, CORRUPTED

RIGHT = {
    "head": ["L23.H3", (23, 3), " l23h3"],
    "word": ["S2", 9, "-5"],
    "share_in_noise": [0.61, "61%", 0.6103],
}
WRONG = {
    "head": [
        ("L3.H23", "its layer first"),
        ("L40.H1", "layers 0 to 29, with the heads 0 to 8"),
        ("L24.H4", "Look at the sign"),
        ("L20.H0", "one of the five strongest"),
        ("L29.H0", "away from the clean run"),
        ("L0.H1", "effect is small"),
        ("L0.mlp_out", 'Write a head as "L9.H6"'),
    ],
    "word": [
        ("-1", "where the answer is read"),
        (4, "exactly 0"),
        (11, "brought by attention"),
        (99, "positions 0 to 13"),
        ("end", r"name of the task \(S2\)"),
    ],
    "share_in_noise": [
        (0.39, "You read the recovery"),
        (0.584, "the other direction"),
        (-0.61, "a ratio of both is positive"),
        (-7.08, "in logits"),
        (-0.96, "How far has it come"),
        (0.1, "read .share"),
        ("much", "Write a number"),
    ],
}


@pytest.fixture(scope="module")
def check(smollm2: pw.Model) -> Any:
    task = pw.Task(CLEAN, CORRUPTED, " Mary", " John", positions={"S2": 9})
    return pw.course.Splice(pw.Experiment(smollm2, task))


@pytest.mark.parametrize(
    ("exercise", "answer"), [(e, a) for e, answers in RIGHT.items() for a in answers]
)
def test_right_answers(check: Any, exercise: str, answer: Any) -> None:
    verdict = getattr(check, exercise)(answer)
    assert verdict, verdict


@pytest.mark.parametrize(
    ("exercise", "answer", "says"), [(e, *case) for e, cases in WRONG.items() for case in cases]
)
def test_foreseen_wrong_answers_are_led_on(
    check: Any, exercise: str, answer: Any, says: str
) -> None:
    verdict = getattr(check, exercise)(answer)
    assert not verdict
    assert re.search(says, verdict.text), verdict
