"""The metrics of an experiment's runs, pair by pair, and how much of them is noise."""

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from torch import Tensor

from patchwidgets.errors import MetricError
from patchwidgets.metrics import Metric, Readout, Values, evaluate
from patchwidgets.tasks import Pair
from patchwidgets.tokens import visible


class Scores:
    """Metrics over the pairs of a task.

    Parameters
    ----------
    metrics
        By name.
    pairs
        With the ids of answers and foils.
    logits, joint
        ``[pair, vocabulary]`` of the clean and the corrupted run, by name; and ``[pair, 2]`` as of `Forced.joint`,
        where answers have several tokens.

    Attributes
    ----------
    values
        ``[pair]`` by run and metric.
    """

    def __init__(
        self,
        metrics: dict[str, Metric],
        pairs: Sequence[Pair],
        logits: Mapping[str, Tensor],
        joint: Mapping[str, Tensor] | None = None,
    ) -> None:
        self.metrics = metrics
        self._pairs = pairs
        self._clean = logits["clean"]
        self.values = {
            run: self.measure(each, joint=joint[run] if joint else None)
            for run, each in logits.items()
        }

    def means(self, run: str) -> dict[str, float]:
        """Every metric of a run over all pairs."""
        return {name: self.metrics[name].mean(values) for name, values in self.values[run].items()}

    def measure(
        self, logits: Tensor, rows: Sequence[int] | None = None, joint: Tensor | None = None
    ) -> dict[str, Values]:
        """Every metric of some pairs (default: all), ``[row]`` by name.

        Parameters
        ----------
        logits
            ``[row, vocabulary]`` at the last prompt position.
        joint
            ``[row, 2]`` as of `Forced.joint`; needed where answers have several tokens.

        Raises
        ------
        MetricError
            Answers have several tokens, and `joint` is missing.
        """
        rows = list(range(len(self._pairs)) if rows is None else rows)
        pairs = [self._pairs[row] for row in rows]
        if joint is None and any(pair.long_answers for pair in pairs):
            raise MetricError(
                "An answer of the task has several tokens, which are scored in a pass of their own and not from the "
                "last position's logits alone; use Experiment.patch, or answers of one token."
            )
        foils = [list(pair.foils) for pair in pairs if pair.foils is not None]
        answers = [list(pair.answers) for pair in pairs]
        readout = Readout(
            logits,
            self._clean[rows],
            answers,
            foils or None,
            rows,
            *(None, None) if joint is None else joint.unbind(-1),
        )
        return {name: evaluate(metric, readout) for name, metric in self.metrics.items()}

    def noise_floor(
        self,
        again: Mapping[str, Tensor],
        rows: Sequence[int],
        eps: float,
        joint: Mapping[str, Tensor] | None = None,
    ) -> dict[str, float]:
        """Per metric the largest change between two unpatched runs, and at least two spacings of the largest logit.

        Parameters
        ----------
        again
            Logits of `rows` by run, computed another time in another batch; `joint` as well.
        eps
            Of the model's dtype.
        """
        largest = max(float(logits.abs().max()) for logits in again.values())
        spacing = eps * 2.0 ** math.floor(math.log2(largest))
        floor = {
            name: 0.0 if metric.unit == "rank" else 2 * spacing
            for name, metric in self.metrics.items()
        }
        for run, logits in again.items():
            measured = self.measure(logits, rows, None if joint is None else joint[run])
            for name, values in measured.items():
                floor[name] = max(
                    floor[name], float(np.abs(values - self.values[run][name][list(rows)]).max())
                )
        return floor


def weak_answers(
    pairs: Sequence[Pair], clean: Tensor, token_strings: Callable[[Sequence[int]], list[str]]
) -> list[str]:
    """Say which answers the clean run, logits ``[pair, vocabulary]``, does not give: their effects explain little."""
    best = clean.argmax(-1).tolist()
    missed = [
        (top, pair) for top, pair in zip(best, pairs, strict=True) if top not in pair.first_tokens
    ]
    if not missed:
        return []
    if len(pairs) > 1:
        return [
            f"On {len(missed)} of {len(pairs)} clean prompts the model prefers another token than the answer."
        ]
    top, pair = missed[0]
    shown, answer = (visible(name) for name in token_strings([top, pair.first_tokens[0]]))
    return [f"On the clean prompt the model prefers {shown} to {answer}; effects explain little."]
