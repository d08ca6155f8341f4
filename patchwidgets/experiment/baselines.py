"""The unpatched runs of a task, clean and corrupted, and how much their metrics vary from batch to batch.

Costs one forward pass over the clean and one over the corrupted prompts, and one more over the first batch of each for
the noise floor. Metrics at other positions than the last cost these passes once more, when they are first measured.
Answers of several tokens cost another pass over both, over prompts that are continued with each answer and foil.
"""

from collections.abc import Iterable, Mapping, Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from patchwidgets.directions import RunName
from patchwidgets.errors import AnswerError
from patchwidgets.experiment.evaluation import Evaluation
from patchwidgets.experiment.read_positions import ReadPositions
from patchwidgets.experiment.teacher_forcing import ScoredOutput, scored_pass
from patchwidgets.hooks.hooks import Edit, Key
from patchwidgets.metrics import Metric
from patchwidgets.models.model import Model
from patchwidgets.models.run import Run, run_prompts
from patchwidgets.tasks import Pair


class Baselines:
    """The clean and the corrupted run of a task, with which every patched run is compared.

    Attributes
    ----------
    clean, corrupted
        The runs, without values of metrics: those belong to an experiment.
    """

    def __init__(self, model: Model, pairs: Sequence[Pair]) -> None:
        self._model, self._pairs = model, pairs
        # Both runs get the same batches: pairs run together where all three counts are equal.
        counts = [(len(pair.clean), len(pair.corrupted), len(pair.columns)) for pair in pairs]
        self.clean = _run(model, [pair.clean for pair in pairs], counts)
        self.corrupted = _run(model, [pair.corrupted for pair in pairs], counts)
        _refuse_unknown_answers(model, pairs, self.clean.logits.shape[-1])
        self._runs: dict[RunName, Run] = {"clean": self.clean, "corrupted": self.corrupted}
        self._joint: dict[str, Tensor] | None = None
        if any(pair.long_answers for pair in pairs):
            self._joint = {name: self._joint_logprobs(run) for name, run in self._runs.items()}
        self._repeated: dict[object, tuple[Tensor, Tensor | None]] = {}

    def evaluation(self, metrics: dict[str, Metric]) -> Evaluation:
        """Read both runs at every position that the metrics need.

        Raises
        ------
        SiteError, MetricError
            A position that the prompts do not have, or at which a metric is not defined.
        """
        read_positions = ReadPositions.of(metrics.values(), self._pairs)
        every_pair = range(len(self._pairs))
        logits: dict[str, Tensor] = {
            name: run.logits_at(
                [(i, pos) for i in every_pair for pos in read_positions.in_prompt(name, i)]
            )
            for name, run in self._runs.items()
        }
        return Evaluation(metrics, self._pairs, read_positions, logits, self._joint)

    def noise_floor(self, evaluation: Evaluation) -> dict[str, float]:
        """For each metric, how much an unpatched run changes when it is computed in another batch."""
        pairs = self.clean.batches[0].rows
        repeated = {
            name: self._repeat_first_batch(
                name, tuple(evaluation.read_positions.in_prompt(name, pair) for pair in pairs)
            )
            for name in self._runs
        }
        logits: dict[str, Tensor] = {name: read for name, (read, _) in repeated.items()}
        joint: dict[str, Tensor] = {
            name: logprobs for name, (_, logprobs) in repeated.items() if logprobs is not None
        }
        eps = torch.finfo(self._model.layout.hf_model.dtype).eps
        return evaluation.noise_floor(logits, pairs, eps, joint or None)

    def scored_pass(
        self,
        pairs: Sequence[int],
        ids: Int[Tensor, "pair pos"],
        edits: Mapping[Key, Edit] | None = None,
        record: Iterable[Key] = (),
        read_positions: Sequence[Sequence[int]] | None = None,
    ) -> ScoredOutput:
        """One pass over prompts of some pairs of the task; see `teacher_forcing.scored_pass`."""
        chosen = [self._pairs[i] for i in pairs]
        return scored_pass(self._model.layout, chosen, ids, edits, record, read_positions)

    def _repeat_first_batch(
        self, name: RunName, read_positions: tuple[tuple[int, ...], ...]
    ) -> tuple[Float[Tensor, "entry vocabulary"], Float[Tensor, "pair 2"] | None]:
        """Run the first batch of a run again with one more row: whatever differs from before is noise."""
        if (name, read_positions) not in self._repeated:
            batch = self._runs[name].batches[0]
            output = self.scored_pass(
                [*batch.rows, batch.rows[0]],
                torch.cat([batch.ids, batch.ids[:1]]),
                read_positions=[*read_positions, read_positions[0]],
            )
            self._runs[name].weights.check()
            n_entries = sum(map(len, read_positions))
            joint = None if output.joint is None else output.joint[: len(batch.rows)]
            self._repeated[name, read_positions] = output.read[:n_entries], joint
        return self._repeated[name, read_positions]

    def _joint_logprobs(self, run: Run) -> Float[Tensor, "pair 2"]:
        """Joint log-probabilities of answers of several tokens; see `ScoredOutput.joint`."""
        joint = run.logits.new_empty(len(self._pairs), 2)
        for batch in run.batches:
            joint[batch.rows] = self.scored_pass(batch.rows, batch.ids).joint  # type: ignore[assignment]
        return joint


def _run(model: Model, prompts: Sequence[Sequence[int]], counts: Sequence[tuple[int, ...]]) -> Run:
    return run_prompts(model.layout, model.tokenizer, prompts, batch_keys=counts)


def _refuse_unknown_answers(model: Model, pairs: Sequence[Pair], n_tokens: int) -> None:
    for pair in pairs:
        of_several = [*pair.long_answers, *pair.long_foils]
        ids = [*pair.answers, *(pair.foils or ()), *(i for each in of_several for i in each)]
        if ids and max(ids) >= n_tokens:
            raise AnswerError(model.layout.limits.unknown_token(max(ids), n_tokens))
