"""Patches and paths of an explorer as data for files, and back. Costs nothing.

Entries with the same prompts share the metrics of their unpatched runs.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from patchwidgets.edges import FROZEN, Path
from patchwidgets.experiment.patch_result import PatchResult
from patchwidgets.experiment.reading import Reading
from patchwidgets.explorer.edits import Edits
from patchwidgets.explorer.path_requests import is_path
from patchwidgets.explorer.saved_patch import SavedPatch
from patchwidgets.explorer.saved_schema import EntrySchema, HistorySchema, PatchSchema
from patchwidgets.explorer.sources import checked_source
from patchwidgets.files.schema import same_names, table_of, values_of
from patchwidgets.methods.paths.api import PathResult
from patchwidgets.metrics import Metric, MetricSpec
from patchwidgets.metrics.described import described
from patchwidgets.sites import Patch
from patchwidgets.sources.files import to_data
from patchwidgets.tasks import Task
from patchwidgets.tasks.json_file import fields_of_data

Outcome = PatchResult | PathResult | SavedPatch


@dataclass(frozen=True)
class Entry:
    """A patch or path that is to be saved, as `Listed`."""

    outcome: Outcome
    edits: Edits = ()
    note: str = ""
    pinned: bool = False


def history_data(listed: Sequence[Entry], metrics: Mapping[str, Metric]) -> dict[str, Any]:
    """Return a history as `HistorySchema` reads it.

    Raises
    ------
    PatchError
        A source is no data, such as a tensor.
    """
    prompts: list[dict[str, Any]] = []
    entries = []
    for each in listed:
        of_entry = _prompts_data(each)
        if of_entry not in prompts:
            prompts.append(of_entry)
        entries.append(_entry_data(each, prompts.index(of_entry)))
    known = {name: metric for each in listed for name, metric in _metrics_of(each).items()}
    of_all = [described(metric) for metric in (dict(metrics) | known).values()]
    return {"metrics": of_all, "prompts": prompts, "entries": entries}


def _metrics_of(listed: Entry) -> dict[str, Metric]:
    return {name: reading.metric for name, reading in listed.outcome.readings.items()}


def _prompts_data(listed: Entry) -> dict[str, Any]:
    readings = listed.outcome.readings
    return {
        "task": listed.outcome.task.json_data(),
        "edits": [asdict(edit) for edit in listed.edits],
        "clean": {name: readings[name].clean.tolist() for name in sorted(readings)},
        "corrupted": {name: readings[name].corrupted.tolist() for name in sorted(readings)},
    }


def _entry_data(listed: Entry, prompts: int) -> dict[str, Any]:
    outcome = listed.outcome
    seconds = getattr(outcome, "seconds", math.nan)  # a path is kept without
    path = getattr(outcome, "path", None)
    patches = [(str(path), "source")] if path is not None else _patches_of(outcome)
    return {
        "prompts": prompts,
        "patches": [{"site": site, "source": source} for site, source in patches],
        "frozen": [] if path is None else list(outcome.frozen),  # type: ignore[union-attr]
        "direction": outcome.direction,
        "metric": next(iter(outcome.readings)),
        "readings": {name: _reading_data(each) for name, each in outcome.readings.items()},
        "seconds": None if math.isnan(seconds) else seconds,
        "note": listed.note,
        "pinned": listed.pinned,
    }


def _patches_of(outcome: Any) -> list[tuple[str, Any]]:
    return [(str(patch.site), to_data(patch.source)) for patch in outcome.patches]


def _reading_data(reading: Reading) -> dict[str, Any]:
    drawn = None if reading.drawn is None else table_of(reading.drawn)
    floor = float(reading.noise_floor)
    return {"patched": reading.patched.tolist(), "noise_floor": floor, "drawn": drawn}


def task_of(data: dict[str, Any], where: str) -> Task:
    """Return the task that data describe; `where` is what messages call it.

    Raises
    ------
    TaskError
        They describe none.
    """
    return Task(**fields_of_data(data, where))


def patch_of(data: PatchSchema) -> Patch:
    """Return the patch that data describe; errors as in `checked_source`, and a site that is none."""
    return Patch(data.site, checked_source(data.source))


def patches_of_file(
    data: HistorySchema, given: Mapping[str, MetricSpec] | None = None
) -> tuple[list[SavedPatch], dict[str, Metric]]:
    """Return the patches and paths of a file, oldest first, and its metrics by name.

    Parameters
    ----------
    given
        Functions of the user's, by the names of their metrics.

    Raises
    ------
    ValueError
        Parts do not go together, or describe what is no task, no site, no source or no metric.
    """
    metrics = {each.name: each.metric(given) for each in data.metrics}
    if len(metrics) < len(data.metrics):
        raise ValueError("it has a metric twice")
    tasks = [task_of(each.task, f"prompts {i}") for i, each in enumerate(data.prompts)]
    found = []
    for entry in data.entries:
        if entry.prompts >= len(tasks):
            raise ValueError(f"prompts {entry.prompts} of {len(tasks)}")
        task = tasks[entry.prompts]
        found.append(
            SavedPatch(
                _readings(data, entry, metrics, len(task)),
                task,
                _asked(entry),
                _frozen(entry),
                entry.seconds,
                entry.note,
                entry.pinned,
            )
        )
    return found, metrics


def _asked(entry: EntrySchema) -> list[Patch] | Path:
    paths = [each.site for each in entry.patches if is_path(each.site)]
    if not paths:
        return [patch_of(each) for each in entry.patches]
    if len(entry.patches) > 1:
        raise ValueError(f"the path {paths[0]} is not alone")
    return Path.parse(paths[0])


def _frozen(entry: EntrySchema) -> Any:
    frozen = tuple(entry.frozen)
    if (frozen in FROZEN) != is_path(entry.patches[0].site) or (frozen and frozen not in FROZEN):
        raise ValueError(f"{entry.patches[0].site} with {frozen} frozen")
    return frozen


def _readings(
    data: HistorySchema, entry: EntrySchema, metrics: Mapping[str, Metric], n_pairs: int
) -> dict[str, Reading]:
    prompts = data.prompts[entry.prompts]
    names = list(entry.readings)
    same_names(prompts.clean, names)
    same_names(prompts.corrupted, names)
    if not names or names[0] != entry.metric or not metrics.keys() >= set(names):
        raise ValueError(f"numbers of {', '.join(names)[:100]}, and {entry.metric} was shown")
    return {
        name: Reading(
            metrics[name],
            values_of(prompts.clean[name], n_pairs),
            values_of(prompts.corrupted[name], n_pairs),
            reading.of_pairs(n_pairs),
            entry.direction,
            reading.noise_floor,
            reading.of_draws(n_pairs),
        )
        for name, reading in entry.readings.items()
    }
