"""One quantity of a sweep over pairs, as figures show it: its numbers, its colours, and what an axis says of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from jaxtyping import Bool, Float

from patchwidgets.directions import host_name, source_name
from patchwidgets.errors import PatchError
from patchwidgets.sweep.in_words import in_a_title
from patchwidgets.sweep.sweep_result import SweepResult

if TYPE_CHECKING:
    import xarray as xr

Quantity = Literal["share", "recovery", "effect", "value"]

SMALL_RANGES = (0.05, 0.1, 0.2, 0.5)
"""Colour ranges for maps in which all shares are small."""


@dataclass(frozen=True, eq=False)
class Drawn:
    """One quantity of one metric of a sweep.

    Attributes
    ----------
    values
        With the sign that the quantity has, over the axes of the sweep; NaN where undefined.
    low, high
        Intervals of 95 % over pairs; NaN where there are none.
    zero, unpatchable
        Cells of exactly no effect, and those without a counterpart in the other prompt.
    host
        What the quantity is where a patch changed nothing.
    towards_clean
        1 if larger values are nearer to the clean run, -1 if nearer to the corrupted one, 0 if the runs hardly differ.
    label
        The name of the quantity and its metric, as on axes.
    """

    values: Float[np.ndarray, "*axes"]
    low: Float[np.ndarray, "*axes"]
    high: Float[np.ndarray, "*axes"]
    zero: Bool[np.ndarray, "*axes"]
    unpatchable: Bool[np.ndarray, "*axes"]
    host: float
    towards_clean: int
    label: str

    def limit(self) -> float:
        """How far from the host the colours reach: the smallest that no value exceeds; shares may exceed 1.

        Of shares and recoveries 0.05, 0.1, 0.2, 0.5 or 1, else 1, 2 or 5 by a power of ten.
        """
        distances = np.abs(self.values[np.isfinite(self.values)] - self.host)
        largest = float(distances.max()) if distances.size else 0.0
        if self.label.startswith(("share", "recovery")):
            return range_of_shares(largest)
        return round_up(largest)


def range_of_shares(largest: float) -> float:
    """The smallest of 0.05, 0.1, 0.2 and 0.5 that is no smaller than the largest share, else 1."""
    return next((limit for limit in SMALL_RANGES if largest <= limit), 1.0)


def round_up(number: float) -> float:
    """The smallest of 1, 2 and 5 times a power of ten that is no smaller than `number`; 1 for 0."""
    if number <= 0:
        return 1.0
    power = 10.0 ** np.floor(np.log10(number))
    return float(
        next(step * power for step in (1, 2, 5, 10) if number <= step * power * (1 + 1e-9))
    )


def read(result: SweepResult, metric: str | None, quantity: Quantity) -> Drawn:
    """Take one quantity of one metric from a sweep.

    Raises
    ------
    PatchError
        There is no such quantity.
    MetricError
        The sweep does not measure the metric.
    """
    checked_quantity(quantity)
    over_pairs = result.over_pairs(metric)
    name = metric or result.metrics[0]
    direction = result.attrs["direction"]
    unpatched = result.to_xarray().sel(metric=name)
    clean, corrupted = (float(unpatched[run].mean()) for run in ("clean", "corrupted"))
    host = clean if host_name(direction) == "clean" else corrupted
    apart = abs(clean - corrupted) > float(unpatched["noise_floor"])
    clean_is_higher = (1 if clean > corrupted else -1) if apart else 0
    shares_lead_to_clean = 1 if source_name(direction) == "clean" else -1
    of_quantity: dict[Quantity, tuple[float, int, str]] = {
        "share": (0.0, shares_lead_to_clean, label_of("share", name)),
        "recovery": (float(host_name(direction) == "clean"), 1, label_of("recovery", name)),
        "effect": (0.0, clean_is_higher, label_of("effect", name)),
        "value": (host, clean_is_higher, name),
    }
    at_host, towards_clean, label = of_quantity[quantity]
    low, high = bounds(over_pairs, quantity, share_is_recovery=shares_lead_to_clean > 0)
    return Drawn(
        values=over_pairs[quantity].values,
        low=low,
        high=high,
        zero=over_pairs["zero"].values,
        unpatchable=over_pairs["unpatchable"].values,
        host=at_host,
        towards_clean=towards_clean,
        label=label,
    )


def bounds(
    intervals: "Mapping[str, Any] | xr.Dataset", quantity: Quantity, *, share_is_recovery: bool
) -> tuple[Float[np.ndarray, "*axes"], Float[np.ndarray, "*axes"]]:
    """The interval of 95 % of a quantity, from those of effect and recovery.

    A share is the recovery, or 1 less it. A value has none: its host varies between pairs more than its effect.

    Parameters
    ----------
    intervals
        `effect_low`, `effect_high`, `recovery_low` and `recovery_high`, as from ``result.over_pairs()``.
    quantity
        Which one.
    share_is_recovery
        Whether the source of the patches is the clean run.
    """
    name = "effect" if quantity == "effect" else "recovery"
    low, high = (np.asarray(intervals[f"{name}_{end}"]) for end in ("low", "high"))
    if quantity == "value":
        return np.full(low.shape, np.nan), np.full(low.shape, np.nan)
    return (low, high) if quantity != "share" or share_is_recovery else (1 - high, 1 - low)


def label_of(quantity: Quantity, metric: str) -> str:
    """A quantity of a metric, as on axes."""
    return {
        "share": f"share of {metric}",
        "recovery": f"recovery ({metric})",
        "effect": f"effect on {metric}",
        "value": metric,
    }[quantity]


def checked_quantity(quantity: Any) -> Quantity:
    """Return a quantity, if there is one of that name.

    Raises
    ------
    PatchError
        There is none.
    """
    if quantity in get_args(Quantity):
        return quantity  # type: ignore[no-any-return]
    names = ", ".join(get_args(Quantity))
    raise PatchError(f"There is no quantity {quantity!r}; there are {names}.")


def about(result: SweepResult) -> list[str]:
    """What was swept and how, for a title: the direction, what was written in place, estimates, pairs."""
    dataset, attrs = result.to_xarray(), result.attrs
    n_pairs = dataset.sizes["pair"]
    return [
        attrs["direction"],
        *in_a_title(dataset),
        f"{n_pairs} pairs" if n_pairs > 1 else "",
    ]


def component_of(result: SweepResult) -> str:
    """The component that was swept, with its window of layers."""
    attrs = result.attrs
    window = attrs.get("window", 1)
    return str(attrs["component"]) + ("" if window == 1 else f", window {window}")
