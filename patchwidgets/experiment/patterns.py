"""Attention patterns of a patch in the three runs. Costs a patched pass, and the recording of both unpatched runs."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from patchwidgets.experiment.experiment import BaseExperiment
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

if TYPE_CHECKING:
    import xarray as xr

RUNS = ("clean", "patched", "corrupted")
DIFFERENCE = "difference"
"""patched − host."""


def pattern_of_patch(
    experiment: BaseExperiment, patches: Sequence[Patch], site: str | Site, pair: int | None = None
) -> "xr.DataArray":
    """Return the patterns of a head in the three runs, and their difference; see `PatchResult.pattern`."""
    site = pattern_site(experiment.model.layout, site)
    runs = {
        "clean": experiment.clean,
        "patched": experiment.host,
        "corrupted": experiment.corrupted,
    }
    lengths = [[len(prompt) for prompt in run.prompts] for run in runs.values()]
    rows = rows_of_one_length(pair, lengths)
    n = max(of_run[row] for of_run in lengths for row in rows)
    key = key_of(site)
    arrays = {
        name: padded(pattern_of(run.activation_of(rows, key), site), n)
        for name, run in runs.items()
    }
    host = arrays[experiment.host_name]
    arrays["patched"] = padded(_patched(experiment, patches, site, rows), n)
    arrays[DIFFERENCE] = arrays["patched"] - host
    tokens = [
        [_tokens(experiment, runs[name].prompts[row], n) for row in rows]
        for name in (*RUNS, "patched")
    ]
    stacked = np.stack([arrays[name] for name in (*RUNS, DIFFERENCE)])
    return labelled(stacked, tokens, rows, (*RUNS, DIFFERENCE))


def _patched(
    experiment: BaseExperiment, patches: Sequence[Patch], site: Site, rows: Sequence[int]
) -> Float[np.ndarray, "pair *head query key"]:
    """The mean over draws of the patched pattern, of some pairs with host prompts of one length."""
    experiment.check_weights(patches)
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
    return [*experiment.model.token_strings(prompt), *[""] * (n - len(prompt))]
