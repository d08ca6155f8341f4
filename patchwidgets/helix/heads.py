"""Sorting heads by what they carry to the last token: the operands `a` and `b`, or the finished sum `a+b`."""

from collections.abc import Sequence
from random import Random

import numpy as np
import pandas as pd
from jaxtyping import Float

from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.experiment.patching import run_patch
from patchwidgets.helix.basis import HELIX, TERMS, Basis, Term, sums
from patchwidgets.helix.causal import operands, patch_values
from patchwidgets.helix.fit import fit
from patchwidgets.helix.representations import flatten_heads
from patchwidgets.methods.effects import LAST, direct
from patchwidgets.sites import Site

TERMS_BY_FIT: dict[str, tuple[Term, ...]] = {"a,b": ("a", "b"), "a+b": ("a+b",), "all": TERMS}
"""The waves that each fit of a head may use: of both operands, of their sum, or all."""


def random_operands(
    n: int = 1000, seed: int = 0, exclude: Sequence[Sequence[int]] = ()
) -> list[tuple[int, int]]:
    """Draw `n` different ordered pairs of numbers from 0 to 99, in random order, without those in `exclude`."""
    excluded = {(int(a), int(b)) for a, b in exclude}
    pairs = [(a, b) for a in range(100) for b in range(100) if (a, b) not in excluded]
    return Random(seed).sample(pairs, n)


def last_activations(
    exp: BaseExperiment, site: Site, pairs: Sequence[tuple[int, int]], template: str
) -> Float[np.ndarray, "pair d"]:
    """Record the activation at the last token of each prompt ``template.format(a=a, b=b)``."""
    prompts = [template.format(a=a, b=b) for a, b in pairs]
    return flatten_heads(exp.model.run(prompts)[site.at(LAST)])


def sort_heads(
    exp: BaseExperiment,
    min_share: float = 0.02,
    min_confidence: float = 0.5,
    basis: Basis = HELIX,
    template: str = "{a}+{b}=",
    n_fit: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """Sort the heads that matter into ``"a,b"`` (movers), ``"a+b"`` (writers) and ``"mixed"``.

    A head that carries the operands should have little direct effect, and a fit with the waves of `a` and `b` should
    be able to replace its output. A head that writes the sum should have a large direct effect, and a fit with the
    waves of `a+b` should be able to replace its output. The confidence in ``"a,b"`` is
    ``(1 − direct/total) × a,b/total`` and the confidence in ``"a+b"`` is ``direct/total × a+b/total``, where ``a,b``
    and ``a+b`` are the effects of patching in the two fits and each factor is clipped to 0 … 1.

    Parameters
    ----------
    exp
        Additions, best with both numbers corrupted: ``pw.tasks.addition(varies="both")``.
    min_share
        Heads whose total effect is a smaller share are left out.
    min_confidence
        A head with less confidence is mixed.
    basis
        The features of `a`, `b` and `a+b` that the fits use.
    template
        The prompts for the fits.
    n_fit
        The number of pairs of numbers that the fits are made on; none of them is in the experiment.
    seed
        Of the random draw of these pairs.

    Returns
    -------
    DataFrame
        Columns `layer`, `head`, `share`, `total`, `direct` (in the unit of the metric), `a,b`, `a+b`, `all` (effect
        of the fit / `total`), `confidence` and `kind`; the largest share first.

    Notes
    -----
    The method of Kantamneni and Tegmark (2025), except that they call the four heads of least confidence mixed.

    Examples
    --------
    >>> additions = pw.Experiment(model, pw.tasks.addition(8, varies="both", part="test"))
    >>> heads = pw.helix.sort_heads(additions, min_share=0.15, n_fit=200)
    >>> heads[["layer", "head", "kind"]].values.tolist()
    [[0, 0, 'a,b'], [0, 1, 'a,b'], [1, 3, 'mixed']]
    """
    clean = operands(exp.task)
    pairs = random_operands(n_fit, seed, exclude=clean.tolist())
    rows = []
    for site in (head.at(LAST) for head in exp.model.sites("z")):
        total = run_patch(exp, site)
        if total.share >= min_share:
            activations = last_activations(exp, site, pairs, template)
            head = {"layer": site.layer, "head": site.index, "share": total.share}
            effects = {"total": total.effect, "direct": direct(exp, site).effect}
            for name, terms in TERMS_BY_FIT.items():
                fitted = fit(sums(basis, pairs, terms), activations).predict(
                    sums(basis, clean, terms)
                )
                effects[name] = patch_values(exp, site, fitted).effect / total.effect
            rows.append(head | effects | _classify(effects, min_confidence))
    columns = ["layer", "head", "share", "total", "direct", *TERMS_BY_FIT, "confidence", "kind"]
    return pd.DataFrame(rows, columns=columns).sort_values(
        "share", ascending=False, ignore_index=True
    )


def _classify(effects: dict[str, float], min_confidence: float) -> dict[str, object]:
    directness = _clip(effects["direct"] / effects["total"])
    confidence = {
        "a,b": (1 - directness) * _clip(effects["a,b"]),
        "a+b": directness * _clip(effects["a+b"]),
    }
    best = max(confidence, key=lambda kind: confidence[kind])
    return {
        "confidence": confidence[best],
        "kind": best if confidence[best] >= min_confidence else "mixed",
    }


def _clip(ratio: float) -> float:
    return min(1.0, max(0.0, ratio))
