"""The metrics of an experiment's runs, pair by pair, and how much of them is noise."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from torch import Tensor

from patchwidgets.metrics import Metric, Readout, Values, evaluate
from patchwidgets.tasks import Pair


class Scores:
    """Metrics over the pairs of a task.

    Parameters
    ----------
    metrics
        By name.
    pairs
        With the ids of answers and foils.
    logits
        ``[pair, vocabulary]`` of the clean and the corrupted run, by name.

    Attributes
    ----------
    values
        ``[pair]`` by run and metric.
    """

    def __init__(
        self, metrics: dict[str, Metric], pairs: Sequence[Pair], logits: Mapping[str, Tensor]
    ) -> None:
        self.metrics = metrics
        self._pairs = pairs
        self._clean = logits["clean"]
        self.values = {run: self.measure(each) for run, each in logits.items()}

    def means(self, run: str) -> dict[str, float]:
        """Every metric of a run over all pairs."""
        return {name: self.metrics[name].mean(values) for name, values in self.values[run].items()}

    def measure(self, logits: Tensor, rows: Sequence[int] | None = None) -> dict[str, Values]:
        """Every metric of some pairs (default: all), ``[row]`` by name; logits ``[row, vocabulary]``."""
        rows = list(range(len(self._pairs)) if rows is None else rows)
        pairs = [self._pairs[row] for row in rows]
        foils = [list(pair.foils) for pair in pairs if pair.foils is not None]
        answers = [list(pair.answers) for pair in pairs]
        readout = Readout(logits, self._clean[rows], answers, foils or None, rows)
        return {name: evaluate(metric, readout) for name, metric in self.metrics.items()}

    def noise_floor(
        self, again: Mapping[str, Tensor], rows: Sequence[int], eps: float
    ) -> dict[str, float]:
        """Per metric the largest change between two unpatched runs, and at least two spacings of the largest logit.

        Parameters
        ----------
        again
            Logits of `rows` by run, computed another time in another batch.
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
            for name, values in self.measure(logits, rows).items():
                floor[name] = max(
                    floor[name], float(np.abs(values - self.values[run][name][list(rows)]).max())
                )
        return floor
