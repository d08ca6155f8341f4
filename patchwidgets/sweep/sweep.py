"""Runs a sweep: records the unpatched runs, then computes group by group inside the memory budget.

Costs about the arithmetic that the patches change, and one reading of the weights per group. The first sweep of a
model also runs a few short passes, which try whether it can continue from the host's keys and values.
"""

import logging
import math
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import torch

from patchwidgets.errors import PatchError
from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.hooks.cancellation import Cancelled
from patchwidgets.sweep.batched_edits import batched_edits
from patchwidgets.sweep.cell_effects import CellEffects
from patchwidgets.sweep.continuation import can_continue
from patchwidgets.sweep.cost import DEFAULT_SHARE, free_memory
from patchwidgets.sweep.grid import Grid
from patchwidgets.sweep.grid_values import GridValues
from patchwidgets.sweep.groups import Group
from patchwidgets.sweep.packing import Packing
from patchwidgets.sweep.passes import (
    FinalStates,
    Recording,
    descend,
    record,
    run_plain,
)
from patchwidgets.sweep.plan import Method, Plan
from patchwidgets.sweep.progress import Progress
from patchwidgets.sweep.reads import Reads, RowPositions
from patchwidgets.sweep.routing import RoutingFlips
from patchwidgets.sweep.rows import make_rows
from patchwidgets.sweep.savings import Savings
from patchwidgets.sweep.unembed import MetricReader

_LOG = logging.getLogger(__name__)
_T = TypeVar("_T")


class Sweep:
    """One or several grids of one experiment, computed together.

    Parameters
    ----------
    batch
        The most patched rows in one group.
    budget
        Bytes in addition to the model, half of what is free by default. An aim: one pair and one row always run.
    savings
        Which computations to leave out.

    Attributes
    ----------
    method
        ``"descent"`` or ``"plain"``, as in `Plan`.

    Raises
    ------
    PatchError
        A batch or a budget that is not positive.
    CounterpartError
        No cell can be patched on any pair.
    """

    def __init__(
        self,
        experiment: BaseExperiment,
        grids: Sequence[Grid],
        batch: int | None = None,
        budget: float | None = None,
        savings: Savings = Savings(),  # noqa: B008 - frozen
    ) -> None:
        _check(batch, budget)
        self.experiment, self.grids = experiment, list(grids)
        layout = experiment.model.layout
        self._budget = int(DEFAULT_SHARE * free_memory(layout.device) if budget is None else budget)
        cells = [cell for grid in grids for cell in grid.cells]
        self._rows = make_rows(experiment, cells, savings)
        self._effects = CellEffects(experiment, self._rows, len(cells))
        continues = (savings.cone or savings.descent) and can_continue(experiment)
        self.method: Method = "descent" if continues else "plain"
        self._packing = Packing(
            experiment, self._rows.rows, savings, not continues, self._budget, batch
        )
        self._pair_batches = self._packing.pair_batches()
        self._queue = [
            (group, pair_batch.pairs)
            for pair_batch in self._pair_batches
            for group in pair_batch.groups
        ]
        self._reader = MetricReader(experiment, savings.unembed, self._packing.logits_at_once)
        self._flips = RoutingFlips(bool(layout.routers)) if layout.mixture else None
        self._recording: Recording | None = None
        self._flops = sum(self._packing.cost.flops(group) for group, _ in self._queue)
        self._done_flops = self._seconds = 0.0

    def plan(self) -> Plan:
        """What will be done, before anything is patched; the first plan of a model times a matrix product."""
        recordings = (self._packing.recording_flops(each.pairs) for each in self._pair_batches)
        flops = self._flops + sum(recordings)
        return Plan(
            sites=len(self._effects.zero),
            zero=int(self._effects.zero.sum()),
            unpatchable=int(self._effects.unpatchable.sum()),
            runs=len(self._rows.rows),
            groups=sum(len(each.groups) for each in self._pair_batches),
            flops=flops,
            memory=max((self._packing.memory(each) for each in self._pair_batches), default=0),
            budget=self._budget,
            seconds=flops / self._packing.cost.flops_per_second(),
            method=self.method,
        )

    def run(self) -> Iterator[Progress]:
        """Compute group by group; yield the progress at the start and after each.

        If the work is cancelled (`patchwidgets.hooks.cancellation.cancellable`), it ends early and keeps what is done;
        run again, it goes on from there.
        """
        yield self.progress
        while self._queue:
            try:
                self.compute_next()
            except Cancelled:
                return
            yield self.progress

    def compute_next(self) -> None:
        """Compute the next group; where the memory does not suffice, put its two halves into its place instead.

        Raises
        ------
        Cancelled
            The work is no longer wanted. The group stays in the queue.
        """
        group, pairs = self._queue[0]
        if self._recording is None or self._recording.pairs != pairs:
            self._recording = None  # frees the memory for the next one
            self._recording = self._timed(self._record, pairs)
        if not self._timed(self._fits, group, self._recording):
            self._halve_next()
            return
        self._done_flops += self._packing.cost.flops(group)
        del self._queue[0]
        if not self._queue:
            self._recording = None
            self._warn_about_flips()

    def forget_recording(self) -> None:
        """Free the recorded runs, most of a sweep's memory; the next group records them again."""
        self._recording = None

    @property
    def progress(self) -> Progress:
        """How far it is."""
        part = self._done_flops / self._flops if self._flops else 1.0
        left = self._seconds * (1 - part) / part if part else math.nan
        zero = self._effects.zero
        return Progress(self._effects.done, len(zero), int(zero.sum()), self._seconds, left)

    def grid_values(self) -> list[GridValues]:
        """The numbers so far, one item for each grid."""
        host = self.experiment.evaluation.values[self.experiment.host_name]
        noise_floor = self._effects.noise_floor
        of_grids, first = [], 0
        for grid in self.grids:
            cells = slice(first, first + len(grid.cells))
            effects = {name: array[cells].copy() for name, array in self._effects.effects.items()}
            of_grids.append(
                GridValues(
                    grid=grid,
                    values={name: host[name] + array for name, array in effects.items()},
                    effects=effects,
                    noise_floor=noise_floor,
                    zero=self._effects.zero[cells],
                    unpatchable=self._effects.unpatchable[cells],
                    method=self.method,
                    seconds=self._seconds,
                    flips=self._flips,
                )
            )
            first = cells.stop
        return of_grids

    def _timed(self, function: Callable[..., _T], *args: object) -> _T:
        started = time.perf_counter()
        result = function(*args)
        self._seconds += time.perf_counter() - started
        return result

    def _record(self, pairs: list[int]) -> Recording:
        """Record the unpatched runs of some pairs, except for what the experiment has recorded of its source."""
        experiment, packing = self.experiment, self._packing
        batch = next(batch for batch in experiment.host.batches if pairs[0] in batch.rows)
        source_batch = experiment.sources.source_batch(batch)
        rows = [batch.rows.index(pair) for pair in pairs]
        recording = Recording(pairs, packing.forced(pairs, batch.ids[rows]))
        recorded = all(key in source_batch.activations for key in packing.source_keys)
        source = () if recorded else (source_batch.ids[rows], packing.source_keys)
        with_cache = self.method == "descent"
        record(experiment.model.layout, recording, packing.host_keys, with_cache, *source)
        if recorded:
            recording.source = {
                key: source_batch.activations[key][rows] for key in packing.source_keys
            }
        return recording

    def _fits(self, group: Group, recording: Recording) -> bool:
        """Run a group and measure it; return False, with nothing measured, if the memory does not suffice for it."""
        try:
            self._run_group(group, recording.of(group.pairs))
        except (RuntimeError, MemoryError) as error:
            if not _out_of_memory(error) or len(group.rows) == 1:
                raise
            _LOG.warning("Out of memory with %d runs; continuing with half.", len(group.rows))
            return False
        return True

    def _halve_next(self) -> None:
        """Replace the next group by its halves, each of which computes the host rows that it needs itself."""
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        group, pairs = self._queue[0]
        halves = group.halves()
        self._queue[:1] = [(half, pairs) for half in halves]
        flops = self._packing.cost.flops
        self._flops += sum(flops(half) for half in halves) - flops(group)

    def _run_group(self, group: Group, recording: Recording) -> None:
        reads = Reads.of(self.experiment, group)
        final = self._final_states(group, recording, reads.row_positions)
        if not self._reader.can_read(final):
            final = self._final_states(group, recording, reads.row_positions)
        if self._flips is not None:
            self._flips.count(group, recording, final)
        measured = self._reader.measure(final, reads)
        self.experiment.check_weights(each.patch for row in group.rows for each in row.patches)
        self._effects.add(group, reads.entries, measured)

    def _final_states(
        self, group: Group, recording: Recording, row_positions: RowPositions
    ) -> FinalStates:
        run = run_plain if group.plain else descend
        edits = batched_edits(self.experiment, group, recording)
        n_logits = self._reader.n_logits(len(group.pairs))
        return run(self.experiment.model.layout, recording, group, edits, n_logits, row_positions)

    def _warn_about_flips(self) -> None:
        if self._flips is not None and (self._flips.flips or not self._flips.known):
            _LOG.warning(
                "%s is a mixture of experts; %s. Effects below the noise floor, which includes "
                "such jumps, mean nothing.",
                self.experiment.model.name,
                self._flips,
            )


def _check(batch: int | None, budget: float | None) -> None:
    if (batch is not None and batch < 1) or (budget is not None and budget <= 0):
        raise PatchError(
            f"batch={batch}, budget={budget}: expected at least one run, and a number of bytes above 0."
        )


def _out_of_memory(error: BaseException) -> bool:
    texts = ("out of memory", "can't allocate memory", "not enough memory")
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or any(
        text in str(error) for text in texts
    )
