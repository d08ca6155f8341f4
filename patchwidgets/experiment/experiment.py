"""An experiment: a model, a task, metrics and a direction, with the clean and the corrupted run.

Costs what `baselines` says. What can be done with an experiment (patch,
sweep, …) are functions of a `BaseExperiment` in higher layers; `patchwidgets.Experiment` offers them as methods.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cached_property
from math import nan
from typing import Self

from patchwidgets.directions import Direction, RunName, checked_direction, host_name, opposite
from patchwidgets.errors import (
    MetricError,
    ModelError,
    PatchError,
    ResultWarning,
    TaskError,
    listed,
    shown,
    warn,
)
from patchwidgets.experiment.evaluation import Evaluation
from patchwidgets.experiment.measured_run import MeasuredRun
from patchwidgets.experiment.measurements import Measurements
from patchwidgets.experiment.sources import Sources
from patchwidgets.experiment.weak_answers import not_told_apart, told_apart, unread, weak_answers
from patchwidgets.guesses.answering import Answering, answers
from patchwidgets.guesses.arguments import EXPERIMENT_ARGUMENTS
from patchwidgets.guesses.attributes import EXPERIMENT
from patchwidgets.hooks.interrupts import Uninterrupted
from patchwidgets.html import block, table, words
from patchwidgets.metrics import Metric, MetricSpec
from patchwidgets.models.attached import check_dictionaries
from patchwidgets.models.edits import refuse_other_dictionaries
from patchwidgets.models.indexing import key_of
from patchwidgets.models.model import Model
from patchwidgets.models.run import Run
from patchwidgets.sites import Patch, Patchable, Site, nearest_site
from patchwidgets.sources.moved import At
from patchwidgets.sources.source import SourceData
from patchwidgets.tasks import Pair, Task

LEAST_ACCURACY = 0.5
"""An experiment with fewer pairs that the model tells apart logs a warning."""


class BaseExperiment(Answering):
    """What all functions of this package need of an experiment; `patchwidgets.Experiment` documents it in full.

    Parameters
    ----------
    model, task, metric, direction
        As in `patchwidgets.Experiment`.
    measurements
        From another experiment on the same model and task, to be shared: then nothing runs, and `metric` is ignored.
    """

    @answers(EXPERIMENT_ARGUMENTS, name="pw.Experiment")
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
        if measurements is None and self.accuracy < LEAST_ACCURACY:
            warn(f"{model.name}: {self._not_told_apart()[0]}", ResultWarning)

    advice = EXPERIMENT

    def __repr__(self) -> str:
        pairs = "1 pair" if len(self.pairs) == 1 else f"{len(self.pairs)} pairs"
        return (
            f"Experiment({self.model.name!r}, {pairs}, {', '.join(self.metrics)}, {self.direction})"
        )

    def _repr_html_(self) -> str:
        with Uninterrupted():
            import pandas as pd

        runs = {"clean": self.clean.values, "corrupted": self.corrupted.values}
        numbers = pd.DataFrame(runs | {"noise floor": self.noise_floor}).rename_axis("metric")
        accuracy = f"accuracy {self.accuracy:.0%}"
        return block(words(repr(self)), table(numbers), *map(words, [accuracy, *self.warnings]))

    @property
    def metrics(self) -> dict[str, Metric]:
        """The metrics by name, in order; the first is the one that is shown."""
        return self.measurements.metrics

    @property
    def pairs(self) -> list[Pair]:
        """The pairs of the task as token ids."""
        return self.measurements.pairs

    @property
    def evaluation(self) -> Evaluation:
        """Computes the metrics, pair by pair."""
        return self.measurements.evaluation

    @property
    def noise_floor(self) -> dict[str, float]:
        """By the name of the metric, in its unit: how much an unpatched run changes in another batch."""
        return self.measurements.noise_floor

    @property
    def host_name(self) -> RunName:
        """Which run is patched: ``"clean"`` or ``"corrupted"``."""
        return host_name(self.direction)

    @property
    def clean(self) -> MeasuredRun:
        """The unpatched run of the clean prompts."""
        return self.measurements.clean

    @property
    def corrupted(self) -> MeasuredRun:
        """The unpatched run of the corrupted prompts."""
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
        """Where patches act in this direction, and which values they write."""
        baselines = self.measurements.baselines
        runs = baselines.clean, baselines.corrupted
        return Sources(*runs, self.host_name, self.pairs, baselines.references)

    def flip(self) -> Self:
        """Return this experiment in the other direction, as `turned` in a given one; the runs are shared: no cost.

        Examples
        --------
        >>> exp.flip()
        Experiment('teaching model', 1 pair, logit_diff, noise)
        """
        return self.turned(opposite(self.direction))

    def turned(self, direction: Direction) -> Self:
        """Return this experiment in a given direction, as `flip` in the other one; the runs are shared: no cost.

        Parameters
        ----------
        direction
            ``"denoise"`` or ``"noise"``.

        Raises
        ------
        PatchError
            Another direction.

        Examples
        --------
        >>> exp.turned("noise").host is exp.clean
        True
        """
        return self._sharing(direction, self.measurements)

    def measuring(self, metric: MetricSpec | Sequence[MetricSpec]) -> Self:
        """Return this experiment with other metrics; the runs are shared.

        Parameters
        ----------
        metric
            As in `Experiment`: a name, a callable over a `Readout`, or a list of either.

        Raises
        ------
        MetricError, SiteError
            As in `Experiment`.

        Examples
        --------
        >>> probabilities = exp.measuring(["answer_prob", "rank"])
        >>> round(probabilities.corrupted.value, 3), probabilities.corrupted.values["rank"]
        (0.002, 2.0)
        """
        return self._sharing(self.direction, self.measurements.measuring(metric))

    def focused(self, metric: str) -> Self:
        """Return this experiment with one of its metrics moved to the front, where ``value`` and ``effect`` read it.

        Raises
        ------
        MetricError
            The experiment does not measure it.

        Examples
        --------
        >>> list(exp.measuring(["logit_diff", "kl"]).focused("kl").metrics)
        ['kl', 'logit_diff']
        """
        if metric not in self.metrics:
            raise MetricError(
                f"This experiment does not measure {shown(metric)}; it measures {', '.join(self.metrics)}. "
                "Add it with exp.measuring([...])."
            )
        return self._sharing(self.direction, self.measurements.focused(metric))

    @property
    def accuracy(self) -> float:
        """The share of pairs on which the model does the task; NaN for a task without a foil.

        There the clean run prefers the answer to the foil, and the corrupted run the foil to the answer: the logit
        difference has the right sign in both. A model that does not see what differs gets none of the pairs. Where
        the corrupted run has no reason to prefer the foil (`Task.foil_expected`), the clean run alone counts. Below one
        half, an experiment logs a warning when it is made.

        Examples
        --------
        >>> exp.accuracy
        1.0
        """
        diffs = self.measurements.logit_diffs
        return nan if diffs is None else float(told_apart(*diffs, self.task.foil_expected).mean())

    def _not_told_apart(self) -> list[str]:
        diffs = self.measurements.logit_diffs
        return [] if diffs is None else not_told_apart(*diffs, self.task.foil_expected)

    @property
    def warnings(self) -> list[str]:
        """Sentences about what makes effects explain little.

        Such as words that the tokenizer does not know, pairs that the model gets wrong, answers that are not the clean
        run's top token, and prompts that are longer than the model was made for.

        Examples
        --------
        >>> exp.warnings
        []
        """
        lengths = [len(prompt) for pair in self.pairs for prompt in (pair.clean, pair.corrupted)]
        return [
            *unread(self.pairs, self.model.tokenizer.unk_token),
            *self._not_told_apart(),
            *weak_answers(self.pairs, self.clean.logits, self.model.token_strings),
            *self.model.layout.limits.warnings(lengths),
        ]

    def checked(self, patches: Sequence[Patchable]) -> list[Patch]:
        """Return joint patches as `Patch` objects, checked against the model.

        Raises
        ------
        SiteError, RefusedError
            A site that this model does not have.
        PatchError
            Not a site or a patch, a source that does not go with its site, or the same site twice.
        """
        for patch in patches:
            if not isinstance(patch, str | Site | Patch):
                raise PatchError(
                    f"Expected sites or patches one by one, as in exp.patch('L9.H6', 'L4.mlp_out'); got {shown(patch)}."
                    f"{nearest_site(patch)}"
                )
        checked = [Patch.of(patch) for patch in patches]
        for patch in checked:
            if isinstance(patch.source, SourceData):
                patch.source.check(patch.site)
            if isinstance(patch.source, At):
                self.model.resolve(patch.source.site)
        counts = Counter(str(self.model.resolve(patch.site)) for patch in checked)
        if repeated := sorted(name for name, count in counts.items() if count > 1):
            raise PatchError(f"{listed(repeated, by=', ')} is patched twice; name each site once.")
        refuse_other_dictionaries(self.model.layout, checked)
        return checked

    def check_weights(self, patches: Iterable[Patch] = ()) -> None:
        """Check that the weights are those with which the runs of this experiment, and the sources of patches, ran.

        Raises
        ------
        WeightsChangedError
            They have changed.
        """
        patches = list(patches)
        marks = {self.measurements.baselines.clean.weights}
        given = [patch.source for patch in patches]
        given = [each.reads if isinstance(each, SourceData) else each for each in given]
        marks |= {each.weights for each in given if isinstance(each, Run)}
        for mark in marks:
            mark.check()
        dictionaries = self.model.layout.dictionaries
        if dictionaries:
            check_dictionaries(dictionaries, {key_of(patch.site) for patch in patches})

    def _sharing(self, direction: Direction, measurements: Measurements) -> Self:
        return type(self)(self.model, self.task, direction=direction, measurements=measurements)


def _checked_model(model: object) -> Model:
    if not isinstance(model, Model):
        raise ModelError(
            f"Expected a model from pw.load(...) or pw.wrap(hf_model, tokenizer); got {type(model).__name__}."
        )
    return model


def _checked_task(task: object) -> Task:
    if not isinstance(task, Task):
        raise TaskError(
            f"Expected pw.Task(clean=..., corrupted=..., answer=...); got {type(task).__name__}."
        )
    return task
