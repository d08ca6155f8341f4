"""Methods of `pw.Experiment` that patch many sites, one at a time."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from patchwidgets.directions import Direction
from patchwidgets.executors.futures import Executor
from patchwidgets.executors.parts import remembered
from patchwidgets.executors.running import steps_on
from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.guesses.answering import answers
from patchwidgets.guesses.arguments import SWEEP_ARGUMENTS
from patchwidgets.sites import Component, Site
from patchwidgets.sweep.api import PartialSweep, iter_sweep, make_sweep, run_sweep
from patchwidgets.sweep.dose import dose_grid
from patchwidgets.sweep.plan import Plan
from patchwidgets.sweep.request import CellPatch, SweepArguments, SweepRequest, Top
from patchwidgets.sweep.sweep import Sweep
from patchwidgets.sweep.sweep_result import SweepResult


class Sweeps(BaseExperiment):
    """An experiment that sweeps."""

    interrupted: Sequence[SweepResult] = ()

    @answers(SWEEP_ARGUMENTS)
    def sweep(
        self,
        component: Component | None = None,
        over: Sequence[str] | None = None,
        *,
        sites: Sequence[CellPatch] | None = None,
        make: Callable[[Site], CellPatch] | None = None,
        layers: Sequence[int] | None = None,
        top: int | Top | None = None,
        window: int = 1,
        direction: Direction | None = None,
        batch: int | None = None,
        budget: float | None = None,
        reach: bool = False,
        progress: bool = True,
        executor: Executor | None = None,
        resume: str | Path | None = None,
    ) -> SweepResult:
        """Patch every site of a kind, one at a time, exactly. Costs what `plan` says.

        Parameters
        ----------
        component
            As in sites: ``"resid_pre"``, ``"z"``, …
        over
            The axes: ``layer``, perhaps ``head`` (``kv_head`` for k and v) or ``neuron``, and perhaps ``pos`` or
            ``pos_name`` (names of the task, for pairs of different lengths). Without a position, a patch acts on all
            positions at once. By default layer and head or neuron; for the residual stream layer and pos.
        sites
            Instead of a component, any list of cells: a site, a `Patch`, or a list of these that act jointly.
        make
            From a site to what is patched there, as in ``lambda site: pw.Patch(site, "host")``. The `fn` of such a
            patch sees one pair at a time.
        layers
            Sweep these layers only.
        top
            Sweep only this many neurons (or neurons and positions), an int or a `pw.Top`: those with the largest
            estimate by AtP (attribution patching; Nanda 2023), ``|gradient · (source − host)|`` of the first metric on
            the way to the source (docs/methods.md says how good this is). Effects are exact; `missed` estimates what
            was left out. By default every neuron is patched.
        window
            Patch this many neighbouring layers jointly, as in causal tracing.
        direction
            ``"denoise"`` or ``"noise"``; the experiment's own by default.
        batch, budget
            At most this many patched runs at once; how many bytes in addition to the model to aim at. By default half
            of what is free; on a CPU no more than 128 MiB, 32 MiB per thread or a quarter of the weights, whichever is
            most. One pair with one patched run is always computed.
        reach
            Also record how far each patch moves every component at the last position, for `SweepResult.reach`. Takes
            8 bytes for each cell, pair and component, and about a quarter more time.
        progress
            Show a bar.
        executor
            Who computes: anything with `submit`, such as a `ProcessPoolExecutor`, a client of Dask or an executor of
            submitit (docs/clusters.md). Every worker loads the model by its name and must find the same weights.
        resume
            A folder in which parts are kept as they come; a later call goes on where this one stopped.

        Returns
        -------
        SweepResult
            Effects are measured against an unpatched run of the same pass; what cannot change is exactly 0. Positions
            count in the clean prompt. Cells without a counterpart in the other prompt are NaN and `unpatchable`.

        Raises
        ------
        SiteError, RefusedError, CounterpartError
            Axes or sites that the component, model or prompts do not have; no position with a counterpart at all.
        PatchError, WeightsChangedError
            A source that does not fit; weights that changed since the runs.
        MetricError
            `top` with a first metric that has no gradient, such as a rank.
        ExecutorError, FileError
            Something that other processes cannot get, or a worker that failed; a folder of another computation.
        KeyboardInterrupt
            Somebody interrupted the cell; what was done by then is in ``exp.interrupted[0]``.

        Examples
        --------
        >>> exp.sweep("mlp_out", over=("layer", "pos"), progress=False).top_sites(1)
        ['L1.mlp_out@14']
        """
        request = SweepRequest(component, over, sites, make, layers, top, window)
        budget = remembered(resume).get("budget") if budget is None else budget
        sweep = make_sweep(self, [request], direction, batch, budget, reach)
        steps = steps_on(sweep, executor, resume)
        return run_sweep(sweep, progress, self._set_interrupted, steps)[0]

    @answers(SWEEP_ARGUMENTS)
    def sweep_many(
        self,
        asked: Sequence[Component | SweepArguments],
        *,
        direction: Direction | None = None,
        batch: int | None = None,
        budget: float | None = None,
        reach: bool = False,
        progress: bool = True,
    ) -> list[SweepResult]:
        """Run several sweeps together; they share their passes of the model, which is faster than one after the other.

        Parameters
        ----------
        asked
            Components, or the arguments of `sweep` as dicts. The other parameters are those of `sweep`, for all.

        Raises
        ------
        PatchError
            An argument that `sweep` does not have; other errors, `KeyboardInterrupt` among them, are as in `sweep`.

        Examples
        --------
        >>> asked = ["z", {"component": "mlp_out", "over": ("layer", "pos")}]
        >>> [result.axes for result in exp.sweep_many(asked, progress=False)]
        [('layer', 'head'), ('layer', 'pos')]
        """
        sweep = make_sweep(self, asked, direction, batch, budget, reach)
        return run_sweep(sweep, progress, self._set_interrupted)

    @answers(SWEEP_ARGUMENTS)
    def iter_sweep(
        self,
        component: Component | None = None,
        over: Sequence[str] | None = None,
        *,
        sites: Sequence[CellPatch] | None = None,
        make: Callable[[Site], CellPatch] | None = None,
        layers: Sequence[int] | None = None,
        top: int | Top | None = None,
        window: int = 1,
        direction: Direction | None = None,
        batch: int | None = 64,
        budget: float | None = None,
        reach: bool = False,
    ) -> Iterator[PartialSweep]:
        """Sweep in parts of at most `batch` runs, and get the result so far with each; parameters as for `sweep`.

        Positions where the prompts differ come first, then those that metrics read, then the others.

        Examples
        --------
        >>> [(part.done, part.left) for part in exp.iter_sweep("resid_pre")]
        [(40, 20), (60, 0)]
        """
        request = SweepRequest(component, over, sites, make, layers, top, window)
        yield from iter_sweep(make_sweep(self, [request], direction, batch, budget, reach))

    @answers(SWEEP_ARGUMENTS)
    def dose_curve(
        self,
        site: str | Site,
        vector: Any,
        alphas: Iterable[float],
        *,
        direction: Direction | None = None,
        budget: float | None = None,
        progress: bool = True,
    ) -> SweepResult:
        """Add a vector to the host's activation with several strengths α, and see how the metric follows.

        Parameters
        ----------
        site, vector
            Where and what to add; see `sources.steer`.
        alphas
            The strengths; 0 is the host.
        direction, budget, progress
            As for `sweep`.

        Returns
        -------
        SweepResult
            Along the axis ``alpha``. Share and recovery say how far the metric goes to the source, as for every patch.

        Raises
        ------
        PatchError
            No strengths or one twice, or a vector that does not fit the site.
        SiteError, RefusedError, WeightsChangedError
            As for `sweep`.

        Examples
        --------
        >>> vector = exp.source["L1.resid_post@-1"] - exp.host["L1.resid_post@-1"]
        >>> curve = exp.dose_curve("L1.resid_post@-1", vector, [0, 0.5, 1], progress=False)
        >>> curve.to_frame()[["alpha", "effect", "recovery"]].round(1)
           alpha  effect  recovery
        0    0.0     0.0       0.0
        1    0.5     6.0       0.5
        2    1.0    12.7       1.0
        """
        experiment = self if direction is None else self.turned(direction)
        sweep = Sweep(experiment, [dose_grid(experiment, site, vector, alphas)], None, budget)
        return run_sweep(sweep, progress, self._set_interrupted)[0]

    @answers(SWEEP_ARGUMENTS)
    def plan(
        self,
        component: Component | None = None,
        over: Sequence[str] | None = None,
        *,
        sites: Sequence[CellPatch] | None = None,
        make: Callable[[Site], CellPatch] | None = None,
        layers: Sequence[int] | None = None,
        top: int | Top | None = None,
        window: int = 1,
        direction: Direction | None = None,
        batch: int | None = None,
        budget: float | None = None,
        workers: int = 1,
    ) -> Plan:
        """What `sweep` would do with these arguments: sites, zeros, arithmetic, memory, time; perhaps on `workers`.

        Costs a few short passes and a matrix product, once for each model, and with `top` the gradient that chooses.

        Examples
        --------
        >>> exp.plan("resid_pre")
        Plan: 60 sites, 40 of them exactly 0 for certain; 20 runs in 1 group (descent), ...
        >>> exp.plan("resid_pre", workers=4)
        Plan: ... on 4 workers (1 piece, ... MiB each)
        """
        request = SweepRequest(component, over, sites, make, layers, top, window)
        return make_sweep(self, [request], direction, batch, budget).plan(workers)

    def _set_interrupted(self, results: Sequence[SweepResult]) -> None:
        self.interrupted = results
