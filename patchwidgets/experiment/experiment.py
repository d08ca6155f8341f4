"""An experiment: a model, a task, metrics and a direction, with the clean and the corrupted run.

Making one costs a forward pass over the clean and one over the corrupted prompts. What can be done with it stands in
modules of its own, as functions of a `BaseExperiment`; `patchwidgets.Experiment` has them as methods.
"""

from collections.abc import Sequence
from functools import cached_property
from typing import Any, Self

from patchwidgets.directions import Direction, RunName, checked_direction, host_name, opposite
from patchwidgets.errors import MetricError, ModelError, PatchError, TaskError
from patchwidgets.experiment.evaluation import Evaluation, weak_answers
from patchwidgets.experiment.measured_run import MeasuredRun
from patchwidgets.experiment.measurements import Measurements
from patchwidgets.experiment.sources import Sources
from patchwidgets.metrics import Metric, MetricSpec
from patchwidgets.models.model import Model
from patchwidgets.sites import Patch, Patchable, Site
from patchwidgets.tasks import Pair, Task


class BaseExperiment:
    """The clean and the corrupted run of a task, what metrics read from them, and which of them is patched.

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
    measurements
        Of another experiment on the same model and task, to be shared: then nothing is run, and `metric` is not read.

    Attributes
    ----------
    model, task, direction
        As given.
    metrics
        By name, in order; the first is the one that is shown.
    measurements
        The unpatched runs and what was read from them; experiments that differ in direction share it.

    Raises
    ------
    TaskError, AnswerError
        The task cannot be compared or scored with this tokenizer.
    MetricError
        An unknown metric, one that needs a foil the task does not have, or one that is not defined at its position.
    SiteError
        A metric's position that the prompts do not have.
    """

    def __init__(
        self,
        model: Model,
        task: Task,
        metric: MetricSpec | Sequence[MetricSpec] = "logit_diff",
        direction: Direction = "denoise",
        *,
        measurements: Measurements | None = None,
    ) -> None:
        self.model = _checked_model(model)
        self.task = _checked_task(task)
        self.direction = checked_direction(direction)
        self.measurements = measurements or Measurements.of(model, task, metric)

    def __repr__(self) -> str:
        pairs = "1 pair" if len(self.pairs) == 1 else f"{len(self.pairs)} pairs"
        return (
            f"Experiment({self.model.name!r}, {pairs}, {', '.join(self.metrics)}, {self.direction})"
        )

    @property
    def metrics(self) -> dict[str, Metric]:
        """By name, in order; the first is the one that is shown."""
        return self.measurements.metrics

    @property
    def pairs(self) -> list[Pair]:
        """The pairs of the task as token ids."""
        return self.measurements.pairs

    @property
    def evaluation(self) -> Evaluation:
        """The metrics, pair by pair."""
        return self.measurements.evaluation

    @property
    def noise_floor(self) -> dict[str, float]:
        """By the name of the metric, in its unit: how far an unpatched run is off in another batch."""
        return self.measurements.noise_floor

    @property
    def host_name(self) -> RunName:
        """Which run is patched: ``"clean"`` or ``"corrupted"``."""
        return host_name(self.direction)

    @property
    def clean(self) -> MeasuredRun:
        """The run that gives the answer."""
        return self.measurements.clean

    @property
    def corrupted(self) -> MeasuredRun:
        """The run that gives the foil."""
        return self.measurements.corrupted

    @property
    def host(self) -> MeasuredRun:
        """The run that is patched."""
        return self.corrupted if self.host_name == "corrupted" else self.clean

    @property
    def source(self) -> MeasuredRun:
        """The run whose activations are spliced in."""
        return self.clean if self.host_name == "corrupted" else self.corrupted

    @cached_property
    def sources(self) -> Sources:
        """Where patches act in this direction, and what is written there."""
        baselines = self.measurements.baselines
        return Sources(baselines.clean, baselines.corrupted, self.host_name, self.pairs)

    def flip(self) -> Self:
        """The other direction, on the same recordings."""
        return self.turned(opposite(self.direction))

    def turned(self, direction: Direction) -> Self:
        """Return this experiment in a given direction, on the same recordings."""
        return self._variant(direction, self.measurements)

    def measuring(self, metric: MetricSpec | Sequence[MetricSpec]) -> Self:
        """Return this experiment with other metrics, on the same recordings."""
        return self._variant(self.direction, self.measurements.measuring(metric))

    def focused(self, metric: str) -> Self:
        """Return this experiment with one of its metrics put first."""
        if metric not in self.metrics:
            raise MetricError(
                f"This experiment does not measure {metric!r}; it measures {', '.join(self.metrics)}."
            )
        return self._variant(self.direction, self.measurements.focused(metric))

    @property
    def warnings(self) -> list[str]:
        """What a reader of the effects should know: an answer that the clean run does not give."""
        return weak_answers(self.pairs, self.clean.logits, self.model.token_strings)

    def checked(self, patches: Sequence[Patchable]) -> list[Patch]:
        """Return joint patches, checked against the model.

        Raises
        ------
        SiteError, RefusedError
            A site that this model does not have.
        PatchError
            Something else than a patch, or the same site twice.
        """
        for patch in patches:
            if not isinstance(patch, str | Site | Patch):
                raise PatchError(
                    f"Expected sites or patches one by one, as in exp.patch('L9.H6', 'L4.mlp_out'); got {patch!r}."
                )
        checked = [Patch.of(patch) for patch in patches]
        names = [str(self.model.resolve(patch.site)) for patch in checked]
        if twice := {name for name in names if names.count(name) > 1}:
            raise PatchError(f"{', '.join(sorted(twice))} is patched twice; name each site once.")
        return checked

    def _variant(self, direction: Direction, measurements: Measurements) -> Self:
        return type(self)(self.model, self.task, direction=direction, measurements=measurements)


def _checked_model(model: Any) -> Model:
    if not isinstance(model, Model):
        raise ModelError(
            f"Expected a model from pw.load(...) or pw.wrap(hf_model, tokenizer); got {type(model).__name__}."
        )
    return model


def _checked_task(task: Any) -> Task:
    if not isinstance(task, Task):
        raise TaskError(
            f"Expected pw.Task(clean=..., corrupted=..., answer=...); got {type(task).__name__}."
        )
    return task
