"""Patches one by one, each from where it begins: what a click costs. Numbers equal those of `run_patch`, to rounding.

The first patch records both unpatched runs; each further one costs a late pass (`late_pass`), joint patches and each of
their parts together. What such a pass cannot do runs as whole prompts.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from patchwidgets.directions import RunName
from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.experiment.patch_result import PatchResult
from patchwidgets.experiment.patching import readings_of, run_patch
from patchwidgets.experiment.reach_sums import (
    REACH_COMPONENTS,
    ReachBaseline,
    ReachSums,
    reach_keys,
)
from patchwidgets.experiment.teacher_forcing import joint_logprobs
from patchwidgets.hooks.hooks import Key
from patchwidgets.models.batches import MAX_TOKENS, Batch
from patchwidgets.models.indexing import key_of
from patchwidgets.models.view import Form
from patchwidgets.sites import Patch
from patchwidgets.sources.source import draws_of
from patchwidgets.sweep.batched_edits import batched_edits
from patchwidgets.sweep.continuation import late_form
from patchwidgets.sweep.cost import DEFAULT_SHARE, Cost, free_memory
from patchwidgets.sweep.groups import Group, continues
from patchwidgets.sweep.late_pass import LateOutput, run_late, stream_keys
from patchwidgets.sweep.packing import forced_prompts
from patchwidgets.sweep.passes import Recording, record
from patchwidgets.sweep.reads import Reads
from patchwidgets.sweep.recorded_pairs import prompt_ids
from patchwidgets.sweep.rows import JointPatches, Rows, make_rows
from patchwidgets.sweep.savings import Savings

_RECORDED_AHEAD = 2**26
"""Bytes of a component in all layers up to which all of them are recorded together."""


@dataclass(eq=False)
class _Measured:
    """What is known of one cell so far; what no pass changes is the host's."""

    logits: Float[Tensor, "pair vocabulary"]
    values: dict[str, Float[np.ndarray, "draw pair"]]
    reach: ReachSums


@dataclass(frozen=True, eq=False)
class _Recorded:
    """What is recorded of one batch of the host run, in one direction."""

    batch: Batch
    recording: Recording
    baseline: ReachBaseline


@dataclass(eq=False)
class LatePatching:
    """Runs patches of experiments that share their measurements, in either direction.

    Examples
    --------
    >>> from patchwidgets.sweep.late_patching import LatePatching
    >>> joint, alone = LatePatching().run(exp, [(pw.Patch("L0.H1"), pw.Patch("L1.H2")), (pw.Patch("L0.H1"),)])
    >>> round(alone.effect - exp.patch("L0.H1").effect, 3)
    0.0
    """

    _recorded: dict[tuple[RunName, int], _Recorded] = field(default_factory=dict)

    def run(
        self, experiment: BaseExperiment, cells: Sequence[Sequence[Patch]]
    ) -> list[PatchResult]:
        """Patch each of some cells, with the reach at the last position; see `Experiment.patch`.

        Raises
        ------
        SiteError, RefusedError, PatchError, WeightsChangedError
            As `Experiment.patch`.
        """
        started = time.perf_counter()
        checked = [tuple(experiment.checked(cell)) for cell in cells]
        form, rows = late_form(experiment), self._rows(experiment, checked)
        if form is None or rows is None or not self._fits(experiment):
            return [run_patch(experiment, *cell, record_reach=True) for cell in checked]
        measured = [self._unpatched(experiment) for _ in checked]
        experiment.sources.record(patch for cell in checked for patch in cell)
        for number, batch in enumerate(experiment.host.batches):
            recorded = self._recording(experiment, number, batch)
            self._add_unchanged(experiment, recorded, rows, measured)
            for group in _groups(experiment, recorded, rows):
                self._add_group(experiment, recorded, group, form, measured)
        experiment.check_weights([patch for cell in checked for patch in cell])
        seconds = time.perf_counter() - started
        return [
            PatchResult(
                experiment,
                cell,
                readings_of(experiment, each.values),
                each.logits,
                seconds,
                each.reach,
            )
            for cell, each in zip(checked, measured, strict=True)
        ]

    def _rows(self, experiment: BaseExperiment, cells: Sequence[JointPatches]) -> Rows | None:
        """Where each cell begins; None if one of them needs whole prompts."""
        ends = experiment.evaluation.read_positions.positions
        read = all(len(pair) - 1 in of for pair, of in zip(experiment.pairs, ends, strict=True))
        if not read or any(len(draws_of(cell)) > 1 for cell in cells):
            return None
        rows = make_rows(experiment, cells, Savings())
        return rows if not rows.unpatchable and all(map(continues, rows.rows)) else None

    def _fits(self, experiment: BaseExperiment) -> bool:
        """Whether recordings of the whole host run fit into the memory that sweeps may use."""
        layout = experiment.model.layout
        cost, n_keys = Cost(layout), 2 * layout.n_layers
        recorded = sum(
            len(batch.rows) * cost.recording_bytes(n_keys, True, batch.ids.shape[1])
            for batch in experiment.host.batches
        )
        return recorded <= DEFAULT_SHARE * free_memory(layout)

    def _unpatched(self, experiment: BaseExperiment) -> _Measured:
        host = experiment.host_name
        values = experiment.evaluation.values[host]
        return _Measured(
            experiment.host.logits.clone(),
            {name: values[name][None].copy() for name in experiment.metrics},
            ReachSums(len(experiment.pairs)),
        )

    def _recording(self, experiment: BaseExperiment, number: int, batch: Batch) -> _Recorded:
        """The recorded runs of a batch; recorded once in each direction."""
        key = experiment.host_name, number
        if key not in self._recorded:
            layout = experiment.model.layout
            prompts = forced_prompts(experiment, batch.rows, prompt_ids(experiment, batch.rows))
            recording = Recording(list(batch.rows), prompts)
            record(layout, recording, stream_keys(layout), with_cache=True)
            baseline = ReachBaseline.of(experiment, batch, -1)
            experiment.check_weights()
            self._recorded[key] = _Recorded(batch, recording, baseline)
        return self._recorded[key]

    def _add_unchanged(
        self,
        experiment: BaseExperiment,
        recorded: _Recorded,
        rows: Rows,
        measured: Sequence[_Measured],
    ) -> None:
        """Where a patch certainly changes nothing, nothing moves."""
        for cell, pair in rows.zero:
            if pair in recorded.batch.rows:
                row = [recorded.batch.rows.index(pair)]
                host = {name: each[:, row] for name, each in recorded.baseline.host.items()}
                measured[cell].reach.add([pair], recorded.baseline.sums(host, row))

    def _add_group(
        self,
        experiment: BaseExperiment,
        recorded: _Recorded,
        group: Group,
        form: Form,
        measured: Sequence[_Measured],
    ) -> None:
        layout = experiment.model.layout
        _record_sources(experiment, recorded, group)
        recording, reads = recorded.recording.of(group.pairs), Reads.of(experiment, group, True)
        edits = batched_edits(experiment, group, recording)
        keys = reach_keys(experiment)
        output = run_late(layout, recording, group, edits, keys, reads.row_positions, form)
        _add_values(experiment, group, reads, output, measured)
        _add_reach(recorded, group, output, measured)


def _groups(experiment: BaseExperiment, recorded: _Recorded, rows: Rows) -> Iterator[Group]:
    """The rows of a batch, in passes of a limited size."""
    chosen = [row for row in rows.rows if row.pair in recorded.batch.rows]
    if not chosen:
        return
    prompts = recorded.recording.prompts
    start, length = min(row.start for row in chosen), prompts.n_tokens
    n_appended = prompts.ids.shape[1] - length
    shape = (prompts.n_rows, n_appended)
    group = Group.of(chosen, length, start, forced_shape=shape, has_hosts=False)
    yield from group.split(MAX_TOKENS // (group.n_forced * group.positions))


def _record_sources(experiment: BaseExperiment, recorded: _Recorded, group: Group) -> None:
    """Record what the rows copy; a component that is new in all layers at once, since each pass costs the same."""
    sources, recording, batch = experiment.sources, recorded.recording, recorded.batch
    for patch in (patch for row in group.rows for patch in row.patches):
        key, run = key_of(patch.patch.site), sources.run_of(patch.patch.source)
        if run is sources.host and key not in recording.host:
            whole = sources.host.activation(batch, key)
            recording.host[key] = whole.repeat_interleave(recording.prompts.n_rows, 0)
        elif run is sources.source and key not in recording.source:
            source = sources.source_batch(batch)
            sources.source.record(source, _in_all_layers(experiment, key, source))
            recording.source[key] = source.activations[key]


def _in_all_layers(experiment: BaseExperiment, key: Key, batch: Batch) -> list[Key]:
    points = experiment.model.layout.hook_points
    alike = [(key[0], layer) for layer in range(experiment.model.n_layers)]
    size = Cost(experiment.model.layout).activation_bytes(key[0], batch.ids.numel())
    few = size * len(alike) <= _RECORDED_AHEAD
    return [each for each in alike if each in points] if few else [key]


def _add_values(
    experiment: BaseExperiment,
    group: Group,
    reads: Reads,
    output: LateOutput,
    measured: Sequence[_Measured],
) -> None:
    """Every metric of each row. At entries before the patch the host's own values count, as everywhere."""
    evaluation, pairs = experiment.evaluation, [experiment.pairs[pair] for pair in reads.pairs]
    joint = None
    if reads.of_answers is not None:
        of_answers = torch.from_numpy(reads.of_answers)
        joint = joint_logprobs(pairs, output.logits[of_answers])[reads.rows_of_entries]
    logits, entries = output.logits[torch.from_numpy(reads.of_entries)], reads.all_entries
    by_metric = evaluation.measure_entries(logits, entries, joint)
    rows = np.array(reads.rows_of_entries)
    for i, row in enumerate(group.rows):
        each, chosen = measured[row.cell], np.flatnonzero(rows == i)
        each.logits[row.pair] = output.logits[reads.of_ends[i]] if reads.of_ends is not None else 0
        for name, values in by_metric.items():
            known = dict(zip([entries[k] for k in chosen], values[chosen], strict=True))
            each.values[name][0, row.pair] = evaluation.mean_with(
                experiment.host_name, name, row.pair, known
            )


def _add_reach(
    recorded: _Recorded, group: Group, output: LateOutput, measured: Sequence[_Measured]
) -> None:
    """How far each row moved from the host: below its first layer not at all."""
    baseline, batch = recorded.baseline, recorded.batch.rows
    in_batch = [batch.index(row.pair) for row in group.rows]
    columns = [baseline.columns[i] - group.start for i in in_batch]
    moved = {name: host[:, in_batch].clone() for name, host in baseline.host.items()}
    joined = np.array([row.layer for row in group.rows])
    for (component, layer), found in output.activations.items():
        if component in REACH_COMPONENTS and layer is not None:
            n = int((joined <= layer).sum())  # rows join in the order of their layers
            rows = range(0, n * group.n_forced, group.n_forced)
            moved[component][layer, :n] = found[list(rows), columns[:n]].cpu().double()
    sums = baseline.sums(moved, in_batch)
    for i, row in enumerate(group.rows):
        of_row = {name: each[..., [i]] for name, each in sums.items()}
        measured[row.cell].reach.add([row.pair], of_row)
