"""A whole explorer as a file has it: what it shows, and its history with all numbers. Needs no model."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from patchwidgets.directions import Direction
from patchwidgets.edges import Path, Receiver
from patchwidgets.errors import MetricError, NoModelError, listed
from patchwidgets.explorer.chosen import ChosenPosition
from patchwidgets.explorer.code import code_of
from patchwidgets.explorer.fields import ShownPair
from patchwidgets.explorer.history_list import HistoryList
from patchwidgets.explorer.listed import Listed
from patchwidgets.explorer.map_fields import DIRECT, ESTIMATE, TOTAL
from patchwidgets.explorer.path_requests import is_path
from patchwidgets.explorer.requests import PatchRequest
from patchwidgets.explorer.saved_history import (
    Entry,
    history_data,
    patch_of,
    patches_of_file,
    task_of,
)
from patchwidgets.explorer.saved_schema import ExplorerSchema, ShownSchema
from patchwidgets.explorer.sources import checked_choice, choice_data
from patchwidgets.files.envelope import Opened, Stamp
from patchwidgets.methods.circuits.circuit import Circuit
from patchwidgets.metrics import Metric, MetricSpec
from patchwidgets.metrics.described import is_missing
from patchwidgets.sites import parse_pos
from patchwidgets.tasks import Task

NEED_MODEL = frozenset({"experiment", "result", "select", "to_html", "to_mermaid", "close"})
"""What a `PatchExplorer` has beside."""


class SavedExplorer:
    """An explorer that was read from a file without a model, from `pw.open`.

    Attributes
    ----------
    task
        The task with all its pairs, as it was given.
    selection, direction, metric, source, position, pair, field
        What the explorer shows, as those of a `PatchExplorer`.
    metrics
        The names of all metrics that it has.
    history
        Every patch and path with its numbers, note and pin, oldest first: a list of `SavedPatch` with `to_frame()`.
    stamp
        Of which model it is: its name, dtype and the fingerprint of its weights.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     exp.explore("L0.H1", "L1.H2").save(f"{folder}/session.json")
    ...     saved = pw.open(f"{folder}/session.json")
    >>> saved
    SavedExplorer('teaching model', L0.H1 + L1.H2, denoise, logit_diff; 1 patch in the history)
    >>> saved.selection, saved.task.answer, round(saved.history[0].recovery, 2)
    (['L0.H1', 'L1.H2'], ' Mary', 0.99)
    >>> saved.experiment
    Traceback (most recent call last):
    ...
    patchwidgets.errors.NoModelError: experiment needs the model, and this explorer was read from a file without one...
    """

    def __init__(self, opened: Opened, given: Mapping[str, MetricSpec] | None = None) -> None:
        with opened.decoding():
            data = ExplorerSchema.model_validate(opened.content)
            self.task: Task = task_of(data.task, "task")
            history, self._metrics = patches_of_file(data.history, given)
            self._check(data.shown)
            self.history = HistoryList(history, opened.stamp)
        self.stamp = opened.stamp or Stamp("")
        self._data, self._path = data, opened.path

    def _check(self, shown: ShownSchema) -> None:
        """Check what can be checked without a model; the rest is when there is one."""
        if shown.metric not in self._metrics:
            raise ValueError(f"it shows {shown.metric}, and has {', '.join(self._metrics)[:100]}")
        if shown.pair != "mean" and shown.pair >= len(self.task):
            raise ValueError(f"it shows pair {shown.pair} of {len(self.task)}")
        checked_choice(shown.source)
        if isinstance(shown.position, str) and shown.position != "all":
            parse_pos(shown.position, shown.position)
        if shown.field not in (TOTAL, DIRECT, ESTIMATE):
            Receiver.parse(shown.field)
        self._asked = self._patches(shown)

    @staticmethod
    def _patches(shown: ShownSchema) -> Any:
        if any(is_path(each.site) for each in shown.patches):
            if len(shown.patches) > 1:
                raise ValueError("it shows a path beside other patches")
            return Path.parse(shown.patches[0].site)
        return [patch_of(each) for each in shown.patches]

    @property
    def selection(self) -> list[str]:
        """Sites that are patched, or one path."""
        return [each.site for each in self._data.shown.patches]

    @property
    def direction(self) -> Direction:
        """``"denoise"`` or ``"noise"``."""
        return self._data.shown.direction

    @property
    def metric(self) -> str:
        """The name of the metric that is shown."""
        return self._data.shown.metric

    @property
    def metrics(self) -> list[str]:
        """The names of all metrics."""
        return list(self._metrics)

    @property
    def source(self) -> Any:
        """What is put into the host, as data."""
        return self._data.shown.source

    @property
    def position(self) -> ChosenPosition:
        """Where a click patches."""
        return self._data.shown.position

    @property
    def pair(self) -> ShownPair:
        """Which pair is shown."""
        return self._data.shown.pair

    @property
    def field(self) -> str:
        """What the maps show."""
        return self._data.shown.field

    @property
    def circuit(self) -> Circuit:
        """What is selected, as a circuit; raises as that of a `PatchExplorer`."""
        return Circuit(self.selection)

    @property
    def content(self) -> ExplorerSchema:
        """All that the file says, checked."""
        return self._data

    def to_code(self) -> str:
        """The lines of Python that give the numbers on the screen, as of a `PatchExplorer`."""
        pair = self.pair if isinstance(self.pair, int) and len(self.task) > 1 else None
        return code_of(
            self._shown_task(), self._metrics[self.metric], self.direction, self._asked, pair
        )

    def metric_specs(self) -> Sequence[Metric]:
        """Every metric, with its function.

        Raises
        ------
        MetricError
            One of them is a function of the user's, which is not in the file and was not given.
        """
        lacking = [name for name, metric in self._metrics.items() if is_missing(metric)]
        if lacking:
            given = ", ".join(f"{name!r}: function" for name in lacking)
            raise MetricError(
                f"The explorer measures {listed(lacking, by=', ')}, a function of its user, which a file cannot hold. "
                f"Give it: pw.open({self._path!r}, model, metrics={{{given}}})."
            )
        return list(self._metrics.values())

    def _shown_task(self) -> Task:
        """The task with the edited prompts that are shown, if a patch of the history has them."""
        edits = self._data.shown.edits
        known = (each.task for each in self._data.history.prompts if each.edits == edits)
        data = next(known, None) if edits else None
        return self.task if data is None else task_of(data, "prompts")

    def __getattr__(self, name: str) -> Any:
        if name in NEED_MODEL:
            raise NoModelError(
                f"{name} needs the model, and this explorer was read from a file without one. Open it with the model, "
                "as in w = pw.open('session.json', pw.load())."
            )
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def __repr__(self) -> str:
        patched, n = listed(self.selection) or "nothing patched", len(self.history)
        return (
            f"SavedExplorer({self.stamp.name!r}, {patched}, {self.direction}, {self.metric}; "
            f"{n} {'patch' if n == 1 else 'patches'} in the history)"
        )


def explorer_data(
    task: Task,
    metrics: Mapping[str, Metric],
    shown: PatchRequest,
    position: ChosenPosition,
    field: str,
    history: Sequence[Listed],
) -> dict[str, Any]:
    """Return an explorer as `ExplorerSchema` reads it.

    Parameters
    ----------
    task
        As it was given, before any prompts were edited.
    """
    entries = [Entry(each.outcome, each.edits, each.note, each.pinned) for each in history]
    return {
        "task": task.json_data(),
        "shown": {
            "patches": [
                {"site": site, "source": choice_data(source)} for site, source in shown.patches
            ],
            "direction": shown.direction,
            "metric": shown.metric,
            "source": choice_data(shown.source),
            "pair": shown.pair,
            "edits": [asdict(edit) for edit in shown.edits],
            "position": position,
            "field": field,
        },
        "history": history_data(entries, metrics),
    }
