"""Patching with fitted representations: where the effect falls short, the model uses what the fit leaves out."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float, Int
from numpy.typing import ArrayLike
from torch import Tensor

from patchwidgets.directions import source_name
from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.experiment.patch_result import PatchResult
from patchwidgets.experiment.patching import run_patch
from patchwidgets.helix.operands import operands
from patchwidgets.methods.effects import measured
from patchwidgets.metrics import MetricSpec
from patchwidgets.recovery import fraction
from patchwidgets.sites import Patch, Site


def patch_values(exp: BaseExperiment, site: str | Site, values: ArrayLike) -> PatchResult:
    """Patch one position with given activations, for example with what a fit predicts.

    Parameters
    ----------
    exp
        Its host run is patched.
    site
        With one position, as in ``L0.resid_post@a``.
    values
        The activations to write, ``[pair, d]``.

    Returns
    -------
    PatchResult
        As from ``exp.patch``.

    Examples
    --------
    >>> additions = pw.Experiment(model, pw.tasks.addition(20))
    >>> a = pw.helix.operands(additions.task)[:, 0]
    >>> activations = pw.helix.number_activations(model, "L0.resid_pre")
    >>> round(pw.helix.patch_values(additions, "L0.resid_pre@a", activations[a]).share, 2)
    1.0
    """
    return run_patch(exp, Patch(site, source=source_at_one_position(values)))


def source_operands(exp: BaseExperiment) -> Int[np.ndarray, "pair 2"]:
    """The numbers `a` and `b` of the prompts whose activations are written."""
    return operands(exp.task, source_name(exp.direction))


def source_at_one_position(values: ArrayLike) -> Float[Tensor, "pair 1 d"]:
    """Turn activations ``[pair, d]`` into the source of a patch at one position."""
    return torch.as_tensor(np.asarray(values), dtype=torch.float32)[:, None]


def relative(exp: BaseExperiment, effect: float, true: float) -> float:
    """Return an effect as a multiple of the true one; NaN if that is within the noise floor of the first metric."""
    return float(fraction(effect, true, next(iter(exp.noise_floor.values()))))


def compare_patches(
    exp: BaseExperiment,
    site: str | Site,
    candidates: Mapping[str, ArrayLike],
    metric: MetricSpec | None = None,
) -> pd.DataFrame:
    """Patch a site with the source run's own activation, then with each candidate.

    Parameters
    ----------
    exp
        Its host run is patched.
    site
        With one position, as in ``L0.resid_post@a``.
    candidates
        From a name to activations ``[pair, d]``.
    metric
        By default the first one of the experiment. The paper's is ``"answer_logit"``.

    Returns
    -------
    DataFrame
        One row per candidate, after the row ``true`` of the activation itself. Columns: `effect` in the unit of the
        metric, `share`, and `relative`, the effect divided by that of the true activation: NaN if the latter is
        within the noise floor.

    Examples
    --------
    >>> additions = pw.Experiment(model, pw.tasks.addition(20))
    >>> a = pw.helix.operands(additions.task)[:, 0]
    >>> activations = pw.helix.number_activations(model, "L0.resid_pre")
    >>> line = pw.helix.fit_numbers(pw.helix.NUMBERS, activations, pw.helix.LINE)
    >>> candidates = {"line": line.predict(pw.helix.LINE.features(a))}
    >>> table = pw.helix.compare_patches(additions, "L0.resid_pre@a", candidates)
    >>> table["relative"].round(1).to_dict()
    {'true': 1.0, 'line': 0.7}
    """
    exp = measured(exp, metric)
    true = run_patch(exp, Patch(site))
    results = {"true": true} | {
        name: patch_values(exp, site, values) for name, values in candidates.items()
    }
    rows = {
        name: (r.effect, r.share, relative(exp, r.effect, true.effect))
        for name, r in results.items()
    }
    return pd.DataFrame.from_dict(rows, orient="index", columns=["effect", "share", "relative"])
