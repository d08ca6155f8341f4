"""What a model says in place of the right number, and the waves in its logits. Costs nothing beside the run."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int

from patchwidgets.errors import AnswerError, TaskError, shown
from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.experiment.patch_result import PatchResult
from patchwidgets.helix.representations import MOST_NUMBERS
from patchwidgets.helix.spectrum import Spectrum, spectrum
from patchwidgets.html import Shown
from patchwidgets.tasks import Task
from patchwidgets.tokens import Tokenizer, answer_ids

SPAN = 50
"""Waves in the logits are looked for from so many below the right number to one less above it."""


@dataclass(frozen=True, eq=False)
class LogitWaves(Shown):
    """The mean logit of the number that is so far from the right one; from `AnswerErrors.waves`.

    Attributes
    ----------
    offsets
        Of numbers from the right one, ``[offset]``.
    logits
        The mean over pairs of their logits, less the mean logit of all numbers of the pair, ``[offset]``.
    n_pairs
        Of how many pairs each is the mean, ``[offset]``: those where it is a number that the model has a token for.
    spectrum
        Of the logits from 50 below to 49 above the right number. The right number itself, which stands out, has the
        mean of its neighbours there.
    """

    offsets: Int[np.ndarray, "offset"]
    logits: Float[np.ndarray, "offset"]
    n_pairs: Int[np.ndarray, "offset"]
    spectrum: Spectrum

    def strongest(self, k: int = 5, longest: float = 20.0) -> list[tuple[float, float]]:
        """List the `k` periods with the most power up to the `longest`, each with its fraction of the variance.

        Longer ones say how fast logits fall with the distance from the right number.

        Examples
        --------
        >>> waves = pw.helix.answer_errors(pw.Experiment(model, pw.tasks.addition(50))).waves()
        >>> [period for period, _ in waves.strongest(2)]
        [2.5, 5.0]
        """
        every = self.spectrum.strongest(len(self.spectrum.periods))
        return [(period, power) for period, power in every if period <= longest][:k]

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each offset: columns `offset`, `logit` and `n_pairs`."""
        return pd.DataFrame({"offset": self.offsets, "logit": self.logits, "n_pairs": self.n_pairs})


@dataclass(frozen=True, eq=False)
class AnswerErrors:
    """What a run says on each pair, among all numbers that are one token; from `answer_errors`.

    Attributes
    ----------
    right, said
        The right number, and the number with the highest logit, ``[pair]``.
    first
        Whether that number is the first of all tokens, ``[pair]``.
    logits
        Of every number, ``[pair, number]``; the number is the index.
    task
        The pairs.
    """

    right: Int[np.ndarray, "pair"]
    said: Int[np.ndarray, "pair"]
    first: Bool[np.ndarray, "pair"]
    logits: Float[np.ndarray, "pair number"]
    task: Task

    @property
    def accuracy(self) -> float:
        """The part of the pairs on which the right number is the first of all tokens."""
        return float(((self.said == self.right) & self.first).mean())

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each pair.

        Returns
        -------
        DataFrame
            Columns `clean` (the prompt), `right`, `said`, `off` (said − right) and `first` (the number is the first of
            all tokens).
        """
        return pd.DataFrame(
            {
                "clean": [str(self.task.pair(i).clean) for i in range(len(self.right))],
                "right": self.right,
                "said": self.said,
                "off": self.said - self.right,
                "first": self.first,
            }
        )

    def table(self) -> pd.DataFrame:
        """Return how often which error is made, the most frequent first; without the right answers.

        Returns
        -------
        DataFrame
            By `off` (said − right): columns `pairs` and `share`, the fraction of all pairs.

        Examples
        --------
        A line in place of the helix says about how large the sum is, and no more:

        >>> additions = pw.Experiment(model, pw.tasks.addition(100, part="test"))
        >>> a = pw.helix.operands(additions.task)[:, 0]
        >>> activations = pw.helix.number_activations(model, "L0.resid_pre")
        >>> line = pw.helix.fit_numbers(pw.helix.NUMBERS, activations, pw.helix.LINE)
        >>> values = line.predict(pw.helix.LINE.features(a))
        >>> with_line = pw.helix.patch_values(additions, "L0.resid_pre@a", values)
        >>> errors = pw.helix.answer_errors(with_line)
        >>> errors.accuracy < 0.2, len(errors.table()) > 20
        (True, True)
        """
        off = pd.Series(self.said - self.right, name="off")
        counts = off[off != 0].value_counts().rename("pairs").to_frame()
        counts["share"] = counts["pairs"] / len(off)
        return counts

    def off_by(self, *distances: int) -> pd.DataFrame:
        """Return how many pairs are off by each of some distances, in either direction.

        Parameters
        ----------
        distances
            By default 1, 2, 10 and 100.

        Returns
        -------
        DataFrame
            By `distance`: columns `below`, `above` and `share`, the fraction of all pairs; last ``"others"``.

        Examples
        --------
        >>> pw.helix.answer_errors(pw.Experiment(model, pw.tasks.addition(20))).off_by(1, 10).index.tolist()
        [1, 10, 'others']
        """
        off, chosen = self.said - self.right, distances or (1, 2, 10, 100)
        rows: dict[int | str, tuple[int, int]] = {
            each: (int((off == -each).sum()), int((off == each).sum())) for each in chosen
        }
        other = ~np.isin(np.abs(off), (0, *chosen))
        rows["others"] = int((other & (off < 0)).sum()), int((other & (off > 0)).sum())
        table = pd.DataFrame.from_dict(rows, orient="index", columns=["below", "above"])
        table["share"] = table.sum(axis=1) / len(off)
        return table.rename_axis("distance")

    def waves(self) -> LogitWaves:
        """Return the mean logit by distance from the right number, and of which periods it consists.

        Raises
        ------
        TaskError
            The model has tokens for too few numbers around the right ones.

        Examples
        --------
        >>> errors = pw.helix.answer_errors(pw.Experiment(model, pw.tasks.addition(50)))
        >>> waves = errors.waves()
        >>> int(waves.offsets[waves.logits.argmax()]), waves.to_frame().columns.tolist()
        (0, ['offset', 'logit', 'n_pairs'])
        """
        n_numbers = self.logits.shape[1]
        offsets = np.arange(-(n_numbers - 1), n_numbers)
        number = self.right[:, None] + offsets
        known = (number >= 0) & (number < n_numbers)
        centred = self.logits - self.logits.mean(1, keepdims=True)
        logits = np.take_along_axis(centred, np.clip(number, 0, n_numbers - 1), axis=1)
        n_pairs = known.sum(0)
        there = n_pairs > 0
        means = np.where(known, logits, 0).sum(0)[there] / n_pairs[there]
        offsets = offsets[there]
        window = (offsets >= -SPAN) & (offsets < SPAN)
        if window.sum() < 2 * SPAN:
            raise TaskError(
                f"Waves are looked for from {SPAN} below to {SPAN} above the right numbers, and there are tokens for "
                f"{offsets[0]} to {offsets[-1]} alone. Use more pairs, or a model with more numbers."
            )
        around = means[window].copy()
        around[SPAN] = around[[SPAN - 1, SPAN + 1]].mean()
        return LogitWaves(offsets, means, n_pairs[there], spectrum(around[:, None]))

    def __repr__(self) -> str:
        return f"AnswerErrors({len(self.right)} pairs, {self.accuracy:.0%} right)"


def answer_errors(run: BaseExperiment | PatchResult) -> AnswerErrors:
    """Compare what a model says with the right numbers.

    Parameters
    ----------
    run
        An experiment, whose clean run is taken, or the result of a patch: what is right is the answer of the source.

    Returns
    -------
    AnswerErrors
        ``accuracy``; ``table()`` and ``off_by()``: how often which error is made; ``waves()``: the logits around the
        right number.

    Raises
    ------
    TaskError
        The answers are no numbers, or no single tokens.

    Examples
    --------
    >>> pw.helix.answer_errors(pw.Experiment(model, pw.tasks.addition(50, part="test")))
    AnswerErrors(50 pairs, 100% right)
    """
    exp = run if isinstance(run, BaseExperiment) else run.experiment
    of_foil = isinstance(run, PatchResult) and exp.direction == "noise"
    answers = exp.task.foil if of_foil else exp.task.answer
    right = _right_numbers(exp.task, answers)
    ids = _number_ids(exp.model.tokenizer, exp.task)
    if right.max() >= len(ids):
        raise TaskError(
            f"The answer {right.max()} is no single token: those go up to {len(ids) - 1}. Use a model whose numbers "
            "are single tokens, such as pw.load(), or leave these pairs out."
        )
    logits = (exp.clean.logits if isinstance(run, BaseExperiment) else run.logits).double().cpu()
    of_numbers = logits[:, ids].numpy()
    said = of_numbers.argmax(1)
    first = logits.argmax(1).numpy() == np.array(ids)[said]
    return AnswerErrors(right, said, first, of_numbers, exp.task)


def _right_numbers(task: Task, answers: object) -> Int[np.ndarray, "pair"]:
    texts = answers if isinstance(answers, list) else [answers]
    for text in texts:
        if not isinstance(text, str) or not text.strip().isdecimal():
            raise TaskError(
                "Expected one number in digits as the answer of each pair, as in pw.tasks.addition(); got "
                f"{shown(text)}."
            )
    numbers = [int(str(text)) for text in texts]
    return np.array(numbers * (len(task) if len(numbers) == 1 else 1))


def _number_ids(tokenizer: Tokenizer, task: Task) -> list[int]:
    """The token of every number from 0 on, as it follows the prompts."""
    pair = task.pair(0)
    space = " " if str(pair.answer).startswith(" ") else ""
    ids: list[int] = []
    for number in range(MOST_NUMBERS):
        try:
            found: Sequence[int] = answer_ids(
                tokenizer, str(pair.clean), f"{space}{number}", task.bos, task.chat
            )
        except AnswerError:
            break
        if len(found) > 1:
            break
        ids.append(found[0])
    return ids
