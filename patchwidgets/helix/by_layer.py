"""One call each for the figures of arXiv 2502.00873 by layer: the helix beside its controls, and fits of a, b and a+b.

Costs for each layer a patched pass over the pairs for the source's own activation and for each fit, and before that one
pass over the prompts that are fitted.
"""

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from jaxtyping import Float, Int

from patchwidgets.directions import source_name
from patchwidgets.errors import TaskError, listed, shown
from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.helix.basis import CIRCLES, HELIX, LINE, POLYNOMIAL, TERMS, Basis, Term, sums
from patchwidgets.helix.causal import source_operands
from patchwidgets.helix.fit import cross_validated, fit, pca_reconstruction, r2
from patchwidgets.helix.layer_fits import Candidates, LayerFits, checked_component, patch_by_layer
from patchwidgets.helix.operands import random_operands
from patchwidgets.helix.representations import (
    NUMBERS,
    SUM_TEMPLATE,
    last_activations,
    layer_activations,
)
from patchwidgets.methods.effects import LAST, measured
from patchwidgets.metrics import MetricSpec
from patchwidgets.sites import Component, Site
from patchwidgets.tasks.templates import checked_template
from patchwidgets.tokens import encode

Operand = Literal["a", "b"]

BASES = {"helix": HELIX, "circles": CIRCLES, "polynomial": POLYNOMIAL, "line": LINE}
"""The helix and what it is compared with."""

TEMPLATES: dict[str, str] = {"a": "{n}+0=", "b": "0+{n}="}
"""Where each operand is read by default."""

FITS: dict[str, tuple[Term, ...]] = {
    "a": ("a",),
    "b": ("b",),
    "a,b": ("a", "b"),
    "a+b": ("a+b",),
    "all": TERMS,
}
"""The terms whose waves each fit of the last token may use, by the fit's name."""


def compare_by_layer(
    exp: BaseExperiment,
    operand: Operand = "a",
    component: Component = "resid_post",
    bases: Mapping[str, Basis] = BASES,
    layers: Sequence[int] | None = None,
    numbers: Sequence[int] = NUMBERS,
    template: str | None = None,
    folds: int = 5,
    seed: int = 0,
    metric: MetricSpec | None = None,
) -> LayerFits:
    """Patch an operand, layer by layer, with what the helix and its controls predict: figure 4 of the paper.

    Each number is predicted by a fit to other numbers, so that any prompts will do.

    Parameters
    ----------
    exp
        Additions whose task names the position of the operand.
    operand
        ``"a"`` or ``"b"``. What `b` is at its token depends on `a`, which stands before it: there, the fits are to
        ``0+{n}=``, and even the best of them has only a part of the true effect.
    component
        By default the residual stream after each layer.
    bases
        From names to bases.
    layers
        By default all.
    numbers
        To fit: all operands of the prompts, and others.
    template
        The prompts in which the numbers are read; by default ``{n}+0=`` or ``0+{n}=``. What stands before the number
        has to be what stands before it in the task.
    folds, seed
        As for `cross_validated_r2`.
    metric
        By default the first one of the experiment. The paper's is ``"answer_logit"``.

    Returns
    -------
    LayerFits
        Each basis, and ``PCA``: the first principal components of the activations of the other numbers, as many as the
        helix has features. It sees the activation that it replaces, and is an upper bound. `pw.plot.by_layer` draws it.

    Raises
    ------
    TaskError
        A number is no single token, an operand is none of `numbers`, or what stands before `a` is not the same.
    PatchError
        Another component.
    SiteError
        The task does not name the position.

    Examples
    --------
    >>> additions = pw.Experiment(model, pw.tasks.addition(20))
    >>> fits = pw.helix.compare_by_layer(additions, component="resid_pre", layers=[0])
    >>> fits
    LayerFits(resid_pre@a by layer: helix, circles, polynomial, line, PCA; logit_diff, denoise)
    >>> dict(zip(fits.fits, fits.relative[0].round(1).tolist()))
    {'true': 1.0, 'helix': 1.0, 'circles': 1.0, 'polynomial': 0.8, 'line': 0.7, 'PCA': 1.0}
    """
    checked_component(component)
    if operand not in TEMPLATES:
        raise TaskError(f"operand is {shown(operand)}; expected 'a' or 'b'.")
    exp = measured(exp, metric)
    template = TEMPLATES[operand] if template is None else template
    rows = _rows_of_operands(exp, operand, numbers)
    if operand == "a":
        _check_same_beginning(exp, template)
    chosen = range(exp.model.n_layers) if layers is None else layers
    activations = layer_activations(exp.model, numbers, component, template)
    features = {name: basis.features(numbers) for name, basis in bases.items()}
    by_layer = {
        layer: _candidates(features, activations[layer], rows, folds, seed) for layer in chosen
    }
    return patch_by_layer(exp, component, operand, by_layer)


def _rows_of_operands(
    exp: BaseExperiment, operand: Operand, numbers: Sequence[int]
) -> Int[np.ndarray, "pair"]:
    """Where the operand of each prompt of the source is among the numbers."""
    place = {int(number): row for row, number in enumerate(numbers)}
    of_prompts = source_operands(exp)[:, TERMS.index(operand)].tolist()
    if missing := sorted({number for number in of_prompts if number not in place}):
        raise TaskError(
            f"The prompts have {operand} = {listed(list(map(str, missing)), by=', ')}, which is none of the "
            f"{len(numbers)} numbers that are fitted; give more, as in numbers=range({max(missing) + 1})."
        )
    return np.array([place[number] for number in of_prompts])


def _check_same_beginning(exp: BaseExperiment, template: str) -> None:
    """Check that the numbers are read after the tokens after which `a` stands in the prompts."""
    pair, number = exp.pairs[0], int(source_operands(exp)[0, 0])
    end = pair.indices("a")[0] + 1
    in_task = pair.prompt(source_name(exp.direction))[:end]
    prompt = checked_template(template, ("n",)).fill(n=number)
    read = tuple(encode(exp.model.tokenizer, prompt, exp.task.bos, exp.task.chat))
    if read[:end] != in_task:
        shown_tokens = "·".join(exp.model.token_strings(in_task))
        raise TaskError(
            f"The numbers are read in {shown(prompt)}, but the task's prompts begin with {shown(shown_tokens)}: a "
            "state depends on all that stands before it. Give template= with the same beginning."
        )


def _candidates(
    features: Mapping[str, Float[np.ndarray, "number feature"]],
    activations: Float[np.ndarray, "number d"],
    rows: Int[np.ndarray, "pair"],
    folds: int,
    seed: int,
) -> Candidates:
    predicted = {
        name: cross_validated(each, activations, folds, seed) for name, each in features.items()
    }
    predicted["PCA"] = cross_validated(None, activations, folds, seed)
    return {name: (r2(activations, each), each[rows]) for name, each in predicted.items()}


def fit_by_layer(
    exp: BaseExperiment,
    component: Component = "resid_post",
    fits: Mapping[str, Sequence[Term]] = FITS,
    layers: Sequence[int] | None = None,
    basis: Basis = HELIX,
    template: str = SUM_TEMPLATE,
    n_fit: int = 1000,
    n_test: int = 500,
    seed: int = 0,
    metric: MetricSpec | None = None,
) -> LayerFits:
    """Patch the last token, layer by layer, with fits of `a`, `b` and `a+b`: figures 5 and 7 of the paper.

    Parameters
    ----------
    exp
        Additions, best with both numbers corrupted. No fit sees an operand pair of the source's prompts.
    component
        The residual stream after each layer (figure 5), or ``"mlp_out"`` (figure 7), or ``"attn_out"``.
    fits
        From names to the numbers whose features a fit may use.
    layers
        By default all.
    basis
        The features of `a`, `b` and `a+b`.
    template
        The prompts for the fits, like those of the task.
    n_fit, n_test
        The number of operand pairs that the fits are made on, and of other pairs that R² is computed on.
    seed
        Of the random draw of these pairs.
    metric
        By default the first one of the experiment. The paper's is ``"answer_logit"``.

    Returns
    -------
    LayerFits
        Each fit, and ``PCA``: as many principal components as the largest fit has features. `pw.plot.by_layer` draws
        it.

    Raises
    ------
    TaskError
        A prompt has no two numbers, the template no places for them, or so many pairs do not exist.
    PatchError
        Another component.

    Examples
    --------
    >>> additions = pw.Experiment(model, pw.tasks.addition(8, varies="both", part="test"))
    >>> fits = pw.helix.fit_by_layer(additions, n_fit=300, n_test=50, metric="answer_logit")
    >>> table = fits.to_frame().pivot(index="layer", columns="fit", values="relative")
    >>> table[["a,b", "a+b", "all"]].round(1).values.tolist()
    [[0.0, 0.3, 0.7], [0.0, 0.6, 0.8], [0.0, 0.7, 0.8], [0.1, 0.3, 0.4]]
    """
    checked_component(component)
    exp = measured(exp, metric)
    source = source_operands(exp)
    pairs = random_operands(n_fit + n_test, seed, exclude=source.tolist())
    chosen = list(range(exp.model.n_layers)) if layers is None else list(layers)
    sites = [Site(component, layer) for layer in chosen]
    recorded = last_activations(exp.model, sites, pairs, template)
    by_layer = {}
    for layer, site, activations in zip(chosen, sites, recorded, strict=True):
        seen, unseen = activations[:n_fit], activations[n_fit:]
        candidates: dict[str, tuple[float, Float[np.ndarray, "pair d"]]] = {}
        for name, terms in fits.items():
            features = sums(basis, pairs, terms)
            fitted = fit(features[:n_fit], seen)
            of_source = fitted.predict(sums(basis, source, terms))
            candidates[name] = fitted.r2(features[n_fit:], unseen), of_source
        size = len(basis) * max(map(len, fits.values()))
        true = np.asarray(exp.source[site.at(LAST)][:, 0].double().cpu())
        both = pca_reconstruction(seen, np.concatenate([unseen, true]), size)
        candidates["PCA"] = r2(unseen, both[:n_test]), both[n_test:]
        by_layer[layer] = candidates
    return patch_by_layer(exp, component, LAST, by_layer)
