"""What a saved page answers from: the messages of a session, computed before it was saved.

Costs a sweep in each direction over the sites of the maps, and one more patch for each that was asked for.
"""

from collections.abc import Iterable, Sequence

from patchwidgets.directions import Direction
from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.experiment.patch_result import PatchResult
from patchwidgets.experiment.patching import unpatched
from patchwidgets.explorer import export, messages
from patchwidgets.explorer.blobs import Blobs
from patchwidgets.explorer.code import code_of, metric_written, with_model
from patchwidgets.explorer.listed import Listed
from patchwidgets.explorer.messages import Buffers, Message
from patchwidgets.explorer.requests import PatchRequest
from patchwidgets.explorer.single_sites import (
    COMPONENTS,
    recorded_pairs,
    single_sites,
    sites_of,
)
from patchwidgets.explorer.sources import choice_data
from patchwidgets.explorer.views import Views
from patchwidgets.methods.paths.api import PathResult
from patchwidgets.methods.paths.traced import TracedPath, trace_path
from patchwidgets.sites import Component

MOST_ASKED = 100
"""How many of the patches so far a page has."""

DIRECTIONS: tuple[Direction, ...] = ("denoise", "noise")

Outcome = PatchResult | PathResult


def recorded(
    views: Views,
    shown: PatchRequest,
    asked: Sequence[Listed],
    components: Sequence[Component] = COMPONENTS,
) -> bytes:
    """Record what a page shows first, and the patches so far.

    Parameters
    ----------
    views
        The experiment as the session sees it.
    shown
        What is shown.
    asked
        The patches so far, oldest first; those of other prompts than the ones shown are left out.
    components
        Whose single sites are recorded.

    Returns
    -------
    bytes
        Compressed JSON and arrays, as ``js/src/comm/recorded.ts`` reads it.
    """
    listed = [each for each in asked if each.edits == views.edits][-MOST_ASKED:]
    sites = sites_of(views.experiment, components)
    pairs, blobs = recorded_pairs(views.experiment, shown.pair, len(sites)), Blobs()
    wanted: list[PatchResult | TracedPath] = [
        *(unpatched(views.of(direction, shown.metric)) for direction in DIRECTIONS),
        *(_again(views, each.outcome) for each in listed),
    ]
    last = export.outcome_of(views, shown) if shown.patches else None
    outcomes = [*wanted, *([] if last is None else [last])]
    results = [
        _packed(blobs, *messages.result(outcome, pair)) for outcome in outcomes for pair in pairs
    ]
    scene = messages.scene(views.of(shown.direction, shown.metric), shown.pair, views.edits)
    return blobs.file(
        {
            "traits": {"position": "all", "field": "total", "source": choice_data(shown.source)},
            "scene": scene | {"can_sweep": bool(sites)},
            "history": messages.history(listed) if listed else None,
            "results": results,
            "last": None if last is None else len(results) - len(pairs) + pairs.index(shown.pair),
            "singles": single_sites(views, sites, pairs, blobs) if sites else None,
            "experiment": _own(views.original),
            "code": dict(_code(views)),
        }
    )


def _again(views: Views, outcome: Outcome) -> PatchResult | TracedPath:
    """A patch of before with everything that a page shows of it."""
    experiment = views.of(outcome.experiment.direction, next(iter(outcome.readings)))
    if isinstance(outcome, PathResult):
        return trace_path(experiment, outcome.path, outcome.frozen)
    return views.patching(views.edits).run(experiment, [outcome.patches])[0]


def _packed(blobs: Blobs, message: Message, buffers: Buffers) -> Message:
    return {"message": message, "buffers": [blobs.add(each) for each in buffers]}


def _own(experiment: BaseExperiment) -> Message:
    """What ``exp`` is outside of the page, and how each metric is written as an argument."""
    metrics = {name: metric_written(metric) for name, metric in experiment.metrics.items()}
    return {
        "direction": experiment.direction,
        "metric": next(iter(metrics)),
        "metrics": metrics,
    }


def _code(views: Views) -> Iterable[tuple[str, str]]:
    """The lines of Python of each direction and metric, with nothing patched."""
    experiment, task = views.experiment, views.task(views.edits)
    for name, metric in experiment.metrics.items():
        for direction in DIRECTIONS:
            code = code_of(task, metric, direction, [])
            yield f"{direction} {name}", with_model(code, experiment.model.name)
