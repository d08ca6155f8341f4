"""The quiz of the course: ten questions on how the teaching model adds, after lectures 1 and 2."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from patchwidgets import tasks
from patchwidgets.course.questions import Computed, Question
from patchwidgets.course.quiz import Quiz
from patchwidgets.directions import Direction
from patchwidgets.facade.experiment import Experiment
from patchwidgets.models.loading import load

TITLE = "Quiz: how a small model adds"
INTRO = (
    "The model reads 33+62= and says 95: this is pair 1 of eight. In each pair, the corrupted prompt has two different "
    "numbers. The page opens on the mean of the eight; where no pair is named, give the mean. Find each answer in the "
    "explorer below: click a box, or write a site (Site, or the key /). ⇄ (N) turns the direction round, “mean” (M) "
    "shows the mean of the pairs, ‹ and › (comma, full stop) step through them, and a menu has the metrics. In a "
    "narrow window, Site and the metrics are under ⋯."
)
Head = tuple[int, int]
A, B = "L0.resid_pre@a", "L0.resid_pre@b"
"""The two numbers as they enter the first layer."""
GATES = ("AND", "OR", "XOR", "neither")


def quiz(path: str | Path | None = None) -> str:
    """Make the quiz of the course as one HTML file, which a class opens in a browser; takes about half a minute.

    Ten questions on sums, of which the explorer in the page has the answers. It needs neither Python nor the network.
    For questions of your own, see `Quiz`.

    Parameters
    ----------
    path
        Where to write it; None writes nothing.

    Returns
    -------
    str
        The text of the file.

    Raises
    ------
    FileError
        The file cannot be written.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     page = pw.course.quiz(f"{folder}/quiz.html")
    >>> page.count('<form autocomplete="off">')
    10
    """
    return teaching_quiz().to_html(path)


def teaching_quiz() -> Quiz:
    """The quiz before it is a page; its ``key`` has the right answers."""
    task = tasks.addition(8, varies="both")
    exp = Experiment(load(), task, metric=["logit_diff", "answer_prob", "answer_logit"])
    return Quiz(exp, QUESTIONS, TITLE, INTRO, joint=[(A, B)])


def _read(
    site: str,
    metric: str = "logit_diff",
    quantity: str = "share",
    direction: Direction = "denoise",
    pair: int | None = None,
) -> Computed:
    """What a question asks for: a quantity of a patch."""

    def read(exp: Experiment) -> float:
        reading = exp.turned(direction).patch(site)[metric]
        if pair is not None:
            return float(getattr(reading.per_pair, quantity)[pair])
        return float(getattr(reading, quantity))

    return read


def _ranked(metric: str, direction: Direction = "denoise") -> Callable[[Experiment], list[Head]]:
    """All heads by their share, the largest first."""

    def ranked(exp: Experiment) -> list[Head]:
        shares = exp.turned(direction).sweep("z", progress=False).over_pairs(metric)["share"].values
        cells = np.argsort(-shares, axis=None, kind="stable")
        return [divmod(int(cell), exp.model.n_heads) for cell in cells]

    return ranked


def _at(ranked: Callable[[Experiment], list[Head]], place: slice) -> Computed:
    return lambda exp: ranked(exp)[place]


def _said(site: str | None, corrupted: bool = False) -> Computed:
    """The number that the model says in the first pair, with a site patched."""

    def said(exp: Experiment) -> int:
        run = exp.patch(site).run if site else exp.corrupted if corrupted else exp.clean
        return int(run.top_tokens(1, pair=0)[0].token)

    return said


def _text(words: str, **numbers: Computed) -> Computed:
    """A sentence with numbers in it, computed as the answers are."""
    return lambda exp: words.format(**{name: number(exp) for name, number in numbers.items()})


def _first_idle_layer(exp: Experiment) -> str:
    """The first layer whose attention neither brings anything back nor is needed, by any metric."""
    idle = np.ones(exp.model.n_layers, dtype=bool)
    for direction in ("denoise", "noise"):
        sweep = exp.turned(direction).sweep("attn_out", progress=False)
        for metric in exp.metrics:
            idle &= np.abs(sweep.over_pairs(metric)["share"].values) < 0.01
    return f"layer {int(np.argmax(idle))}"


def _needed_before_layer_1(exp: Experiment) -> list[int]:
    """Positions, by how much of the probability is lost without them; the first is lost most."""
    shares = [_noise(f"L1.resid_pre@{at}", "answer_prob")(exp) for at in range(len(exp.pairs[0]))]
    return [int(at) for at in np.argsort(-np.array(shares), kind="stable")]


def _pair(choose: Callable[..., Any], site: str = "L0.H0") -> Computed:
    """Of which pair, counted from 1 as in the page."""
    return lambda exp: 1 + int(choose(np.asarray(exp.patch(site).per_pair.recovery)))


_BY_DIFFERENCE, _IN_NOISE = _ranked("logit_diff"), _ranked("logit_diff", "noise")
_BY_LOGIT = _ranked("answer_logit")
_noise = partial(_read, direction="noise")

QUESTIONS = (
    Question(
        "Turn the direction to noise with ⇄, or N: corrupted goes into clean. Which head alone is needed most, by the "
        "logit difference? Write it as L2.H1.",
        "head",
        right=_at(_IN_NOISE, slice(0, 1)),
        praise=_text(
            "Share {n:.3f}: no other head alone costs as much. In the other direction L0.H0 is "
            "the first, with {d:.3f}.",
            n=_noise("L0.H1"),
            d=_read("L0.H0"),
        ),
        foreseen=[
            (
                _at(_BY_DIFFERENCE, slice(0, 1)),
                "This one is the strongest in the other direction, clean into corrupted. Which way does your patch go? "
                "Turn it with ⇄, or N.",
            ),
            (
                _at(_IN_NOISE, slice(1, 5)),
                "It is needed a little, but it is not the first. Compare the numbers of the darkest cells.",
            ),
            (
                [(layer, head) for layer in (2, 3) for head in range(4)],
                "This late in the model, heads do nothing here. At which layer does the map have colour?",
            ),
        ],
        otherwise="Little is lost without it. Look for the darkest cell in the map of heads.",
    ),
    Question(
        "Back in denoise, clean into corrupted: how far does L0.H1 alone bring the logit difference back? Read its "
        "recovery.",
        "number",
        right=_read("L0.H1", quantity="recovery"),
        praise=_text(
            "{r:.3f} of the way: an effect of {e:+.1f} logits, where the two runs are {gap:.1f} apart.",
            r=_read("L0.H1", quantity="recovery"),
            e=_read("L0.H1", quantity="effect"),
            gap=lambda exp: exp.clean.value - exp.corrupted.value,
        ),
        foreseen=[
            (
                _read("L0.H1", quantity="effect"),
                "This is the effect, in logits. The recovery is how far that is on the way from corrupted to clean.",
            ),
            (
                _read("L0.H1", quantity="value"),
                "This is the logit difference itself, after the patch. How far has it come?",
            ),
            (_read("L0.H0", quantity="recovery"), "This is the recovery of another head."),
            (
                lambda exp: [
                    read(exp) for read in (_noise("L0.H1"), _noise("L0.H1", quantity="recovery"))
                ],
                "You are noising: there the clean run is patched. Turn it with ⇄, or N.",
            ),
            (
                _read("L0.H1", quantity="recovery", pair=0),
                "This is one pair. Choose the mean of all eight: the button mean, or M.",
            ),
        ],
        otherwise="Click L0.H1 in the middle lane, and read the recovery in the sentence above the lanes.",
    ),
    Question(
        "In pair 1 (33+62= and 65+51=; choose it with ›, or the full stop), put the clean first number into the "
        "corrupted prompt: L0.resid_pre@a. Which number does the model say now?",
        "number",
        right=_said(A),
        tolerance=0,
        praise=_text("It says {n}: it does the sum that it is given, 33 + 51.", n=_said(A)),
        foreseen=[
            (
                _said(None),
                "This is the clean sum. For that, both numbers would have to be clean. Which ones does it have now?",
            ),
            (
                _said(None, corrupted=True),
                "This is what the corrupted run says without a patch. Which of its numbers is another one now?",
            ),
            (
                _said(B),
                "This is what it says with the second number patched. The first one is at a.",
            ),
        ],
        otherwise="Choose pair 1, patch L0.resid_pre@a, and read the next tokens. Or think: which two numbers does it "
        "have now?",
    ),
    Question(
        "Choose the metric answer_prob, the probability of the clean sum, and clean into corrupted. How far does "
        "L2.mlp_out alone bring it back? Read the recovery, from 0 to 1.",
        "number",
        right=_read("L2.mlp_out", "answer_prob", "recovery"),
        praise=_text(
            "{p:.3f}. The logit difference gives the same patch {d:.3f}: the answer comes nearer to the foil, and "
            "is still {v:.1f} logits below it. In noise, the probability needs it: share {n:.3f}.",
            p=lambda exp: abs(_read("L2.mlp_out", "answer_prob", "recovery")(exp)),
            d=_read("L2.mlp_out"),
            v=lambda exp: -_read("L2.mlp_out", quantity="value")(exp),
            n=_noise("L2.mlp_out", "answer_prob"),
        ),
        foreseen=[
            (
                _read("L2.mlp_out"),
                "This is the recovery by the logit difference. Choose answer_prob in the menu.",
            ),
            (
                lambda exp: [
                    _noise("L2.mlp_out", "answer_prob", quantity)(exp)
                    for quantity in ("share", "recovery")
                ],
                "You are noising: there corrupted goes into clean. Turn it with ⇄, or N.",
            ),
            (
                _read("L2.mlp_out", "answer_logit"),
                "This is the logit of the answer. Its probability is asked for.",
            ),
        ],
        otherwise="Choose answer_prob in the menu of metrics, patch L2.mlp_out, and read the recovery.",
    ),
    Question(
        f"By answer_prob: patch {A}, then {B}, then both (in the tab History), in both directions. Which gate are "
        "the two numbers?",
        "choice",
        choices=GATES,
        right=lambda exp: exp.focused("answer_prob").gate(A, B).verdict,
        praise="Both together are enough, neither alone is, and each of them is needed.",
        foreseen=[
            (
                "OR",
                "In an OR each one alone is enough. How much of the probability does one number bring back?",
            ),
            (
                "XOR",
                "In an XOR, changing both changes nothing. Does it?",
            ),
            (
                "neither",
                "This is so by the logit difference, where each goes about half of the way. Choose answer_prob.",
            ),
        ],
        otherwise="Write down six shares: a, b and both, enough and needed.",
    ),
    Question(
        "By answer_prob: how far is the head L1.H3 needed? Read the share in noise: how far the clean run goes towards "
        "the corrupted one.",
        "number",
        right=_noise("L1.H3", "answer_prob"),
        praise=_text(
            "Needed {n:.3f}, and enough {e:.3f}: denoising alone would not have found it.",
            n=_noise("L1.H3", "answer_prob"),
            e=lambda exp: abs(_read("L1.H3", "answer_prob")(exp)),
        ),
        foreseen=[
            (
                _noise("L1.H3", "answer_prob", "recovery"),
                "This is the recovery: what is left, 1 at the clean run, where noise starts. How much is lost?",
            ),
            (
                _read("L1.H3", "answer_prob"),
                "This is how far it is enough. Turn the direction round with ⇄, or N.",
            ),
            (
                _noise("L1.H3", "logit_diff"),
                "This is its share by the logit difference. Choose answer_prob.",
            ),
            (
                _noise("L1.H3", "answer_prob", "effect"),
                "This is the effect, which is negative as the probability falls. A share counts from the host to the "
                "source.",
            ),
        ],
        otherwise="Choose answer_prob, turn with ⇄ or N so that corrupted goes into clean, and patch L1.H3.",
    ),
    Question(
        "Choose answer_logit, and clean into corrupted. Which head moves the logit of the answer furthest in the wrong "
        "direction, away from the clean run?",
        "head",
        right=_at(_BY_LOGIT, slice(-1, None)),
        praise=_text(
            "Recovery {l:+.3f}, and by the logit difference {d:+.3f}: the answer falls, and the foil falls more. "
            "The sign depends on the metric.",
            l=_read("L0.H1", "answer_logit", "recovery"),
            d=_read("L0.H1", quantity="recovery"),
        ),
        foreseen=[
            (
                _at(_BY_DIFFERENCE, slice(0, 1)),
                "It is the strongest by the logit difference, and lifts the answer's logit too. Look for orange.",
            ),
            (
                _at(_BY_LOGIT, slice(0, 3)),
                "It moves the answer towards the clean run. Look for a negative number.",
            ),
            (
                _at(_BY_LOGIT, slice(-4, -1)),
                "It does go the wrong way, but another one goes further.",
            ),
        ],
        otherwise="It does next to nothing by this metric. Which cells of the map of heads have the other colour?",
    ),
    Question(
        "Choose answer_prob, and corrupted into clean. In the residual stream before layer 1 (L1.resid_pre) the last "
        "token is needed in full. Which other token is needed there too? Write the token, its number (counted from 0 "
        "at <bos>), or its name: a, operator, b, end.",
        "position",
        right=lambda exp: _needed_before_layer_1(exp)[1],
        praise=_text(
            "Share {one:.3f}. Layer 0 has brought the first number to the last token; the second one is still read at "
            "b, by layer 1. Before layer 2 nothing is lost there any more: share {two:.3f}.",
            one=_noise("L1.resid_pre@b", "answer_prob"),
            two=lambda exp: abs(_noise("L2.resid_pre@b", "answer_prob")(exp)),
        ),
        foreseen=[
            (
                "a",
                "The first number enters the model there. What differs is still there, but nothing later reads it.",
            ),
            (
                "operator",
                "The + stands after a and could read it. But patch it: what is lost?",
            ),
            (
                lambda exp: _needed_before_layer_1(exp)[0],
                "This is the last token, where the answer is read. Which one before it is needed?",
            ),
            (0, "This token begins every prompt. Nothing before it or at it differs."),
        ],
        otherwise="Look at the map of layers and positions, in the row of layer 1.",
    ),
    Question(
        "Attention has done its work early. Which is the first layer whose attn_out brings nothing back and is not "
        "needed, by any of the three metrics?",
        "choice",
        choices=tuple(f"layer {layer}" for layer in range(4)),
        right=_first_idle_layer,
        praise=_text(
            "What the later layers do is done by their MLPs: L3.mlp_out is needed {n:.3f} by the probability.",
            n=_noise("L3.mlp_out", "answer_prob"),
        ),
        foreseen=[
            ("layer 0", "Most comes from there. Patch L0.attn_out."),
            (
                "layer 1",
                "It looks like little by the logit difference. How much is lost without it, by answer_prob?",
            ),
            ("layer 3", "It does nothing, but is it the first one?"),
        ],
        otherwise="Patch the attn_out of each layer in both directions.",
    ),
    Question(
        "One of the eight pairs is not the rule: clean into corrupted, L0.H0 brings back nothing of its logit "
        "difference. Which pair is it? The page counts them from 1 to 8.",
        "number",
        tolerance=0,
        right=_pair(np.argmin),
        praise=_text(
            "Recovery {one:.3f} there, {most:.3f} in the pair with the most, and {all:.3f} over all: a mean is no "
            "single pair.",
            one=lambda exp: float(min(exp.patch("L0.H0").per_pair.recovery)),
            most=lambda exp: float(max(exp.patch("L0.H0").per_pair.recovery)),
            all=_read("L0.H0", quantity="recovery"),
        ),
        foreseen=[
            (
                lambda exp: _pair(np.argmin)(exp) - 1,
                "Nearly. The page counts pairs from 1.",
            ),
            (_pair(np.argmax), "In this pair it brings back most. Look for the other end."),
            (0, "The page counts pairs from 1."),
        ],
        otherwise="It brings something back there. Patch L0.H0, and go through the pairs with ›, or the full stop.",
    ),
)
