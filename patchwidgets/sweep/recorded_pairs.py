"""Records the unpatched runs of some pairs for a sweep. Costs a pass over their host prompts, and one over the sources.

What the experiment has recorded of its source already is taken from there.
"""

from collections.abc import Collection, Sequence

import torch
from jaxtyping import Int
from torch import Tensor

from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.experiment.teacher_forcing import TeacherForced
from patchwidgets.hooks.hooks import Key
from patchwidgets.sweep.passes import Recording, record


def record_pairs(
    experiment: BaseExperiment,
    prompts: TeacherForced,
    pairs: Sequence[int],
    host_keys: Collection[Key],
    source_keys: Collection[Key],
    with_cache: bool,
) -> Recording:
    """Record the unpatched runs of some pairs of equal length.

    Parameters
    ----------
    prompts
        The host prompts of these pairs, perhaps with answers after them.
    host_keys, source_keys
        The activations to record of each run.
    with_cache
        Also keep the host's keys and values.
    """
    batches = experiment.host.batches
    host_batch = next(batch for batch in batches if pairs[0] in batch.rows)
    source_batch = experiment.sources.source_batch(host_batch)
    rows = [host_batch.rows.index(pair) for pair in pairs]
    recording = Recording(list(pairs), prompts)
    recorded = all(key in source_batch.activations for key in source_keys)
    source = () if recorded else (source_batch.ids[rows], source_keys)
    record(experiment.model.layout, recording, host_keys, with_cache, *source)
    if recorded:
        recording.source = {key: source_batch.activations[key][rows] for key in source_keys}
    return recording


def prompt_ids(experiment: BaseExperiment, pairs: Sequence[int]) -> Int[Tensor, "pair pos"]:
    """The host prompts of some pairs of equal length."""
    host = experiment.host_name
    return torch.tensor([experiment.pairs[pair].prompt(host) for pair in pairs])
