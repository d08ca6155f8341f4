"""Lecture 2: each exercise answers the right answer in three forms, and each foreseen wrong one with its sentence."""

import re
from typing import Any

import pytest

import patchwidgets as pw
from patchwidgets.course import EnoughAndNeeded
from patchwidgets.facade import Experiment
from tools.course import notebook_of, sources

CUES, NUMBERS = ("embed@cue1", "embed@cue2"), ("embed@a", "embed@b")
ASKED = {
    "two cues": ("cues", "gate", CUES),
    "sums": ("sums", "gate", NUMBERS),
    "by logits": ("halves", "gate", NUMBERS),
    "four runs": ("halves", "needed_from_enough", NUMBERS),
    "head": ("cues", "head", ()),
    "years": ("years", "needed", ("L0.H3",)),
    "parity": ("parity", "patched", ("embed@a",)),
    "no share": ("parity", "gate", NUMBERS),
}
"""The exercise's experiment, its check, and what it is about."""
RIGHT = {
    "two cues": ["OR", " or ", "'Or'"],
    "sums": ["AND", "and", '"AND"'],
    "by logits": ["neither", "Neither", " NEITHER"],
    "four runs": [0.565, "56.5%", ".57"],
    "head": ["L1.H0", (1, 0), " l1h0", "1.0"],
    "years": [0.444, "44 %", "0,444"],
    "parity": [0, "0.0", "0%"],
}
WRONG = {
    "two cues": [
        ("AND", "share in noise, not the recovery"),
        ("XOR", "Look at the row both"),
        ("neither", "near 0 or near 1. For which gate"),
        ("NOT", "one input"),
        ("both", "Answer with one of: AND, OR, neither, XOR, NOT"),
    ],
    "sums": [("OR", "Read the column enough"), ("neither", "near 0 or near 1")],
    "by logits": [("AND", "share in noise"), ("OR", "Read the column enough")],
    "four runs": [
        (0.492, "what embed@b is needed"),
        (0.508, "how far embed@a is enough"),
        (0.435, "You have the right run"),
        (-2.18, "from 0 to 1"),
        (0.8, "Which denoising patch makes that run"),
        ("half", "Write a number"),
    ],
    "head": [
        ("L0.H1", "does little in either direction"),
        ("L0.H3", "needed as well"),
        ("L1.H2", "less than half"),
        ("L7.H1", "layers 0 to 3, with the heads 0 to 3"),
        ("L1", 'Write a head as "L9.H6"'),
    ],
    "years": [
        (0.556, "You read the recovery"),
        (0.009, "how far it is enough"),
        (-0.444, "from its host towards its source"),
        (-0.242, "effect on the probability"),
        (0.71, "probability that is left"),
        (0.1, "read .share"),
    ],
    "parity": [
        (1, "before the patch"),
        (0.5, "a model that guesses"),
        (-1, "between 0 and 1"),
        (0.2, "What does that do to their sum"),
    ],
    "no share": [("AND", "undefined"), ("XOR", "undefined")],
}


@pytest.fixture(scope="module")
def experiments() -> dict[str, Experiment]:
    """Those of the lecture, made by its own cells."""
    source = next(source for source in sources() if source.stem == "02_enough_and_needed")
    makes = ("model = ", "sums = ", "cues = ", "halves = ", "years = ", "parity = ")
    named: dict[str, Any] = {"print": lambda *_: None}
    for cell in notebook_of(source, "instructor").cells:
        if cell.cell_type == "code" and any(f"\n{line}" in f"\n{cell.source}" for line in makes):
            exec(cell.source, named)
    return named


@pytest.mark.parametrize(
    ("exercise", "answer"), [(e, a) for e, answers in RIGHT.items() for a in answers]
)
def test_right_answers(experiments: dict[str, Experiment], exercise: str, answer: Any) -> None:
    experiment, check, about = ASKED[exercise]
    verdict = getattr(EnoughAndNeeded(experiments[experiment]), check)(answer, *about)
    assert verdict, verdict


@pytest.mark.parametrize(
    ("exercise", "answer", "says"), [(e, *case) for e, cases in WRONG.items() for case in cases]
)
def test_foreseen_wrong_answers_are_led_on(
    experiments: dict[str, Experiment], exercise: str, answer: Any, says: str
) -> None:
    experiment, check, about = ASKED[exercise]
    verdict = getattr(EnoughAndNeeded(experiments[experiment]), check)(answer, *about)
    assert not verdict
    assert re.search(says, verdict.text), verdict


def test_a_head_written_the_wrong_way_round(toy: pw.Model) -> None:
    task = pw.Task("w3 w14 w15 w9 w26", "w3 w14 w42 w9 w26", " w8", " w9")
    exp = Experiment(toy, task)
    check = EnoughAndNeeded(exp)
    enough, needed = (e.sweep("z", progress=False).share.values for e in (exp, exp.flip()))
    n_layers, n_heads = enough.shape
    assert n_layers < n_heads
    enough[0, n_heads - 1], needed[0, n_heads - 1] = 1, 0
    check.__dict__["_shares"] = (enough, needed)
    assert "layer first" in check.head((n_heads - 1, 0)).text


def test_the_table_fills_with_what_was_patched(experiments: dict[str, Experiment]) -> None:
    sums = experiments["sums"]
    check, w = EnoughAndNeeded(sums), sums.explore()

    def table() -> list[list[str]]:
        return check.table(w, *NUMBERS).to_numpy().tolist()

    assert table() == [["?", "?"]] * 3
    for sites, direction in [(NUMBERS[::-1], "denoise"), (NUMBERS[:1], "noise")]:
        w.select(*sites, direction=direction)
        assert w.result
    w.source = pw.sources.zero()
    w.select("embed@b", direction="noise")
    assert w.result
    assert table() == [["?", "1.000"], ["?", "?"], ["1.000", "?"]]
    w.source = "source"
    w.select("embed@-2", direction="noise")  # where b is
    assert w.result
    assert table() == [["?", "1.000"], ["?", "1.000"], ["1.000", "?"]]
