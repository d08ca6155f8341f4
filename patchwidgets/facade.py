"""`pw.Experiment` and `pw.explore`: methods that call functions of lower layers, and cost what these cost."""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from patchwidgets.directions import Direction
from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.experiment.patch_result import PatchResult
from patchwidgets.experiment.patching import run_patch
from patchwidgets.experiment.reach import Reach, measure_reach, record_runs
from patchwidgets.hooks.interrupts import Uninterrupted
from patchwidgets.metrics import MetricSpec
from patchwidgets.models.model import Model
from patchwidgets.sites import Component, Patchable, Position, Site
from patchwidgets.sweep.api import PartialSweep, iter_sweep, make_sweep, run_sweep
from patchwidgets.sweep.plan import Plan
from patchwidgets.sweep.request import CellPatch, SweepArguments, SweepRequest, Top
from patchwidgets.sweep.sweep_result import SweepResult
from patchwidgets.tasks import Task

if TYPE_CHECKING:
    from patchwidgets.explorer.widget import PatchExplorer


class Experiment(BaseExperiment):
    """A model and a task, with the clean and the corrupted run and patches between them.

    Parameters
    ----------
    model
        From `load` or `wrap`.
    task
        One pair of prompts or a dataset.
    metric
        A name, a callable over a `Readout`, or a list of either; the first one is shown. A metric is read at the last
        position of the prompt, or at the position after an ``@``, as in sites: ``"kl@-3"``, ``"kl@S2"``, ``"kl@3:7"``
        (the mean over these positions). A callable gets its position from `At`: ``pw.At(mine, "S2")``.
    direction
        ``"denoise"``: the corrupted run gets clean activations (what is enough). ``"noise"``: the clean run gets
        corrupted activations (what is needed). The two are not symmetric.

    Attributes
    ----------
    metrics
        The metrics by name, in order; the first one is shown.
    clean, corrupted
        The unpatched runs: ``value``, ``values`` (by metric), ``logits``, ``tokens``, ``top_tokens(5)``.
    host, source
        The same two runs: the one that is patched, and the one whose activations are spliced in.
    noise_floor
        By the name of the metric, in its unit: how much an unpatched run changes when it is computed in another batch.
    interrupted
        Results of the last sweep that was interrupted (Ctrl-C), as `sweep_many` returns them; NaN where not done.

    Raises
    ------
    TaskError, AnswerError
        The task cannot be compared or scored with this tokenizer.
    MetricError, SiteError
        An unknown metric, one that needs a foil the task does not have, or a position at which it is not defined.

    Examples
    --------
    >>> exp = pw.Experiment(model, task, metric=["logit_diff", "kl"])
    >>> round(exp.clean.value, 2), round(exp.corrupted.value, 2)
    (6.59, -6.15)
    """

    interrupted: Sequence[SweepResult] = ()

    def patch(self, *patches: Patchable, record_reach: bool = False) -> PatchResult:
        """Run the host prompts with some activations replaced.

        Parameters
        ----------
        patches
            Sites, site strings or patches. Several act jointly, in one run; with none, the host runs unpatched.
        record_reach
            Record in the same pass what ``reach()`` of the result needs.

        Raises
        ------
        SiteError, RefusedError, CounterpartError
            A site that this model or prompt does not have, or a position without a counterpart in the other prompt.
        PatchError, WeightsChangedError
            A source that does not fit, or the same site twice; weights that changed since the runs of the experiment.

        Examples
        --------
        >>> round(exp.patch("L0.mlp_out", pw.Patch("L1.H1@-1")).recovery, 2)
        0.41
        """
        return run_patch(self, *patches, record_reach=record_reach)

    def reach(self, *patches: Patchable, pos: Position = -1) -> Reach:
        """How far a patch moves every component from the host towards the source, at one position.

        Parameters
        ----------
        patches
            As in `patch`.
        pos
            A position of the clean prompt, as an index or a name; the corrupted prompt is read at its counterpart.

        Raises
        ------
        PatchError, SiteError
            As in `patch`; or `pos` is a range or None, is out of range, or has no counterpart.

        Examples
        --------
        >>> exp.reach("L0.H1").along["resid_post"].round(2)
        array([0.99, 0.99, 0.99, 0.99], dtype=float32)
        """
        return measure_reach(self, self.checked(patches), pos)

    def record(self) -> None:
        """Record z, attn_out, mlp_out and resid_post of both unpatched runs now, as the first reach would."""
        record_runs(self)

    def explore(self, *selection: str) -> "PatchExplorer":
        """Open the explorer widget of this experiment, with these sites patched to begin with.

        Examples
        --------
        >>> exp.explore("L0.H1").selection
        ['L0.H1']
        """
        with Uninterrupted():
            from patchwidgets.explorer.widget import PatchExplorer

        return PatchExplorer(self, list(selection))

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
        progress: bool = True,
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
            |gradient · (source − host)| of the first metric on the way to the source (`sweep.attribution` says how good
            this is). Effects are exact; `missed` estimates what was left out. By default every neuron is patched.
        window
            Patch this many neighbouring layers jointly, as in causal tracing.
        direction
            ``"denoise"`` or ``"noise"``; the experiment's own by default.
        batch, budget
            At most this many patched runs at once; how many bytes in addition to the model to aim at, by default half
            of what is free. One pair with one patched run is always computed.
        progress
            Show a bar.

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
        KeyboardInterrupt
            Somebody interrupted the cell; what was done by then is in ``exp.interrupted[0]``.

        Examples
        --------
        >>> exp.sweep("mlp_out", over=("layer", "pos"), progress=False).top_sites(1)
        ['L1.mlp_out@14']
        """
        request = SweepRequest(component, over, sites, make, layers, top, window)
        sweep = make_sweep(self, [request], direction, batch, budget)
        return run_sweep(sweep, progress, self._set_interrupted)[0]

    def sweep_many(
        self,
        asked: Sequence[Component | SweepArguments],
        *,
        direction: Direction | None = None,
        batch: int | None = None,
        budget: float | None = None,
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
        sweep = make_sweep(self, asked, direction, batch, budget)
        return run_sweep(sweep, progress, self._set_interrupted)

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
    ) -> Iterator[PartialSweep]:
        """Sweep in parts of at most `batch` runs, and get the result so far with each; parameters as for `sweep`.

        Positions where the prompts differ come first, then those that metrics read, then the others.

        Examples
        --------
        >>> [(part.done, part.left) for part in exp.iter_sweep("resid_pre")]
        [(40, 20), (60, 0)]
        """
        request = SweepRequest(component, over, sites, make, layers, top, window)
        yield from iter_sweep(make_sweep(self, [request], direction, batch, budget))

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
    ) -> Plan:
        """What `sweep` would do with these arguments: sites, zeros, arithmetic, memory, time.

        Costs a few short passes and a matrix product, once for each model, and with `top` the gradient that chooses.

        Examples
        --------
        >>> exp.plan("resid_pre")
        Plan: 60 sites, 40 of them exactly 0 for certain; 20 runs in 1 group (descent), ...
        """
        request = SweepRequest(component, over, sites, make, layers, top, window)
        return make_sweep(self, [request], direction, batch, budget).plan()

    def _set_interrupted(self, results: Sequence[SweepResult]) -> None:
        self.interrupted = results


def explore(
    model: Model, task: Task, metric: MetricSpec = "logit_diff", direction: Direction = "denoise"
) -> "PatchExplorer":
    """Open the explorer of a task on a model, in one line; the parameters are those of `Experiment`.

    Examples
    --------
    >>> pw.explore(model, task).selection
    []
    """
    return Experiment(model, task, metric, direction).explore()
