"""One metric of a patched run beside the unpatched runs: effect, share and recovery. Costs nothing."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from patchwidgets.arrays import NDArray
from patchwidgets.directions import Direction, host_name
from patchwidgets.metrics import Metric
from patchwidgets.recovery import recovery, share


@dataclass(frozen=True, eq=False)
class PerPair:
    """The numbers of single pairs; share and recovery are NaN where they are undefined.

    Attributes
    ----------
    value
        metric(patched).
    effect
        metric(patched) − metric(host).
    share
        effect / (metric(source) − metric(host)).
    recovery
        (metric(patched) − metric(corrupted)) / (metric(clean) − metric(corrupted)).

    Examples
    --------
    >>> exp.patch("L0.H1").per_pair.effect.round(1)
    array([12.6])
    """

    value: Float[NDArray[np.float64], "pair"]
    effect: Float[NDArray[np.float64], "pair"]
    share: Float[NDArray[np.float64], "pair"]
    recovery: Float[NDArray[np.float64], "pair"]


@dataclass(frozen=True, eq=False)
class Reading:
    """One metric of the patched run, beside the clean and the corrupted run: ``result["kl"]``.

    Not to be confused with `Readout`, the logits and answers that a metric is computed from.

    Attributes
    ----------
    metric
        Its name, label and unit, and whether its value over pairs is their mean or their median.
    clean, corrupted, patched
        The metric in each of the three runs.
    direction
        Which of the unpatched runs is the host.
    noise_floor
        In the unit of the metric: how much an unpatched run changes when it is computed in another batch.
    drawn
        metric(patched) in each draw of a source that is drawn at random, `patched` is the mean over them; None for any
        other patch.

    Examples
    --------
    >>> both = exp.measuring(["logit_diff", "answer_prob"])
    >>> reading = both.patch("L1.mlp_out")["answer_prob"]
    >>> reading.metric.unit, round(reading.value, 2)
    ('probability', 0.45)
    """

    metric: Metric
    clean: Float[NDArray[np.float64], "pair"]
    corrupted: Float[NDArray[np.float64], "pair"]
    patched: Float[NDArray[np.float64], "pair"]
    direction: Direction
    noise_floor: float
    drawn: Float[NDArray[np.float64], "draw pair"] | None = None

    @property
    def draws(self) -> Float[NDArray[np.float64], "draw pair"]:
        """metric(patched) of each draw and pair; of a patch that is not drawn at random, one row."""
        return self.patched[None] if self.drawn is None else self.drawn

    @property
    def spread(self) -> float:
        """How much the effect over pairs varies from draw to draw: the standard deviation; NaN for one draw."""
        over_pairs = [self.metric.mean(values) for values in self.draws]
        return float(np.std(over_pairs, ddof=1)) if len(over_pairs) > 1 else float("nan")

    @property
    def value(self) -> float:
        """metric(patched): the mean over pairs (for a rank, the median)."""
        return self.metric.mean(self.patched)

    @property
    def effect(self) -> float:
        """metric(patched) − metric(host)."""
        return self.value - self.metric.mean(self._host)

    @property
    def within_noise(self) -> bool:
        """Whether the effect is not 0, but no larger than the noise floor: rounding alone may have made it."""
        return 0 < abs(self.effect) <= self.noise_floor

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

    def of_pair(self, pair: int) -> "Reading":
        """The same metric of one pair alone, by its number.

        Examples
        --------
        >>> round(float(exp.patch("L0.H1")["logit_diff"].of_pair(0).recovery), 2)
        0.99
        """
        one = slice(pair, pair + 1)
        drawn = None if self.drawn is None else self.drawn[:, one]
        runs = self.clean[one], self.corrupted[one], self.patched[one]
        return replace(self, clean=runs[0], corrupted=runs[1], patched=runs[2], drawn=drawn)

    @property
    def _host(self) -> Float[NDArray[np.float64], "pair"]:
        return self.clean if host_name(self.direction) == "clean" else self.corrupted

    @property
    def _means(self) -> tuple[float, float]:
        """The metric of the clean and of the corrupted run, over pairs."""
        return self.metric.mean(self.clean), self.metric.mean(self.corrupted)
