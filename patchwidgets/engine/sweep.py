"""A whole sweep: recordings, groups inside the memory budget, results as they come.

Costs about the arithmetic that its patches change, and one reading of the weights per group.
"""

import logging
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from patchwidgets.engine.budget import SHARE, Sizes, free_memory
from patchwidgets.engine.grid import Grid, Variant
from patchwidgets.engine.method import can_descend
from patchwidgets.engine.passes import Ends, Recording, descend, record, run_plain
from patchwidgets.engine.plan import Group, Plan, Row, Savings, make_groups, make_rows
from patchwidgets.engine.unembed import Reader
from patchwidgets.engine.writes import make_edits
from patchwidgets.errors import PatchError
from patchwidgets.experiment import Experiment
from patchwidgets.hooks import Cancelled, Edit, Key
from patchwidgets.metrics import Values
from patchwidgets.reads import Entry
from patchwidgets.run import key_of

_LOG = logging.getLogger(__name__)
RECORDING_SHARE = 0.4
"""Of the budget, for what is kept of the unpatched runs."""


@dataclass(frozen=True)
class Progress:
    """How far a sweep is, in cells: those that are 0 for certain are done from the start."""

    done: int
    total: int
    zero: int
    seconds: float
    seconds_left: float

    @property
    def left(self) -> int:
        """How many cells are not done yet."""
        return self.total - self.done


@dataclass(frozen=True, eq=False)
class Swept:
    """The numbers of one grid, NaN where not done yet.

    Attributes
    ----------
    values, effects
        By metric ``[cell, pair]``; an effect is measured against the host's row of the same pass.
    noise_floor
        By metric.
    zero
        ``[cell]``: exactly 0 for certain on every pair, so nothing was computed.
    unpatchable
        ``[cell]``: without a counterpart on some pair, whose numbers stay NaN.
    """

    grid: Grid
    values: dict[str, Values]
    effects: dict[str, Values]
    noise_floor: dict[str, float]
    zero: NDArray[np.bool_]
    unpatchable: NDArray[np.bool_]
    method: str
    seconds: float


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
        experiment: Experiment,
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
        self._batch = batch
        self._sizes = Sizes(experiment.model.anatomy)
        free = free_memory(experiment.model.anatomy.device)
        self.budget = int(budget if budget is not None else SHARE * free)
        self._variants: list[Variant] = [v for grid in grids for v in grid.variants]
        self._rows = make_rows(experiment, self._variants, savings)
        self._by_pair: dict[int, list[Row]] = {}
        for row in self._rows.rows:
            self._by_pair.setdefault(row.pair, []).append(row)
        self._plain = not (can_descend(experiment) if savings.cone or savings.descent else False)
        self._effects = {name: self._blank() for name in experiment.metrics}
        self._missing = np.zeros(len(self._variants), dtype=np.int64)
        self._noise = dict.fromkeys(experiment.metrics, 0.0)
        self._seconds = 0.0
        self._start_counts()
        self._planned = [(chunk, self._groups(chunk)) for chunk in self._make_chunks()]
        self._flops = sum(self._sizes.flops(group) for _, part in self._planned for group in part)
        self._done_flops = 0.0
        self._waiting = [(group, chunk) for chunk, groups in self._planned for group in groups]
        self._recording: Recording | None = None
        chunk = max(1, int(0.2 * self.budget) // self._sizes.logits())
        self._reader = Reader(experiment, savings.unembed, chunk)

    @property
    def method(self) -> str:
        """``"descent"``, or ``"plain"`` for whole prompts in batches."""
        return "plain" if self._plain else "descent"

    def plan(self) -> Plan:
        """What will be done, before anything runs."""
        groups = [group for _, groups in self._planned for group in groups]
        memory = max((self._memory(group) for group in groups), default=0)
        recorded = max((self._recorded(chunk) for chunk, _ in self._planned), default=0)
        flops = self._flops + sum(self._recording_flops(chunk) for chunk, _ in self._planned)
        return Plan(
            len(self._variants),
            int(self._zero().sum()),
            int(self._unpatchable().sum()),
            len(self._rows.rows),
            len(groups),
            flops,
            memory + recorded,
            self.budget,
            flops / self._sizes.rate(),
            self.method,
        )

    def run(self) -> Iterator[Progress]:
        """Compute group by group; after each, and at the start, say how far it is.

        Ends early, with what is done kept, where the work is cancelled (`patchwidgets.hooks.cancellable`); run again,
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
            self._recording = self._timed_record(chunk)
        self._compute(group, self._recording)
        self._done_flops += self._sizes.flops(group)
        del self._waiting[0]
        if not self._waiting:
            self._recording = None

    @property
    def progress(self) -> Progress:
        """How far it is."""
        done = int((self._missing == 0).sum())
        zero = int(self._zero().sum())
        part = self._done_flops / self._flops if self._flops else 1.0
        left = self._seconds * (1 - part) / part if part else math.nan
        return Progress(done, len(self._variants), zero, self._seconds, left)

    def swept(self) -> list[Swept]:
        """The numbers so far, one for each grid."""
        found, first = [], 0
        host = self.experiment.scores.values[self.experiment.host_name]
        floor = {
            name: max(self._noise[name], self.experiment.noise_floor[name]) for name in self._noise
        }
        for grid in self.grids:
            cells = slice(first, first + len(grid.variants))
            effects = {name: array[cells].copy() for name, array in self._effects.items()}
            values = {name: host[name] + array for name, array in effects.items()}
            marks = self._zero()[cells], self._unpatchable()[cells]
            found.append(Swept(grid, values, effects, floor, *marks, self.method, self._seconds))
            first = cells.stop
        return found

    def _blank(self) -> Values:
        return np.full((len(self._variants), len(self.experiment.pairs)), np.nan)

    def _runs_per_variant(self) -> NDArray[np.int64]:
        numbers = [row.variant for row in self._rows.rows]
        return np.bincount(numbers, minlength=len(self._variants))

    def _unpatchable(self) -> NDArray[np.bool_]:
        marked = np.zeros(len(self._variants), dtype=bool)
        marked[[variant for variant, _ in self._rows.unpatchable]] = True
        return marked

    def _zero(self) -> NDArray[np.bool_]:
        known: NDArray[np.bool_] = (self._runs_per_variant() == 0) & ~self._unpatchable()
        return known

    def _start_counts(self) -> None:
        self._missing = self._runs_per_variant()
        for variant, pair in self._rows.zero:
            for array in self._effects.values():
                array[variant, pair] = 0.0

    # ---- what fits into memory ---------------------------------------------------------------

    def _keys(self) -> tuple[set[Key], set[Key]]:
        """What is recorded of the host and of the source."""
        host: set[Key] = set()
        source: set[Key] = set()
        sources = self.experiment.sources
        for row in self._rows.rows:
            for placed in row.placed:
                key, run = key_of(placed.patch.site), sources.run_of(placed.patch.source)
                if run is sources.host:
                    host.add(key)
                elif run is sources.source:
                    source.add(key)
        if not self._plain:
            layers = {row.layer for row in self._rows.rows} if self.savings.descent else set()
            host |= {("resid_pre", layer) for layer in {0, *layers}}
        return host, source

    def _make_chunks(self) -> list[list[int]]:
        """Pairs of equal length whose unpatched runs fit into their share of the budget."""
        self._host_keys, self._source_keys = self._keys()
        self._n_keys = len(self._host_keys) + len(self._source_keys)
        chunks = []
        for batch in self.experiment.host.batches:
            pairs = [pair for pair in batch.rows if self._by_pair.get(pair)]
            size = max(1, int(RECORDING_SHARE * self.budget) // self._recorded(batch.rows[:1]))
            chunks += [pairs[i : i + size] for i in range(0, len(pairs), size)]
        return chunks

    def _recorded(self, chunk: list[int]) -> int:
        pair = self.experiment.pairs[chunk[0]]
        length = max(len(pair.clean), len(pair.corrupted))
        return len(chunk) * self._sizes.recording(self._n_keys, not self._plain, length)

    def _recording_flops(self, chunk: list[int]) -> float:
        pair, host = self.experiment.pairs[chunk[0]], self.experiment.host_name
        runs = [pair.clean, pair.corrupted] if self._source_keys else [pair.prompt(host)]
        return sum(self._sizes.recording_flops(len(chunk), len(run)) for run in runs)

    def _groups(self, chunk: list[int]) -> list[Group]:
        rows = [row for pair in chunk for row in self._by_pair[pair]]
        groups = make_groups(rows, self.experiment, self.savings, self._plain)
        return [part for group in groups for part in group.parts(self._most_rows(group, chunk))]

    def _most_rows(self, group: Group, chunk: list[int]) -> int:
        free = self.budget - self._recorded(chunk) - int(0.2 * self.budget)
        most = max(1, free // self._sizes.row(group) - len(group.pairs))
        return most if self._batch is None else min(most, self._batch)

    def _memory(self, group: Group) -> int:
        return (len(group.rows) + len(group.pairs)) * self._sizes.row(group)

    # ---- running -----------------------------------------------------------------------------

    def _timed_record(self, chunk: list[int]) -> Recording:
        started = time.perf_counter()
        recording = self._record(chunk)
        self._seconds += time.perf_counter() - started
        return recording

    def _record(self, chunk: list[int]) -> Recording:
        experiment, anatomy = self.experiment, self.experiment.model.anatomy
        batch = next(b for b in experiment.host.batches if chunk[0] in b.rows)
        local = [batch.rows.index(pair) for pair in chunk]
        recording = Recording(chunk, batch.ids[local])
        twin = experiment.source.batches[experiment.host.batches.index(batch)]
        held = all(key in twin.activations for key in self._source_keys)
        beside = () if held else (twin.ids[local], self._source_keys)
        record(anatomy, recording, self._host_keys, not self._plain, *beside)
        if held:
            recording.source = {key: twin.activations[key][local] for key in self._source_keys}
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
        edits = make_edits(self.experiment, group, lambda run, key: held[run][key])
        where, host = self.experiment.scores.reads, self.experiment.host_name
        reading = group.reading(where, host)
        reads = [[where.index(host, entry) for entry in entries] for entries in reading]
        ends = self._ends(group, recording, edits, reads)
        if not self._reader.checked(ends):
            ends = self._ends(group, recording, edits, reads)
        entries = [entry for row in reading for entry in row]
        for name, values in self._reader.measure(ends, entries).items():
            self._keep(name, values, group, reading)
        np.subtract.at(self._missing, [row.variant for row in group.rows], 1)

    def _ends(
        self,
        group: Group,
        recording: Recording,
        edits: dict[Key, Edit],
        reads: Sequence[Sequence[int]],
    ) -> Ends:
        run = run_plain if group.plain else descend
        n_logits = self._reader.n_logits(len(group.pairs))
        return run(self.experiment.model.anatomy, recording, group, edits, n_logits, reads)

    def _keep(
        self, name: str, values: Values, group: Group, reading: Sequence[Sequence[Entry]]
    ) -> None:
        """Effects against the host's rows of the same pass; how far these are off is noise.

        Of a metric over several positions the mean; those before a row is patched were not read and count as 0.
        """
        scores, n = self.experiment.scores, len(group.pairs)
        hosts = [entry for row in reading[:n] for entry in row]
        unpatched, entries = values[: len(hosts)], [entry for row in reading[n:] for entry in row]
        off = np.abs(unpatched - scores.unpatched(self.experiment.host_name, name, hosts))
        self._noise[name] = max(self._noise[name], float(np.nan_to_num(off).max()))
        before = dict(zip(hosts, unpatched, strict=True))
        changes = values[len(hosts) :] - np.array([before[entry] for entry in entries])
        rows = [number for number, row in enumerate(reading[n:]) for _ in row]
        sums = np.bincount(rows, np.nan_to_num(changes), minlength=len(group.rows))
        spans = scores.reads.spans[scores.metrics[name].pos]
        variants, pairs = zip(*((row.variant, row.pair) for row in group.rows), strict=True)
        self._effects[name][variants, pairs] = sums / [len(spans[pair]) for pair in pairs]


def _out_of_memory(error: BaseException) -> bool:
    texts = ("out of memory", "can't allocate memory", "not enough memory")
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or any(
        text in str(error) for text in texts
    )
