"""Dose curves of steering: one vector at one site, with several strengths. Costs a sweep of as many cells."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from patchwidgets.errors import PatchError, shown
from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.sites import Patch, Site
from patchwidgets.sources.moved import steer
from patchwidgets.sweep.grid import Grid


def dose_grid(
    experiment: BaseExperiment, site: str | Site, vector: Any, alphas: Iterable[float]
) -> Grid:
    """One cell for each strength of a steering vector; `Experiment.dose_curve` documents the arguments.

    Raises
    ------
    PatchError
        No strengths, one twice, or one that is no finite number.
    SiteError, RefusedError
        A site that the model does not have.
    """
    doses = [float(alpha) for alpha in alphas] if isinstance(alphas, Iterable) else []
    if not doses or len(set(doses)) < len(doses):
        raise PatchError(
            f"alphas is {shown(alphas)}; expected one or more different numbers, as in alphas=[0, 1, 2]."
        )
    site, unscaled = Site.parse(site), steer(vector)
    cells = [
        tuple(experiment.checked([Patch(site, replace(unscaled, alpha=alpha))])) for alpha in doses
    ]
    return Grid(
        site.component,
        {"alpha": doses},
        cells,
        labels={"site": ("alpha", [str(site)] * len(doses))},
    )
