"""Lecture 6, the helix: where the numbers are, which waves they are made of, and which errors a missing wave makes."""

import re
from collections.abc import Iterable
from typing import Any

import numpy as np

from patchwidgets import helix
from patchwidgets.course.answers import UnreadableAnswer, as_number
from patchwidgets.course.put_in import PutIn
from patchwidgets.course.verdict import Verdict, judge, near
from patchwidgets.facade.experiment import Experiment

HELIX = helix.HELIX.periods
ENOUGH = 0.99
"""The share that counts as the whole answer in exercise 1."""
NEARLY_ALL = 0.95
"""The part of right answers that the helix has to reach with one more period in exercise 4."""
TEN = 10
"""The distance of the errors in exercise 4."""
_EXACTLY = 0.006
"""How near a number has to be to be recognised as one that was printed."""
_LAYER = re.compile(r"(?:layer|l)?\s*(\d+)(?:\.resid_\w+)?(?:@.*)?")
_PERIOD = re.compile(r"(?:period|t\s*=)?\s*(.+)")


class Helix:
    """The checks of lecture 6, on the student's experiment.

    Parameters
    ----------
    exp
        Additions in whose prompts one of the two numbers differs.

    Examples
    --------
    >>> check = pw.course.Helix(pw.Experiment(model, pw.tasks.addition(20), "answer_logit"))
    >>> check.alone(2)
    Right. Before layer 2 the last token alone brings back 1.000; one layer earlier it is 0.680.
    >>> check.distance(3, without=2)
    Not yet. Period 5 is still there, and it tells numbers 3 apart from each other.
    """

    def __init__(self, exp: Experiment) -> None:
        self._exp = exp
        self._put_in = PutIn(exp)

    def alone(self, answer: Any) -> Verdict:
        """Exercise 1: the first layer before which the last token alone brings the whole answer back."""
        exp = self._exp.turned("denoise")
        n_layers = exp.model.n_layers
        shares = [exp.patch(f"L{layer}.resid_pre@-1").share for layer in range(n_layers)]
        first = next(layer for layer, share in enumerate([*shares, 1.0]) if share >= ENOUGH)

        return judge(
            answer,
            _as_layer,
            lambda given: given == first,
            praise=lambda given: (
                f"Before layer {given} the last token alone brings back {shares[given]:z.3f}; one layer earlier it is "
                f"{shares[given - 1]:z.3f}."
            ),
            foreseen=[
                (
                    lambda given: given >= n_layers,
                    f"The map has the layers 0 to {n_layers - 1}.",
                ),
                (
                    lambda given: given == 0,
                    "Nothing has been computed there yet, and the last token is the same sign in both prompts: "
                    "exactly 0.",
                ),
                (
                    lambda given: given < first,
                    lambda given: (
                        f"The last token alone brings back {shares[given]:z.3f} there. Where is the rest?"
                    ),
                ),
            ],
            otherwise=lambda given: (
                f"It is {shares[given]:z.3f} there too. But is this the first such layer?"
            ),
        )

    def distance(self, answer: Any, without: float) -> Verdict:
        """Exercise 2: by how much most wrong answers are off, if one period is left out of the helix."""
        kept = tuple(period for period in HELIX if period != without)
        errors = self._put_in.errors(kept)
        off = np.abs(errors.said - errors.right)
        distances, counts = np.unique(off[off > 0], return_counts=True)
        most = int(distances[counts.argmax()])

        def told_apart(given: float) -> list[float]:
            """The periods that are left and agree with the right answer, at which numbers so far apart differ."""
            return [period for period in kept if most % period == 0 and given % period]

        return judge(
            answer,
            as_number,
            lambda given: abs(given) == most,
            praise=f"{counts.max()} of {counts.sum()} wrong answers are off by {most}. Numbers so far apart differ in "
            f"period {without:g}, and agree in period {_listed(p for p in kept if most % p == 0)}.",
            foreseen=[
                (
                    lambda given: given == 0 or given % 1 != 0,
                    "Whole numbers are said, and a wrong one is off by 1 or more.",
                ),
                (
                    lambda given: given % without == 0,
                    f"Numbers so far apart look the same to period {without:g}: it never told them apart, so they are "
                    "no harder to tell apart without it.",
                ),
                (
                    lambda given: bool(told_apart(given)),
                    lambda given: (
                        f"Period {told_apart(given)[0]:g} is still there, and it tells numbers {abs(given):g} apart "
                        "from each other."
                    ),
                ),
            ],
            otherwise="Such numbers look alike to the short periods that are left. But the longest period and the line "
            "still say about how large the number is. What is the nearest such number?",
        )

    def unneeded(self, answer: Any) -> Verdict:
        """Exercise 3: the period of the helix without which as many answers are right."""
        with_all = self._put_in.errors(HELIX).accuracy
        without = {
            period: self._put_in.errors(tuple(p for p in HELIX if p != period)).accuracy
            for period in HELIX
        }
        best = max(without, key=lambda period: without[period])
        return judge(
            answer,
            _as_period,
            lambda given: given == best,
            praise=f"Without it {without[best]:.1%} are right, and with it {with_all:.1%}.",
            foreseen=[
                (
                    lambda given: given in without,
                    lambda given: (
                        f"Without period {given:g} only {without[given]:.1%} are right, and with it {with_all:.1%}. "
                        "Find one that makes no such difference."
                    ),
                ),
                (
                    lambda given: given == 1,
                    "The linear part is no period: the row 'circles' of the table is the helix without it. Choose one "
                    f"of {_listed(HELIX)}.",
                ),
                (
                    lambda given: given in (2.5, 50),
                    "The model has a strong wave of this period, but it is not in the helix, so that it cannot be left "
                    f"out. Choose one of {_listed(HELIX)}.",
                ),
            ],
            otherwise=f"The helix has the periods {_listed(HELIX)}. Which of them?",
        )

    def added(self, answer: Any) -> Verdict:
        """Exercise 4: a period that, added to the helix, leaves nearly all answers right."""
        before = self._errors_with(None)

        def right(given: float) -> str:
            return f"With it {self._errors_with(given).accuracy:.1%} are right."

        def by_ten(errors: helix.AnswerErrors) -> int:
            return int((np.abs(errors.said - errors.right) == TEN).sum())

        def others(errors: helix.AnswerErrors) -> int:
            return int((errors.said != errors.right).sum()) - by_ten(errors)

        return judge(
            answer,
            _as_period,
            lambda given: given not in HELIX and self._errors_with(given).accuracy >= NEARLY_ALL,
            praise=lambda given: (
                f"{right(given)} {by_ten(self._errors_with(given))} answers are off by ten, where "
                f"{by_ten(before)} were. Is it this wave, or would another slow one do? See below."
            ),
            foreseen=[
                (
                    lambda given: given in HELIX,
                    "The helix has this period already. Which strong wave of the spectrum has it not?",
                ),
                (
                    lambda given: (
                        by_ten(self._errors_with(given)) >= by_ten(before)
                        and others(self._errors_with(given)) < others(before)
                    ),
                    lambda given: (
                        f"{right(given)} It removes other errors: {others(self._errors_with(given))} are left of "
                        f"{others(before)}. But {by_ten(self._errors_with(given))} are off by ten. What tells 34 "
                        "from 44?"
                    ),
                ),
                (
                    lambda given: TEN % given == 0,
                    lambda given: f"{right(given)} Numbers ten apart look the same to this period.",
                ),
                (
                    lambda given: given < TEN,
                    lambda given: f"{right(given)} Has the model this wave? Look at the spectrum.",
                ),
            ],
            otherwise=lambda given: (
                f"{right(given)} It would tell 34 from 44, if the model had it. Which long waves has it? Look at the "
                "spectrum."
            ),
        )

    def _errors_with(self, period: float | None) -> helix.AnswerErrors:
        """What is said with one more period in the helix."""
        return self._put_in.errors(HELIX if period is None else (*HELIX, period))

    def right(self, answer: Any, of: Experiment) -> Verdict:
        """Exercise 5: the part of right answers with the helix in place of the other number.

        Parameters
        ----------
        of
            Additions in whose prompts this other number differs.
        """
        put_in = PutIn(of)
        result, errors = put_in.result(HELIX), put_in.errors(HELIX)
        name, first = put_in.operand, self._put_in.operand
        line, circles = put_in.errors(()), put_in.errors(HELIX, degree=0)
        by_difference = put_in.result(HELIX, metric="logit_diff")
        return judge(
            answer,
            as_number,
            near(errors.accuracy, _EXACTLY),
            praise=f"{errors.accuracy:.1%} in place of {name}, and {self._put_in.errors(HELIX).accuracy:.1%} in "
            f"place of {first}: the same vectors, in another place.",
            foreseen=[
                (
                    near(self._put_in.errors(HELIX).accuracy, _EXACTLY),
                    f"This is {first}. Put the helix in place of {name}: another experiment, and another operand.",
                ),
                (
                    lambda given: given > 1 and abs(given - errors.accuracy * len(of.pairs)) < 1,
                    f"So many pairs are right. Which part of the {len(of.pairs)} is that?",
                ),
                (
                    near(1.0, _EXACTLY),
                    f"So many are right with the vector of {name} itself. Put in what the helix predicts.",
                ),
                (
                    lambda given: (
                        near(result.share, _EXACTLY)(given)
                        or near(by_difference.share, _EXACTLY)(given)
                    ),
                    "This is a share of logits. How many answers are right?",
                ),
                (
                    near(put_in.r2(HELIX), _EXACTLY),
                    "This is the R² of the fit. How many answers are right when it is put in?",
                ),
                (
                    near(line.accuracy, _EXACTLY),
                    "So many are right with the line. Put in the helix.",
                ),
                (
                    near(circles.accuracy, _EXACTLY),
                    "So many are right with the circles alone. The helix has a linear part as well.",
                ),
            ],
            otherwise=f'Read answer_errors(put_in(second, "{name}", helix.HELIX)).accuracy.',
        )


def _as_layer(answer: Any) -> int:
    """Read a layer, of a number or of a site."""
    found = _LAYER.fullmatch(str(answer).strip().strip("'\"`").lower().removesuffix(".0"))
    if found is None:
        raise UnreadableAnswer(f"Write a layer as its number, such as 3; got {answer!r}.")
    return int(found[1])


def _as_period(answer: Any) -> float:
    """Read a period."""
    text = str(answer).strip().strip("'\"`").lower()
    found = _PERIOD.fullmatch(text)
    try:
        period = as_number(found[1] if found else text)
    except UnreadableAnswer:
        period = 0.0
    if not period > 0:
        raise UnreadableAnswer(f"Write a period as a number, such as 20; got {answer!r}.")
    return period


def _listed(periods: Iterable[float]) -> str:
    """Periods in words."""
    names = [f"{period:g}" for period in periods]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
