"""Runs rows group by group inside the memory budget, and keeps what they measure: the work below every sweep.

Costs about the arithmetic that the rows change, and one reading of the weights per group.
"""

import logging
import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Generic, TypeVar

import torch

from patchwidgets.errors import PatchError, ResultWarning, warn
from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.hooks.cancellation import Cancelled
from patchwidgets.hooks.hooks import Edit, Key
from patchwidgets.sites import Patch
from patchwidgets.sweep.cell_effects import CellEffects
from patchwidgets.sweep.cell_reach import CellReach
from patchwidgets.sweep.cost import Cost
from patchwidgets.sweep.draws import Draws
from patchwidgets.sweep.grid import Grid
from patchwidgets.sweep.grid_values import GridValues
from patchwidgets.sweep.groups import Group
from patchwidgets.sweep.passes import FinalStates, Recording, descend, run_plain
from patchwidgets.sweep.plan import Method, Plan
from patchwidgets.sweep.progress import Progress
from patchwidgets.sweep.reads import Reads, RowPositions
from patchwidgets.sweep.routing import RoutingFlips
from patchwidgets.sweep.rows import Rows
from patchwidgets.sweep.unembed import MetricReader, See

_LOG = logging.getLogger(__name__)
_T = TypeVar("_T")
_Batch = TypeVar("_Batch")
"""What is recorded together."""


class RowSweep(ABC, Generic[_Batch]):
    """Rows of one experiment that are computed together; a subclass says what is recorded and written.

    Parameters
    ----------
    rows
        What each cell is on each pair, or each draw of each cell.
    cells
        How many cells there are, or the draws of each, over which results are means.
    queue
        The groups to compute, in this order, each with the batch of pairs that is recorded for it. A recording serves
        all groups that have the same batch.
    cost, reader
        The model's cost estimates, and what reads its metrics.
    method
        ``"descent"`` or ``"plain"``, as in `Plan`.
    budget
        Bytes in addition to the model that the groups were packed for.

    Attributes
    ----------
    experiment, method, budget
        As given.
    """

    def __init__(
        self,
        experiment: BaseExperiment,
        rows: Rows,
        cells: int | Draws,
        queue: Sequence[tuple[Group, _Batch]],
        cost: Cost,
        reader: MetricReader,
        method: Method,
        budget: int,
    ) -> None:
        self.experiment, self.method, self.budget = experiment, method, budget
        self._draws = Draws.single(cells) if isinstance(cells, int) else cells
        self._effects = CellEffects(experiment, rows, self._draws.n_draws)
        self._queue, self._cost, self._reader = list(queue), cost, reader
        self._all = tuple(queue)
        layout = experiment.model.layout
        self._flips = RoutingFlips(bool(layout.routers)) if layout.mixture else None
        self._recording: Recording | None = None
        self._recorded: _Batch | None = None
        self._reach: CellReach | None = None
        self._reads_ends = False
        self._flops = sum(cost.flops(group) for group, _ in self._queue)
        self._done_flops = self._seconds = 0.0

    @abstractmethod
    def grid_values(self) -> list[GridValues]:
        """The numbers so far, one item for each grid."""

    @abstractmethod
    def plan(self, workers: int = 1) -> Plan:
        """What will be done, before anything runs; the first plan of a model times a matrix product.

        Raises
        ------
        PatchError
            Less than one worker.
        """

    @abstractmethod
    def _record(self, batch: _Batch) -> Recording:
        """Record what the groups of a batch need of the unpatched runs."""

    @abstractmethod
    def _edits(self, group: Group, recording: Recording) -> Mapping[Key, Edit]:
        """What a pass of a group writes; `recording` is of exactly the pairs of the group."""

    @abstractmethod
    def _sources(self, group: Group) -> Sequence[Patch]:
        """The patches of a group, whose runs must be of the current weights."""

    def run(self) -> Generator[Progress]:
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
        self._compute_first()
        if not self._queue:
            self._recording = None
            self._warn_about_flips()

    def _compute_first(self) -> None:
        group, batch = self._queue[0]
        if self._recording is None or self._recorded is not batch:
            self._recording = None  # frees the memory for the next one
            self._recording = self._timed(self._record, batch)
            self._recorded = batch
        if not self._timed(self._fits, group, self._recording):
            self._halve_next()
            return
        self._done_flops += self._cost.flops(group)
        del self._queue[0]

    def forget_recording(self) -> None:
        """Free the recorded runs, most of a sweep's memory; the next group records them again."""
        self._recording = None

    @property
    def progress(self) -> Progress:
        """How far it is."""
        part = self._done_flops / self._flops if self._flops else 1.0
        left = self._seconds * (1 - part) / part if part else math.nan
        done, zero = map(self._draws.every, (self._effects.done, self._effects.zero))
        return Progress(int(done.sum()), len(zero), int(zero.sum()), self._seconds, left)

    def values_of(self, grid: Grid, first: int = 0) -> GridValues:
        """The numbers so far of one grid, whose cells begin with cell `first`."""
        experiment, cells = self.experiment, slice(first, first + math.prod(grid.shape))
        host = experiment.evaluation.values[experiment.host_name]
        draws, measured = self._draws, self._effects.effects
        effects = {name: draws.mean(array, cells) for name, array in measured.items()}
        drawn = {name: draws.by_draw(array, cells) for name, array in measured.items()}
        return GridValues(
            grid=grid,
            values={name: host[name] + array for name, array in effects.items()},
            effects=effects,
            noise_floor=self._effects.noise_floor,
            zero=draws.every(self._effects.zero, cells),
            unpatchable=draws.every(self._effects.unpatchable, cells),
            method=self.method,
            seconds=self._seconds,
            flips=self._flips,
            drawn={name: each for name, each in drawn.items() if each is not None},
            reach=None if self._reach is None else self._reach.sums(draws, cells),
        )

    def _timed(self, function: Callable[..., _T], *args: object) -> _T:
        started = time.perf_counter()
        result = function(*args)
        self._seconds += time.perf_counter() - started
        return result

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
        group, batch = self._queue[0]
        halves = group.halves()
        self._queue[:1] = [(half, batch) for half in halves]
        flops = self._cost.flops
        self._flops += sum(flops(half) for half in halves) - flops(group)

    def _run_group(self, group: Group, recording: Recording) -> None:
        _LOG.debug("A pass of %d patched runs of %d tokens.", len(group.rows), group.length)
        reads = Reads.of(self.experiment, group, self._reads_ends)
        final = self._final_states(group, recording, reads.row_positions)
        if not self._reader.can_read(final):
            final = self._final_states(group, recording, reads.row_positions)
        if self._flips is not None:
            self._flips.count(group, recording, final)
        measured = self._reader.measure(final, reads, self._seeing(group))
        self.experiment.check_weights(self._sources(group))
        self._effects.add(group, reads.entries, measured)
        if self._reach is not None:
            self._reach.add(group)

    def _seeing(self, _group: Group) -> See | None:
        """What is called with the logits of a group's runs at the ends of their prompts, if `_reads_ends`."""
        return None

    def _final_states(
        self, group: Group, recording: Recording, row_positions: RowPositions
    ) -> FinalStates:
        run = run_plain if group.plain else descend
        edits = dict(self._edits(group, recording))
        if self._reach is not None:
            edits = self._reach.observing(group, edits)
        n_logits = self._reader.n_logits(len(group.pairs))
        return run(self.experiment.model.layout, recording, group, edits, n_logits, row_positions)

    def _warn_about_flips(self) -> None:
        if self._flips is not None and (self._flips.flips or not self._flips.known):
            warn(
                f"{self.experiment.model.name} is a mixture of experts; {self._flips}. Effects below the noise floor, "
                "which includes such jumps, mean nothing.",
                ResultWarning,
            )


def check_limits(batch: int | None, budget: float | None) -> None:
    """Check what a caller allows.

    Raises
    ------
    PatchError
        A batch or a budget that is not positive.
    """
    if (batch is not None and batch < 1) or (budget is not None and budget <= 0):
        raise PatchError(
            f"batch={batch}, budget={budget}: expected at least one run, and a number of bytes above 0."
        )


def _out_of_memory(error: BaseException) -> bool:
    texts = ("out of memory", "can't allocate memory", "not enough memory")
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or any(
        text in str(error) for text in texts
    )
