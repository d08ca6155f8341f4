"""Neurons before their non-linearity, as sums of waves of `a`, `b` and `a+b`."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.experiment.patch_result import PatchResult
from patchwidgets.experiment.patching import run_patch
from patchwidgets.helix.basis import HELIX, Basis, Floats, sums
from patchwidgets.helix.causal import as_source, operands
from patchwidgets.helix.fit import Fit, fit
from patchwidgets.helix.heads import last_activations, random_operands
from patchwidgets.sites import Component, Patch, Site

TERMS = ("a", "b", "a+b")


@dataclass(frozen=True, eq=False)
class NeuronFits:
    """All neurons of a layer at the last token, each fitted with ``3 × len(basis)`` features.

    Attributes
    ----------
    r2
        Of each neuron, on pairs of numbers that no fit saw, ``[neuron]``.
    amplitude
        Of each neuron's wave by term and period, ``[neuron, 3, period]``, in the neuron's own unit.
    """

    site: Site
    basis: Basis
    fit: Fit
    r2: Floats
    amplitude: Floats

    def predict(self, pairs: Sequence[Sequence[int]]) -> Floats:
        """Pre-activations for pairs of numbers, ``[pair, neuron]``."""
        return self.fit.predict(sums(self.basis, pairs, TERMS))

    def to_frame(self) -> pd.DataFrame:
        """One row a neuron.

        Returns
        -------
        DataFrame
            Columns `r2`; `term` and `period` of the strongest wave; `sum_part`, the part of the waves' power that
            is in those of a+b.
        """
        power = self.amplitude**2
        strongest = power.reshape(len(power), -1).argmax(1)
        term, period = np.unravel_index(strongest, power.shape[1:])
        return pd.DataFrame(
            {
                "r2": self.r2,
                "term": np.array(TERMS)[term],
                "period": np.array(self.basis.periods)[period],
                "sum_part": power[:, 2].sum(1) / power.sum((1, 2)),
            }
        ).rename_axis("neuron")


def fit_neurons(
    exp: BaseExperiment,
    layer: int,
    component: Component = "neuron_pre",
    basis: Basis = HELIX,
    template: str = "{a}+{b}=",
    n_fit: int = 1000,
    n_test: int = 500,
    seed: int = 0,
) -> NeuronFits:
    """Fit every neuron of a layer at the last token.

    Parameters
    ----------
    exp
        Additions; none of its pairs is used for the fit or its R².
    component
        ``neuron_pre``, or ``neuron_up`` in a gated MLP.
    n_fit, n_test
        How many pairs of numbers the fit is made on, and how many others R² is computed on.
    """
    pairs = random_operands(n_fit + n_test, seed, but=operands(exp.task).tolist())
    site = Site(component, layer)
    activations = last_activations(exp, site, pairs, template)
    features = sums(basis, pairs, TERMS)
    found = fit(features[:n_fit], activations[:n_fit], components=activations.shape[1])
    residual = activations[n_fit:] - found.predict(features[n_fit:])
    r2 = 1 - residual.var(0) / np.maximum(activations[n_fit:].var(0), np.finfo(float).tiny)
    return NeuronFits(site, basis, found, r2, _amplitudes(found, basis))


def _amplitudes(found: Fit, basis: Basis) -> Floats:
    """``[neuron, term, period]``: the length of each pair of cosine and sine coefficients."""
    coefficients = found.weights.T
    waves = coefficients.reshape(-1, len(TERMS), len(basis))[..., : 2 * len(basis.periods)]
    return np.asarray(np.linalg.norm(waves.reshape(*waves.shape[:2], -1, 2), axis=-1))


def patch_neurons(exp: BaseExperiment, *fits: NeuronFits) -> PatchResult:
    """Patch the last token's neurons with what their fits predict for the clean prompts, all jointly."""
    clean = operands(exp.task).tolist()
    return run_patch(
        exp, *(Patch(each.site.at(-1), source=as_source(each.predict(clean))) for each in fits)
    )
