"""Total and direct effects, of every layer's attention and MLP and of every head. Costs two sweeps."""

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

import pandas as pd

from patchwidgets.edges import Path, Receiver
from patchwidgets.errors import PatchError
from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.experiment.patch_result import PatchResult
from patchwidgets.experiment.patching import run_patch
from patchwidgets.methods.paths.api import make_path_sweep
from patchwidgets.metrics import MetricSpec
from patchwidgets.sites import NEURON_COMPONENTS, Patch, Patchable, Site
from patchwidgets.sweep.api import make_sweep, run_sweep
from patchwidgets.sweep.request import SweepRequest
from patchwidgets.sweep.row_sweep import RowSweep
from patchwidgets.sweep.sweep_result import SweepResult

AnyExperiment = TypeVar("AnyExperiment", bound=BaseExperiment)

LAST = -1
"""The position at which effects are taken: the last of the prompt."""

ATTENTION = ("attn_out", "z")
MLP = ("mlp_out", *sorted(NEURON_COMPONENTS))


def measured(exp: AnyExperiment, metric: MetricSpec | None) -> AnyExperiment:
    """Return an experiment whose first metric is this one, or the experiment itself for None."""
    if metric is None:
        return exp
    known = isinstance(metric, str) and metric in exp.metrics
    return exp.focused(metric) if known else exp.measuring(metric)  # type: ignore[arg-type]


def direct(exp: BaseExperiment, *patches: Patchable) -> PatchResult:
    """Patch components of one layer, with everything downstream of them frozen at the host's values.

    The effect that is left is what these components write into the final residual stream themselves, at the last
    position. The final norm acts on the patched stream ("live"), so effects of several components need not add up.

    Parameters
    ----------
    patches
        At the last position of one layer, all of the attention (``attn_out``, ``z``) or all of the MLP (``mlp_out``,
        neurons).

    Raises
    ------
    PatchError
        Any other patches, or none.

    Examples
    --------
    >>> effect = pw.helix.direct(exp, "L0.mlp_out@-1").effect
    >>> round(effect, 2), round(exp.patch("L0.mlp_out@-1").effect, 2)
    (2.16, 5.14)
    """
    checked = exp.checked(patches)
    sites = [patch.site for patch in checked]
    _check_one_place(exp, sites)
    layer, in_attention = sites[0].layer, sites[0].component in ATTENTION
    assert layer is not None
    return run_patch(exp, *checked, *_frozen_after(exp, layer, in_attention))


def _check_one_place(exp: BaseExperiment, sites: Sequence[Site]) -> None:
    of_one_kind = any(all(site.component in kind for site in sites) for kind in (ATTENTION, MLP))
    of_one_layer = len({site.layer for site in sites}) == 1
    at_last = all(pair.indices(site.pos) == [len(pair) - 1] for pair in exp.pairs for site in sites)
    if not (of_one_kind and of_one_layer and at_last):
        raise PatchError(
            "direct() expects patches of one layer, all of attention (attn_out, z) or all of the MLP (mlp_out, "
            f"neurons), at the last position, as in 'L9.H6@-1'; got {', '.join(map(str, sites)) or 'none'}."
        )


def _frozen_after(exp: BaseExperiment, layer: int, in_attention: bool) -> list[Patch]:
    """Freeze what attention and MLPs write after a layer's attention, or MLP, at the host's values, at the end."""
    later = range(layer + 1, exp.model.n_layers)
    sites = [Site(kind, each, pos=LAST) for each in later for kind in ("attn_out", "mlp_out")]
    if in_attention:
        sites.insert(0, Site("mlp_out", layer, pos=LAST))
    return [Patch(site, source="host") for site in sites]


def layer_effects(exp: BaseExperiment, metric: MetricSpec | None = None) -> pd.DataFrame:
    """Total and direct effect of every layer's attention and MLP, at the last position.

    `Experiment.sweep` and `Experiment.direct_effects` have the same with intervals, and `pw.plot.layers` draws both.

    Parameters
    ----------
    exp
        Its host run is patched.
    metric
        By default the first one of the experiment.

    Returns
    -------
    DataFrame
        Columns `layer`, `component`, `total` and `direct` (effects in the unit of the metric), and `share`, which
        belongs to `total`: that effect divided by the distance between host and source.

    Examples
    --------
    >>> pw.helix.layer_effects(exp).nlargest(2, "direct").round(2)
       layer component  total  direct  share
    3      1   mlp_out   5.95    4.78   0.47
    1      0   mlp_out   5.14    2.16   0.40
    """
    return _effects(
        measured(exp, metric),
        [
            Site(kind, layer)
            for layer in range(exp.model.n_layers)
            for kind in ("attn_out", "mlp_out")
        ],
    )


def head_effects(exp: BaseExperiment, metric: MetricSpec | None = None) -> pd.DataFrame:
    """Total and direct effect of every head, at the last position.

    Parameters
    ----------
    exp, metric
        As for `layer_effects`.

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
    return _effects(measured(exp, metric), exp.model.sites("z"))


def _effects(exp: BaseExperiment, sites: Iterable[Site]) -> pd.DataFrame:
    at_last = [site.at(LAST) for site in sites]
    to_logits = [Path(site, (Receiver("logits"),)) for site in at_last]
    total = swept(make_sweep(exp, [SweepRequest(sites=at_last)]))
    direct_only = swept(make_path_sweep(exp, to_logits))
    place = {
        "layer": [site.layer for site in at_last],
        "component": [site.component for site in at_last],
    }
    heads = [site.index for site in at_last if site.component == "z"]
    effects = {
        "total": total.effect.values,
        "direct": direct_only.effect.values,
        "share": total.share.values,
    }
    return pd.DataFrame(place | ({"head": heads} if heads else {}) | effects)


def swept(sweep: RowSweep[Any]) -> SweepResult:
    """Run a sweep of one grid, without a bar."""
    return run_sweep(sweep, progress=False, on_interrupt=lambda _: None)[0]
