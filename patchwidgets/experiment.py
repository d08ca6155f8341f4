"""An experiment: a model, a task, metrics and a direction; the clean and the corrupted run; patches between them.

Making one costs a forward pass over the clean and one over the corrupted prompts. A patch costs one more, and the first
patch of a kind another one that records the source.
"""

import time
from collections.abc import Sequence
from copy import copy
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from torch import Tensor

from patchwidgets.errors import MetricError, ModelError, PatchError, TaskError
from patchwidgets.forward import forward
from patchwidgets.hooks import Edit, Key
from patchwidgets.metrics import MetricSpec, Values, find_metrics
from patchwidgets.model import Model
from patchwidgets.patching import make_edits, patch_step
from patchwidgets.reach import REACH_COMPONENTS, Reach, ReachSums
from patchwidgets.result import PatchResult, Reading
from patchwidgets.run import Batch, Run
from patchwidgets.scores import Scores, weak_answers
from patchwidgets.sites import Patch, Position, Site
from patchwidgets.sources import Sources
from patchwidgets.sweeps import Sweeps
from patchwidgets.tasks import Task, encode_pairs
from patchwidgets.tasks.pairs import Prompt
from patchwidgets.unpatched import Unpatched

if TYPE_CHECKING:
    from patchwidgets.widget import PatchExplorer

Direction = Literal["denoise", "noise"]
Patchable = str | Site | Patch


class Experiment(Sweeps):
    """Patches between the clean and the corrupted run of a task.

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
    ) -> None:
        self.model = _checked_model(model)
        self.task = _checked_task(task)
        self.direction = _checked_direction(direction)
        self.pairs = encode_pairs(task, model.tokenizer)
        self._unpatched = Unpatched(model, self.pairs)
        self._score(metric)

    def __repr__(self) -> str:
        pairs = "1 pair" if len(self.pairs) == 1 else f"{len(self.pairs)} pairs"
        return (
            f"Experiment({self.model.name!r}, {pairs}, {', '.join(self.metrics)}, {self.direction})"
        )

    @property
    def host_name(self) -> Prompt:
        """Which run is patched: ``"clean"`` or ``"corrupted"``."""
        return "corrupted" if self.direction == "denoise" else "clean"

    @property
    def sources(self) -> Sources:
        """Where patches act in this direction, and what is written there."""
        return Sources(self.clean, self.corrupted, self.host_name)

    @property
    def host(self) -> Run:
        """The run that is patched."""
        return self.sources.host

    @property
    def source(self) -> Run:
        """The run whose activations are spliced in."""
        return self.sources.source

    def flip(self) -> "Experiment":
        """The other direction, on the same recordings."""
        return self.turned("noise" if self.direction == "denoise" else "denoise")

    def turned(self, direction: Direction) -> "Experiment":
        """Return this experiment in a given direction, on the same recordings."""
        other = object.__new__(Experiment)
        other.__dict__ = self.__dict__ | {"direction": _checked_direction(direction)}
        return other

    def measuring(self, metric: MetricSpec | Sequence[MetricSpec]) -> "Experiment":
        """Return this experiment with other metrics, on the same recordings."""
        other = self.turned(self.direction)
        other._score(metric)
        return other

    def focused(self, metric: str) -> "Experiment":
        """Return this experiment with one of its metrics put first."""
        if metric not in self.metrics:
            raise MetricError(
                f"This experiment does not measure {metric!r}; it measures {', '.join(self.metrics)}."
            )
        other = self.turned(self.direction)
        other.metrics = {metric: self.metrics[metric]} | self.metrics
        return other

    @property
    def warnings(self) -> list[str]:
        """What a reader of the effects should know: an answer that the clean run does not give."""
        return weak_answers(self.pairs, self.clean.logits, self.model.token_strings)

    def patch(self, *patches: Patchable, record_reach: bool = False) -> PatchResult:
        """Run the host prompts with some activations replaced.

        Parameters
        ----------
        patches
            Sites, site strings or patches; several are made jointly, in one run. None at all is the host run.
        record_reach
            Note in the same pass what ``reach()`` will need.

        Raises
        ------
        SiteError, RefusedError
            A site that this model or prompt does not have.
        CounterpartError
            A position without a counterpart in the other prompt.
        PatchError
            A source that does not fit, or the same site twice.
        """
        started = time.perf_counter()
        made = self.checked(patches)
        record = self._reach_keys if record_reach else ()
        logits, sums = torch.empty_like(self.host.logits), ReachSums.empty()
        values = {name: np.empty(len(self.pairs)) for name in self.metrics}
        for batch in self.host.batches:
            rows, where = batch.rows, self._scores.reads
            reads = [where.within(self.host_name, row) for row in rows]
            edits, starts = self._edits(made, batch), self._starts(made, rows)
            output = self._unpatched.scored_pass(rows, batch.ids, edits, record, reads)
            logits[rows] = output.logits
            measured = self._scores.measure_patched(
                output.read, rows, starts, self.host_name, output.joint
            )
            for name, part in measured.items():
                values[name][rows] = part
            if record_reach:
                self._add_reach(sums, batch, output.activations, -1)
        reach = sums.reach(len(self.pairs[0]) - 1) if record_reach else None
        readings = self._readings(values)
        return PatchResult(self, made, readings, logits, time.perf_counter() - started, reach)

    def reach(self, *patches: Patchable, pos: Position = -1) -> Reach:
        """How far a patch moves every component from the host towards the source, at one position and its counterpart.

        Raises
        ------
        SiteError
            A position out of range, a range, an unknown name, or one without a counterpart.
        """
        if pos is None or isinstance(pos, tuple):
            raise PatchError(
                f"reach() looks at one position; got {pos!r}. Give an index such as -1, or a name."
            )
        made, sums = self.checked(patches), ReachSums.empty()
        for batch in self.host.batches:
            output = forward(
                self.model.anatomy, batch.ids, self._edits(made, batch), self._reach_keys
            )
            self._add_reach(sums, batch, output.activations, pos)
        return sums.reach(self.pairs[0].indices(pos)[0])

    def explore(self, *selection: str) -> "PatchExplorer":
        """The explorer widget of this experiment, with these sites patched to begin with."""
        from patchwidgets.widget import PatchExplorer

        return PatchExplorer(self, list(selection))

    def record(self) -> None:
        """Record both runs now, so that the first patch is as quick as the others."""
        for run in (self.clean, self.corrupted):
            for batch in run.batches:
                run.record(batch, self._reach_keys)

    @property
    def _reach_keys(self) -> list[Key]:
        return [
            (component, layer)
            for component in REACH_COMPONENTS
            for layer in range(self.model.n_layers)
        ]

    def _add_reach(
        self, sums: ReachSums, batch: Batch, patched: dict[Key, Tensor], pos: Position
    ) -> None:
        rows = torch.arange(len(batch.rows))
        columns = torch.tensor([self.pairs[row].columns_at(pos)[0] for row in batch.rows])
        here, there = (
            columns.unbind(-1) if self.host_name == "clean" else columns.flip(-1).unbind(-1)
        )
        twin = self.source.batches[self.host.batches.index(batch)]
        self.host.record(batch, self._reach_keys)
        self.source.record(twin, self._reach_keys)
        host, moved, source = (
            {key: activations[key][rows, where].cpu() for key in self._reach_keys}
            for activations, where in (
                (batch.activations, here),
                (patched, here),
                (twin.activations, there),
            )
        )
        sums.add(host, moved, source, self.model.n_layers)

    @property
    def scores(self) -> Scores:
        """The metrics, pair by pair."""
        return self._scores

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
        made = [Patch.of(patch) for patch in patches]
        names = [str(self.model.resolve(patch.site)) for patch in made]
        if twice := {name for name in names if names.count(name) > 1}:
            raise PatchError(f"{', '.join(sorted(twice))} is patched twice; name each site once.")
        return made

    def _starts(self, patches: Sequence[Patch], rows: Sequence[int]) -> list[int]:
        """For each row the first position that is patched."""
        return [
            min((self.sources.places(patch, self.pairs[row])[0][0] for patch in patches), default=0)
            for row in rows
        ]

    def _edits(self, patches: Sequence[Patch], batch: Batch) -> dict[Key, Edit]:
        steps = []
        for patch in patches:
            places = [self.sources.places(patch, self.pairs[row]) for row in batch.rows]
            hosts, read = ([[place[k] for place in each] for each in places] for k in (0, 1))
            value = self.sources.values(patch, batch.rows, read)
            steps.append((patch.site, patch_step(patch, hosts, value)))
        return make_edits(steps)

    def _readings(self, patched: dict[str, Values]) -> dict[str, Reading]:
        denoise = self.direction == "denoise"
        clean, corrupted = self._scores.values["clean"], self._scores.values["corrupted"]
        return {
            name: Reading(
                metric, clean[name], corrupted[name], patched[name], denoise, self.noise_floor[name]
            )
            for name, metric in self.metrics.items()
        }

    def _score(self, metric: MetricSpec | Sequence[MetricSpec]) -> None:
        several = any(pair.long_answers for pair in self.pairs)
        self.metrics = find_metrics(metric, self.task.foil is not None, several)
        self._scores = self._unpatched.scores(self.metrics)
        self.noise_floor = self._unpatched.noise_floor(self._scores)
        self.clean, self.corrupted = copy(self._unpatched.clean), copy(self._unpatched.corrupted)
        self.clean.values = self._scores.means("clean")
        self.corrupted.values = self._scores.means("corrupted")


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


def _checked_direction(direction: Any) -> Direction:
    if direction not in ("denoise", "noise"):
        raise PatchError(
            f"Unknown direction {direction!r}; expected 'denoise' (clean into corrupted) or "
            "'noise' (corrupted into clean)."
        )
    return direction  # type: ignore[no-any-return]
