"""What single neurons do: write the sum for the logits themselves, or build it for later layers.

Costs an estimate of every neuron of the fitted layers, and for each of the `n` that are looked at two rows.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from patchwidgets.errors import PatchError
from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.helix.causal import relative
from patchwidgets.helix.kept import estimated_effects
from patchwidgets.helix.neurons import NeuronFits
from patchwidgets.html import Shown
from patchwidgets.methods.direct_effects import make_direct_sweep
from patchwidgets.methods.effects import LAST, measured, swept
from patchwidgets.metrics import MetricSpec
from patchwidgets.sites import Site
from patchwidgets.sweep.api import make_sweep
from patchwidgets.sweep.request import SweepRequest


@dataclass(frozen=True, eq=False)
class NeuronRoles(Shown):
    """The neurons with the largest effects; from `neuron_roles`.

    Attributes
    ----------
    frame
        One row per neuron, the largest total effect first; `to_frame` has the columns.
    metric, direction
        In which the effects are measured, and from which run to which.
    n_neurons
        How many neurons the fitted layers have.
    """

    frame: pd.DataFrame
    metric: str
    direction: str
    n_neurons: int

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each neuron.

        Returns
        -------
        DataFrame
            Columns `layer`, `neuron`; `total` and `direct`, its effects in the unit of the metric, with their sign;
            `directness`, the one divided by the other, NaN within the noise floor; and of its fit `r2`, `sum_part` (the
            part of the waves' power that is in waves of `a+b`), and `term` and `period` of the strongest wave.
        """
        return self.frame.copy()

    def __repr__(self) -> str:
        return f"NeuronRoles({len(self.frame)} of {self.n_neurons:,} neurons; {self.metric}, {self.direction})"


def neuron_roles(
    exp: BaseExperiment,
    *fits: NeuronFits,
    n: int = 100,
    metric: MetricSpec | None = None,
) -> NeuronRoles:
    """Compare how direct the effects of neurons are with how much of `a+b` is in them: figure 10 of the paper.

    Parameters
    ----------
    exp
        Additions.
    fits
        From `fit_neurons`, each of another layer.
    n
        How many neurons to look at: those whose effect AtP estimates to be the largest. Their effects are exact.
    metric
        By default the first one of the experiment. The paper's is ``"answer_logit"``.

    Returns
    -------
    NeuronRoles
        `pw.plot.neuron_roles` draws it.

    Raises
    ------
    PatchError
        No fits, two of one layer, or no neurons to look at.
    MetricError
        The metric has no gradient.

    Examples
    --------
    >>> additions = pw.Experiment(model, pw.tasks.addition(8, varies="both"))
    >>> fits = [pw.helix.fit_neurons(additions, layer, n_fit=200, n_test=50) for layer in (0, 3)]
    >>> roles = pw.helix.neuron_roles(additions, *fits, n=20)
    >>> roles
    NeuronRoles(20 of 1,024 neurons; logit_diff, denoise)
    >>> roles.to_frame().groupby("layer")[["directness", "sum_part"]].median().round(1).loc[3].tolist()
    [1.0, 0.9]
    """
    exp = measured(exp, metric)
    by_layer = {fit.site.layer: fit for fit in fits if fit.site.layer is not None}
    if not fits or len(by_layer) < len(fits) or n < 1:
        raise PatchError(
            "Expected fits of different layers, as in neuron_roles(exp, fit_neurons(exp, 2), fit_neurons(exp, 3)), "
            f"and at least one neuron; got fits of layers {[fit.site.layer for fit in fits]} and n={n}."
        )
    layers = sorted(by_layer)
    effects = np.abs(estimated_effects(exp, layers))
    largest = np.argsort(-effects.ravel(), kind="stable")[:n]
    sites = [
        Site("neuron", layers[row], int(neuron), LAST)
        for row, neuron in zip(*np.unravel_index(largest, effects.shape), strict=True)
    ]
    frame = _effects(exp, sites).join(
        pd.concat({layer: fit.to_frame() for layer, fit in by_layer.items()}, names=["layer"]),
        on=["layer", "neuron"],
    )
    order = frame["total"].abs().sort_values(ascending=False, kind="stable").index
    metric_name = next(iter(exp.metrics))
    return NeuronRoles(
        frame.loc[order].reset_index(drop=True), metric_name, exp.direction, effects.size
    )


def _effects(exp: BaseExperiment, sites: Sequence[Site]) -> pd.DataFrame:
    request = SweepRequest(sites=sites)
    total = swept(make_sweep(exp, [request])).effect.values
    direct = swept(make_direct_sweep(exp, request)).effect.values
    return pd.DataFrame(
        {
            "layer": [site.layer for site in sites],
            "neuron": [site.index for site in sites],
            "total": total,
            "direct": direct,
            "directness": [relative(exp, d, t) for d, t in zip(direct, total, strict=True)],
        }
    )
