"""How good an estimate is against exact effects: ranks, the largest, signs. Costs nothing beside the two results."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Float

from patchwidgets.errors import PatchError, SiteError, listed
from patchwidgets.hooks.interrupts import Uninterrupted
from patchwidgets.html import Shown
from patchwidgets.sweep.dataset import site_names
from patchwidgets.sweep.quantities import Quantities

if TYPE_CHECKING:
    import pandas as pd

SAME = ("model", "weights", "dtype", "direction", "task", "component", "window", "frozen")
"""What an estimate and exact effects must agree in to be compared."""


@dataclass(frozen=True, eq=False)
class Comparison(Shown):
    """An estimate beside the exact effects of the same sites or edges, from `SweepResult.compare`.

    Cells that certainly change nothing, as before the first token that differs, are left out: no method is needed for
    them. So are those that either result does not have yet.

    Attributes
    ----------
    method
        By what the effects were estimated.
    component, metric
        Of what, and in which metric.
    sites
        The sites or edges.
    estimated, exact
        Their effects over pairs.
    noise_floor
        Of the exact effects, in the unit of the metric. Smaller ones have no sign.
    k
        Of how many of the largest exact effects `found` and `signs_wrong_in_top` speak.

    Examples
    --------
    >>> heads = exp.estimate("z", progress=False)
    >>> comparison = heads.compare(exp.sweep("z", progress=False), k=[1, 5])
    >>> round(comparison.rank_correlation, 2), comparison.found
    (1.0, {1: 1, 5: 5})
    """

    method: str
    component: str
    metric: str
    sites: tuple[str, ...]
    estimated: Float[np.ndarray, "cell"]
    exact: Float[np.ndarray, "cell"]
    noise_floor: float
    k: tuple[int, ...]

    @property
    def rank_correlation(self) -> float:
        """Spearman's correlation of the effects, with their signs; NaN if all effects are equal."""
        return _spearman(self.estimated, self.exact)

    @property
    def rank_correlation_of_sizes(self) -> float:
        """Spearman's correlation of ``|effect|``, by which sites and edges are chosen; NaN if all are equal."""
        return _spearman(np.abs(self.estimated), np.abs(self.exact))

    @property
    def found(self) -> dict[int, int]:
        """For each `k`, how many of the `k` largest exact ``|effects|`` are among the `k` largest estimates."""
        return {
            k: int(np.isin(_largest(self.exact, k), _largest(self.estimated, k)).sum())
            for k in self.k
        }

    @property
    def signs_wrong(self) -> float:
        """Of the exact effects above the noise floor, the share whose estimate has another sign; NaN without any."""
        has_sign = np.abs(self.exact) > self.noise_floor
        return float(self._sign_wrong[has_sign].mean()) if has_sign.any() else float("nan")

    @property
    def signs_wrong_in_top(self) -> dict[int, int]:
        """For each `k`, how many of the `k` largest exact ``|effects|`` have an estimate of another sign, or of 0."""
        return {k: int(self._sign_wrong[_largest(self.exact, k)].sum()) for k in self.k}

    @property
    def _sign_wrong(self) -> Bool[np.ndarray, "cell"]:
        """Where the estimate has another sign than an exact effect above the noise floor."""
        wrong = np.sign(self.estimated) != np.sign(self.exact)
        return np.asarray(wrong & (np.abs(self.exact) > self.noise_floor))

    def to_frame(self) -> "pd.DataFrame":
        """A table with a row for each site or edge, as for a scatter plot: `site`, `estimated`, `exact`, `sign_wrong`.

        Examples
        --------
        >>> comparison = exp.estimate("z", progress=False).compare(exp.sweep("z", progress=False))
        >>> comparison.to_frame().nlargest(1, "exact").round(2)
            site  estimated  exact  sign_wrong
        1  L0.H1       4.33  12.64       False
        """
        with Uninterrupted():
            import pandas as pd

        columns = {"site": self.sites, "estimated": self.estimated, "exact": self.exact}
        return pd.DataFrame(columns | {"sign_wrong": self._sign_wrong})

    def __repr__(self) -> str:
        what = "edges" if self.component == "edges" else f"sites of {self.component}"
        found = ", ".join(f"{n} of the {k:,} largest found" for k, n in self.found.items())
        n_signs = int((np.abs(self.exact) > self.noise_floor).sum())
        signs = "no effect above the noise floor"
        if n_signs:
            signs = f"{self.signs_wrong:.1%} of {n_signs:,} signs wrong"
            signs += "".join(
                f", {n} among the {k:,} largest" for k, n in self.signs_wrong_in_top.items()
            )
        return (
            f"Comparison({self.method} of {len(self.sites):,} {what}, {self.metric}: rank correlation "
            f"{self.rank_correlation:.3f}, of sizes {self.rank_correlation_of_sizes:.3f}; {found}; {signs})"
        )


def comparison(
    estimate: Quantities, exact: Quantities, metric: str | None, k: Sequence[int]
) -> Comparison:
    """Compare an estimate with exact effects; `SweepResult.compare` documents it."""
    if not isinstance(exact, Quantities):
        raise PatchError(
            f"Expected the exact result, as from exp.sweep('z'); got {type(exact).__name__}."
        )
    _check_kinds(estimate, exact)
    _check_same(estimate, exact)
    if not k or min(k) < 1:
        raise PatchError(f"k is {list(k)}; expected how many of the largest effects, at least 1.")
    metric = estimate.metrics[0] if metric is None else metric
    names, order = _aligned(estimate, exact)
    of_estimate, of_exact = estimate.over_pairs(metric), exact.over_pairs(metric)
    estimated = of_estimate["effect"].values.ravel()
    true = of_exact["effect"].values.ravel()[order]
    zero = of_estimate["zero"].values.ravel() | of_exact["zero"].values.ravel()[order]
    known = np.flatnonzero(np.isfinite(estimated) & np.isfinite(true) & ~zero)
    if len(known) < 2:
        raise SiteError(
            f"Only {len(known)} of {len(names):,} cells are known in both results; expected at least 2."
        )
    return Comparison(
        method=estimate.attrs["estimate"],
        component=estimate.attrs["component"],
        metric=metric,
        sites=tuple(names[i] for i in known),
        estimated=estimated[known],
        exact=true[known],
        noise_floor=float(exact.to_xarray()["noise_floor"].sel(metric=metric)),
        k=tuple(sorted({min(each, len(known)) for each in k})),
    )


def _check_kinds(estimate: Quantities, exact: Quantities) -> None:
    if not estimate.approximate:
        raise PatchError(
            "This result is exact; compare an estimate with it, as in exp.estimate('z').compare(exp.sweep('z'))."
        )
    if exact.approximate:
        raise PatchError(
            f"Expected exact effects to compare with, as from exp.sweep('z') or exp.edges(); got an estimate "
            f"({exact.attrs['estimate']})."
        )


def _check_same(estimate: Quantities, exact: Quantities) -> None:
    for name in SAME:
        of_estimate, of_exact = estimate.attrs.get(name), exact.attrs.get(name)
        known = name != "weights" or (of_estimate and of_exact)  # earlier files do not say it
        if of_estimate != of_exact and known:
            values = f": {of_estimate!r} and {of_exact!r}" if name != "task" else ""
            raise PatchError(
                f"The estimate and the exact result are not of the same experiment: they differ in {name}{values}. "
                "Compare results of one experiment."
            )
    pairs = [result.to_xarray()["pair"].values.tolist() for result in (estimate, exact)]
    if pairs[0] != pairs[1]:
        raise PatchError(
            f"The estimate has the pairs {listed(list(map(str, pairs[0])), by=', ')} and the exact result "
            f"{listed(list(map(str, pairs[1])), by=', ')}; select the same of both."
        )


def _aligned(estimate: Quantities, exact: Quantities) -> tuple[list[str], list[int]]:
    """The names of the estimate's cells, and where each is in the exact result."""
    names, exact_names = (site_names(result.to_xarray()) for result in (estimate, exact))
    place = {name: i for i, name in enumerate(exact_names)}
    only = [name for name in names if name not in place]
    others = sorted(set(exact_names) - set(names))
    if only or others:
        which = listed(only or others, most=3, by=", ")
        raise SiteError(
            f"The estimate has {len(names):,} cells and the exact result {len(exact_names):,}, not the same ones: "
            f"only {'the estimate' if only else 'the exact result'} has {which}. Give both the same component, over= "
            "and layers=, or select the same part of both with result.sel(...)."
        )
    return names, [place[name] for name in names]


def _largest(effects: Float[np.ndarray, "cell"], k: int) -> np.ndarray:
    return np.argsort(-np.abs(effects), kind="stable")[:k]


def _spearman(first: Float[np.ndarray, "cell"], second: Float[np.ndarray, "cell"]) -> float:
    with Uninterrupted():
        from scipy.stats import rankdata

    ranks = [rankdata(each) for each in (first, second)]
    if any(np.ptp(each) == 0 for each in ranks):
        return float("nan")
    return float(np.corrcoef(ranks)[0, 1])
