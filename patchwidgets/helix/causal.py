"""Patching with fitted representations: what a fit leaves out is what the model may miss."""

import re
from collections.abc import Mapping

import numpy as np
import pandas as pd
import torch
from numpy.typing import ArrayLike, NDArray

from patchwidgets.errors import TaskError
from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.experiment.patch_result import PatchResult
from patchwidgets.experiment.patching import run_patch
from patchwidgets.sites import Patch, Site
from patchwidgets.tasks import Task


def operands(task: Task, run: str = "clean") -> NDArray[np.int64]:
    """The first two numbers of each prompt of a task, ``[pair, 2]``.

    Parameters
    ----------
    run
        ``"clean"`` or ``"corrupted"``.

    Raises
    ------
    TaskError
        A prompt has fewer than two numbers.
    """
    texts = [getattr(task.pair(i), run) for i in range(len(task))]
    found = [re.findall(r"\d+", text)[:2] for text in texts]
    if short := [text for text, numbers in zip(texts, found, strict=True) if len(numbers) < 2]:
        raise TaskError(
            f"Expected two numbers in each prompt, as in '12+34='; {short[0]!r} has fewer."
        )
    return np.array(found, dtype=np.int64)


def patch_values(exp: BaseExperiment, site: str | Site, values: ArrayLike) -> PatchResult:
    """Patch one position with given activations, ``[pair, d]``, such as a fit predicts them."""
    return run_patch(exp, Patch(site, source=as_source(values)))


def as_source(values: ArrayLike) -> torch.Tensor:
    """Activations ``[pair, d]`` as the source of a patch at one position, ``[pair, 1, d]``."""
    return torch.as_tensor(np.asarray(values), dtype=torch.float32)[:, None]


def compare_patches(
    exp: BaseExperiment, site: str | Site, candidates: Mapping[str, ArrayLike]
) -> pd.DataFrame:
    """Patch a site with the true source, then with each candidate.

    Parameters
    ----------
    site
        With one position, as in ``L0.resid_post@a``.
    candidates
        Name to activations ``[pair, d]``.

    Returns
    -------
    DataFrame
        One row each, ``true`` first: `effect` (in the unit of the metric), `share`, and `relative`, the effect
        as a part of that of the true activation.
    """
    true = run_patch(exp, Patch(site))
    results = {"true": true} | {
        name: patch_values(exp, site, values) for name, values in candidates.items()
    }
    rows = {name: (r.effect, r.share, r.effect / true.effect) for name, r in results.items()}
    return pd.DataFrame.from_dict(rows, orient="index", columns=["effect", "share", "relative"])
