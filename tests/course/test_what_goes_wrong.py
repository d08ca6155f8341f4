"""Lecture 3: each exercise answers the right answer in three forms, and each foreseen wrong one with its sentence."""

import re
from typing import Any

import pytest

import patchwidgets as pw
from patchwidgets.course import WhatGoesWrong
from tools.course import notebook_of, sources

TWO = ("logit_diff", "answer_logit")
TOP = ["L23.H3", "L29.H1", "L23.H0"]
RIGHT = {
    "two_signs": ["L20.H0", (17, 4), " l19 h2"],
    "ranking": [TOP, "L23.H3, L29.H1, L23.H0", [(23, 3), (29, 1), (23, 0)]],
    "needed_by_one": ["L23.H0", (23, 0), " l23 h0"],
    "odd_pair": [14, "14", "pair 14", -6],
}
WRONG = {
    "two_signs": [
        ("L23.H3", "same sign by both"),
        ("L3.H23", "layer first"),
        ("L40.H1", "layers 0 to 29"),
        ("L0.H1", "little by either metric"),
        ("L20", 'Write a head as "L9.H6"'),
    ],
    "ranking": [
        (["L23.H3", "L29.H1", "L20.H0"], "ranking by logit_diff. The sign depends on your metric"),
        (["L29.H0", "L24.H4", "L19.H2"], "away from the clean run most"),
        (["L23.H3", "L29.H1", "L29.H0"], "sorted by size without the sign"),
        (["L29.H1", "L23.H3", "L23.H0"], "their order is not"),
        (["L23.H3", "L29.H1", "L0.H0"], "Some of them are right"),
        (["L0.H0", "L0.H1", "L0.H2"], "Sort the heads by their recovery by answer_logit"),
        (["L23.H3"], "Write a list of 3 heads"),
        (["L23.H3", "L29.H1", "L50.H0"], "layers 0 to 29"),
    ],
    "needed_by_one": [
        ("L23.H3", "Both cost something"),
        ("L1.H5", "the wrong way round"),
        ("L29.H0", "look at the sign"),
        ("L0.H1", "less than a logit"),
        ("L0.H23", "layer first"),
        ("L40.H1", "layers 0 to 29"),
        ("zero", 'Write a head as "L9.H6"'),
    ],
    "odd_pair": [
        (15, "counted from 0"),
        (19, "largest gap"),
        (20, "pairs 0 to 19"),
        (3, "lies far away"),
        (10, "at one end"),
        ("the last", "Write the number of a pair"),
    ],
}


@pytest.fixture(scope="module")
def checks(smollm2: pw.Model) -> dict[str, Any]:
    """Each exercise's check, on the experiments that the lecture's own cells make."""
    source = next(source for source in sources() if source.stem == "03_what_goes_wrong")
    makes = ("import numpy", "exp = ", "cues = ", "noise = ")
    named: dict[str, Any] = {"print": lambda *_: None, "smollm2": smollm2}
    for cell in notebook_of(source, "student").cells:
        if cell.cell_type == "code" and any(f"\n{line}" in f"\n{cell.source}" for line in makes):
            exec(cell.source.replace('pw.load("smollm2")', "smollm2"), named)
    exp, cues = (WhatGoesWrong(named[name]) for name in ("exp", "cues"))
    return {
        "two_signs": lambda answer: exp.two_signs(answer, *TWO),
        "ranking": lambda answer: exp.ranking(answer, "answer_logit"),
        "needed_by_one": lambda answer: exp.needed_by_one(
            answer, *(named["sources"][name] for name in ("other run", "zero"))
        ),
        "odd_pair": lambda answer: cues.odd_pair(answer, "L0.H1"),
    }


@pytest.mark.parametrize(
    ("exercise", "answer"), [(e, a) for e, answers in RIGHT.items() for a in answers]
)
def test_right_answers(checks: dict[str, Any], exercise: str, answer: Any) -> None:
    verdict = checks[exercise](answer)
    assert verdict, verdict


@pytest.mark.parametrize(
    ("exercise", "answer", "says"), [(e, *case) for e, cases in WRONG.items() for case in cases]
)
def test_foreseen_wrong_answers_are_led_on(
    checks: dict[str, Any], exercise: str, answer: Any, says: str
) -> None:
    verdict = checks[exercise](answer)
    assert not verdict
    assert re.search(says, verdict.text), verdict
