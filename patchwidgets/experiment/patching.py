"""Patching: run the host prompts again with some activations replaced.

Costs one forward pass over the host prompts, or one for each draw of a source that is drawn at random. The first patch
of a component costs one more, to record the source.
"""

import time
from itertools import product

import numpy as np
import torch
from jaxtyping import Float

from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.experiment.patch_result import PatchResult
from patchwidgets.experiment.patched_pass import patched_pass
from patchwidgets.experiment.reach_sums import ReachBaseline, ReachSums, reach_keys
from patchwidgets.experiment.reading import Reading
from patchwidgets.sites import Patchable
from patchwidgets.sources.source import draws_of


def run_patch(
    experiment: BaseExperiment, *patches: Patchable, record_reach: bool = False
) -> PatchResult:
    """Run the host prompts with some activations replaced; see `Experiment.patch`."""
    started = time.perf_counter()
    checked, sources = experiment.checked(patches), experiment.sources
    host = experiment.host_name
    record = reach_keys(experiment) if record_reach else ()
    draws = draws_of(checked)
    logits = torch.zeros_like(experiment.host.logits)
    sums = ReachSums(len(experiment.pairs)) if record_reach else None
    values = {name: np.empty((len(draws), len(experiment.pairs))) for name in experiment.metrics}
    sources.record(checked)
    for (draw, drawn), batch in product(enumerate(draws), experiment.host.batches):
        pairs = batch.rows
        starts = sources.starts(drawn, pairs)
        output = patched_pass(experiment, drawn, batch, record)
        logits[pairs] += output.logits / len(draws)
        measured = experiment.evaluation.measure_patched(
            output.read, pairs, starts, host, output.joint
        )
        for name, of_batch in measured.items():
            values[name][draw, pairs] = of_batch
        if sums is not None:
            baseline = ReachBaseline.of(experiment, batch, -1)
            sums.add(pairs, baseline.sums(baseline.at_position(output.activations)))
    experiment.check_weights(checked)
    seconds = time.perf_counter() - started
    return PatchResult(experiment, checked, readings_of(experiment, values), logits, seconds, sums)


def unpatched(experiment: BaseExperiment) -> PatchResult:
    """The host run itself as a result: nothing is patched, and nothing runs."""
    host = experiment.evaluation.values[experiment.host_name]
    values = {name: host[name][None] for name in experiment.metrics}
    return PatchResult(experiment, (), readings_of(experiment, values), experiment.host.logits, 0.0)


def readings_of(
    experiment: BaseExperiment, patched: dict[str, Float[np.ndarray, "draw pair"]]
) -> dict[str, Reading]:
    """Every metric of patched runs, given by name, beside the unpatched runs."""
    unpatched, floor = experiment.evaluation.values, experiment.noise_floor
    return {
        name: Reading(
            metric,
            unpatched["clean"][name],
            unpatched["corrupted"][name],
            patched[name].mean(0),
            experiment.direction,
            floor[name],
            patched[name] if len(patched[name]) > 1 else None,
        )
        for name, metric in experiment.metrics.items()
    }
