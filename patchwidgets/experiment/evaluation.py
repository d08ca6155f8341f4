"""The metrics of an experiment's runs, pair by pair.

A metric reads each pair at one position, or at several if it names a range. An *entry* is one such place: the number of
a pair and a position in its clean prompt. A pair's value is the mean over its entries.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from patchwidgets.directions import RunName
from patchwidgets.errors import MetricError
from patchwidgets.experiment.read_positions import ReadPositions
from patchwidgets.metrics import Metric, Readout, Values, computed, evaluate, is_named, kl
from patchwidgets.sites import Entry, Position
from patchwidgets.tasks import Pair


class Evaluation:
    """Computes the metrics of a task's pairs from logits.

    Parameters
    ----------
    metrics
        By name.
    pairs
        The pairs of the task, with the ids of answers and foils.
    read_positions
        Where the metrics read each pair.
    logits
        float32 ``[entry, vocabulary]`` of the clean and the corrupted run, by name, at `read_positions`.
    joint
        ``[pair, 2]`` of both runs, as in `ScoredOutput.joint`; only where answers have several tokens.

    Attributes
    ----------
    values
        Every metric of the unpatched runs, ``[pair]``, by run and metric.
    """

    def __init__(
        self,
        metrics: dict[str, Metric],
        pairs: Sequence[Pair],
        read_positions: ReadPositions,
        logits: Mapping[str, Float[Tensor, "entry vocabulary"]],
        joint: Mapping[str, Float[Tensor, "pair 2"]] | None = None,
    ) -> None:
        self.metrics = metrics
        self.read_positions = read_positions
        self._pairs = pairs
        self._clean_logits = logits["clean"]
        self._entries = read_positions.entries(range(len(pairs)))
        self._entry_number = {entry: i for i, entry in enumerate(self._entries)}
        self._unpatched = {
            run: self.measure_entries(
                of_run,
                self._entries,
                joint[run][[pair for pair, _ in self._entries]] if joint else None,
            )
            for run, of_run in logits.items()
        }
        self.values: dict[str, dict[str, Values]] = {
            run: self._mean_over_entries(values, range(len(pairs)))
            for run, values in self._unpatched.items()
        }

    @property
    def needs_joint(self) -> bool:
        """Whether some metric may read the joint probabilities of answers of several tokens."""
        return any(pair.long_answers for pair in self._pairs) and any(
            metric.function is not kl and self.read_positions.is_last(metric.pos)
            for metric in self.metrics.values()
        )

    def means(self, run: str) -> dict[str, float]:
        """Every metric of an unpatched run over all pairs: the mean, or the median where the metric asks for it."""
        return {name: self.metrics[name].mean(values) for name, values in self.values[run].items()}

    def measure(
        self,
        logits: Float[Tensor, "entry vocabulary"],
        pairs: Sequence[int],
        joint: Float[Tensor, "pair 2"] | None = None,
    ) -> dict[str, Float[np.ndarray, "pair"]]:
        """Every metric of some pairs, by name.

        Parameters
        ----------
        logits
            At all entries of these pairs, one pair after the other.
        pairs
            Numbers of pairs in the task.
        joint
            As in `ScoredOutput.joint`; needed where answers have several tokens.

        Raises
        ------
        MetricError
            Answers have several tokens, and `joint` is missing.
        """
        entries = self.read_positions.entries(pairs)
        by_metric = self.measure_entries(logits, entries, self._of_entries(joint, pairs))
        return self._mean_over_entries(by_metric, pairs)

    def measure_patched(
        self,
        logits: Float[Tensor, "entry vocabulary"],
        pairs: Sequence[int],
        starts: Sequence[int],
        host: RunName,
        joint: Float[Tensor, "pair 2"] | None = None,
    ) -> dict[str, Float[np.ndarray, "pair"]]:
        """Every metric of some patched pairs, by name.

        As `measure`, but entries before a pair's first patched position get the host's own value: a causal model
        cannot know of the patch there, so a difference could only be rounding.

        Parameters
        ----------
        starts
            For each pair, the first position of the host prompt that is patched.
        """
        entries = self.read_positions.entries(pairs)
        start_of = dict(zip(pairs, starts, strict=True))
        unaffected = [
            i
            for i, entry in enumerate(entries)
            if self.read_positions.index(host, entry) < start_of[entry[0]]
        ]
        by_metric = self.measure_entries(logits, entries, self._of_entries(joint, pairs))
        for name, values in by_metric.items():
            values[unaffected] = self.unpatched_values(host, name, [entries[i] for i in unaffected])
        return self._mean_over_entries(by_metric, pairs)

    def unpatched_values(
        self, run: str, metric: str, entries: Sequence[Entry]
    ) -> Float[np.ndarray, "entry"]:
        """One metric of an unpatched run at some entries; NaN where the metric does not read."""
        return self._unpatched[run][metric][[self._entry_number[entry] for entry in entries]]

    def mean_with(self, run: str, metric: str, pair: int, known: Mapping[Entry, float]) -> float:
        """One metric of one pair: the mean over its entries, of which those that are not known are an unpatched run's.

        `known` is NaN where the metric does not read.
        """
        entries = self.read_positions.entries([pair])
        of_run = self.unpatched_values(run, metric, entries)
        values = [known.get(each, own) for each, own in zip(entries, of_run, strict=True)]
        return float(np.nanmean(values))

    def measure_entries(
        self,
        logits: Float[Tensor, "entry vocabulary"],
        entries: Sequence[Entry],
        joint: Float[Tensor, "entry 2"] | None = None,
    ) -> dict[str, Float[np.ndarray, "entry"]]:
        """Every metric at each of some entries, by name; NaN where a metric does not read.

        `joint` is as in `ScoredOutput.joint`, for the pair of each entry.

        Raises
        ------
        MetricError
            Answers have several tokens, and `joint` is missing.
        """
        if joint is None and self.needs_joint:
            raise MetricError(
                "An answer of the task has several tokens. These are scored in a pass of their own, not from the last "
                "position's logits alone; use Experiment.patch or Experiment.sweep."
            )
        return self.measure_readouts(
            entries, lambda pos, chosen: self._readout(logits, entries, pos, chosen, joint)
        )

    def measure_readouts(
        self, entries: Sequence[Entry], make_readout: Callable[[Position, list[int]], Readout]
    ) -> dict[str, Float[np.ndarray, "entry"]]:
        """Every metric at each of some entries, as `measure_entries`, for callers that make the readouts themselves.

        Parameters
        ----------
        make_readout
            From the position that a metric names, and indices into `entries`, to what the metric may read there.
        """
        chosen = {
            pos: self.read_positions.chosen(pos, entries) for pos in self.read_positions.spans
        }
        readouts = {pos: make_readout(pos, indices) for pos, indices in chosen.items() if indices}
        by_metric = {}
        for name, metric in self.metrics.items():
            by_metric[name] = np.full(len(entries), np.nan)
            if chosen[metric.pos]:
                readout = _own(readouts[metric.pos], metric)
                by_metric[name][chosen[metric.pos]] = evaluate(metric, readout)
        return by_metric

    def measure_with_gradient(
        self,
        metric: Metric,
        logits: Float[Tensor, "entry vocabulary"],
        pairs: Sequence[int],
        joint: Float[Tensor, "pair 2"] | None = None,
    ) -> Float[Tensor, "pair"]:
        """One metric of some pairs, as `measure`, but as a tensor through which gradients flow back to the logits."""
        entries = self.read_positions.entries(pairs)
        chosen = self.read_positions.chosen(metric.pos, entries)
        of_entries = self._of_entries(joint, pairs)
        readout = self._readout(logits, entries, metric.pos, chosen, of_entries)
        values = computed(metric, _own(readout, metric))
        rows = [row for row, pair in enumerate(pairs) for _ in self.read_positions.positions[pair]]
        numbers = [rows[i] for i in chosen]
        index = torch.tensor(numbers, device=values.device)
        counts = torch.bincount(index, minlength=len(pairs))
        return values.new_zeros(len(pairs)).index_add(0, index, values) / counts

    def _readout(
        self,
        logits: Float[Tensor, "entry vocabulary"],
        entries: Sequence[Entry],
        pos: Position,
        chosen: list[int],
        joint: Float[Tensor, "entry 2"] | None,
    ) -> Readout:
        entries = [entries[i] for i in chosen]
        pairs = [self._pairs[pair] for pair, _ in entries]
        if not self.read_positions.is_last(pos):
            joint = None  # joint probabilities of answers exist only at the last position
        foils = [list(pair.foils) for pair in pairs if pair.foils is not None]
        clean = self._clean_logits[[self._entry_number[entry] for entry in entries]]
        return Readout(
            logits if len(chosen) == len(logits) else logits[chosen],
            clean.to(logits.device),  # a model over several devices unembeds on the last of them
            [list(pair.answers) for pair in pairs],
            foils or None,
            [pair for pair, _ in entries],
            *(None, None) if joint is None else joint[chosen].unbind(-1),
        )

    def _of_entries(
        self, joint: Float[Tensor, "pair 2"] | None, pairs: Sequence[int]
    ) -> Float[Tensor, "entry 2"] | None:
        """Repeat what belongs to some pairs for each of their entries."""
        if joint is None:
            return None
        return joint[
            [i for i, pair in enumerate(pairs) for _ in self.read_positions.positions[pair]]
        ]

    def _mean_over_entries(
        self, by_metric: Mapping[str, Float[np.ndarray, "entry"]], pairs: Sequence[int]
    ) -> dict[str, Float[np.ndarray, "pair"]]:
        """From values at all entries of some pairs to the mean of each pair, where the metric reads."""
        number = [i for i, pair in enumerate(pairs) for _ in self.read_positions.positions[pair]]
        return {
            name: np.bincount(number, np.nan_to_num(values))
            / np.bincount(number, ~np.isnan(values))
            for name, values in by_metric.items()
        }

    @property
    def n_pairs(self) -> int:
        """How many pairs the task has."""
        return len(self._pairs)

    def answer_ids(self, pairs: Sequence[int]) -> list[tuple[int, ...]]:
        """The first tokens of the answers, for each entry of some pairs."""
        return [self._pairs[pair].first_tokens for pair, _ in self.read_positions.entries(pairs)]


def _own(readout: Readout, metric: Metric) -> Readout:
    """Return what a metric may read. A user's function gets a copy: it may write into the logits, which others read."""
    return readout if is_named(metric) else readout.copy()
