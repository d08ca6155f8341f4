"""Sorting heads by what they carry to the last token: `a` and `b` themselves, or the finished `a+b`."""

from collections.abc import Sequence
from random import Random

import pandas as pd

from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.experiment.patching import run_patch
from patchwidgets.helix.basis import HELIX, Basis, Floats, sums
from patchwidgets.helix.causal import operands, patch_values
from patchwidgets.helix.fit import fit
from patchwidgets.helix.representations import flat
from patchwidgets.methods.effects import LAST, direct
from patchwidgets.sites import Site

TERMS = {"a,b": ("a", "b"), "a+b": ("a+b",), "all": ("a", "b", "a+b")}
"""What a fit may use: the waves of both operands, those of their sum, or all."""


def random_operands(
    n: int = 1000, seed: int = 0, but: Sequence[Sequence[int]] = ()
) -> list[tuple[int, int]]:
    """`n` different ordered pairs of numbers from 0 to 99, in random order, none of those in `but`."""
    left_out = {(int(a), int(b)) for a, b in but}
    pairs = [(a, b) for a in range(100) for b in range(100) if (a, b) not in left_out]
    return Random(seed).sample(pairs, n)


def last_activations(
    exp: BaseExperiment, site: Site, pairs: Sequence[tuple[int, int]], template: str
) -> Floats:
    """The activation at the last token of each prompt, ``[pair, d]``."""
    return flat(exp.model.run([template.format(a=a, b=b) for a, b in pairs])[site.at(LAST)])


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

    A head that carries the operands should have little direct effect, and its output should be as good when it is
    replaced by a fit with the waves of `a` and `b`; a head that writes the sum, the other way round. The
    confidence in the one is ``(1 − direct/total) × a,b/total``, in the other ``direct/total × a+b/total``, each
    factor cut to 0 … 1, where ``a,b`` and ``a+b`` are the effects of patching in the fits.

    Parameters
    ----------
    exp
        Additions, best with both numbers corrupted: ``pw.tasks.addition(varies="both")``.
    min_share
        Heads whose total effect is a smaller share are left out.
    min_confidence
        Below it, a head is mixed.
    n_fit
        How many pairs of numbers the fits are made on; none of the experiment's.

    Returns
    -------
    DataFrame
        Columns `layer`, `head`, `share`, `total`, `direct` (in the unit of the metric), `a,b`, `a+b`, `all` (effect
        of the fit / `total`), `confidence` and `kind`; the largest share first.

    Notes
    -----
    The sorting of Kantamneni and Tegmark (2025), whose mixed heads are the four of least confidence.
    """
    clean = operands(exp.task)
    pairs = random_operands(n_fit, seed, but=clean.tolist())
    rows = []
    for site in (each.at(LAST) for each in exp.model.sites("z")):
        total = run_patch(exp, site)
        if total.share >= min_share:
            activations = last_activations(exp, site, pairs, template)
            head = {"layer": site.layer, "head": site.index, "share": total.share}
            effects = {"total": total.effect, "direct": direct(exp, site).effect}
            for name, terms in TERMS.items():
                fitted = fit(sums(basis, pairs, terms), activations).predict(
                    sums(basis, clean, terms)
                )
                effects[name] = patch_values(exp, site, fitted).effect / total.effect
            rows.append(head | effects | _sorted(effects, min_confidence))
    columns = ["layer", "head", "share", "total", "direct", *TERMS, "confidence", "kind"]
    return pd.DataFrame(rows, columns=columns).sort_values(
        "share", ascending=False, ignore_index=True
    )


def _sorted(effects: dict[str, float], min_confidence: float) -> dict[str, object]:
    directness = _cut(effects["direct"] / effects["total"])
    confidence = {
        "a,b": (1 - directness) * _cut(effects["a,b"]),
        "a+b": directness * _cut(effects["a+b"]),
    }
    best = max(confidence, key=lambda kind: confidence[kind])
    return {
        "confidence": confidence[best],
        "kind": best if confidence[best] >= min_confidence else "mixed",
    }


def _cut(ratio: float) -> float:
    return min(1.0, max(0.0, ratio))
