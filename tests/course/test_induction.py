"""Lecture 4: each exercise answers the right answer in three forms, and each foreseen wrong one with its sentence."""

import re
from typing import Any

import pytest

import patchwidgets as pw

WORDS = "ring Sam lake lamp key Nina farm hat Luke coin"
RIGHT = {
    "repeats": [9, "9", 9.0],
    "head": ["L0.H3", (0, 3), " l0h3"],
    "input": ["k", "keys", "L1.H0.k"],
    "left": [0.018, "1.8%", 0.0183],
    "heads": [["L1.H0", "L1.H1", "L1.H2"], "L1.H2, L1.H0, L1.H1", [(1, 0), (1, 1), (1, 2)]],
}
WRONG = {
    "repeats": [
        (10, "What could tell the model"),
        (19, "Count in the second half alone"),
        (20, "drawn at random"),
        (0, "the second half is the same again"),
        (-3, "a whole number from 0 to 10"),
        (5.5, "a whole number from 0 to 10"),
        (7, "Count the lines"),
        ("most", "Write a number"),
    ],
    "head": [
        ("L3.H0", "its layer first"),
        ("L4.H1", "layers 0 to 3, with the heads 0 to 3"),
        ("L1.H0", "It brings a part back, and so do its neighbours"),
        ("L0.H1", "the right layer"),
        ("L2.H2", "next to nothing"),
        ("L0.mlp_out", 'Write a head as "L9.H6"'),
    ],
    "input": [
        ("q", r"path L0\.H3 → L1\.H0\.q alone brings back 0\.000\. Try the other two"),
        ("values", r"path L0\.H3 → L1\.H0\.v alone brings back 0\.005"),
        ("pattern", "made of two inputs"),
        ("z", "what a head puts out"),
        ("the MLP", "Answer with 'q', 'k' or 'v'"),
    ],
    "left": [
        (0.982, "what is left without them"),
        (0.996, "with nothing frozen, and also with frozen queries"),
        (0.97, "with frozen values"),
        (0.692, "the keys of one head"),
        (0.917, "the keys of one head"),
        (0.571, "in logits"),
        (-15.14, "How far has it come"),
        (0.3, "source is 'host'"),
        ("little", "Write a number"),
    ],
    "heads": [
        (["L0.H3"], "heads of layer 1, L1.H0 to L1.H3"),
        (["L1.H0", "L1.H1", "L1.H2", "L1.H3"], "fewer can do it"),
        ("L1.H0", r"more than 0\.31"),
        (["L1.H0", "L1.H2"], r"jointly\? Less than 0\.9"),
        (["L1.H0", "L1.H1", "L1.H3"], "As many heads can do it, but not these"),
        ("all", "Write the heads as a list"),
    ],
}


@pytest.fixture(scope="module")
def check() -> Any:
    return pw.course.Induction(pw.Experiment(pw.load(), pw.tasks.induction(64)))


def asked(check: Any, exercise: str, answer: Any) -> Any:
    more = (f"{WORDS} {WORDS}",) if exercise == "repeats" else ()
    return getattr(check, exercise)(answer, *more)


@pytest.mark.parametrize(
    ("exercise", "answer"), [(e, a) for e, answers in RIGHT.items() for a in answers]
)
def test_right_answers(check: Any, exercise: str, answer: Any) -> None:
    verdict = asked(check, exercise, answer)
    assert verdict, verdict


@pytest.mark.parametrize(
    ("exercise", "answer", "says"), [(e, *case) for e, cases in WRONG.items() for case in cases]
)
def test_foreseen_wrong_answers_are_led_on(
    check: Any, exercise: str, answer: Any, says: str
) -> None:
    verdict = asked(check, exercise, answer)
    assert not verdict
    assert re.search(says, verdict.text), verdict


@pytest.mark.parametrize("exercise", RIGHT)
def test_no_answer_yet(check: Any, exercise: str) -> None:
    assert "There is no answer yet" in asked(check, exercise, ...).text


@pytest.mark.parametrize(("change", "right"), [("end", "q"), ("next", "v")])
def test_another_change_has_another_input(check: Any, change: str, right: str) -> None:
    other = pw.Experiment(pw.load(), pw.tasks.induction(32, change=change))
    verdicts = {part: check.input(part, of=other) for part in "qkv"}
    assert [part for part, verdict in verdicts.items() if verdict] == [right]
    assert "So does L0.H1 need them?" in verdicts["k"].text


def test_numbers_do_not_repeat(check: Any) -> None:
    numbers = "17 64 3 88 41 59 26 70 12 95"
    assert check.repeats(0, f"{numbers} {numbers}")


@pytest.mark.parametrize("text", ["ring Sam lake", "", "ring Sam lake Sam"])
def test_a_text_that_does_not_repeat_is_refused(check: Any, text: str) -> None:
    with pytest.raises(ValueError, match="some words and then the same again"):
        check.repeats(9, text)
