"""The metrics of an experiment's runs, pair by pair, and how much of them is noise."""

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from patchwidgets.directions import RunName
from patchwidgets.errors import MetricError
from patchwidgets.experiment.read_positions import ReadPositions
from patchwidgets.metrics import Metric, Readout, Values, evaluate
from patchwidgets.sites import Entry
from patchwidgets.tasks import Pair
from patchwidgets.tokens import visible


class Evaluation:
    """Metrics over the pairs of a task.

    Parameters
    ----------
    metrics
        By name.
    pairs
        With the ids of answers and foils.
    read_positions
        Where the metrics read.
    logits, joint
        float32 ``[entry, vocabulary]`` of the clean and the corrupted run, by name, at `read_positions`; and
        ``[pair, 2]`` as of `Forced.joint`, where answers have several tokens.

    Attributes
    ----------
    values
        ``[pair]`` by run and metric.
    """

    def __init__(
        self,
        metrics: dict[str, Metric],
        pairs: Sequence[Pair],
        read_positions: ReadPositions,
        logits: Mapping[str, Tensor],
        joint: Mapping[str, Tensor] | None = None,
    ) -> None:
        self.metrics = metrics
        self.read_positions = read_positions
        self._pairs = pairs
        self._clean = logits["clean"]
        self._entries = read_positions.entries(range(len(pairs)))
        self._number = {entry: i for i, entry in enumerate(self._entries)}
        self._unpatched = {
            run: self.at(each, self._entries, joint[run] if joint else None)
            for run, each in logits.items()
        }
        self.values = {
            run: self._over_positions(each, range(len(pairs)))
            for run, each in self._unpatched.items()
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
            ``[entry, vocabulary]`` wherever these pairs are read, one pair after the other.
        joint
            ``[row, 2]`` as of `Forced.joint`; needed where answers have several tokens.

        Raises
        ------
        MetricError
            Answers have several tokens, and `joint` is missing.
        """
        rows = range(len(self._pairs)) if rows is None else rows
        return self._over_positions(self.at(logits, self.read_positions.entries(rows), joint), rows)

    def measure_patched(
        self,
        logits: Tensor,
        rows: Sequence[int],
        starts: Sequence[int],
        host: RunName,
        joint: Tensor | None = None,
    ) -> dict[str, Values]:
        """Every metric of some pairs as of `measure`, of runs that are the host's before their first patched position.

        Parameters
        ----------
        starts
            For each row the first position of the host prompt that is patched. At an earlier one, where a causal model
            knows nothing of the patch, the host's number is exactly the patched one's, however the pass was rounded.
        """
        entries = self.read_positions.entries(rows)
        first = dict(zip(rows, starts, strict=True))
        before = [
            i
            for i, each in enumerate(entries)
            if self.read_positions.index(host, each) < first[each[0]]
        ]
        found = self.at(logits, entries, joint)
        for name, values in found.items():
            values[before] = self.unpatched(host, name, [entries[i] for i in before])
        return self._over_positions(found, rows)

    def unpatched(self, run: str, name: str, entries: Sequence[Entry]) -> Values:
        """One metric of an unpatched run, ``[entry]``; NaN where it does not read."""
        return self._unpatched[run][name][[self._number[entry] for entry in entries]]

    def at(
        self, logits: Tensor, entries: Sequence[Entry], joint: Tensor | None = None
    ) -> dict[str, Values]:
        """Every metric at some pairs and positions, ``[entry]`` by name; NaN where a metric does not read."""
        several = any(self._pairs[pair].long_answers for pair, _ in entries)
        if joint is None and several:
            raise MetricError(
                "An answer of the task has several tokens, which are scored in a pass of their own and not from the "
                "last position's logits alone; use Experiment.patch, or answers of one token."
            )
        return self.each(entries, lambda chosen: self._readout(logits, entries, chosen, joint))

    def each(
        self, entries: Sequence[Entry], readout: Callable[[list[int]], Readout]
    ) -> dict[str, Values]:
        """As `at`, from a function that hands over the logits of some of the entries."""
        at = {pos: self.read_positions.chosen(pos, entries) for pos in self.read_positions.spans}
        readouts = {pos: readout(chosen) for pos, chosen in at.items() if chosen}
        found = {}
        for name, metric in self.metrics.items():
            found[name] = np.full(len(entries), np.nan)
            if at[metric.pos]:
                found[name][at[metric.pos]] = evaluate(metric, readouts[metric.pos])
        return found

    def differentiable(self, metric: Metric, logits: Tensor, rows: Sequence[int]) -> Tensor:
        """One metric of some pairs, ``[row]`` as of `measure`, as a tensor that may pass gradients on to the logits."""
        entries = self.read_positions.entries(rows)
        chosen = self.read_positions.chosen(metric.pos, entries)
        values = torch.as_tensor(metric.function(self._readout(logits, entries, chosen, None)))
        of_rows = [list(rows).index(entries[i][0]) for i in chosen]
        index = torch.tensor(of_rows, device=values.device)
        counts = torch.bincount(index, minlength=len(rows))
        return values.new_zeros(len(rows)).index_add(0, index, values) / counts

    def _readout(
        self, logits: Tensor, entries: Sequence[Entry], chosen: list[int], joint: Tensor | None
    ) -> Readout:
        entries = [entries[i] for i in chosen]
        pairs = [self._pairs[pair] for pair, _ in entries]
        behind = all(pos == len(pair) - 1 for (_, pos), pair in zip(entries, pairs, strict=True))
        foils = [list(pair.foils) for pair in pairs if pair.foils is not None]
        return Readout(
            logits if len(chosen) == len(logits) else logits[chosen],
            self._clean[[self._number[entry] for entry in entries]],
            [list(pair.answers) for pair in pairs],
            foils or None,
            [pair for pair, _ in entries],
            *(None, None) if joint is None or not behind else joint.unbind(-1),
        )

    def _over_positions(
        self, found: Mapping[str, Values], pairs: Sequence[int]
    ) -> dict[str, Values]:
        """Every metric's mean over its positions, ``[row]`` by name, of rows that are wholly read."""
        rows = [row for row, pair in enumerate(pairs) for _ in self.read_positions.positions[pair]]
        return {
            name: np.bincount(rows, np.nan_to_num(values)) / np.bincount(rows, ~np.isnan(values))
            for name, values in found.items()
        }

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
            Logits of `rows` by run, wherever they are read, computed another time in another batch; `joint` as well.
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
