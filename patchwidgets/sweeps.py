"""What an experiment can be asked about thousands of sites at once. The engine is imported when it is first used."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from patchwidgets.errors import PatchError
from patchwidgets.sites import Component, Patch, Site

if TYPE_CHECKING:
    from patchwidgets.engine import Plan, Sweep
    from patchwidgets.experiment import Direction, Experiment
    from patchwidgets.results import SweepResult

Made = str | Site | Patch | Iterable[str | Site | Patch]
Asked = str | Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class SweepPart:
    """A sweep on its way.

    Attributes
    ----------
    done, left, zero
        Cells that are done, that are not, and that were 0 for certain from the start.
    seconds_left
        Estimated; NaN before the first group is done.
    """

    done: int
    left: int
    zero: int
    seconds_left: float
    _sweep: "Sweep"

    @property
    def result(self) -> "SweepResult":
        """All that is done so far; the rest is NaN."""
        from patchwidgets.results import SweepResult

        return SweepResult.of(self._sweep.experiment, self._sweep.swept()[0])


class Sweeps:
    """The sweeps of an `Experiment`.

    Attributes
    ----------
    interrupted
        What the last sweep that was interrupted (Ctrl-C, the stop button) had done by then: valid numbers, NaN for
        the rest; as `sweep_many` returns it.
    """

    interrupted: "Sequence[SweepResult]" = ()

    def sweep(
        self,
        component: Component | None = None,
        over: Sequence[str] | None = None,
        *,
        sites: Sequence[Made] | None = None,
        make: Callable[[Site], Made] | None = None,
        layers: Sequence[int] | None = None,
        top: int | None = None,
        window: int = 1,
        direction: "Direction | None" = None,
        batch: int | None = None,
        budget: float | None = None,
        progress: bool = True,
    ) -> "SweepResult":
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
        asked: dict[str, Any] = {"component": component, "over": over, "sites": sites}
        asked |= {"make": make, "layers": layers, "top": top, "window": window}
        return self.sweep_many(
            [asked], direction=direction, batch=batch, budget=budget, progress=progress
        )[0]

    def sweep_many(
        self,
        asked: Sequence[Asked],
        *,
        direction: "Direction | None" = None,
        batch: int | None = None,
        budget: float | None = None,
        progress: bool = True,
    ) -> "list[SweepResult]":
        """Several sweeps that share their passes of the model.

        Parameters
        ----------
        asked
            Components, or the arguments of `sweep` as dicts, as in
            ``["z", {"component": "mlp_out", "over": ("layer", "pos")}]``.
        direction
            Of all of them, since they share their host run.

        Raises
        ------
        KeyboardInterrupt
            Somebody interrupted it: the cell ends there, as always, and what was done is in ``exp.interrupted``.
        """
        from tqdm.auto import tqdm

        from patchwidgets.hooks import Cancelled

        made = self._sweep(asked, direction, batch, budget)
        try:
            with tqdm(total=made.progress.total, disable=not progress, unit="site") as bar:
                for part in made.run():
                    bar.update(part.done - bar.n)
            if made.progress.left:
                raise Cancelled
        except (KeyboardInterrupt, Cancelled) as stop:
            self.interrupted = _results(made)
            stop.add_note(_kept(made))
            raise
        return _results(made)

    def iter_sweep(
        self,
        component: Component | None = None,
        over: Sequence[str] | None = None,
        *,
        direction: "Direction | None" = None,
        batch: int | None = 64,
        budget: float | None = None,
        **asked: Any,
    ) -> Iterator[SweepPart]:
        """A sweep whose results come as they are ready, the most telling positions first.

        Where the prompts differ comes first, then the last position, then the others. Stop whenever enough is seen:
        every part holds all that is done. Arguments as of `sweep`.
        """
        made = self._sweep(
            [{"component": component, "over": over} | asked], direction, batch, budget
        )
        for part in made.run():
            yield SweepPart(part.done, part.left, part.zero, part.seconds_left, made)

    def plan(
        self,
        component: Component | None = None,
        over: Sequence[str] | None = None,
        *,
        direction: "Direction | None" = None,
        batch: int | None = None,
        budget: float | None = None,
        **asked: Any,
    ) -> "Plan":
        """What `sweep` would do with these arguments: sites, zeros, arithmetic, memory, time; nothing is patched."""
        return self._sweep(
            [{"component": component, "over": over} | asked], direction, batch, budget
        ).plan()

    def _sweep(
        self,
        asked: Sequence[Asked],
        direction: "Direction | None",
        batch: int | None,
        budget: float | None,
    ) -> "Sweep":
        from patchwidgets.engine import Request, Sweep, make_grid

        if isinstance(asked, str | Mapping) or not asked:
            raise PatchError(f"Expected a list of sweeps, as in ['z', 'mlp_out']; got {asked!r}.")
        experiment = cast("Experiment", self)
        if direction is not None:
            experiment = experiment.turned(direction)
        requests = [
            Request(**({"component": each} if isinstance(each, str) else each), budget=budget)
            for each in asked
        ]
        return Sweep(
            experiment, [make_grid(experiment, request) for request in requests], batch, budget
        )


def _results(made: "Sweep") -> "list[SweepResult]":
    from patchwidgets.results import SweepResult

    return [SweepResult.of(made.experiment, swept) for swept in made.swept()]


def _kept(made: "Sweep") -> str:
    progress = made.progress
    return (
        f"{progress.done:,} of {progress.total:,} sites are done; exp.interrupted holds their results, in which the "
        "others are NaN. exp.iter_sweep(...) gives results on the way."
    )
