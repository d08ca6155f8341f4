"""What a patch did: the metrics with effect, share and recovery, the top tokens of the three runs, the reach."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from torch import Tensor

from patchwidgets.errors import MetricError
from patchwidgets.metrics import Metric, Values, fraction
from patchwidgets.run import TopToken, chosen, top_tokens

if TYPE_CHECKING:
    import pandas as pd

    from patchwidgets.experiment import Experiment
    from patchwidgets.reach import Reach
    from patchwidgets.sites import Patch, Position


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
    host, source
        ``"clean"`` or ``"corrupted"``.
    noise_floor
        In the unit of the metric: how far an unpatched run is off when it is computed in another batch.
    """

    metric: Metric
    clean: Values
    corrupted: Values
    patched: Values
    denoise: bool
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
        return fraction(
            self.effect,
            self.metric.mean(self._source) - self.metric.mean(self._host),
            self.noise_floor,
        )

    @property
    def recovery(self) -> float:
        """(patched − corrupted) / (clean − corrupted), a ratio of means; NaN where undefined."""
        corrupted = self.metric.mean(self.corrupted)
        return fraction(
            self.value - corrupted, self.metric.mean(self.clean) - corrupted, self.noise_floor
        )

    @property
    def reason(self) -> str | None:
        """Why share and recovery are undefined, or None where they are defined."""
        clean, corrupted = self.metric.mean(self.clean), self.metric.mean(self.corrupted)
        if abs(clean - corrupted) > self.noise_floor:
            return None
        return (
            f"No recovery: the clean prompt gives {clean:+.4g} and the corrupted {corrupted:+.4g} {self.metric.label}, "
            f"equal to within the noise floor of {self.noise_floor:.1g}. Change a prompt, the answer or the metric."
        )

    @property
    def per_pair(self) -> PerPair:
        """The same numbers for single pairs."""
        effect = self.patched - self._host
        share = _fractions(effect, self._source - self._host, self.noise_floor)
        recovery = _fractions(
            self.patched - self.corrupted, self.clean - self.corrupted, self.noise_floor
        )
        return PerPair(self.patched, effect, share, recovery)

    @property
    def _host(self) -> Values:
        return self.corrupted if self.denoise else self.clean

    @property
    def _source(self) -> Values:
        return self.clean if self.denoise else self.corrupted


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
        experiment: "Experiment",
        patches: "Sequence[Patch]",
        readings: dict[str, Reading],
        logits: Tensor,
        seconds: float,
        reach: "Reach | None" = None,
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

    value = property(lambda self: self._first.value, doc="metric(patched), of the first metric.")
    effect = property(
        lambda self: self._first.effect, doc="metric(patched) − metric(host), of the first metric."
    )
    share = property(
        lambda self: self._first.share,
        doc="The part of the way from host to source; NaN if undefined.",
    )
    recovery = property(
        lambda self: self._first.recovery, doc="0 = corrupted, 1 = clean; NaN if undefined."
    )
    reason = property(
        lambda self: self._first.reason, doc="Why share and recovery are undefined, or None."
    )
    per_pair = property(lambda self: self._first.per_pair, doc="Single pairs, of the first metric.")

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
            scores = {run: TokenScore(float(logits[run][i]), float(probs[run][i])) for run in runs}
            rows.append(TopTokenRow(name, i, **scores))
        return rows

    def run_tokens(self, k: int = 5, pair: int | None = None) -> list[TopToken]:
        """The `k` most probable next tokens of the patched run alone (by mean over pairs, or of one pair)."""
        return top_tokens(self.experiment.model, chosen(self.logits, pair), k)

    def reach(self, pos: "Position" = -1) -> "Reach":
        """How far every component moved from the host towards the source at a position (default: the last)."""
        if pos == -1 and self._reach is not None:
            return self._reach
        return self.experiment.reach(*self.patches, pos=pos)


def _fractions(change: Values, whole: Values, noise_floor: float) -> Values:
    return np.array([fraction(c, w, noise_floor) for c, w in zip(change, whole, strict=True)])
