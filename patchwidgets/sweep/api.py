"""Sweeps of an experiment: all at once, step by step, or planned only. `Experiment.sweep` says what can be asked."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from tqdm.auto import tqdm

from patchwidgets.directions import Direction
from patchwidgets.errors import PatchError
from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.hooks.cancellation import Cancelled
from patchwidgets.sites import Component
from patchwidgets.sweep.grid import make_grid
from patchwidgets.sweep.request import SweepArguments, SweepRequest
from patchwidgets.sweep.sweep import Sweep
from patchwidgets.sweep.sweep_result import SweepResult

Asked = Component | SweepArguments | SweepRequest


@dataclass(frozen=True, eq=False)
class PartialSweep:
    """A sweep that is under way.

    Attributes
    ----------
    done, left, zero
        Cells that are done, cells that are not, and cells that were 0 for certain from the start.
    seconds_left
        Estimated; NaN before the first group is done.
    """

    done: int
    left: int
    zero: int
    seconds_left: float
    _sweep: Sweep

    @property
    def result(self) -> SweepResult:
        """All that is done so far; the rest is NaN."""
        return _results(self._sweep)[0]


def make_sweep(
    experiment: BaseExperiment,
    asked: Sequence[Asked],
    direction: Direction | None = None,
    batch: int | None = None,
    budget: float | None = None,
) -> Sweep:
    """Plan several sweeps that share their passes of the model; nothing is patched yet."""
    if isinstance(asked, str) or not isinstance(asked, Sequence) or not asked:
        raise PatchError(f"Expected a list of sweeps, as in ['z', 'mlp_out']; got {asked!r}.")
    if direction is not None:
        experiment = experiment.turned(direction)
    requests = [SweepRequest.of(each) for each in asked]
    grids = [make_grid(experiment, request, budget) for request in requests]
    return Sweep(experiment, grids, batch, budget)


def run_sweep(
    sweep: Sweep, progress: bool, keep: Callable[[list[SweepResult]], object]
) -> list[SweepResult]:
    """Run planned sweeps to their end.

    Parameters
    ----------
    progress
        Show a bar.
    keep
        Called with what is done by then, if somebody interrupts.

    Raises
    ------
    KeyboardInterrupt, Cancelled
        Somebody interrupted; a note on it says how much is done.
    """
    try:
        with tqdm(total=sweep.progress.total, disable=not progress, unit="site") as bar:
            for part in sweep.run():
                bar.update(part.done - bar.n)
        if sweep.progress.left:
            raise Cancelled
    except (KeyboardInterrupt, Cancelled) as stop:
        keep(_results(sweep))
        stop.add_note(_kept(sweep))
        raise
    return _results(sweep)


def iter_parts(sweep: Sweep) -> Iterator[PartialSweep]:
    """Run a planned sweep group by group."""
    for part in sweep.run():
        yield PartialSweep(part.done, part.left, part.zero, part.seconds_left, sweep)


def _results(sweep: Sweep) -> list[SweepResult]:
    return [SweepResult.of(sweep.experiment, values) for values in sweep.grid_values()]


def _kept(sweep: Sweep) -> str:
    progress = sweep.progress
    return (
        f"{progress.done:,} of {progress.total:,} sites are done; exp.interrupted holds their results, in which the "
        "others are NaN. exp.iter_sweep(...) gives results on the way."
    )
