"""`pw.Experiment` and `pw.explore`: what can be done with an experiment, as methods.

Thin: each method calls a function of a lower layer, which takes the experiment. Costs what these cost.
"""

from collections.abc import Callable, Iterator, Sequence

from patchwidgets.directions import Direction
from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.experiment.patch_result import PatchResult
from patchwidgets.experiment.patching import run_patch
from patchwidgets.experiment.reach import Reach, measure_reach
from patchwidgets.explorer.widget import PatchExplorer
from patchwidgets.metrics import MetricSpec
from patchwidgets.models.model import Model
from patchwidgets.sites import Component, Patchable, Position, Site
from patchwidgets.sweep.api import PartialSweep, iter_parts, make_sweep, run_sweep
from patchwidgets.sweep.plan import Plan
from patchwidgets.sweep.request import CellPatch, SweepArguments, SweepRequest
from patchwidgets.sweep.sweep_result import SweepResult
from patchwidgets.tasks import Task


class Experiment(BaseExperiment):
    """Patches between the clean and the corrupted run of a task.

    Parameters
    ----------
    model
        From `load` or `wrap`.
    task
        One pair of prompts or a dataset.
    metric
        A name, a callable over a `Readout`, or a list of either; the first is the one that is shown. It is read at the
        last position of the prompt, or at the one behind an ``@`` as in sites: ``"kl@-3"``, ``"kl@S2"``, ``"kl@3:7"``
        (the mean over these positions); of a callable, `At` says it: ``pw.At(mine, "S2")``.
    direction
        ``"denoise"``: the corrupted run gets clean activations (what is enough). ``"noise"``: the clean run gets
        corrupted activations (what is needed). The two are not symmetric.

    Attributes
    ----------
    model, task, direction
        As given.
    metrics
        By name, in order; the first is the one that is shown.
    clean, corrupted
        The unpatched runs: ``value``, ``logits``, ``tokens``, ``top_tokens(5)``.
    host, source
        The same two: the one that is patched, and the one whose activations are spliced in.
    pairs
        The pairs of the task as token ids.
    noise_floor
        By the name of the metric, in its unit: how far an unpatched run is off in another batch.
    interrupted
        What the last sweep that was interrupted (Ctrl-C, the stop button) had done by then: valid numbers, NaN for
        the rest; as `sweep_many` returns it.

    Raises
    ------
    TaskError, AnswerError
        The task cannot be compared or scored with this tokenizer.
    MetricError
        An unknown metric, one that needs a foil the task does not have, or one that is not defined at its position.
    SiteError
        A metric's position that the prompts do not have.
    """

    interrupted: Sequence[SweepResult] = ()

    def patch(self, *patches: Patchable, record_reach: bool = False) -> PatchResult:
        """Run the host prompts with some activations replaced.

        Parameters
        ----------
        patches
            Sites, site strings or patches; several are made jointly, in one run. None at all is the host run.
        record_reach
            Note in the same pass what ``reach()`` will need.

        Raises
        ------
        SiteError, RefusedError
            A site that this model or prompt does not have.
        CounterpartError
            A position without a counterpart in the other prompt.
        PatchError
            A source that does not fit, or the same site twice.

        Examples
        --------
        >>> r = exp.patch("L0.H1")
        >>> round(r.recovery, 2)
        0.99
        """
        return run_patch(self, *patches, record_reach=record_reach)

    def reach(self, *patches: Patchable, pos: Position = -1) -> Reach:
        """How far a patch moves every component from the host towards the source, at one position and its counterpart.

        Raises
        ------
        PatchError
            Not one position.
        SiteError
            A position out of range, an unknown name, or one without a counterpart.
        """
        return measure_reach(self, self.checked(patches), pos)

    def explore(self, *selection: str) -> PatchExplorer:
        """The explorer widget of this experiment, with these sites patched to begin with."""
        return PatchExplorer(self, list(selection))

    def sweep(
        self,
        component: Component | None = None,
        over: Sequence[str] | None = None,
        *,
        sites: Sequence[CellPatch] | None = None,
        make: Callable[[Site], CellPatch] | None = None,
        layers: Sequence[int] | None = None,
        top: int | None = None,
        window: int = 1,
        direction: Direction | None = None,
        batch: int | None = None,
        budget: float | None = None,
        progress: bool = True,
    ) -> SweepResult:
        """Patch every site of a kind, one at a time, exactly.

        Parameters
        ----------
        component
            As in sites: ``"resid_pre"``, ``"z"``, …
        over
            The axes: ``layer``, with ``head`` (``kv_head`` for k and v) or ``neuron``, and ``pos`` or ``pos_name``
            (names of the task, for pairs of different lengths). Without a position, all positions at once. By
            default layer and unit; for the residual stream layer and pos.
        sites
            Instead of a component: any list, each entry a site, a `Patch`, or a list of these made jointly.
        make
            From a site to what is patched there, as ``lambda site: pw.Patch(site, "host")``; a `fn` of a patch sees
            one pair at a time.
        layers
            These alone; for neurons, of which there are many.
        top
            Of neurons only so many, over ``layer`` and ``neuron`` and, if asked, ``pos``: those of the largest
            |gradient · (source − host)|, the gradient being the first metric's in the host run. That choice is to
            first order; the effects shown are exact, and the result says how it was chosen. Measured on SmolLM2 and
            the names task: of all 46,080 neurons the ten of the largest exact effects are among the first 12, the 30
            largest among the first 92; within a layer the ten are among the first 25 (of 1,536), in layer 7 among 51
            and in layer 13 among 113.
        window
            Patch so many neighbouring layers jointly, as in causal tracing.
        direction
            ``"denoise"`` or ``"noise"``; the experiment's own by default.
        batch, budget
            At most so many runs at once; bytes above the model (half of what is free by default).
        progress
            Show a bar.

        Returns
        -------
        SweepResult
            Effects are measured against an unpatched run of the same pass; what cannot change is exactly 0. Positions
            count in the clean prompt; a cell without a counterpart in the other prompt is NaN and `unpatchable`.

        Raises
        ------
        SiteError, RefusedError
            Axes or sites that the component, the model or the prompts do not have.
        PatchError
            A source that does not fit.
        CounterpartError
            No cell at all can be patched, since positions have no counterparts.
        MetricError
            `top` with a first metric that has no gradient, as a rank.
        KeyboardInterrupt
            Somebody interrupted it: the cell ends there, as always, and what was done is in ``exp.interrupted[0]``.

        Notes
        -----
        Costs the arithmetic that the patches change; ``exp.plan(...)`` says how much that is.
        """
        request = SweepRequest(component, over, sites, make, layers, top, window)
        sweep = make_sweep(self, [request], direction, batch, budget)
        return run_sweep(sweep, progress, self._keep)[0]

    def sweep_many(
        self,
        asked: Sequence[Component | SweepArguments],
        *,
        direction: Direction | None = None,
        batch: int | None = None,
        budget: float | None = None,
        progress: bool = True,
    ) -> list[SweepResult]:
        """Several sweeps that share their passes of the model.

        Parameters
        ----------
        asked
            Components, or the arguments of `sweep` as dicts, as in
            ``["z", {"component": "mlp_out", "over": ("layer", "pos")}]``.
        direction, batch, budget, progress
            As in `sweep`, for all of them: they share their host run.

        Raises
        ------
        PatchError
            An argument that `sweep` does not have.
        KeyboardInterrupt
            Somebody interrupted it: the cell ends there, as always, and what was done is in ``exp.interrupted``.
        """
        return run_sweep(make_sweep(self, asked, direction, batch, budget), progress, self._keep)

    def iter_sweep(
        self,
        component: Component | None = None,
        over: Sequence[str] | None = None,
        *,
        sites: Sequence[CellPatch] | None = None,
        make: Callable[[Site], CellPatch] | None = None,
        layers: Sequence[int] | None = None,
        top: int | None = None,
        window: int = 1,
        direction: Direction | None = None,
        batch: int | None = 64,
        budget: float | None = None,
    ) -> Iterator[PartialSweep]:
        """A sweep whose results come as they are ready, the most telling positions first.

        Where the prompts differ comes first, then the last position, then the others. Stop whenever you have seen
        enough: every part holds all that is done. The arguments are those of `sweep`.
        """
        request = SweepRequest(component, over, sites, make, layers, top, window)
        yield from iter_parts(make_sweep(self, [request], direction, batch, budget))

    def plan(
        self,
        component: Component | None = None,
        over: Sequence[str] | None = None,
        *,
        sites: Sequence[CellPatch] | None = None,
        make: Callable[[Site], CellPatch] | None = None,
        layers: Sequence[int] | None = None,
        top: int | None = None,
        window: int = 1,
        direction: Direction | None = None,
        batch: int | None = None,
        budget: float | None = None,
    ) -> Plan:
        """What `sweep` would do with these arguments: sites, zeros, arithmetic, memory, time; nothing is patched."""
        request = SweepRequest(component, over, sites, make, layers, top, window)
        return make_sweep(self, [request], direction, batch, budget).plan()

    def _keep(self, results: Sequence[SweepResult]) -> None:
        self.interrupted = results


def explore(
    model: Model, task: Task, metric: MetricSpec = "logit_diff", direction: Direction = "denoise"
) -> PatchExplorer:
    """The explorer of a task on a model, in one line."""
    return PatchExplorer(Experiment(model, task, metric, direction))
