"""What an experiment has run and measured, whatever its direction; experiments that differ in direction share it.

Costs what `baselines` says. Other metrics on the same runs cost no pass, unless they are read at another position.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from patchwidgets.directions import RunName
from patchwidgets.experiment.baselines import Baselines
from patchwidgets.experiment.evaluation import Evaluation
from patchwidgets.experiment.measured_run import MeasuredRun
from patchwidgets.metrics import Metric, MetricSpec, Values, find_metrics
from patchwidgets.models.model import Model
from patchwidgets.models.run import Run
from patchwidgets.tasks import Pair, Task, encode_pairs


@dataclass(frozen=True, eq=False)
class Measurements:
    """The pairs of a task as token ids, their unpatched runs, and the values of some metrics there.

    Attributes
    ----------
    pairs
        The pairs of the task as token ids.
    baselines
        The clean and the corrupted run, without metrics.
    evaluation
        Computes the metrics, pair by pair.
    metrics
        By name, in order; the first is the one that is shown.
    noise_floor
        By the name of the metric, in its unit: how much an unpatched run changes when it is computed in another batch.
    """

    pairs: list[Pair]
    baselines: Baselines
    evaluation: Evaluation
    metrics: dict[str, Metric]
    noise_floor: dict[str, float]

    @classmethod
    def of(
        cls, model: Model, task: Task, metric: MetricSpec | Sequence[MetricSpec]
    ) -> "Measurements":
        """Encode a task, run both prompts of every pair, and measure them."""
        pairs = encode_pairs(task, model.tokenizer)
        return _measured(pairs, Baselines(model, pairs), metric)

    def measuring(self, metric: MetricSpec | Sequence[MetricSpec]) -> "Measurements":
        """The same runs with other metrics."""
        return _measured(self.pairs, self.baselines, metric)

    def focused(self, metric: str) -> "Measurements":
        """The same runs and metrics, with one metric moved to the front."""
        return replace(self, metrics={metric: self.metrics[metric]} | self.metrics)

    @cached_property
    def clean(self) -> MeasuredRun:
        """The unpatched run of the clean prompts."""
        return self._measured_run("clean", self.baselines.clean)

    @cached_property
    def corrupted(self) -> MeasuredRun:
        """The unpatched run of the corrupted prompts."""
        return self._measured_run("corrupted", self.baselines.corrupted)

    @cached_property
    def logit_diffs(self) -> tuple[Values, Values] | None:
        """logit(answer) − logit(foil) of the clean and of the corrupted run, pair by pair; None without a foil."""
        if self.pairs[0].foils is None:
            return None
        several_tokens = any(pair.long_answers for pair in self.pairs)
        metrics = find_metrics("logit_diff", True, several_tokens)
        values = self.baselines.evaluation(metrics).values
        return values["clean"]["logit_diff"], values["corrupted"]["logit_diff"]

    def _measured_run(self, name: RunName, run: Run) -> MeasuredRun:
        means = self.evaluation.means(name)
        return MeasuredRun(
            run, name, self.pairs, {metric: means[metric] for metric in self.metrics}
        )


def _measured(
    pairs: list[Pair], baselines: Baselines, metric: MetricSpec | Sequence[MetricSpec]
) -> Measurements:
    has_foil = pairs[0].foils is not None
    several_tokens = any(pair.long_answers for pair in pairs)
    metrics = find_metrics(metric, has_foil, several_tokens)
    evaluation = baselines.evaluation(metrics)
    noise_floor = baselines.noise_floor(evaluation)
    return Measurements(pairs, baselines, evaluation, metrics, noise_floor)
