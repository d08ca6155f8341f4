"""Lecture 5: each exercise answers the right answer in three forms, and each foreseen wrong one with its sentence."""

import re
from typing import Any

import pytest

import patchwidgets as pw
from tests.support.prompts import CLEAN, CORRUPTED

ARGUMENTS = {
    "against": {},
    "reader": {"of": "L20.H0"},
    "feeder": {"into": "L20.KV0.v"},
    "backup": {"gone": "L23.H0"},
    "hidden": {"head": "L20.H0", "by": "L24.H4"},
}
RIGHT = {
    "against": ["L20.H0", (20, 0), " l20h0"],
    "reader": ["L23.H0.q", "L20.H0->L23.H0.q", (23, 0, "q")],
    "feeder": ["L17.H4", (17, 4), "L17.H4@S2"],
    "backup": ["L24.H4", (24, 4), "24.4"],
    "hidden": [0.547, "55%", 0.54668],
}
WRONG = {
    "against": [
        ("L17.H4", r"direct effect is 0\.00"),
        ("L23.H3", "Both of its effects have one sign"),
        ("L24.H4", "Both of its effects have one sign"),
        ("L19.H2", "another head's direct effect is larger"),
        ("L5.H5", "below 1"),
        ("L0.H20", "layers 0 to 29, with the heads 0 to 8"),
        ("the MLP", 'Write a head as "L9.H6"'),
    ],
    "reader": [
        ("L23.H0", "q, k and v. Which of them"),
        ("L23.H3.q", r"carries -0\.39; it works against the answer"),
        ("logits", r"carries -0\.48; it works against"),
        ("L23.H5.q", r"carries \+0\.55; another one has more"),
        ("L17.H4.q", "before L20.H0"),
        ("L23.H0.k", "share their keys and values"),
        ("L40.H0.q", "No edge from L20.H0 leads there"),
        ("somebody", 'Write what reads as "L9.H6.q"'),
    ],
    "feeder": [
        ("L19.H2", r"carries \+0\.64; another one has more"),
        ("L17.mlp_out", r"carries \+0\.57; another one has more"),
        ("L14.mlp_out", r"carries -0\.3\d; it works against"),
        ("L23.H3", "written before layer 20. This comes too late"),
        ("L20.H0", "too late"),
        ("L17.attn_out", "all heads of a layer together"),
        ("L4.H17", "The layer comes first"),
        ("S2", 'an MLP as "L3.mlp_out"'),
    ],
    "backup": [
        ("L20.H0", "You froze its source"),
        ("L23.H3", "Heads of one layer do not see each other"),
        ("L23.H0", "the head that is gone"),
        ("L29.H1", r"costs -0\.07, with nothing frozen -0\.01"),
        ("L31.H0", "layers 0 to 29"),
        ("L24.mlp_out", 'Write a head as "L9.H6"'),
    ],
    "hidden": [
        (-0.547, "it is positive"),
        (0.453, "still seen"),
        (1.21, "You divided by what is seen"),
        (2.21, "so many times larger"),
        (3.02, "hidden in logits"),
        (5.52, "an effect in logits"),
        (0, "L20.H0 does not change"),
        (0.3, "Two effects of L20.H0"),
        ("half", "Write a number"),
    ],
}


@pytest.fixture(scope="module")
def check(smollm2: pw.Model) -> Any:
    task = pw.Task(CLEAN, CORRUPTED, " Mary", " John", positions={"S2": 9})
    return pw.course.RealCircuit(pw.Experiment(smollm2, task))


@pytest.mark.parametrize(
    ("exercise", "answer"), [(e, a) for e, answers in RIGHT.items() for a in answers]
)
def test_right_answers(check: Any, exercise: str, answer: Any) -> None:
    verdict = getattr(check, exercise)(answer, **ARGUMENTS[exercise])
    assert verdict, verdict


@pytest.mark.parametrize(
    ("exercise", "answer", "says"), [(e, *case) for e, cases in WRONG.items() for case in cases]
)
def test_foreseen_wrong_answers_are_led_on(
    check: Any, exercise: str, answer: Any, says: str
) -> None:
    verdict = getattr(check, exercise)(answer, **ARGUMENTS[exercise])
    assert not verdict
    assert re.search(says, verdict.text), verdict


@pytest.mark.parametrize("exercise", ARGUMENTS)
def test_no_answer_yet(check: Any, exercise: str) -> None:
    assert "There is no answer yet" in getattr(check, exercise)(..., **ARGUMENTS[exercise]).text


def test_what_right_answers_hear(check: Any) -> None:
    heard = {
        "against": r"L20\.H0: \+2\.50 in total, -0\.48 directly",
        "reader": r"carries \+1\.34, the next one \+0\.55",
        "feeder": r"carries \+0\.9\d, the next one \+0\.64",
        "backup": r"changes by -0\.01; with L24\.H4 frozen as well, by -0\.98",
        "hidden": r"does \+5\.52; \+2\.50 is seen, and 55% is hidden",
    }
    for exercise, says in heard.items():
        verdict = getattr(check, exercise)(RIGHT[exercise][0], **ARGUMENTS[exercise])
        assert re.search(says, verdict.text), verdict


POSITIVE, UNCLEAR, NEGATIVE = "L20.H0->L23.H0.q", "L20.H0->logits", "L24.H4->logits"


@pytest.fixture(scope="module")
def edges(smollm2: pw.Model) -> list[Any]:
    many = pw.Experiment(smollm2, pw.tasks.ioi(16))
    return [many.path(path) for path in (POSITIVE, UNCLEAR, NEGATIVE, "L20.H0->L23.H3.q")]


@pytest.mark.parametrize(
    "answer",
    [
        [UNCLEAR, "L20.H0->L23.H3.q"],
        "l20.h0 -> l23.h3.q, L20.H0->logits",
        {"L20.H0->L23.H3.q", UNCLEAR},
    ],
    ids=["list", "text", "set"],
)
def test_edges_whose_intervals_hold_0(check: Any, edges: list[Any], answer: Any) -> None:
    assert check.unclear(answer, edges)


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ([UNCLEAR, "L20.H0->L23.H3.q", NEGATIVE], "A negative effect is an effect"),
        ([POSITIVE, NEGATIVE], "the ones that hold"),
        ([UNCLEAR], "there are more: 2 of 4"),
        ([UNCLEAR, "L20.H0->L23.H3.q", POSITIVE], "Small is not the same as unclear"),
        ([POSITIVE], "its lower end is negative"),
        (["L1.H1->logits"], "Choose among L20.H0->L23.H0.q"),
        (..., "no answer yet"),
    ],
)
def test_edges_that_are_wrong(check: Any, edges: list[Any], answer: Any, says: str) -> None:
    verdict = check.unclear(answer, edges)
    assert not verdict
    assert says in verdict.text
