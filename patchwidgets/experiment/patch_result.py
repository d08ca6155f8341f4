"""What a patch did: the metrics with effect, share and recovery, the top tokens of the three runs, the reach."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from torch import Tensor

from patchwidgets.directions import Direction, host_name
from patchwidgets.errors import MetricError
from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.experiment.reach import Reach, measure_reach
from patchwidgets.metrics import Metric, Values
from patchwidgets.models.run import TopToken, chosen, top_tokens
from patchwidgets.recovery import recovery, share
from patchwidgets.sites import Patch, Position

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class PerPair:
    """Single pairs: each ``[pair]`` float64; share and recovery are NaN where undefined."""

    value: Values
    effect: Values
    share: Values
    recovery: Values


@dataclass(frozen=True, eq=False)
class Reading:
    """One metric of the patched run, beside that of the other runs.

    Attributes
    ----------
    metric
        Its name, label, unit and how a dataset is summed up.
    clean, corrupted, patched
        Values of single pairs, ``[pair]``.
    direction
        Which of them was patched.
    noise_floor
        In the unit of the metric: how far an unpatched run is off when it is computed in another batch.
    """

    metric: Metric
    clean: Values
    corrupted: Values
    patched: Values
    direction: Direction
    noise_floor: float

    @property
    def value(self) -> float:
        """metric(patched): the mean over pairs (the median for a rank)."""
        return self.metric.mean(self.patched)

    @property
    def effect(self) -> float:
        """metric(patched) − metric(host)."""
        return self.value - self.metric.mean(self._host)

    @property
    def share(self) -> float:
        """effect / (metric(source) − metric(host)), a ratio of means; NaN where undefined."""
        clean, corrupted = self._means
        return float(share(self.effect, clean, corrupted, self.noise_floor, self.direction))

    @property
    def recovery(self) -> float:
        """(patched − corrupted) / (clean − corrupted), a ratio of means; NaN where undefined."""
        return float(recovery(self.value, *self._means, self.noise_floor))

    @property
    def reason(self) -> str | None:
        """Why share and recovery are undefined, or None where they are defined."""
        clean, corrupted = self._means
        if abs(clean - corrupted) > self.noise_floor:
            return None
        return (
            f"No recovery: the clean prompt gives {clean:+.4g} and the corrupted {corrupted:+.4g} {self.metric.label}, "
            f"equal to within the noise floor of {self.noise_floor:.1g}. Change a prompt, the answer or the metric."
        )

    @property
    def per_pair(self) -> PerPair:
        """The same numbers for single pairs."""
        unpatched = (self.clean, self.corrupted)
        effect = self.patched - self._host
        return PerPair(
            self.patched,
            effect,
            share(effect, *unpatched, self.noise_floor, self.direction),
            recovery(self.patched, *unpatched, self.noise_floor),
        )

    @property
    def _host(self) -> Values:
        return self.clean if host_name(self.direction) == "clean" else self.corrupted

    @property
    def _means(self) -> tuple[float, float]:
        """Of the clean and the corrupted run."""
        return self.metric.mean(self.clean), self.metric.mean(self.corrupted)


@dataclass(frozen=True)
class TokenScore:
    """A token's logit and probability in one run, of one pair or means over pairs."""

    logit: float
    prob: float


@dataclass(frozen=True)
class TopTokenRow:
    """One next token in the three runs."""

    token: str
    id: int
    clean: TokenScore
    patched: TokenScore
    corrupted: TokenScore


class PatchResult:
    """The outcome of a patch, or of several at once.

    Attributes
    ----------
    experiment
        In which it was patched.
    patches
        What was patched, jointly.
    readings
        By the name of the metric, in the experiment's order.
    logits
        float32 ``[pair, vocabulary]`` of the patched run at the last prompt position.
    seconds
        How long the patched run took.
    """

    def __init__(
        self,
        experiment: BaseExperiment,
        patches: Sequence[Patch],
        readings: dict[str, Reading],
        logits: Tensor,
        seconds: float,
        reach: Reach | None = None,
    ) -> None:
        self.experiment = experiment
        self.patches = tuple(patches)
        self.readings = readings
        self.logits = logits
        self.seconds = seconds
        self._reach = reach

    @property
    def sites(self) -> tuple[str, ...]:
        """The sites that were patched, as strings."""
        return tuple(str(patch.site) for patch in self.patches)

    def __getitem__(self, metric: str) -> Reading:
        if metric not in self.readings:
            raise MetricError(
                f"This experiment does not measure {metric!r}; it measures {', '.join(self.readings)}."
            )
        return self.readings[metric]

    @property
    def _first(self) -> Reading:
        return next(iter(self.readings.values()))

    @property
    def value(self) -> float:
        """metric(patched), of the first metric, over pairs."""
        return self._first.value

    @property
    def effect(self) -> float:
        """metric(patched) − metric(host), of the first metric, over pairs."""
        return self._first.effect

    @property
    def share(self) -> float:
        """effect / (metric(source) − metric(host)): 0 is nothing, 1 all the way to the source; NaN where undefined."""
        return self._first.share

    @property
    def recovery(self) -> float:
        """0 is the corrupted run, 1 the clean one; NaN where undefined."""
        return self._first.recovery

    @property
    def reason(self) -> str | None:
        """Why share and recovery are undefined, or None where they are defined."""
        return self._first.reason

    @property
    def per_pair(self) -> PerPair:
        """The same numbers for single pairs."""
        return self._first.per_pair

    def __repr__(self) -> str:
        sites = " + ".join(self.sites) or "nothing"
        reading = self._first
        recovery = "undefined" if np.isnan(reading.recovery) else f"{reading.recovery:.3f}"
        return (
            f"PatchResult({sites}, {self.experiment.direction}: {reading.metric.label} {reading.value:+.3f}, "
            f"effect {reading.effect:+.3f}, recovery {recovery})"
        )

    def to_frame(self) -> "pd.DataFrame":
        """One row per metric: value, effect, share, recovery."""
        import pandas as pd

        columns = ("value", "effect", "share", "recovery")
        rows = {
            name: [getattr(reading, column) for column in columns]
            for name, reading in self.readings.items()
        }
        return pd.DataFrame.from_dict(rows, orient="index", columns=list(columns)).rename_axis(
            "metric"
        )

    def top_tokens(self, k: int = 5, pair: int | None = None) -> list[TopTokenRow]:
        """The `k` next tokens with the largest probability in any of the three runs (means over pairs, or one pair)."""
        exp = self.experiment
        runs = {
            "clean": exp.clean.logits,
            "patched": self.logits,
            "corrupted": exp.corrupted.logits,
        }
        logits = {name: chosen(run, pair).mean(0) for name, run in runs.items()}
        probs = {name: chosen(run, pair).softmax(-1).mean(0) for name, run in runs.items()}
        largest = probs["clean"].maximum(probs["patched"]).maximum(probs["corrupted"])
        found = largest.topk(k).indices.tolist()
        rows = []
        for name, i in zip(exp.model.token_strings(found), found, strict=True):
            evaluation = {
                run: TokenScore(float(logits[run][i]), float(probs[run][i])) for run in runs
            }
            rows.append(TopTokenRow(name, i, **evaluation))
        return rows

    def run_tokens(self, k: int = 5, pair: int | None = None) -> list[TopToken]:
        """The `k` most probable next tokens of the patched run alone (by mean over pairs, or of one pair)."""
        return top_tokens(self.experiment.model.tokenizer, chosen(self.logits, pair), k)

    def reach(self, pos: Position = -1) -> Reach:
        """How far every component moved from the host towards the source at a position (default: the last)."""
        if pos == -1 and self._reach is not None:
            return self._reach
        return measure_reach(self.experiment, self.patches, pos)
