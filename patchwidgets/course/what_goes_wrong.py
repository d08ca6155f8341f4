"""Lecture 3, what goes wrong: signs and rankings that depend on the metric, sources, and means over pairs."""

from collections.abc import Callable
from functools import cache, cached_property
from typing import Any

import numpy as np

from patchwidgets.course.answers import UnreadableAnswer, as_head
from patchwidgets.course.verdict import Verdict, judge
from patchwidgets.facade.experiment import Experiment
from patchwidgets.sites import Patch
from patchwidgets.sweep.sweep_result import SweepResult

Head = tuple[int, int]
MATTERS = 0.1
"""An effect matters here if it is a tenth of the way between the two runs, in either direction."""
COSTS, SPARED = 1.0, 0.1
"""A head is needed here if the metric falls by a logit or more without it, and not if it moves by less than a tenth."""


class WhatGoesWrong:
    """The checks of lecture 3, on one experiment of the student.

    Parameters
    ----------
    exp
        The experiment that an exercise is about, with the metrics that it compares.

    Examples
    --------
    >>> two = pw.Experiment(model, task, metric=["logit_diff", "answer_prob"])
    >>> check = pw.course.WhatGoesWrong(two)
    >>> check.ranking(["L0.H1"], "answer_prob", k=1)
    Right. By answer_prob: L0.H1 +1.00.
    >>> check.ranking(["L0.H1", "L1.H3"], "answer_prob", k=1)
    Not yet. Write a list of 1 heads, the strongest first, such as ["L9.H6", ...]; got ['L0.H1', 'L1.H3'].
    """

    def __init__(self, exp: Experiment) -> None:
        self._exp = exp

    def two_signs(self, answer: Any, one: str, other: str) -> Verdict:
        """A head that by one metric brings the answer back and by another takes it away."""
        by_one, by_other = (self._recovery(metric) for metric in (one, other))

        def opposite(head: Head) -> bool:
            matters = min(abs(by_one[head]), abs(by_other[head])) >= MATTERS
            return bool(matters and by_one[head] * by_other[head] < 0)

        def numbers(head: Head) -> str:
            return f"{by_one[head]:+.2f} by {one} and {by_other[head]:+.2f} by {other}"

        heads = list(np.ndindex(*by_one.shape))
        best = max(heads, key=lambda h: (opposite(h), min(abs(by_one[h]), abs(by_other[h]))))
        has, foreseen = _has(by_one.shape)
        return judge(
            answer,
            as_head,
            lambda given: has(given) and opposite(given),
            praise=f"For example {_name(best)}: recovery {numbers(best)}.",
            foreseen=[
                *foreseen,
                (
                    lambda given: (
                        bool(by_one[given] * by_other[given] > 0)
                        and max(abs(by_one[given]), abs(by_other[given])) >= MATTERS
                    ),
                    "It has the same sign by both. Set the two columns side by side and look for + and −.",
                ),
                (
                    lambda given: max(abs(by_one[given]), abs(by_other[given])) >= MATTERS,
                    f"Its signs differ, but by one of the metrics it hardly matters. Both numbers are to be {MATTERS} "
                    "or more.",
                ),
            ],
            otherwise="It does little by either metric. Look among the strongest heads of each.",
        )

    def ranking(self, answer: Any, metric: str, k: int = 3) -> Verdict:
        """The `k` heads that by a metric move the model most towards the clean run, strongest first."""
        recovery = self._recovery(metric)
        rankings = {name: _ranked(self._recovery(name))[:k] for name in self._exp.metrics}
        right = rankings[metric]
        _, foreseen = _has(recovery.shape)
        named = ", ".join(f"{_name(head)} {recovery[head]:+.2f}" for head in right)

        def is_(ranked: list[Head]) -> Callable[[list[Head]], bool]:
            return lambda given: given == ranked

        return judge(
            answer,
            _as_heads(k),
            is_(right),
            praise=f"By {metric}: {named}.",
            foreseen=[
                *[(_any_of(holds), text) for holds, text in foreseen],
                *[
                    (
                        is_(ranked),
                        f"This is the ranking by {name}. The sign depends on your metric, and the order too.",
                    )
                    for name, ranked in rankings.items()
                ],
                (
                    is_(_ranked(-recovery)[:k]),
                    "These move the model away from the clean run most. Look at the sign.",
                ),
                (
                    is_(_ranked(abs(recovery))[:k]),
                    "You sorted by size without the sign: one of these moves the model away from the clean run.",
                ),
                (
                    lambda given: sorted(given) == sorted(right),
                    "The heads are right and their order is not: the strongest comes first.",
                ),
                (
                    lambda given: bool(set(given) & set(right)),
                    "Some of them are right. Print more of the ranking, and compare the numbers.",
                ),
            ],
            otherwise=f'Sort the heads by their recovery by {metric}: sweep.top_sites(8, "{metric}") sorts by size, '
            "whatever the sign.",
        )

    def needed_by_one(self, answer: Any, one: Any, other: Any) -> Verdict:
        """A head that is needed if `one` source is put in its place in the clean run, and not if the `other` is."""
        noise, model = self._exp.turned("noise"), self._exp.model
        has, foreseen = _has((model.n_layers, model.n_heads))

        @cache
        def costs(head: Head) -> tuple[float, float]:
            by_one, by_other = (-noise.patch(Patch(_name(head), s)).effect for s in (one, other))
            return by_one, by_other

        def needed(cost: float) -> bool:
            return cost >= COSTS

        def spared(cost: float) -> bool:
            return abs(cost) < SPARED

        return judge(
            answer,
            as_head,
            lambda given: has(given) and needed(costs(given)[0]) and spared(costs(given)[1]),
            praise=lambda given: (
                f"It costs {costs(given)[0]:.2f} by the one and {costs(given)[1]:z.2f} by the other. Needed for what?"
            ),
            foreseen=[
                *foreseen,
                (
                    lambda given: needed(costs(given)[1]) and not needed(costs(given)[0]),
                    "You have the two the wrong way round: this one is not missed where the question says that it is.",
                ),
                (
                    lambda given: needed(costs(given)[0]) and costs(given)[1] >= SPARED,
                    "Both cost something here. Look for a head that is blank in one of the two maps.",
                ),
                (
                    lambda given: needed(costs(given)[0]),
                    "By the one it costs, and by the other the model does better without it: that is more than not "
                    "needed. Look for a head that is blank there.",
                ),
                (
                    lambda given: costs(given)[0] <= -SPARED,
                    "Without it the model does better: look at the sign, a cost is a negative effect.",
                ),
            ],
            otherwise="It costs less than a logit. Look for the heads that stand out in the first map, and find the "
            "one that is blank in the second.",
        )

    def odd_pair(self, answer: Any, site: str) -> Verdict:
        """The pair that moves the mean of ratios away from the ratio of means."""
        result = self._exp.patch(site)
        reading = result[next(iter(result.readings))]
        gaps = np.abs(np.asarray(reading.clean) - np.asarray(reading.corrupted))
        single = np.asarray(result.per_pair.recovery, dtype=float)
        odd = int(np.nanargmax(np.abs(single - result.recovery)))
        n_pairs = len(single)

        def read(given: Any) -> int:
            text = str(given).strip().lower().removeprefix("pair").strip()
            if not text.lstrip("-").isdigit():
                raise UnreadableAnswer(
                    f"Write the number of a pair, from 0 to {n_pairs - 1}; got {given!r}."
                )
            return int(text)

        return judge(
            answer,
            read,
            lambda given: given in (odd, odd - n_pairs),
            praise=f"In pair {odd} the two runs differ by {gaps[odd]:.2f}, in all by {gaps.mean():.2f} on average. "
            f"Its recovery is {single[odd]:+.2f}.",
            foreseen=[
                (
                    lambda given: not 0 <= given < n_pairs,
                    f"There are the pairs 0 to {n_pairs - 1}.",
                ),
                (
                    lambda given: given == odd + 1,
                    "Pairs are counted from 0.",
                ),
                (
                    lambda given: given == int(np.argmax(gaps)),
                    "This pair has the largest gap between its two runs: dividing by it makes a number small.",
                ),
                (
                    lambda given: (
                        given == int(np.nanargmax(single)) or given == int(np.nanargmin(single))
                    ),
                    "Its recovery is at one end, but another pair lies further from the rest.",
                ),
            ],
            otherwise="Its recovery is like that of the others. Which dot lies far away from all?",
        )

    def _recovery(self, metric: str) -> np.ndarray:
        return np.asarray(self._heads.over_pairs(metric)["recovery"].values)

    @cached_property
    def _heads(self) -> SweepResult:
        return self._exp.turned("denoise").sweep("z", progress=False)


def _has(
    shape: tuple[int, ...],
) -> tuple[Callable[[Head], bool], list[tuple[Callable[[Head], bool], str]]]:
    """Whether a model of this shape has a head, and what is said where it has not."""
    n_layers, n_heads = shape

    def has(given: Head) -> bool:
        return given[0] < n_layers and given[1] < n_heads

    said = [
        (
            lambda given: not has(given) and has(given[::-1]),
            "A head is written with its layer first.",
        ),
        (
            lambda given: not has(given),
            f"This model has the layers 0 to {n_layers - 1}, with the heads 0 to {n_heads - 1} in each.",
        ),
    ]
    return has, said


def _any_of(holds: Callable[[Head], bool]) -> Callable[[list[Head]], bool]:
    return lambda given: any(holds(head) for head in given)


def _ranked(recovery: np.ndarray) -> list[Head]:
    n_heads = recovery.shape[1]
    return [divmod(int(cell), n_heads) for cell in (-recovery).ravel().argsort(kind="stable")]


def _as_heads(k: int) -> Callable[[Any], list[Head]]:
    def read(answer: Any) -> list[Head]:
        if isinstance(answer, str):
            answer = [part for part in answer.replace(";", ",").split(",") if part.strip()]
        if not isinstance(answer, list | tuple | np.ndarray) or len(answer) != k:
            raise UnreadableAnswer(
                f'Write a list of {k} heads, the strongest first, such as ["L9.H6", ...]; got {answer!r}.'
            )
        return [as_head(head) for head in answer]

    return read


def _name(head: Head) -> str:
    return f"L{head[0]}.H{head[1]}"
