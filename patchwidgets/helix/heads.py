"""Sorting heads by what they carry to the last token: the operands `a` and `b`, or the finished sum `a+b`."""

import numpy as np
import pandas as pd

from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.experiment.patching import run_patch
from patchwidgets.helix.basis import HELIX, TERMS, Basis, Term, sums
from patchwidgets.helix.causal import patch_values, relative, source_operands
from patchwidgets.helix.fit import fit
from patchwidgets.helix.operands import random_operands
from patchwidgets.helix.representations import last_activations
from patchwidgets.methods.effects import LAST, direct, measured
from patchwidgets.metrics import MetricSpec

TERMS_BY_FIT: dict[str, tuple[Term, ...]] = {"a,b": ("a", "b"), "a+b": ("a+b",), "all": TERMS}
"""The terms whose waves each fit of a head may use, by the fit's name: both operands, their sum, or all three."""


def sort_heads(
    exp: BaseExperiment,
    min_share: float = 0.02,
    min_confidence: float = 0.5,
    basis: Basis = HELIX,
    template: str = "{a}+{b}=",
    n_fit: int = 1000,
    seed: int = 0,
    metric: MetricSpec | None = None,
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
        The number of operand pairs that the fits are made on; none of them is that of a prompt of the source.
    seed
        Of the random draw of these pairs.
    metric
        By default the first one of the experiment. The paper's is ``"answer_logit"``.

    Returns
    -------
    DataFrame
        Columns `layer`, `head`, `share`, `total`, `direct` (in the unit of the metric), `a,b`, `a+b`, `all` (effect
        of the fit / `total`), `confidence` and `kind`; the largest share first. Where `total` is within the noise
        floor, these three and `confidence` are NaN, and the head is mixed.

    Raises
    ------
    TaskError
        A prompt of the source has no two numbers, or so many pairs as `n_fit` do not exist.

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
    exp = measured(exp, metric)
    source = source_operands(exp)
    pairs = random_operands(n_fit, seed, exclude=source.tolist())
    totals = {head.at(LAST): run_patch(exp, head.at(LAST)) for head in exp.model.sites("z")}
    totals = {site: total for site, total in totals.items() if total.share >= min_share}
    recorded = last_activations(exp.model, list(totals), pairs, template)
    rows = []
    for (site, total), activations in zip(totals.items(), recorded, strict=True):
        head = {"layer": site.layer, "head": site.index, "share": total.share}
        effects = {"total": total.effect, "direct": direct(exp, site).effect}
        for name, terms in TERMS_BY_FIT.items():
            fitted = fit(sums(basis, pairs, terms), activations).predict(sums(basis, source, terms))
            effects[name] = relative(exp, patch_values(exp, site, fitted).effect, total.effect)
        directness = relative(exp, effects["direct"], total.effect)
        rows.append(head | effects | _classify(effects, directness, min_confidence))
    columns = ["layer", "head", "share", "total", "direct", *TERMS_BY_FIT, "confidence", "kind"]
    return pd.DataFrame(rows, columns=columns).sort_values(
        "share", ascending=False, ignore_index=True
    )


def _classify(
    effects: dict[str, float], directness: float, min_confidence: float
) -> dict[str, object]:
    directness = _clip(directness)
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
    """Limit a ratio to 0 … 1; NaN stays NaN."""
    return float(np.clip(ratio, 0.0, 1.0))
