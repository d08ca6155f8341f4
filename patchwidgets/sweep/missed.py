"""What a choice of neurons (`top=`) may have missed, estimated from an exact sample of the others. Costs nothing."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from patchwidgets.errors import SiteError
from patchwidgets.hooks.interrupts import Uninterrupted
from patchwidgets.sweep.dataset import pair_values

if TYPE_CHECKING:
    import xarray as xr

CONFIDENCE = 0.95
"""Of the upper bound, one-sided."""


@dataclass(frozen=True)
class Missed:
    """How many sites outside a choice have a larger effect than the `k`-th largest inside it: `SweepResult.missed`.

    Attributes
    ----------
    k
        Of which rank the effect is that the others are compared with.
    others, sampled
        How many sites were not chosen, and how many of them were drawn at random and computed exactly.
    larger
        The sites of the sample whose effect is larger.
    estimate
        How many there are among all others, if they are as frequent as in the sample; NaN without a sample.
    upper
        An upper bound of that number that holds in 95 % of all samples (the exact binomial one of Clopper and Pearson).

    Examples
    --------
    >>> s = exp.sweep("neuron", top=pw.Top(100, sampled=50), progress=False)
    >>> missed = s.missed(k=10)
    >>> missed.others, missed.sampled, missed.larger, missed.upper
    (1948, 50, (), 113)
    """

    k: int
    others: int
    sampled: int
    larger: tuple[str, ...]
    estimate: float
    upper: int

    @property
    def warning(self) -> str | None:
        """A sentence if the sample says that some of the `k` largest sites are likely missed; else None."""
        if not self.larger:
            return None
        return (
            f"Some of the {self.k} largest sites are likely missed: {len(self.larger)} of {self.sampled:,} sites drawn "
            f"from the {self.others:,} that were not chosen are larger than the {_ordinal(self.k)} "
            f"({', '.join(self.larger[:3])}{', …' * (len(self.larger) > 3)}), so about {self.estimate:,.0f} may be. "
            "Choose more with top=, or leave top= out."
        )


def missed_of(of_metric: "xr.Dataset", k: int, chosen: Float[np.ndarray, "site"]) -> Missed:
    """Compare the sample in a sweep's dataset with the `k`-th largest of the chosen sites.

    Parameters
    ----------
    of_metric
        One metric of the dataset.
    chosen
        The effects of the chosen sites over pairs; NaN where not computed.

    Raises
    ------
    SiteError
        The file is of an earlier version, which drew no sample.
    """
    attrs = of_metric.attrs
    if attrs.get("chosen") and "n_others" not in attrs:
        raise SiteError(
            "This file is of an earlier version, without a sample of the sites that were not chosen. Sweep again."
        )
    others, drawn, names = int(attrs.get("n_others", 0)), np.empty(0), []
    if "sampled" in of_metric.sizes:
        drawn = np.abs(pair_values(of_metric, "sampled_").over_pairs()["effect"])
        names = of_metric["sampled"].values.tolist()
    known = np.sort(np.abs(chosen[~np.isnan(chosen)]))
    limit = known[-k] if len(known) >= k else 0.0
    larger = tuple(name for name, size in zip(names, drawn, strict=True) if size > limit)
    sampled = int((~np.isnan(drawn)).sum())
    estimate = others * len(larger) / sampled if sampled else float("nan") if others else 0.0
    return Missed(k, others, sampled, larger, estimate, _upper(len(larger), sampled, others))


def _upper(larger: int, sampled: int, others: int) -> int:
    if sampled in (0, others):
        return larger if sampled else others
    with Uninterrupted():
        from scipy.stats import binomtest

    # The upper end of a two-sided interval leaves out half of what the interval leaves out.
    interval = binomtest(larger, sampled).proportion_ci(2 * CONFIDENCE - 1, "exact")
    return int(np.floor(interval.high * others))


def _ordinal(k: int) -> str:
    ending = "th" if k % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(k % 10, "th")
    return f"{k}{ending}"
