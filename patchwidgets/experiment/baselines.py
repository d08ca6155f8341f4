"""The unpatched runs of a task, clean and corrupted, and how much their metrics vary from batch to batch.

Costs one forward pass over the clean and one over the corrupted prompts, and two more over a few prompts of each
for the noise floor. Metrics at other positions than the last cost these passes once more, when they are first measured.
Answers of several tokens cost another pass over both, over prompts that are continued with each answer and foil.
"""

from collections.abc import Iterable, Mapping, Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from patchwidgets.directions import RunName
from patchwidgets.errors import AnswerError
from patchwidgets.experiment.evaluation import Evaluation
from patchwidgets.experiment.noise import Repeated, Scores, noise_floor
from patchwidgets.experiment.read_positions import ReadPositions
from patchwidgets.experiment.references import References
from patchwidgets.experiment.teacher_forcing import RunModel, ScoredOutput, scored_pass
from patchwidgets.hooks.hooks import Edit, Key
from patchwidgets.metrics import Metric
from patchwidgets.models.forward import forward
from patchwidgets.models.model import Model
from patchwidgets.models.run import Run, run_prompts
from patchwidgets.tasks import Pair

MAX_REPEATED = 4
"""How many pairs are run again to measure the noise."""
LEAST_ROUNDING, MARGIN = 16, 4
"""Rounding of activations: the fewest spacings, and how much more than was measured on one prompt is still rounding."""


class Baselines:
    """The clean and the corrupted run of a task, with which every patched run is compared.

    Attributes
    ----------
    clean, corrupted
        The runs, without values of metrics: those belong to an experiment.
    references
        The runs of other prompts that ablations read.
    """

    def __init__(self, model: Model, pairs: Sequence[Pair]) -> None:
        self._model, self._pairs = model, pairs
        self.references = References()
        # Both runs get the same batches: pairs run together where all three counts are equal.
        counts = [(len(pair.clean), len(pair.corrupted), len(pair.columns)) for pair in pairs]
        self.clean = _run(model, [pair.clean for pair in pairs], counts)
        self.corrupted = _run(model, [pair.corrupted for pair in pairs], counts)
        _refuse_unknown_answers(model, pairs, self.clean.logits.shape[-1])
        self._runs: dict[RunName, Run] = {"clean": self.clean, "corrupted": self.corrupted}
        self._joint: dict[str, Tensor] | None = None
        if any(pair.long_answers for pair in pairs):
            self._joint = {name: self._joint_logprobs(run) for name, run in self._runs.items()}
        self._activation_noise: dict[Key, float] = {}
        self._repeated: dict[object, list[Scores]] = {}

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
        """For each metric, in its unit, how much rounding alone moves it; see `noise`."""
        pairs = self.clean.batches[0].rows[:MAX_REPEATED]
        clean, corrupted = (self._repeated_run(name, evaluation, pairs) for name in self._runs)
        return noise_floor(evaluation, pairs, clean, corrupted, self._model.layout.hf_model.dtype)

    def activation_noise(self, keys: Sequence[Key]) -> dict[Key, float]:
        """How far rounding alone moves activations, as a part of their length, by component and layer.

        Measured on the first prompt of each run, in another batch; at least `LEAST_ROUNDING` spacings. Costs one pass
        over each of the two prompts, the first time.
        """
        if missing := [key for key in keys if key not in self._activation_noise]:
            eps = torch.finfo(self._model.layout.hf_model.dtype).eps
            self._activation_noise |= dict.fromkeys(missing, LEAST_ROUNDING * eps)
            for run in self._runs.values():
                batch = run.batches[0]
                run.record(batch, missing)
                others = batch.ids[:1].repeat(1 if len(batch.rows) > 1 else 2, 1)
                again = forward(self._model.layout, others, {}, missing).activations
                for key in missing:
                    off = _relative_error(batch.activations[key][0], again[key][0])
                    self._activation_noise[key] = max(self._activation_noise[key], MARGIN * off)
        return self._activation_noise

    def scored_pass(
        self,
        pairs: Sequence[int],
        ids: Int[Tensor, "pair pos"],
        edits: Mapping[Key, Edit] | None = None,
        record: Iterable[Key] = (),
        read_positions: Sequence[Sequence[int]] | None = None,
        run: RunModel = forward,
    ) -> ScoredOutput:
        """One pass over prompts of some pairs of the task; see `teacher_forcing.scored_pass`."""
        chosen = [self._pairs[i] for i in pairs]
        return scored_pass(self._model.layout, chosen, ids, edits, record, read_positions, run)

    def _repeated_run(
        self, name: RunName, evaluation: Evaluation, pairs: Sequence[int]
    ) -> Repeated:
        """A run, some of its pairs with one more row, and the first of several pairs alone."""
        read = [tuple(evaluation.read_positions.in_prompt(name, pair)) for pair in pairs]
        run, first = (self._scores(name, evaluation, of) for of in (range(len(self._pairs)), pairs))
        key = (name, *read)
        if key not in self._repeated:
            again = [self._again(name, [*pairs, pairs[0]], [*read, read[0]])]
            if len(pairs) > 1:  # a single pair ran alone before
                again.append(self._again(name, pairs[:1], read[:1]))
            self._runs[name].weights.check()
            self._repeated[key] = [each.at_start_of(first) for each in again]
        return Repeated(run, first, self._repeated[key])

    def _scores(self, name: RunName, evaluation: Evaluation, pairs: Sequence[int]) -> Scores:
        logits = self._runs[name].logits_at(
            [(i, pos) for i in pairs for pos in evaluation.read_positions.in_prompt(name, i)]
        )
        return Scores(logits, None if self._joint is None else self._joint[name][list(pairs)])

    def _again(self, name: RunName, pairs: Sequence[int], read: Sequence[Sequence[int]]) -> Scores:
        """Prompts of some pairs of equal length once more, in a batch of their own."""
        ids = torch.tensor([self._runs[name].prompts[pair] for pair in pairs])
        output = self.scored_pass(pairs, ids, read_positions=read)
        return Scores(output.read, output.joint)

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


def _relative_error(
    activation: Float[Tensor, "pos *unit"], again: Float[Tensor, "pos *unit"]
) -> float:
    """The largest distance between two activations at one position (of one head), as a part of their length."""
    before, after = activation.double().cpu(), again.double().cpu()
    lengths = before.norm(dim=-1)
    return float(((after - before).norm(dim=-1) / lengths.clamp(min=1e-30)).max())
