"""The history of a file with the experiment it is of. Costs nothing, but for prompts that were edited: they run."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from patchwidgets.errors import FileError
from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.experiment.patch_result import PatchResult
from patchwidgets.explorer.edits import Edits, checked_edits
from patchwidgets.explorer.listed import Listed
from patchwidgets.explorer.requests import PatchRequest, checked_patch_request
from patchwidgets.explorer.saved_patch import SavedPatch
from patchwidgets.explorer.saved_schema import EntrySchema, HistorySchema, ShownSchema
from patchwidgets.explorer.views import Views
from patchwidgets.methods.paths.api import PathResult, run_path


def restored(
    views: Views, data: HistorySchema, patches: list[SavedPatch], again: bool
) -> Iterator[tuple[PatchRequest, Listed]]:
    """Every patch and path of a file, with the request that asks for it.

    Parameters
    ----------
    views
        Of the experiment that the file is of.
    again
        Patch again, because the weights are others: then no number is from the file.

    Raises
    ------
    SiteError, PatchError, MetricError, ProtocolError, TaskError, AnswerError
        The model, or the prompts, do not have what was patched.
    FileError
        The numbers are not of these metrics or pairs.
    """
    for entry, patch in zip(data.entries, patches, strict=True):
        prompts = data.prompts[entry.prompts]
        edits = checked_edits([each.model_dump() for each in prompts.edits], views.original)
        experiment = views.with_edits(edits)
        request = checked_patch_request(_message(entry), experiment, edits)
        view = views.of(request.direction, request.metric, edits)
        outcome = _again(views, request, view, patch) if again else _with_numbers(view, patch)
        yield request, Listed(edits, outcome, entry.note, entry.pinned)


def message_of(shown: ShownSchema) -> dict[str, Any]:
    """What a page would send to be shown the same."""
    return _message(shown) | {
        "source": shown.source,
        "pair": shown.pair,
        "edits": [each.model_dump() for each in shown.edits],
    }


def _message(asked: EntrySchema | ShownSchema) -> dict[str, Any]:
    patches = [each.model_dump() for each in asked.patches]
    return {"id": 0, "patches": patches, "direction": asked.direction, "metric": asked.metric}


def _with_numbers(view: BaseExperiment, patch: SavedPatch) -> PatchResult | PathResult:
    """A patch with the numbers of the file; whatever else is asked of it is computed then."""
    if set(view.metrics) != set(patch.readings):
        raise FileError(
            f"The history has numbers of {', '.join(patch.readings)}, and the task has the metrics "
            f"{', '.join(view.metrics)}. The file is damaged, or of another version; pass other_weights=True to patch "
            "again."
        )
    readings = {
        name: replace(patch.readings[name], metric=metric) for name, metric in view.metrics.items()
    }
    if patch.path is not None:
        return PathResult(view, readings, patch.path, patch.frozen)
    return PatchResult(view, patch.patches, readings, None, patch.seconds)


def _again(
    views: Views, request: PatchRequest, view: BaseExperiment, patch: SavedPatch
) -> PatchResult | PathResult:
    if request.path is not None:
        return run_path(view, request.path, patch.frozen)
    edits: Edits = request.edits
    return views.patching(edits).run(view, [request.to_patches()])[0].without_logits()
