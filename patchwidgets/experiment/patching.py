"""Patching: run the host prompts again with some activations replaced.

Costs one forward pass over the host prompts; the first patch of a kind one more, which records the source.
"""

import time

import numpy as np
import torch

from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.experiment.patch_result import PatchResult, Reading
from patchwidgets.experiment.reach import ReachSums, reach_keys
from patchwidgets.metrics import Values
from patchwidgets.sites import Patchable


def run_patch(
    experiment: BaseExperiment, *patches: Patchable, record_reach: bool = False
) -> PatchResult:
    """Run the host prompts with some activations replaced; see `Experiment.patch`."""
    started = time.perf_counter()
    checked, sources = experiment.checked(patches), experiment.sources
    positions, host = experiment.evaluation.read_positions, experiment.host_name
    record = reach_keys(experiment) if record_reach else ()
    logits, sums = torch.empty_like(experiment.host.logits), ReachSums.empty()
    values = {name: np.empty(len(experiment.pairs)) for name in experiment.metrics}
    for batch in experiment.host.batches:
        rows = batch.rows
        edits, starts = sources.edits(checked, rows), sources.starts(checked, rows)
        read = [positions.within(host, row) for row in rows]
        output = experiment.measurements.baselines.scored_pass(rows, batch.ids, edits, record, read)
        logits[rows] = output.logits
        measured = experiment.evaluation.measure_patched(
            output.read, rows, starts, host, output.joint
        )
        for name, part in measured.items():
            values[name][rows] = part
        if record_reach:
            sums.add_batch(experiment, batch, output.activations, -1)
    reach = sums.reach(len(experiment.pairs[0]) - 1) if record_reach else None
    seconds = time.perf_counter() - started
    return PatchResult(experiment, checked, _readings(experiment, values), logits, seconds, reach)


def _readings(experiment: BaseExperiment, patched: dict[str, Values]) -> dict[str, Reading]:
    unpatched, floor = experiment.evaluation.values, experiment.noise_floor
    return {
        name: Reading(
            metric,
            unpatched["clean"][name],
            unpatched["corrupted"][name],
            patched[name],
            experiment.direction,
            floor[name],
        )
        for name, metric in experiment.metrics.items()
    }
