"""What a head writes in the three runs of a patch, as tokens. Costs three passes over one prompt."""

from collections.abc import Sequence

import torch

from patchwidgets.errors import SiteError, shown
from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.models.patterns import rows_of_one_length
from patchwidgets.models.written import Written, checked_head, written
from patchwidgets.sites import Patch, Site
from patchwidgets.sources.source import check_one_draw


def written_in_patch(
    experiment: BaseExperiment,
    patches: Sequence[Patch],
    site: str | Site,
    pos: int | str = -1,
    k: int = 5,
    pair: int = 0,
) -> dict[str, Written]:
    """Return the tokens that a head writes in the three runs; see `PatchResult.written`."""
    layout, tokenizer = experiment.model.layout, experiment.model.tokenizer
    head = checked_head(layout, site, k)
    if not isinstance(pos, int | str):
        raise SiteError(f"written() reads one position; got pos={shown(pos)}.")
    [row] = rows_of_one_length(pair, [[len(each) for each in experiment.pairs]])
    [(clean, corrupted)] = experiment.pairs[row].columns_at(pos)
    host = clean if experiment.host_name == "clean" else corrupted
    check_one_draw(patches, "written()")
    experiment.check_weights(patches)
    ids = torch.tensor([experiment.host.prompts[row]])
    edits = experiment.sources.edits(patches, [row])
    found = {
        "clean": experiment.clean.written(head, clean, k=k, pair=row),
        "patched": written(layout, tokenizer, ids, head, host, k, edits),
        "corrupted": experiment.corrupted.written(head, corrupted, k=k, pair=row),
    }
    experiment.check_weights(patches)
    return found
