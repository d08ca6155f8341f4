"""The unpatched runs of a task: the clean and the corrupted one, and how far they are off when they are run again.

Making them costs a forward pass over the clean and one over the corrupted prompts, and one of the first batch of both.
Metrics at other positions than the last cost each of these once more, when they are first asked for.
"""

from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import Tensor

from patchwidgets.directions import RunName
from patchwidgets.experiment.evaluation import Evaluation
from patchwidgets.experiment.read_positions import ReadPositions
from patchwidgets.experiment.teacher_forcing import ScoredOutput, scored_pass
from patchwidgets.hooks.hooks import Edit, Key
from patchwidgets.metrics import Metric
from patchwidgets.models.model import Model
from patchwidgets.models.run import Run, run_prompts
from patchwidgets.tasks import Pair


class Baselines:
    """The runs that every patch of a task is compared with.

    Attributes
    ----------
    clean, corrupted
        Without the values of metrics, which belong to an experiment.
    """

    def __init__(self, model: Model, pairs: Sequence[Pair]) -> None:
        self._model, self._pairs = model, pairs
        alike = [(len(pair.clean), len(pair.corrupted), len(pair.columns)) for pair in pairs]
        self.clean = _run(model, [pair.clean for pair in pairs], alike)
        self.corrupted = _run(model, [pair.corrupted for pair in pairs], alike)
        several = any(pair.long_answers for pair in pairs)
        self._runs: dict[RunName, Run] = {"clean": self.clean, "corrupted": self.corrupted}
        self._joint: dict[str, Tensor] | None = (
            {name: self._joint_of(run) for name, run in self._runs.items()} if several else None
        )
        self._again: dict[object, tuple[Tensor, Tensor | None]] = {}

    def evaluation(self, metrics: dict[str, Metric]) -> Evaluation:
        """Read both runs wherever the metrics want it.

        Raises
        ------
        SiteError, MetricError
            A position that the prompts do not have, or at which a metric is not defined.
        """
        read_positions = ReadPositions.of(metrics.values(), self._pairs)
        logits: dict[str, Tensor] = {
            name: run.logits_at(
                [
                    (i, pos)
                    for i in range(len(self._pairs))
                    for pos in read_positions.within(name, i)
                ]
            )
            for name, run in self._runs.items()
        }
        return Evaluation(metrics, self._pairs, read_positions, logits, self._joint)

    def noise_floor(self, evaluation: Evaluation) -> dict[str, float]:
        """Per metric how far an unpatched run is off in another batch, at the positions that it reads."""
        rows = self.clean.batches[0].rows
        again = {
            name: self._run_again(
                name, tuple(evaluation.read_positions.within(name, row) for row in rows)
            )
            for name in self._runs
        }
        logits: dict[str, Tensor] = {name: read for name, (read, _) in again.items()}
        joint: dict[str, Tensor] = {
            name: each for name, (_, each) in again.items() if each is not None
        }
        eps = torch.finfo(self._model.hf_model.dtype).eps
        return evaluation.noise_floor(logits, rows, eps, joint or None)

    def scored_pass(
        self,
        rows: Sequence[int],
        ids: Tensor,
        edits: Mapping[Key, Edit] | None = None,
        record: Iterable[Key] = (),
        read_positions: Sequence[Sequence[int]] | None = None,
    ) -> ScoredOutput:
        """One pass over prompts ``[row, pos]`` of the pairs in `rows`, as of `forced.scored_pass`."""
        pairs = [self._pairs[row] for row in rows]
        return scored_pass(self._model.layout, pairs, ids, edits, record, read_positions)

    def _run_again(
        self, name: RunName, read_positions: tuple[tuple[int, ...], ...]
    ) -> tuple[Tensor, Tensor | None]:
        """The first batch of a run among more rows: what differs from before is noise."""
        if (name, read_positions) not in self._again:
            batch = self._runs[name].batches[0]
            ids = torch.cat([batch.ids, batch.ids[:1]])
            output = self.scored_pass(
                [*batch.rows, batch.rows[0]],
                ids,
                read_positions=[*read_positions, read_positions[0]],
            )
            joint = None if output.joint is None else output.joint[: len(batch.rows)]
            self._again[name, read_positions] = output.read[: sum(map(len, read_positions))], joint
        return self._again[name, read_positions]

    def _joint_of(self, run: Run) -> Tensor:
        """Of answers of several tokens the joint log-probabilities, ``[pair, 2]``."""
        joint = run.logits.new_empty(len(self._pairs), 2)
        for batch in run.batches:
            joint[batch.rows] = self.scored_pass(batch.rows, batch.ids).joint  # type: ignore[assignment]
        return joint


def _run(model: Model, prompts: Sequence[Sequence[int]], alike: Sequence[tuple[int, ...]]) -> Run:
    return run_prompts(model.layout, model.tokenizer, prompts, alike=alike)
