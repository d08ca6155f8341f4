"""Neurons before their non-linearity, as sums of waves of `a`, `b` and `a+b`."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Float

from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.experiment.patch_result import PatchResult
from patchwidgets.experiment.patching import run_patch
from patchwidgets.helix.basis import HELIX, TERMS, Basis, sums
from patchwidgets.helix.causal import source_at_one_position
from patchwidgets.helix.fit import Fit, fit
from patchwidgets.helix.operands import operands, random_operands
from patchwidgets.helix.representations import last_activations
from patchwidgets.methods.effects import LAST
from patchwidgets.sites import Component, Patch, Site


@dataclass(frozen=True, eq=False)
class NeuronFits:
    """All neurons of a layer at the last token, each fitted with ``3 × len(basis)`` features; from `fit_neurons`.

    Attributes
    ----------
    site
        The layer and the component, without a position.
    basis
        The features of `a`, of `b` and of `a+b`.
    fit
        From these features to all neurons of the layer.
    r2
        R² of each neuron on operand pairs that the fit has not seen, ``[neuron]``.
    amplitude
        The amplitude of each neuron's wave by term and period, ``[neuron, term, period]``, in the neuron's own unit.

    Examples
    --------
    >>> additions = pw.Experiment(model, pw.tasks.addition(8, varies="both"))
    >>> fits = pw.helix.fit_neurons(additions, layer=3, n_fit=200, n_test=100)
    >>> fits.predict([(12, 34), (56, 78)]).shape
    (2, 512)
    """

    site: Site
    basis: Basis
    fit: Fit
    r2: Float[np.ndarray, "neuron"]
    amplitude: Float[np.ndarray, "neuron term period"]

    def predict(self, pairs: Sequence[Sequence[int]]) -> Float[np.ndarray, "pair neuron"]:
        """Predict every neuron's activation for pairs of numbers `a` and `b`."""
        return self.fit.predict(sums(self.basis, pairs, TERMS))

    def to_frame(self) -> pd.DataFrame:
        """Describe each neuron in one row.

        Returns
        -------
        DataFrame
            Columns `r2`; `term` and `period` of the strongest wave; `sum_part`, the fraction of the waves' power
            that is in the waves of `a+b`.

        Examples
        --------
        >>> additions = pw.Experiment(model, pw.tasks.addition(8, varies="both"))
        >>> for layer in (0, 3):
        ...     neurons = pw.helix.fit_neurons(additions, layer, n_fit=200, n_test=100).to_frame()
        ...     print(f"layer {layer}: {neurons['sum_part'].median():.1f}")
        layer 0: 0.0
        layer 3: 0.9
        """
        power = self.amplitude**2
        strongest = power.reshape(len(power), -1).argmax(1)
        term, period = np.unravel_index(strongest, power.shape[1:])
        return pd.DataFrame(
            {
                "r2": self.r2,
                "term": np.array(TERMS)[term],
                "period": np.array(self.basis.periods)[period],
                "sum_part": power[:, TERMS.index("a+b")].sum(1) / power.sum((1, 2)),
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
        Additions. Neither the fit nor its R² uses an operand pair of its clean prompts.
    layer
        The layer of the neurons.
    component
        ``neuron_pre``, or ``neuron_up`` in a gated MLP.
    basis
        The features of `a`, `b` and `a+b`.
    template
        The prompts for the fit.
    n_fit, n_test
        The number of operand pairs that the fit is made on, and of other pairs that R² is computed on.
    seed
        Of the random draw of these pairs.

    Returns
    -------
    NeuronFits
        The fit, with R² and amplitudes of each neuron.

    Raises
    ------
    TaskError
        A clean prompt has fewer than two numbers, or so many pairs as `n_fit` + `n_test` do not exist.

    Examples
    --------
    >>> additions = pw.Experiment(model, pw.tasks.addition(8, varies="both"))
    >>> fits = pw.helix.fit_neurons(additions, layer=3, n_fit=200, n_test=100)
    >>> fits.amplitude.shape
    (512, 3, 4)
    >>> print(round(fits.to_frame()["r2"].median(), 1))
    0.8
    """
    pairs = random_operands(n_fit + n_test, seed, exclude=operands(exp.task).tolist())
    site = Site(component, layer)
    (activations,) = last_activations(exp.model, [site], pairs, template)
    features = sums(basis, pairs, TERMS)
    fitted = fit(features[:n_fit], activations[:n_fit], components=activations.shape[1])
    residual = activations[n_fit:] - fitted.predict(features[n_fit:])
    r2 = 1 - residual.var(0) / np.maximum(activations[n_fit:].var(0), np.finfo(float).tiny)
    return NeuronFits(site, basis, fitted, r2, _amplitudes(fitted, basis))


def _amplitudes(fitted: Fit, basis: Basis) -> Float[np.ndarray, "neuron term period"]:
    """Compute the length of the cosine and sine coefficients of each period together."""
    coefficients = fitted.weights.T.reshape(-1, len(TERMS), len(basis))
    squares = coefficients[..., : len(basis.waves)] ** 2
    of_period = np.array([[wave[1] == period for period in basis.periods] for wave in basis.waves])
    return np.asarray(np.sqrt(squares @ of_period.reshape(-1, len(basis.periods))))


def patch_neurons(exp: BaseExperiment, *fits: NeuronFits) -> PatchResult:
    """Patch neurons of the last token jointly with what their fits predict for the clean prompts.

    Parameters
    ----------
    exp
        Additions.
    fits
        From `fit_neurons`, each of another layer or component.

    Returns
    -------
    PatchResult
        As from ``exp.patch``.

    Examples
    --------
    >>> additions = pw.Experiment(model, pw.tasks.addition(8, varies="both"))
    >>> fits = [
    ...     pw.helix.fit_neurons(additions, 3, component, n_fit=200, n_test=100)
    ...     for component in ("neuron_pre", "neuron_up")
    ... ]
    >>> round(pw.helix.patch_neurons(additions, *fits).share, 1)
    0.7
    """
    clean = operands(exp.task).tolist()
    patches = (
        Patch(each.site.at(LAST), source=source_at_one_position(each.predict(clean)))
        for each in fits
    )
    return run_patch(exp, *patches)
