"""An experiment as requests see it: in a direction and with a metric. Each view is made once, and costs nothing."""

from collections.abc import Sequence

from patchwidgets.directions import Direction
from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.metrics import Metric
from patchwidgets.metrics.named import available_metrics


class Views:
    """The views of one experiment, with every metric that its task allows.

    Attributes
    ----------
    experiment
        The experiment, with all metrics that can be asked for: its own first.
    """

    def __init__(self, experiment: BaseExperiment) -> None:
        self.experiment = experiment.measuring(_all_metrics(experiment))
        self._made: dict[tuple[str, str], BaseExperiment] = {}

    def of(self, direction: Direction, metric: str) -> BaseExperiment:
        """The experiment in a direction, with a metric as its first."""
        key = direction, metric
        if key not in self._made:
            self._made[key] = self.experiment.turned(direction).focused(metric)
        return self._made[key]


def _all_metrics(experiment: BaseExperiment) -> Sequence[Metric]:
    """The experiment's own metrics, then every named metric that its task allows."""
    several_tokens = any(pair.long_answers for pair in experiment.pairs)
    available = available_metrics(experiment.task.foil is not None, several_tokens)
    return list((experiment.metrics | (available | experiment.metrics)).values())
