"""Runs a sweep: records the unpatched runs, then computes group by group inside the memory budget.

Costs about the arithmetic that the patches change, and one reading of the weights per group. The first sweep of a
model also runs a few short passes, which try whether it can continue from the host's keys and values.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate

from jaxtyping import Float
from torch import Tensor

from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.hooks.hooks import Edit, Key
from patchwidgets.sites import Patch
from patchwidgets.sweep.batched_edits import batched_edits
from patchwidgets.sweep.cell_reach import CellReach
from patchwidgets.sweep.continuation import can_continue
from patchwidgets.sweep.cost import default_budget
from patchwidgets.sweep.draws import Draws
from patchwidgets.sweep.grid import Grid
from patchwidgets.sweep.grid_values import GridValues
from patchwidgets.sweep.groups import Group
from patchwidgets.sweep.packing import Packing, PairBatch
from patchwidgets.sweep.passes import Recording
from patchwidgets.sweep.piecewise import PiecewiseSweep
from patchwidgets.sweep.plan import Method, Plan
from patchwidgets.sweep.recorded_pairs import prompt_ids, record_pairs
from patchwidgets.sweep.row_sweep import check_limits
from patchwidgets.sweep.rows import Row, make_rows
from patchwidgets.sweep.savings import Savings
from patchwidgets.sweep.unembed import MetricReader, See

Observer = Callable[[Sequence[Row], Float[Tensor, "row vocabulary"]], None]


class Sweep(PiecewiseSweep[PairBatch]):
    """One or several grids of one experiment, computed together.

    Parameters
    ----------
    batch
        The most patched rows in one group.
    budget
        Bytes in addition to the model. An aim: one pair and one row always run. By default half of what is free; on a
        CPU no more than 128 MiB, 32 MiB per thread or a quarter of the weights, whichever is most.
    savings
        Which computations to leave out.
    reach
        Record how far each cell moves every component at the last position.
    observe
        Is called with the rows of each pass, and their logits at the end of their prompts.

    Attributes
    ----------
    grids, batch
        As given.
    reaches
        Whether it records how far cells move components.
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
        reach: bool = False,
        observe: Observer | None = None,
    ) -> None:
        check_limits(batch, budget)
        self.grids, self.batch, self.reaches = list(grids), batch, reach
        layout = experiment.model.layout
        limit = int(default_budget(layout) if budget is None else budget)
        ends = reach or observe is not None
        draws = Draws([cell for grid in grids for cell in grid.cells])
        self._rows = make_rows(experiment, draws.cells, savings, ends)
        continues = (savings.cone or savings.descent) and can_continue(experiment)
        method: Method = "descent" if continues else "plain"
        self._packing = Packing(experiment, self._rows.rows, savings, not continues, limit, batch)
        self._pair_batches = self._packing.pair_batches()
        queue = [
            (group, pair_batch) for pair_batch in self._pair_batches for group in pair_batch.groups
        ]
        reader = MetricReader(experiment, savings.unembed, self._packing.logits_at_once)
        cost = self._packing.cost
        super().__init__(experiment, self._rows, draws, queue, cost, reader, method, limit)
        self._reads_sources, self._reads_ends, self._observe = True, ends, observe
        if reach:
            self._reach = CellReach(experiment, self._rows, draws.n_draws)

    def plan(self, workers: int = 1) -> Plan:
        """What will be done, before anything is patched; the first plan of a model times a matrix product."""
        recordings = (self._packing.recording_flops(each.pairs) for each in self._pair_batches)
        flops = self._flops + sum(recordings)
        return Plan(
            sites=self._draws.n_cells,
            zero=int(self._draws.every(self._effects.zero).sum()),
            unpatchable=int(self._draws.every(self._effects.unpatchable).sum()),
            runs=len(self._rows.rows),
            groups=sum(len(each.groups) for each in self._pair_batches),
            flops=flops,
            memory=max((self._packing.memory(each) for each in self._pair_batches), default=0),
            budget=self.budget,
            method=self.method,
            **self._on_workers(workers, flops),
        )

    def grid_values(self) -> list[GridValues]:
        """The numbers so far, one item for each grid."""
        firsts = accumulate((len(grid.cells) for grid in self.grids), initial=0)
        return [
            self.values_of(grid, first) for grid, first in zip(self.grids, firsts, strict=False)
        ]

    def _recording_flops(self, batch: PairBatch) -> float:
        return self._packing.recording_flops(batch.pairs)

    def _record(self, batch: PairBatch) -> Recording:
        experiment, packing = self.experiment, self._packing
        if self._reads_sources:
            experiment.sources.record(patch for cell in self._draws.cells for patch in cell)
            self._reads_sources = False
        prompts = packing.forced(batch.pairs, prompt_ids(experiment, batch.pairs))
        keys = packing.host_keys, packing.source_keys
        return record_pairs(experiment, prompts, batch.pairs, *keys, self.method == "descent")

    def _seeing(self, group: Group) -> See | None:
        observe, n_hosts = self._observe, len(group.host_pairs)
        if observe is None:
            return None

        def see(part: slice, logits: Float[Tensor, "run vocabulary"]) -> None:
            hosts = max(0, n_hosts - part.start)
            rows = group.rows[max(0, part.start - n_hosts) : max(0, part.stop - n_hosts)]
            if rows:
                observe(rows, logits[hosts:])

        return see

    def _edits(self, group: Group, recording: Recording) -> Mapping[Key, Edit]:
        return batched_edits(self.experiment, group, recording)

    def _sources(self, group: Group) -> Sequence[Patch]:
        return [each.patch for row in group.rows for each in row.patches]
