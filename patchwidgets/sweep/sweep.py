"""A whole sweep: recordings, groups inside the memory budget, results as they come.

Costs about the arithmetic that its patches change, and one reading of the weights per group.
"""

import logging
import math
import time
from collections.abc import Iterator, Sequence

import numpy as np
import torch

from patchwidgets.errors import PatchError
from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.hooks.cancellation import Cancelled
from patchwidgets.hooks.hooks import Edit, Key
from patchwidgets.metrics import Values
from patchwidgets.sites import Entry
from patchwidgets.sweep.batched_edits import batched_edits
from patchwidgets.sweep.continuation import can_continue
from patchwidgets.sweep.cost import SHARE, free_memory
from patchwidgets.sweep.grid import Grid
from patchwidgets.sweep.groups import Group
from patchwidgets.sweep.packing import Packing
from patchwidgets.sweep.passes import FinalStates, Recording, descend, record, run_plain
from patchwidgets.sweep.plan import Plan
from patchwidgets.sweep.progress import GridValues, Progress, RoutingFlips
from patchwidgets.sweep.rows import Variant, make_rows
from patchwidgets.sweep.savings import Savings
from patchwidgets.sweep.unembed import Reader

_LOG = logging.getLogger(__name__)


class Sweep:
    """Sweeps that share their descents.

    Parameters
    ----------
    batch
        At most so many runs in one group.
    budget
        Bytes above the model; half of what is free by default.
    savings
        What to leave out.

    Raises
    ------
    PatchError
        A batch or a budget that is not positive; answers of several tokens.
    """

    def __init__(
        self,
        experiment: BaseExperiment,
        grids: Sequence[Grid],
        batch: int | None = None,
        budget: float | None = None,
        savings: Savings = Savings(),  # noqa: B008 - frozen
    ) -> None:
        if (batch is not None and batch < 1) or (budget is not None and budget <= 0):
            raise PatchError(f"batch={batch}, budget={budget}: expected runs and bytes above 0.")
        if any(pair.long_answers for pair in experiment.pairs):
            raise PatchError(
                "A sweep reads answers of one token, and this task has longer ones. "
                "Patch single sites with exp.patch(...), or choose answers of one token."
            )
        self.experiment, self.grids, self.savings = experiment, list(grids), savings
        free = free_memory(experiment.model.layout.device)
        self.budget = int(budget if budget is not None else SHARE * free)
        self._variants: list[Variant] = [v for grid in grids for v in grid.variants]
        self._rows = make_rows(experiment, self._variants, savings)
        self._plain = not (can_continue(experiment) if savings.cone or savings.descent else False)
        self._effects = {name: self._blank() for name in experiment.metrics}
        self._missing = np.zeros(len(self._variants), dtype=np.int64)
        self._noise = dict.fromkeys(experiment.metrics, 0.0)
        layout = experiment.model.layout
        self._flips = RoutingFlips(bool(layout.routers)) if layout.mixture else None
        self._seconds = 0.0
        self._start_counts()
        self._packing = Packing(
            experiment, self._rows.rows, savings, self._plain, self.budget, batch
        )
        self._sizes = self._packing.sizes
        self._planned = self._packing.planned()
        self._flops = sum(self._sizes.flops(group) for _, part in self._planned for group in part)
        self._done_flops = 0.0
        self._waiting = [(group, chunk) for chunk, groups in self._planned for group in groups]
        self._recording: Recording | None = None
        self._reader = Reader(experiment, savings.unembed, self._packing.logits_at_once)

    @property
    def method(self) -> str:
        """``"descent"``, or ``"plain"`` for whole prompts in batches."""
        return "plain" if self._plain else "descent"

    def plan(self) -> Plan:
        """What will be done, before anything runs."""
        groups = [group for _, groups in self._planned for group in groups]
        memory = max((self._packing.memory(*part) for part in self._planned), default=0)
        flops = self._flops + sum(self._packing.recording_flops(c) for c, _ in self._planned)
        return Plan(
            len(self._variants),
            int(self._zero.sum()),
            int(self._unpatchable.sum()),
            len(self._rows.rows),
            len(groups),
            flops,
            memory,
            self.budget,
            flops / self._sizes.rate(),
            self.method,
        )

    def run(self) -> Iterator[Progress]:
        """Compute group by group; after each, and at the start, say how far it is.

        Ends early, with what is done kept, where the work is cancelled (`patchwidgets.hooks.hooks.cancellable`); run again,
        it goes on from there.
        """
        yield self.progress
        while self._waiting:
            try:
                self.step()
            except Cancelled:
                return
            yield self.progress

    def step(self) -> None:
        """Compute the next group.

        Raises
        ------
        Cancelled
            The work is not wanted now. The group still waits.
        """
        group, chunk = self._waiting[0]
        if self._recording is None or self._recording.pairs != chunk:
            self._recording = None  # before the next one is made: there is room for one
            self._recording = self._timed_record(chunk)
        self._compute(group, self._recording)
        self._done_flops += self._sizes.flops(group)
        del self._waiting[0]
        if not self._waiting:
            self._recording = None
            self._tell_flips()

    def _tell_flips(self) -> None:
        if self._flips is not None and (self._flips.flips or not self._flips.known):
            _LOG.warning(
                "%s is a mixture of experts; %s. Effects below the noise floor, which holds such jumps, mean nothing.",
                self.experiment.model.name,
                self._flips,
            )

    @property
    def progress(self) -> Progress:
        """How far it is."""
        done = int((self._missing == 0).sum())
        zero = int(self._zero.sum())
        part = self._done_flops / self._flops if self._flops else 1.0
        left = self._seconds * (1 - part) / part if part else math.nan
        return Progress(done, len(self._variants), zero, self._seconds, left)

    def grid_values(self) -> list[GridValues]:
        """The numbers so far, one for each grid."""
        found, first = [], 0
        host = self.experiment.evaluation.values[self.experiment.host_name]
        floor = {
            name: max(self._noise[name], self.experiment.noise_floor[name]) for name in self._noise
        }
        for grid in self.grids:
            cells = slice(first, first + len(grid.variants))
            effects = {name: array[cells].copy() for name, array in self._effects.items()}
            values = {name: host[name] + array for name, array in effects.items()}
            zero, unpatchable = self._zero[cells], self._unpatchable[cells]
            ran = (self.method, self._seconds, self._flips)
            found.append(GridValues(grid, values, effects, floor, zero, unpatchable, *ran))
            first = cells.stop
        return found

    def _blank(self) -> Values:
        return np.full((len(self._variants), len(self.experiment.pairs)), np.nan)

    def _start_counts(self) -> None:
        numbers = [row.variant for row in self._rows.rows]
        self._missing = np.bincount(numbers, minlength=len(self._variants))
        self._unpatchable = np.zeros(len(self._variants), dtype=np.bool_)
        self._unpatchable[[variant for variant, _ in self._rows.unpatchable]] = True
        self._zero = (self._missing == 0) & ~self._unpatchable
        variants, pairs = np.array(self._rows.zero, dtype=np.int64).reshape(-1, 2).T
        for array in self._effects.values():
            array[variants, pairs] = 0.0

    def _timed_record(self, chunk: list[int]) -> Recording:
        started = time.perf_counter()
        recording = self._record(chunk)
        self._seconds += time.perf_counter() - started
        return recording

    def _record(self, chunk: list[int]) -> Recording:
        experiment, layout = self.experiment, self.experiment.model.layout
        batch = next(b for b in experiment.host.batches if chunk[0] in b.rows)
        local = [batch.rows.index(pair) for pair in chunk]
        recording = Recording(chunk, batch.ids[local])
        twin = experiment.sources.twin(batch)
        host, source = self._packing.host_keys, self._packing.source_keys
        held = all(key in twin.activations for key in source)
        beside = () if held else (twin.ids[local], source)
        record(layout, recording, host, not self._plain, *beside)
        if held:
            recording.source = {key: twin.activations[key][local] for key in source}
        return recording

    def _compute(self, group: Group, recording: Recording) -> None:
        started = time.perf_counter()
        try:
            self._run_group(group, recording.of(group.pairs))
        except (RuntimeError, MemoryError) as error:
            if not _out_of_memory(error) or len(group.rows) == 1:
                raise
            _LOG.warning("Out of memory with %d runs; going on with half.", len(group.rows))
            if torch.cuda.is_available():
                torch.cuda.empty_cache()
            for half in group.halves():
                self._compute(half, recording)
        self._seconds += time.perf_counter() - started

    def _run_group(self, group: Group, recording: Recording) -> None:
        held = {"host": recording.host, "source": recording.source}
        edits = batched_edits(self.experiment, group, lambda run, key: held[run][key])
        where, host = self.experiment.evaluation.read_positions, self.experiment.host_name
        reading = group.reading(where, host)
        read_positions = [[where.index(host, entry) for entry in entries] for entries in reading]
        final = self._final_states(group, recording, edits, read_positions)
        if not self._reader.checked(final):
            final = self._final_states(group, recording, edits, read_positions)
        if self._flips is not None:
            self._flips.count(group, recording, final)
        entries = [entry for row in reading for entry in row]
        for name, values in self._reader.measure(final, entries).items():
            self._keep(name, values, group, reading)
        np.subtract.at(self._missing, [row.variant for row in group.rows], 1)

    def _final_states(
        self,
        group: Group,
        recording: Recording,
        edits: dict[Key, Edit],
        read_positions: Sequence[Sequence[int]],
    ) -> FinalStates:
        run = run_plain if group.plain else descend
        n_logits = self._reader.n_logits(len(group.pairs))
        return run(self.experiment.model.layout, recording, group, edits, n_logits, read_positions)

    def _keep(
        self, name: str, values: Values, group: Group, reading: Sequence[Sequence[Entry]]
    ) -> None:
        """Effects against the host's rows of the same pass; how far these are off is noise.

        Of a metric over several positions the mean; those before a row is patched were not read and count as 0.
        """
        evaluation, n = self.experiment.evaluation, len(group.pairs)
        hosts = [entry for row in reading[:n] for entry in row]
        unpatched, entries = values[: len(hosts)], [entry for row in reading[n:] for entry in row]
        off = np.abs(unpatched - evaluation.unpatched(self.experiment.host_name, name, hosts))
        self._noise[name] = max(self._noise[name], float(np.nan_to_num(off).max()))
        before = dict(zip(hosts, unpatched, strict=True))
        changes = values[len(hosts) :] - np.array([before[entry] for entry in entries])
        rows = [number for number, row in enumerate(reading[n:]) for _ in row]
        sums = np.bincount(rows, np.nan_to_num(changes), minlength=len(group.rows))
        spans = evaluation.read_positions.spans[evaluation.metrics[name].pos]
        variants, pairs = zip(*((row.variant, row.pair) for row in group.rows), strict=True)
        self._effects[name][variants, pairs] = sums / [len(spans[pair]) for pair in pairs]


def _out_of_memory(error: BaseException) -> bool:
    texts = ("out of memory", "can't allocate memory", "not enough memory")
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or any(
        text in str(error) for text in texts
    )
