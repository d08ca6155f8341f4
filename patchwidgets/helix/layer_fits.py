"""Fits by layer: how well they describe a component, and what they do in its place. Costs nothing."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Float
from numpy.typing import ArrayLike

from patchwidgets.errors import PatchError, shown
from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.experiment.patch_result import PatchResult
from patchwidgets.experiment.patching import run_patch
from patchwidgets.helix.causal import patch_values, relative
from patchwidgets.html import Shown
from patchwidgets.intervals import FEWEST_PAIRS, mean_interval
from patchwidgets.sites import Component, Patch, Site

TRUE = "true"
"""The name of the source's own activation, beside those of the fits."""

COMPONENTS: tuple[Component, ...] = ("resid_pre", "resid_mid", "resid_post", "attn_out", "mlp_out")
"""What is fitted as a whole; `sort_heads` fits heads, `fit_neurons` neurons."""


@dataclass(frozen=True, eq=False)
class LayerFits(Shown):
    """Fits of a component by layer; from `compare_by_layer` and `fit_by_layer`.

    Attributes
    ----------
    component, pos
        What was fitted, and the position where it was patched: a name of the task, or -1.
    metric, direction
        In which the effects are measured, and from which run to which.
    layers, fits
        The layers, and the names of the fits; the first one, ``"true"``, is the source's own activation.
    r2
        R² on numbers that the fit has not seen, ``[layer, fit]``; 1 for ``"true"``.
    effect, share
        Of a patch with the fit's prediction, ``[layer, fit]``: in the unit of the metric, and as a fraction of the
        difference of both runs. They have the sign that they have.
    relative
        The effect divided by that of ``"true"``, ``[layer, fit]``; NaN where that is within the noise floor.
    low, high
        The interval of 95 % of the mean effect, ``[layer, fit]``; NaN with fewer than five pairs, and for a rank.
    """

    component: Component
    pos: int | str
    metric: str
    direction: str
    layers: tuple[int, ...]
    fits: tuple[str, ...]
    r2: Float[np.ndarray, "layer fit"]
    effect: Float[np.ndarray, "layer fit"]
    share: Float[np.ndarray, "layer fit"]
    relative: Float[np.ndarray, "layer fit"]
    low: Float[np.ndarray, "layer fit"]
    high: Float[np.ndarray, "layer fit"]

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each layer and fit.

        Returns
        -------
        DataFrame
            Columns `layer`, `fit`, `r2`, `effect`, `effect_low`, `effect_high`, `share`, `relative`.

        Examples
        --------
        >>> additions = pw.Experiment(model, pw.tasks.addition(8, varies="both", part="test"))
        >>> fits = pw.helix.fit_by_layer(additions, "mlp_out", layers=[3], n_fit=200, n_test=50)
        >>> fits.to_frame()[["layer", "fit", "share"]].round(1).values.tolist()[:2]
        [[3, 'true', 0.8], [3, 'a', 0.4]]
        """
        n_layers, n_fits = self.r2.shape
        columns = {
            "r2": self.r2,
            "effect": self.effect,
            "effect_low": self.low,
            "effect_high": self.high,
            "share": self.share,
            "relative": self.relative,
        }
        names = {"layer": np.repeat(self.layers, n_fits), "fit": list(self.fits) * n_layers}
        return pd.DataFrame(names | {name: each.ravel() for name, each in columns.items()})

    def __repr__(self) -> str:
        return (
            f"LayerFits({self.component}@{self.pos} by layer: {', '.join(self.fits[1:])}; "
            f"{self.metric}, {self.direction})"
        )


Candidates = Mapping[str, tuple[float, ArrayLike]]
"""By the name of a fit its R² and what it predicts for each pair, ``[pair, d]``."""


def patch_by_layer(
    exp: BaseExperiment, component: Component, pos: int | str, by_layer: Mapping[int, Candidates]
) -> LayerFits:
    """Patch every layer with the source's own activation, then with what each fit predicts."""
    rows: list[list[tuple[float, ...]]] = []
    fits = (TRUE, *next(iter(by_layer.values())))
    for layer, candidates in by_layer.items():
        site = Site(component, layer, pos=pos)
        true = run_patch(exp, Patch(site))
        rows.append([_numbers(exp, 1.0, true, true.effect)])
        for r2, values in candidates.values():
            rows[-1].append(_numbers(exp, r2, patch_values(exp, site, values), true.effect))
    columns = np.moveaxis(np.array(rows), -1, 0)
    metric, layers = next(iter(exp.metrics)), tuple(by_layer)
    return LayerFits(component, pos, metric, exp.direction, layers, fits, *columns)


def _numbers(exp: BaseExperiment, r2: float, result: PatchResult, true: float) -> tuple[float, ...]:
    """In the order of the fields of `LayerFits`."""
    effects, first = result.per_pair.effect, next(iter(exp.metrics.values()))
    low = high = float("nan")
    if len(effects) >= FEWEST_PAIRS and not first.median:
        low, high = map(float, mean_interval(effects))
    return r2, result.effect, result.share, relative(exp, result.effect, true), low, high


def checked_component(component: Component) -> None:
    """Check that a component is fitted as a whole.

    Raises
    ------
    PatchError
        It is not.
    """
    if component not in COMPONENTS:
        raise PatchError(
            f"component is {shown(component)}; expected one of {', '.join(COMPONENTS)}. pw.helix.sort_heads fits "
            "heads, pw.helix.fit_neurons neurons."
        )
