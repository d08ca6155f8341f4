"""Total and direct effects: of every layer's attention and MLP, and of every head."""

from collections.abc import Iterable

import pandas as pd

from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.experiment.patch_result import PatchResult
from patchwidgets.experiment.patching import run_patch
from patchwidgets.sites import Patch, Site

LAST = -1


def direct(exp: BaseExperiment, *patches: str | Site | Patch) -> PatchResult:
    """Patch components of one layer, with everything downstream of them frozen at the host's values.

    What is left is what they write into the final residual stream themselves, at the last position; the final norm
    is live.

    Parameters
    ----------
    patches
        Of ``attn_out``, ``mlp_out``, ``z`` or neurons, at the last position, all of the same layer and kind.
    """
    made = [Patch.of(patch) for patch in patches]
    return run_patch(exp, *made, *frozen_after(exp, made[0].site))


def frozen_after(exp: BaseExperiment, site: Site) -> list[Patch]:
    """Patches that hold every attention and MLP output after a site, at the last position, at the host's values."""
    in_attention = site.component in ("attn_out", "q", "k", "v", "z", "pattern")
    first = site.layer or 0
    later = range(first + 1, exp.model.n_layers)
    sites = [Site(kind, layer, pos=LAST) for layer in later for kind in ("attn_out", "mlp_out")]
    if in_attention:
        sites.insert(0, Site("mlp_out", first, pos=LAST))
    return [Patch(each, source="host") for each in sites]


def layer_effects(exp: BaseExperiment) -> pd.DataFrame:
    """Total and direct effect at the last position of every layer's attention and MLP.

    Returns
    -------
    DataFrame
        Columns `layer`, `component`, `total`, `direct` (in the unit of the metric) and `share` (of the total).
    """
    return _effects(
        exp,
        [
            Site(kind, layer)
            for layer in range(exp.model.n_layers)
            for kind in ("attn_out", "mlp_out")
        ],
    )


def head_effects(exp: BaseExperiment) -> pd.DataFrame:
    """Total and direct effect of every head at the last position; columns as of `layer_effects`, and `head`."""
    return _effects(exp, exp.model.sites("z"))


def _effects(exp: BaseExperiment, sites: Iterable[Site]) -> pd.DataFrame:
    rows = []
    for site in (each.at(LAST) for each in sites):
        total = run_patch(exp, site)
        own = {"layer": site.layer, "component": site.component} | (
            {} if site.index is None else {"head": site.index}
        )
        rows.append(
            own | {"total": total.effect, "direct": direct(exp, site).effect, "share": total.share}
        )
    return pd.DataFrame(rows)
