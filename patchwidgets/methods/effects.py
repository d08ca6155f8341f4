"""Total and direct effects, of every layer's attention and MLP and of every head. Costs a forward pass per effect."""

from collections.abc import Iterable

import pandas as pd

from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.experiment.patch_result import PatchResult
from patchwidgets.experiment.patching import run_patch
from patchwidgets.sites import Patch, Patchable, Site

LAST = -1
"""The position at which effects are taken: the last of the prompt."""


def direct(exp: BaseExperiment, *patches: Patchable) -> PatchResult:
    """Patch components of one layer, with everything downstream of them frozen at the host's values.

    The effect that is left is what these components write into the final residual stream themselves, at the last
    position. The final norm acts on the patched stream ("live"), so effects of several components need not add up.

    Parameters
    ----------
    patches
        Of ``attn_out``, ``mlp_out``, ``z`` or neurons, at the last position, all of the same layer and kind.

    Examples
    --------
    >>> effect = pw.helix.direct(exp, "L0.mlp_out@-1").effect
    >>> round(effect, 2), round(exp.patch("L0.mlp_out@-1").effect, 2)
    (2.16, 5.14)
    """
    checked = [Patch.of(patch) for patch in patches]
    return run_patch(exp, *checked, *frozen_after(exp, checked[0].site))


def frozen_after(exp: BaseExperiment, site: Site) -> list[Patch]:
    """Patches that freeze every attention and MLP output after a site at the host's values, at the last position."""
    in_attention = site.component in ("attn_out", "q", "k", "v", "z", "pattern")
    first = site.layer or 0
    later = range(first + 1, exp.model.n_layers)
    sites = [Site(kind, layer, pos=LAST) for layer in later for kind in ("attn_out", "mlp_out")]
    if in_attention:
        sites.insert(0, Site("mlp_out", first, pos=LAST))
    return [Patch(each, source="host") for each in sites]


def layer_effects(exp: BaseExperiment) -> pd.DataFrame:
    """Total and direct effect of every layer's attention and MLP, at the last position.

    Returns
    -------
    DataFrame
        Columns `layer`, `component`, `total` and `direct` (in the unit of the metric) and `share` (of the total
        effect).

    Examples
    --------
    >>> pw.helix.layer_effects(exp).nlargest(2, "direct").round(2)
       layer component  total  direct  share
    3      1   mlp_out   5.95    4.78   0.47
    1      0   mlp_out   5.14    2.16   0.40
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
    """Total and direct effect of every head, at the last position.

    Returns
    -------
    DataFrame
        The columns of `layer_effects`, and `head`.

    Examples
    --------
    >>> pw.helix.head_effects(exp).nlargest(1, "total")[["layer", "head", "total", "direct"]].round(2)
       layer  head  total  direct
    1      0     1  12.65    1.94
    """
    return _effects(exp, exp.model.sites("z"))


def _effects(exp: BaseExperiment, sites: Iterable[Site]) -> pd.DataFrame:
    rows = []
    for site in (each.at(LAST) for each in sites):
        total = run_patch(exp, site)
        place = {"layer": site.layer, "component": site.component}
        if site.index is not None:
            place["head"] = site.index
        effects = {"total": total.effect, "direct": direct(exp, site).effect, "share": total.share}
        rows.append(place | effects)
    return pd.DataFrame(rows)
