"""Neurons before their non-linearity, as sums of waves of `a`, `b` and `a+b`."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Float

from patchwidgets.errors import PatchError
from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.experiment.patch_result import PatchResult
from patchwidgets.experiment.patching import run_patch
from patchwidgets.helix.basis import HELIX, TERMS, Basis, sums
from patchwidgets.helix.causal import source_at_one_position, source_operands
from patchwidgets.helix.fit import Fit, fit
from patchwidgets.helix.operands import random_operands
from patchwidgets.helix.representations import NUMBERS, SUM_TEMPLATE, last_activations
from patchwidgets.methods.effects import LAST
from patchwidgets.models.model import Model
from patchwidgets.sites import NEURON_COMPONENTS, Component, Patch, Site


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
        Additions. Neither the fit nor its R² uses an operand pair of the source's prompts, in direction ``"denoise"``
        the clean ones.
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
        A prompt has no two numbers, or so many pairs as `n_fit` + `n_test` do not exist.

    Examples
    --------
    >>> additions = pw.Experiment(model, pw.tasks.addition(8, varies="both"))
    >>> fits = pw.helix.fit_neurons(additions, layer=3, n_fit=200, n_test=100)
    >>> fits.amplitude.shape
    (512, 3, 4)
    >>> print(round(fits.to_frame()["r2"].median(), 1))
    0.8
    """
    pairs = random_operands(n_fit + n_test, seed, exclude=source_operands(exp).tolist())
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
    """Patch neurons of the last token jointly with what their fits predict for the prompts of the source.

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
    numbers = source_operands(exp).tolist()
    patches = (
        Patch(each.site.at(LAST), source=source_at_one_position(each.predict(numbers)))
        for each in fits
    )
    return run_patch(exp, *patches)


@dataclass(frozen=True, eq=False)
class NeuronMap:
    """One neuron over a grid of operands; from `neuron_map`.

    Attributes
    ----------
    site
        The neuron.
    numbers
        Of both operands.
    true
        Its activation at the last token, ``[a, b]``.
    fitted
        What its fit predicts, ``[a, b]``; None without a fit.
    """

    site: Site
    numbers: tuple[int, ...]
    true: Float[np.ndarray, "a b"]
    fitted: Float[np.ndarray, "a b"] | None

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each pair of operands: columns `a`, `b`, `true` and, with a fit, `fitted`."""
        a, b = np.meshgrid(self.numbers, self.numbers, indexing="ij")
        columns = {"a": a.ravel(), "b": b.ravel(), "true": self.true.ravel()}
        fitted = {} if self.fitted is None else {"fitted": self.fitted.ravel()}
        return pd.DataFrame(columns | fitted)


def neuron_map(
    model: Model,
    site: str | Site,
    fits: NeuronFits | None = None,
    numbers: Sequence[int] = NUMBERS,
    template: str = SUM_TEMPLATE,
) -> NeuronMap:
    """Read one neuron at the last token of every sum of two numbers, beside its fit: figure 8 of the paper.

    Parameters
    ----------
    model
        From `load` or `wrap`.
    site
        A neuron, as in ``L3.N15.neuron_pre``; of a fit, the component that was fitted.
    fits
        From `fit_neurons`, of its layer.
    numbers
        Of both operands: as many prompts as their square.
    template
        The prompts.

    Returns
    -------
    NeuronMap
        ``pw.plot.neuron_maps({"true": map.true, "its fit": map.fitted})`` draws it.

    Raises
    ------
    PatchError
        No single neuron, or a fit of another layer or component.

    Examples
    --------
    >>> import numpy as np
    >>> additions = pw.Experiment(model, pw.tasks.addition(8, varies="both"))
    >>> fits = pw.helix.fit_neurons(additions, layer=3, n_fit=200, n_test=100)
    >>> found = pw.helix.neuron_map(model, "L3.N15.neuron_pre", fits, numbers=range(0, 100, 9))
    >>> found.true.shape, round(float(np.corrcoef(found.true.ravel(), found.fitted.ravel())[0, 1]), 1)
    ((12, 12), 0.9)
    """
    neuron = model.resolve(site)
    of_fit = None if fits is None else (fits.site.layer, fits.site.component)
    fitted_elsewhere = of_fit not in (None, (neuron.layer, neuron.component))
    if neuron.component not in NEURON_COMPONENTS or neuron.index is None or fitted_elsewhere:
        raise PatchError(
            f"Expected one neuron of the component that was fitted, as in 'L3.N15.neuron_pre'; got {neuron}"
            f"{'' if fits is None else f', and a fit of {fits.site}'}."
        )
    pairs = [(a, b) for a in numbers for b in numbers]
    shape = len(numbers), len(numbers)
    (true,) = last_activations(model, [neuron], pairs, template)
    fitted = None if fits is None else fits.predict(pairs)[:, neuron.index].reshape(shape)
    return NeuronMap(neuron, tuple(numbers), true.reshape(shape), fitted)
