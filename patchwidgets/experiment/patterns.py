"""Attention patterns of a patch in the three runs. Costs a patched pass, and the recording of both unpatched runs."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.experiment.measured_run import MeasuredRun
from patchwidgets.experiment.patched_pass import patched_pass
from patchwidgets.models.indexing import key_of
from patchwidgets.models.patterns import (
    labelled,
    padded,
    pattern_of,
    pattern_site,
    rows_of_one_length,
)
from patchwidgets.sites import Patch, Site
from patchwidgets.sources.source import draws_of
from patchwidgets.tokens import sequence_strings

if TYPE_CHECKING:
    import xarray as xr

RUNS = ("clean", "patched", "corrupted")
DIFFERENCE = "difference"
"""patched − host."""


def pattern_of_patch(
    experiment: BaseExperiment, patches: Sequence[Patch], site: str | Site, pair: int | None = None
) -> "xr.DataArray":
    """Return the patterns of a head in the three runs, and their difference; see `PatchResult.pattern`."""
    runs = _runs(experiment)
    lengths = [[len(prompt) for prompt in run.prompts] for run in runs.values()]
    rows = rows_of_one_length(pair, lengths)
    n = max(of_run[row] for of_run in lengths for row in rows)
    unpadded = run_patterns(experiment, patches, site, rows)
    arrays = {name: padded(array, n) for name, array in unpadded.items()}
    arrays[DIFFERENCE] = arrays["patched"] - arrays[experiment.host_name]
    tokens = [
        [_tokens(experiment, runs[name].prompts[row], n) for row in rows]
        for name in (*RUNS, "patched")
    ]
    stacked = np.stack([arrays[name] for name in (*RUNS, DIFFERENCE)])
    return labelled(stacked, tokens, rows, (*RUNS, DIFFERENCE))


def run_patterns(
    experiment: BaseExperiment, patches: Sequence[Patch], site: str | Site, rows: Sequence[int]
) -> dict[str, Float[np.ndarray, "pair *head query key"]]:
    """The patterns of a head in the three runs of some pairs, each over the tokens of its own prompts.

    Raises
    ------
    SiteError, RefusedError, WeightsChangedError
        As of `PatchResult.pattern`.
    """
    site, runs = pattern_site(experiment.model.layout, site), _runs(experiment)
    experiment.check_weights(patches)
    key = key_of(site)
    arrays = {
        name: pattern_of(run.activation_of(list(rows), key), site)
        for name, run in runs.items()
        if name != "patched"
    }
    patched = _patched(experiment, patches, site, rows) if patches else arrays[experiment.host_name]
    return {name: arrays.get(name, patched) for name in RUNS}


def _runs(experiment: BaseExperiment) -> dict[str, MeasuredRun]:
    """By name the run whose prompts each of the three has."""
    exp = experiment
    return {"clean": exp.clean, "patched": exp.host, "corrupted": exp.corrupted}


def _patched(
    experiment: BaseExperiment, patches: Sequence[Patch], site: Site, rows: Sequence[int]
) -> Float[np.ndarray, "pair *head query key"]:
    """The mean over draws of the patched pattern, of some pairs with host prompts of one length."""
    draws, key, by_row = draws_of(patches), key_of(site), dict[int, np.ndarray]()
    for batch in experiment.host.batches:
        if not set(batch.rows) & set(rows):
            continue
        of_draws = [
            pattern_of(patched_pass(experiment, drawn, batch, [key]).activations[key], site)
            for drawn in draws
        ]
        by_row |= dict(zip(batch.rows, np.mean(of_draws, axis=0), strict=True))
    return np.stack([by_row[row] for row in rows])


def _tokens(experiment: BaseExperiment, prompt: Sequence[int], n: int) -> list[str]:
    return [*sequence_strings(experiment.model.tokenizer, prompt), *[""] * (n - len(prompt))]
