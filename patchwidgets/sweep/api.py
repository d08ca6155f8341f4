"""Sweeps of an experiment: run to the end, part by part, or only planned. `Experiment.sweep` documents arguments."""

import logging
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from patchwidgets.bars import progress_bar
from patchwidgets.directions import Direction
from patchwidgets.errors import ExecutorError, PatchError
from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.hooks.cancellation import Cancelled
from patchwidgets.sites import Component
from patchwidgets.sweep.grid import make_grid
from patchwidgets.sweep.request import SweepArguments, SweepRequest
from patchwidgets.sweep.row_sweep import RowSweep
from patchwidgets.sweep.sweep import Sweep
from patchwidgets.sweep.sweep_result import SweepResult

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class PartialSweep:
    """A sweep under way, from `Experiment.iter_sweep`.

    Attributes
    ----------
    done, left
        How many cells are done, and how many are not. Cells of which nothing has to be computed, because they are
        certainly 0 or unpatchable, are done from the start.
    zero
        How many are certainly 0.
    seconds_left
        An estimate; NaN before the first group is done.

    Examples
    --------
    >>> first = next(exp.iter_sweep("resid_pre"))
    >>> first.done, first.left, first.zero
    (40, 20, 40)
    """

    done: int
    left: int
    zero: int
    seconds_left: float
    _sweep: RowSweep[Any]

    @property
    def result(self) -> SweepResult:
        """Everything that is done by now; the rest is NaN, as are the pairs on which a cell is unpatchable."""
        return _results(self._sweep)[0]


def make_sweep(
    experiment: BaseExperiment,
    asked: Sequence[Component | SweepArguments | SweepRequest],
    direction: Direction | None = None,
    batch: int | None = None,
    budget: float | None = None,
    reach: bool = False,
) -> Sweep:
    """Plan one or several sweeps that share their passes of the model; nothing is patched yet. Costs what `plan` does.

    Raises
    ------
    PatchError
        `asked` is not a list of components or arguments of sweeps.
    """
    if isinstance(asked, str) or not isinstance(asked, Sequence) or not asked:
        raise PatchError(f"Expected a list of sweeps, as in ['z', 'mlp_out']; got {asked!r}.")
    if direction is not None:
        experiment = experiment.turned(direction)
    requests = [SweepRequest.of(each) for each in asked]
    grids = [make_grid(experiment, request, budget) for request in requests]
    samples = [grid.sample for grid in grids if grid.sample is not None]
    return Sweep(experiment, [*grids, *samples], batch, budget, reach=reach)


def run_sweep(
    sweep: RowSweep[Any],
    progress: bool,
    on_interrupt: Callable[[list[SweepResult]], object],
    steps: Generator[object] | None = None,
) -> list[SweepResult]:
    """Run a planned sweep to its end.

    Parameters
    ----------
    progress
        Show a bar.
    on_interrupt
        Is called with what is done by then if somebody interrupts, or a worker fails.
    steps
        What computes it step by step, where not this process does.

    Raises
    ------
    KeyboardInterrupt, Cancelled, ExecutorError
        Somebody interrupted, or a worker failed; a note on the exception says how much is done.
    """
    started = time.perf_counter()
    try:
        with (
            closing(sweep.run() if steps is None else steps) as run,
            progress_bar(sweep.progress.total, "site", progress) as bar,
        ):
            for _ in run:
                bar.update(sweep.progress.done - bar.n)
        if sweep.progress.left:
            raise Cancelled
    except (KeyboardInterrupt, Cancelled, ExecutorError) as interrupt:
        on_interrupt(_results(sweep))
        interrupt.add_note(_note(sweep))
        raise
    name, n_sites = sweep.experiment.model.name, sweep.progress.total
    _LOG.info("Swept %d sites of %s in %.1f s.", n_sites, name, time.perf_counter() - started)
    return _results(sweep)


def iter_sweep(sweep: RowSweep[Any]) -> Iterator[PartialSweep]:
    """Run a planned sweep group by group."""
    for part in sweep.run():
        yield PartialSweep(part.done, part.left, part.zero, part.seconds_left, sweep)


def _results(sweep: RowSweep[Any]) -> list[SweepResult]:
    of_grids = {id(values.grid): values for values in sweep.grid_values()}
    samples = [values.grid.sample for values in of_grids.values()]
    return [
        SweepResult.of(sweep.experiment, values, of_grids.get(id(values.grid.sample)))
        for values in of_grids.values()
        if not any(values.grid is sample for sample in samples)
    ]


def _note(sweep: RowSweep[Any]) -> str:
    progress = sweep.progress
    return (
        f"{progress.done:,} of {progress.total:,} sites are done; exp.interrupted holds their results, with NaN for "
        "the others. exp.iter_sweep(...) gives results on the way."
    )
