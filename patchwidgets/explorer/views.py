"""An experiment as requests see it: in a direction, with a metric, and with prompts that were edited.

A view costs nothing. New prompts cost what an experiment costs; the last few are kept.
"""

from collections.abc import Sequence

from patchwidgets.directions import Direction
from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.experiment.measurements import Measurements
from patchwidgets.explorer.edits import Edits, edited_task
from patchwidgets.metrics import Metric
from patchwidgets.metrics.named import available_metrics
from patchwidgets.sweep.late_patching import LatePatching
from patchwidgets.tasks import Task

KEPT = 3
"""How many experiments with edited prompts stay, so that undo runs nothing."""


class Views:
    """The views of one experiment, with every metric that its task allows.

    Attributes
    ----------
    original
        The experiment as it was given, with all metrics that can be asked for: its own first.
    edits
        Those of the prompts that are shown; everything but a patch is asked about these.
    """

    def __init__(self, experiment: BaseExperiment) -> None:
        self.original = experiment.measuring(_all_metrics(experiment))
        self.edits: Edits = ()
        self._views: dict[tuple[Edits, str, str], BaseExperiment] = {}
        self._experiments: dict[Edits, BaseExperiment] = {}
        self._patching: dict[Edits, LatePatching] = {}

    @property
    def experiment(self) -> BaseExperiment:
        """The experiment with the prompts that are shown."""
        return self.with_edits(self.edits)

    @property
    def has_edits(self) -> bool:
        """Whether edited prompts have run."""
        return bool(self._experiments)

    def knows(self, edits: Edits) -> bool:
        """Whether these prompts have run."""
        return not edits or edits in self._experiments

    def task(self, edits: Edits) -> Task:
        """The task with edited prompts; errors as in `edited_task`."""
        if self.knows(edits):
            return self.with_edits(edits).task
        return edited_task(self.original.task, self.original.model.tokenizer, edits)

    def with_edits(self, edits: Edits) -> BaseExperiment:
        """The experiment with edited prompts; they run now if they are new."""
        if not edits:
            return self.original
        if edits not in self._experiments:
            original = self.original
            metrics = list(original.metrics.values())
            task = self.task(edits)
            self._experiments[edits] = type(original)(
                original.model,
                task,
                direction=original.direction,
                measurements=Measurements.of(original.model, task, metrics),
            )
            self._forget_oldest()
        return self._experiments[edits]

    def of(self, direction: Direction, metric: str, edits: Edits | None = None) -> BaseExperiment:
        """The experiment in a direction, with a metric as its first; with the prompts that are shown or others."""
        chosen = self.edits if edits is None else edits
        key = chosen, direction, metric
        if key not in self._views:
            self._views[key] = self.with_edits(chosen).turned(direction).focused(metric)
        return self._views[key]

    def patching(self, edits: Edits) -> LatePatching:
        """What patches these prompts, with what it has recorded of them."""
        return self._patching.setdefault(edits, LatePatching())

    def _forget_oldest(self) -> None:
        """Drop the oldest prompts, but not those that are shown."""
        for edits in [each for each in self._experiments if each != self.edits][:-KEPT]:
            del self._experiments[edits]
            self._patching.pop(edits, None)
            self._views = {key: view for key, view in self._views.items() if key[0] != edits}


def _all_metrics(experiment: BaseExperiment) -> Sequence[Metric]:
    """The experiment's own metrics, then every named metric that its task allows."""
    several_tokens = any(pair.long_answers for pair in experiment.pairs)
    available = available_metrics(experiment.task.foil is not None, several_tokens)
    return list((experiment.metrics | (available | experiment.metrics)).values())
