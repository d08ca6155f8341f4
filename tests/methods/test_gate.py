"""AND, OR and neither on the teaching model, against patches one by one; the numbers that lecture 2 shows."""

import random

import numpy as np
import pytest

import patchwidgets as pw
from patchwidgets.errors import PatchError, SiteError
from patchwidgets.facade import Experiment
from patchwidgets.methods.gate import Verdict
from patchwidgets.models.model import Model
from patchwidgets.sites import Patch
from patchwidgets.tasks import Task
from patchwidgets.tasks.repeats import POOL


def two_cues(n: int = 20) -> Task:
    """The word after the cue, which stands before it twice; in the corrupted prompt other words stand in its place."""
    rng = random.Random(0)
    clean, corrupted, answer, foil = [], [], [], []
    for _ in range(n):
        cue, word, one, two, *rest = rng.sample(POOL, 9)

        def prompt(first: str, second: str, cue: str = cue, word: str = word, rest=rest) -> str:  # type: ignore[no-untyped-def]
            return " ".join([rest[0], first, word, *rest[1:3], second, word, *rest[3:], cue])

        clean.append(prompt(cue, cue))
        corrupted.append(prompt(one, two))
        answer.append(f" {word}")
        foil.append(f" {rest[1]}")
    positions = {"first": -9, "second": -5}
    return Task(clean, corrupted, answer, foil, positions, foil_expected=False)


@pytest.fixture(scope="module")
def teaching() -> Model:
    return pw.load()


@pytest.fixture(scope="module")
def addition(teaching: Model) -> Experiment:
    task = pw.tasks.addition(20, varies="both")
    return Experiment(teaching, task, ["answer_prob", "logit_diff", "rank"])


@pytest.fixture(scope="module")
def induction(teaching: Model) -> Experiment:
    return Experiment(teaching, two_cues(), ["logit_diff", "answer_prob"])


def test_addition_takes_both_numbers(addition: Experiment) -> None:
    gate = addition.gate("embed@a", "embed@b")
    assert gate.verdict == "AND"
    table = gate.to_frame()
    assert table["enough"].round(2).tolist() == [0, 0, 1]
    assert table["needed"].round(2).tolist() == [1, 1, 1]
    assert gate.per_pair["verdict"].tolist() == ["AND"] * 20
    assert gate.truth_table().abs().round(2).to_numpy().T.tolist() == [[0, 0, 0, 1]] * 2


def test_by_the_logit_difference_each_number_does_half(addition: Experiment) -> None:
    gate = addition.gate("embed@a", "embed@b").focused("logit_diff")
    assert (gate.verdict, gate.metric) == ("neither", "logit_diff")
    shares = gate.to_frame().loc[["a", "b"], ["enough", "needed"]].to_numpy()
    assert np.abs(shares - 0.5).max() < 0.07


def test_of_two_cues_one_will_do(induction: Experiment) -> None:
    gate = induction.gate("embed@first", "embed@second")
    for metric in ("logit_diff", "answer_prob"):
        read = gate.focused(metric)
        assert read.verdict == "OR"
        table = read.to_frame()
        assert table["enough"].to_numpy() == pytest.approx([1, 1, 1], abs=0.03)
        assert table["needed"].to_numpy() == pytest.approx([0, 0, 1], abs=0.03)
        assert read.truth_table()["rest clean"].to_numpy() == pytest.approx([0, 1, 1, 1], abs=0.03)


@pytest.mark.parametrize("direction", ["denoise", "noise"])
def test_the_numbers_are_those_of_the_patches(addition: Experiment, direction: str) -> None:
    exp = addition.turned(direction)  # type: ignore[arg-type]
    results = exp.gate(["L0.H1", "L1.H2@b"], "L0.mlp_out@-1")
    of_direction = results.enough if direction == "denoise" else results.needed
    assert of_direction["a"].share == exp.patch("L0.H1", "L1.H2@b").share
    assert of_direction["b"].share == exp.patch("L0.mlp_out@-1").share
    both = exp.patch("L0.H1", "L1.H2@b", "L0.mlp_out@-1")
    name = "enough" if direction == "denoise" else "needed"
    assert results.per_pair[f"{name}_both"].to_numpy() == pytest.approx(both.per_pair.share)
    assert results.to_frame().loc["both", "sites"] == "L0.H1 + L1.H2@b + L0.mlp_out@-1"


def test_intervals_are_those_of_a_sweep(addition: Experiment) -> None:
    exp = addition.focused("logit_diff")
    table = exp.gate("L0.H1", "L1.H2").to_frame()
    for name, direction in (("enough", "denoise"), ("needed", "noise")):
        swept = exp.turned(direction).sweep(sites=["L0.H1", "L1.H2"], progress=False).over_pairs()  # type: ignore[arg-type]
        low, high = swept["recovery_low"].values, swept["recovery_high"].values
        low, high = (low, high) if name == "enough" else (1 - high, 1 - low)
        assert table[f"{name}_low"].iloc[:2].to_numpy() == pytest.approx(low, abs=1e-4)
        assert table[f"{name}_high"].iloc[:2].to_numpy() == pytest.approx(high, abs=1e-4)
    few = Experiment(exp.model, pw.tasks.addition(4)).gate("L0.H1", "L1.H2").to_frame()
    ranks = addition.gate("L0.H1", "L1.H2").focused("rank").to_frame()
    for frame in (few, ranks):
        assert frame.filter(regex="low|high").isna().all(axis=None)


def test_the_thresholds_decide(addition: Experiment) -> None:
    verdicts: list[Verdict] = [
        addition.gate("embed@a", "embed@b", low=low, high=high).verdict
        for low, high in [(0.01, 0.99), (-0.1, 0.8), (0.2, 1.1)]
    ]
    assert verdicts == ["AND", "neither", "neither"]


def test_without_a_difference_there_is_no_verdict(teaching: Model) -> None:
    task = Task("12+34=", "34+12=", "46", "47", {"a": 1, "b": 3})
    gate = Experiment(teaching, task, "rank").gate("embed@a", "embed@b")
    assert gate.verdict == "undefined"
    assert repr(gate).startswith("Gate(undefined; rank, 1 pair)\n")


def test_the_table_is_printed(addition: Experiment) -> None:
    lines = repr(addition.gate("embed@a", "embed@b")).splitlines()
    assert lines[0] == "Gate(AND; answer_prob, 20 pairs)"
    assert lines[2].startswith("a = embed@a  0.000 [")
    assert lines[-1].split() == ["clean", "clean", "1.000", "1.000"]


@pytest.mark.parametrize(
    ("sites", "kind", "text"),
    [
        (("L0.H1", "L0.H1"), PatchError, "L0.H1 is patched twice"),
        (([], "L0.H1"), PatchError, r"a is \[\]; expected a site such as 'L9\.H6', or a list"),
        (("L0.H1", 3), PatchError, "b is 3; expected a site"),
        (("L0.H1", Patch("L1.H1", "host")), PatchError, "have no source of their own"),
        (("L9.H1", "L0.H1"), SiteError, "layer 9 is out of range"),
        (("L0.H1@x", "L0.H1"), SiteError, "names no position 'x'"),
    ],
)
def test_what_is_no_gate_is_refused(
    addition: Experiment,
    sites: tuple,
    kind: type[Exception],
    text: str,  # type: ignore[type-arg]
) -> None:
    with pytest.raises(kind, match=text):
        addition.gate(*sites)


def test_thresholds_that_overlap_are_refused(addition: Experiment) -> None:
    with pytest.raises(PatchError, match=r"low is 0\.8 and high 0\.2; expected low < high"):
        addition.gate("embed@a", "embed@b", low=0.8, high=0.2)
