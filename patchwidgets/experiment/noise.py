"""How far rounding alone moves each metric, in the metric's own unit: the noise floor.

First the noise of the logits is measured: the largest difference between the unpatched runs and the same runs in other
batches. Then every metric is computed from logits that are off by so much: in the clean run, in the corrupted one, and
halfway between, where a probability of 0.5 moves more than one of 0.99 does. Nothing is clamped: the divergence of a
run from itself may come out as -1e-7, which is within its floor. Costs 15 evaluations of the metrics on
all pairs.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from patchwidgets.experiment.evaluation import Evaluation
from patchwidgets.metrics import Metric

N_RANDOM = 2
"""How many patterns of random signs the noise has, beside those that move a metric most."""
ROUNDING = 2 * float(np.finfo(np.float32).eps)
"""Metrics are computed in float32, whatever the dtype of the model: their own rounding, as a part of their value."""


@dataclass(frozen=True, eq=False)
class Scores:
    """What the metrics of some pairs are computed from, in a run or in a repetition of it.

    Attributes
    ----------
    logits
        At all entries of these pairs, one pair after the other.
    joint
        As in `ScoredOutput.joint`.
    """

    logits: Float[Tensor, "entry vocabulary"]
    joint: Float[Tensor, "pair 2"] | None

    def at_start_of(self, other: "Scores") -> "Scores":
        """As many scores as `other` has: these, without those beyond, and then those of `other` where these end."""
        n = len(self.logits)
        logits = torch.cat([self.logits, other.logits[n:]])[: len(other.logits)]
        if self.joint is None or other.joint is None:
            return Scores(logits, None)
        joint = torch.cat([self.joint, other.joint[len(self.joint) :]])[: len(other.joint)]
        return Scores(logits, joint)

    def off_by(
        self, noise: Float[Tensor, "entry vocabulary"], of_joint: Float[Tensor, "2"]
    ) -> "Scores":
        """The same with noise added."""
        joint = None if self.joint is None else self.joint + of_joint
        return Scores(self.logits + noise, joint)

    def halfway(self, other: "Scores") -> "Scores":
        """The means of two runs."""
        joint = None
        if self.joint is not None and other.joint is not None:
            joint = (self.joint + other.joint) / 2
        return Scores((self.logits + other.logits) / 2, joint)


@dataclass(frozen=True, eq=False)
class Repeated:
    """A run, and some of its pairs in other batches.

    Attributes
    ----------
    run
        All pairs.
    first
        Those of them that were run again.
    again
        The same pairs in other batches.
    """

    run: Scores
    first: Scores
    again: Sequence[Scores]


def noise_floor(
    evaluation: Evaluation,
    pairs: Sequence[int],
    clean: Repeated,
    corrupted: Repeated,
    dtype: torch.dtype,
) -> dict[str, float]:
    """Return for each metric, in its unit, how much of its value is noise.

    Parameters
    ----------
    pairs
        Numbers of the pairs that were run again.
    clean, corrupted
        The unpatched runs.
    dtype
        Of the model.

    Returns
    -------
    dict
        By metric. For a rank: how many tokens are so near to an answer that noise decides which comes first.
    """
    measured = _Floor(evaluation, pairs)
    for each in (clean, corrupted):
        measured.raise_to(each.first, each.again)
    every_pair = range(evaluation.n_pairs)
    of_first, joint_noise = _noise((clean, corrupted), dtype)
    noise = of_first.max().repeat(len(clean.run.logits), 1)
    entries = evaluation.read_positions.entries(every_pair)
    noise[[entries.index(entry) for entry in evaluation.read_positions.entries(pairs)]] = of_first
    simulated = _Floor(evaluation, every_pair, simulated=True)
    away = _off(corrupted.run.logits.log_softmax(-1), clean.run.logits.log_softmax(-1)).sign()
    for run in (clean.run, corrupted.run, clean.run.halfway(corrupted.run)):
        signs = _signs(evaluation.answer_ids(every_pair), away)
        simulated.raise_to(run, (run.off_by(s * noise, joint * joint_noise) for s, joint in signs))
    return {
        name: max(floor, simulated.by_metric[name]) for name, floor in measured.by_metric.items()
    }


class _Floor:
    """The largest differences so far between metrics of scores that should be the same."""

    def __init__(
        self, evaluation: Evaluation, pairs: Sequence[int], simulated: bool = False
    ) -> None:
        self._evaluation, self._pairs, self._simulated = evaluation, pairs, simulated
        self.by_metric = dict.fromkeys(evaluation.metrics, 0.0)

    def raise_to(self, scores: Scores, again: Iterable[Scores]) -> None:
        """Compare scores with others. Simulated noise is that of logits; what a metric rounds itself is added to it."""
        values, metrics = self._measure(scores), self._evaluation.metrics
        rounding = dict.fromkeys(metrics, 0.0)
        if self._simulated:
            rounding = {
                name: ROUNDING * self._size(metric, values[name], scores)
                for name, metric in metrics.items()
            }
        for other in again:
            for name, of_other in self._measure(other).items():
                difference = float(np.abs(values[name] - of_other).max())
                self.by_metric[name] = max(self.by_metric[name], difference + rounding[name])

    def _measure(self, scores: Scores) -> dict[str, Float[np.ndarray, "pair"]]:
        return self._evaluation.measure(scores.logits, self._pairs, scores.joint)

    def _size(self, metric: Metric, values: Float[np.ndarray, "pair"], scores: Scores) -> float:
        """The largest number in the computation of a metric, by which its rounding is known; a rank is not rounded.

        Log-probabilities are sums of about so many nats as a uniform guess has; a probability rounds by its part of
        that, and a difference of probabilities as its larger part does.
        """
        largest, of_logprobs = float(np.abs(values).max()), math.log(scores.logits.shape[-1])
        if metric.unit == "probability":
            ids = self._evaluation.answer_ids(self._pairs)
            probabilities = scores.logits.softmax(-1)
            of_answers = [
                float(row[list(own)].sum()) for row, own in zip(probabilities, ids, strict=True)
            ]
            return of_logprobs * max(largest, *of_answers)
        return {"nats": max(of_logprobs, largest), "rank": 0.0}.get(metric.unit, largest)


def _noise(runs: Sequence[Repeated], dtype: torch.dtype) -> tuple[Float[Tensor, "entry 1"], float]:
    """How far the logits of each entry, and joint log-probabilities, were off in other batches, or at least."""
    largest = max(float(each.run.logits.abs().nan_to_num(posinf=0).max()) for each in runs)
    least = least_noise(largest, dtype)
    pairs = [(each.first, again) for each in runs for again in each.again]
    off = torch.stack([_off(a.logits, b.logits).abs().amax(-1, keepdim=True) for a, b in pairs])
    joint = [
        float(_off(a.joint, b.joint).abs().max())
        for a, b in pairs
        if a.joint is not None and b.joint is not None
    ]
    return off.amax(0).clamp(min=least), max([*joint, 2 * least])


def least_noise(largest: float, dtype: torch.dtype) -> float:
    """How much rounding alone moves logits at least: some spacings of numbers near the largest of them.

    In 16 bits one spacing is the rounding of the logit itself. In wider dtypes the rounding of all layers is of the
    same precision and adds up to several spacings.
    """
    n_spacings = 16 if dtype.itemsize >= 4 else 1
    return n_spacings * torch.finfo(dtype).eps * 2.0 ** math.floor(math.log2(max(largest, 1e-30)))


def _off(
    scores: Float[Tensor, "*shape"], others: Float[Tensor, "*shape"]
) -> Float[Tensor, "*shape"]:
    """The difference; none where both are −inf, as unused parts of a vocabulary may be, or where there is no foil."""
    return (scores - others).nan_to_num(nan=0.0)


def _signs(
    answers: Sequence[Sequence[int]], away: Float[Tensor, "entry vocabulary"]
) -> Iterator[tuple[Float[Tensor, "entry vocabulary"], Float[Tensor, "2"]]]:
    """Directions of noise, for logits, and for joint log-probabilities of answer and foil.

    The answers up and all else down; further from the clean run, which `away` is the direction of; and at random.
    """
    answers_up = torch.full_like(away, -1.0)
    for row, ids in zip(answers_up, answers, strict=True):
        row[list(ids)] = 1.0
    yield answers_up, away.new_tensor([1.0, -1.0])
    yield away, away.new_tensor([-1.0, 1.0])
    generator = torch.Generator().manual_seed(0)
    for _ in range(N_RANDOM):
        random = torch.randint(0, 2, away.shape, generator=generator)
        yield (2.0 * random - 1).to(away), away.new_tensor([1.0, 1.0])
