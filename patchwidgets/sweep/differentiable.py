"""Pairs whose metrics can be differentiated, in one of the unpatched runs or on the way from the host to the source.

Costs nothing but the passes that are asked for.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial

import torch
from jaxtyping import Float, Int
from torch import Tensor

from patchwidgets.directions import RunName, source_name
from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.experiment.teacher_forcing import TeacherForced, joint_logprobs, of_prompt
from patchwidgets.hooks.hook_points import Activation
from patchwidgets.hooks.hooks import Edit, Key
from patchwidgets.models.backward import BackwardPass, backward_pass
from patchwidgets.models.forward import forward, gather_entries, union_of_positions
from patchwidgets.sweep.cost import DEFAULT_SHARE, Cost, free_memory

AtColumns = Float[Tensor, "pair column *unit"]
"""Activations at the positions of a prompt that have a counterpart in the other prompt of their pair."""


@dataclass(frozen=True, eq=False)
class DifferentiablePairs:
    """Some pairs of equal length in one of the unpatched runs.

    Attributes
    ----------
    experiment, pairs
        The pairs as numbers of the task.
    run
        The run whose prompts these are.
    prompts
        With answers of several tokens after them.
    positions
        The positions of these prompts that have a counterpart in the other prompts, in the same order in both runs.
    """

    experiment: BaseExperiment
    pairs: list[int]
    run: RunName
    prompts: TeacherForced
    positions: Int[Tensor, "pair column"]

    def recorded(
        self, keys: Sequence[Key], edits: Mapping[Key, Edit] | None = None
    ) -> dict[Key, AtColumns]:
        """Run these prompts, and return activations at `positions`; of a pattern, the rows of these queries."""
        layout = self.experiment.model.layout
        recorded = forward(layout, self.prompts.ids, edits, keys).activations
        rows = torch.arange(len(self.pairs))[:, None]
        return {
            key: activation[rows, self.positions]
            for key, activation in self.prompts.prompts_only(recorded).items()
        }

    def writing(self, values: AtColumns, first_row: int = 0) -> Edit:
        """Return an edit that writes values at `positions`, into the rows of all pairs from one row on."""

        def write(activation: Activation) -> Activation:
            # Copies, since autograd cannot save an inference tensor.
            positions, written = (
                each.to(activation.device, copy=True).repeat_interleave(self.prompts.n_rows, 0)
                for each in (self.positions, values)
            )
            changed = activation.clone()
            rows = torch.arange(len(written), device=activation.device)[:, None] + first_row
            changed[rows, positions] = written.to(changed)
            return changed

        return write

    def backward_pass(
        self,
        keys: Sequence[Key],
        metrics: Sequence[str],
        edits: Mapping[Key, Edit] | None = None,
        n_copies: int = 1,
    ) -> AbstractContextManager[BackwardPass]:
        """Run these prompts, each `n_copies` times one copy after the other, for gradients of some metrics."""
        read = self._read_positions()
        measures: dict[str, Callable[[Tensor], Tensor]] = {
            metric: partial(self._measure, metric, read, n_copies) for metric in metrics
        }
        return backward_pass(
            self.experiment.model.layout,
            self.prompts.ids.repeat(n_copies, 1),
            keys,
            [read] * (len(self.prompts.ids) * n_copies),
            measures,
            edits,
        )

    def at_columns(self, key: Key, gradient: Activation) -> AtColumns:
        """Return the gradient of every pair at `positions`, from that of all rows of one copy."""
        of_pairs = gradient.unflatten(0, (len(self.pairs), self.prompts.n_rows)).sum(1)
        rows = torch.arange(len(self.pairs))[:, None]
        return of_prompt(key, of_pairs, self.prompts.n_tokens)[rows, self.positions]

    def _read_positions(self) -> list[int]:
        """All positions that any row has to be read at."""
        evaluation = self.experiment.evaluation
        of_pairs = [evaluation.read_positions.in_prompt(self.run, pair) for pair in self.pairs]
        answers = self.prompts.answer_positions if evaluation.needs_joint else ()
        return union_of_positions([*of_pairs, answers])

    def _measure(
        self,
        metric: str,
        read: Sequence[int],
        n_copies: int,
        logits: Float[Tensor, "entry vocabulary"],
    ) -> Float[Tensor, "run"]:
        experiment, pairs = self.experiment, self.pairs * n_copies
        evaluation = experiment.evaluation
        by_run = logits.unflatten(0, (len(pairs), self.prompts.n_rows, len(read)))
        joint = None
        if evaluation.needs_joint:
            answers = by_run[:, :, -len(self.prompts.answer_positions) :]
            joint = joint_logprobs([experiment.pairs[pair] for pair in pairs], answers)
        of_pairs = [evaluation.read_positions.in_prompt(self.run, i) for i in pairs]
        entries = gather_entries(by_run[:, 0], read, of_pairs)
        return evaluation.measure_with_gradient(experiment.metrics[metric], entries, pairs, joint)


@dataclass(frozen=True, eq=False)
class Way:
    """Some pairs in the host run and in the source run.

    Attributes
    ----------
    host, source
        The same pairs; their `positions` are each other's counterparts.
    rows_at_once
        For how many pairs a backward pass has room.
    """

    host: DifferentiablePairs
    source: DifferentiablePairs
    rows_at_once: int

    @property
    def pairs(self) -> list[int]:
        """The pairs as numbers of the task."""
        return self.host.pairs


def ways(
    experiment: BaseExperiment, held_bytes: Callable[[int], int], budget: float | None = None
) -> Iterator[Way]:
    """Yield all pairs, as many at once as the budget allows.

    Parameters
    ----------
    held_bytes
        From the length of a prompt to what the caller holds of each pair beside a backward pass.
    budget
        Bytes in addition to the model; half of what is free by default.
    """
    layout = experiment.model.layout
    available = int(DEFAULT_SHARE * free_memory(layout) if budget is None else budget)
    for batch in experiment.host.batches:
        source_batch = experiment.sources.source_batch(batch)
        host, source = (_forced(experiment, batch.rows, each.ids) for each in (batch, source_batch))
        positions = experiment.evaluation.read_positions.positions
        n_read = max(len(positions[pair]) for pair in batch.rows) + len(host.answer_positions)
        length = max(each.ids.shape[1] for each in (host, source))
        per_pair = Cost(layout).backward_bytes(length, n_read) * host.n_rows + held_bytes(length)
        rows_at_once = max(1, available // per_pair)
        for i in range(0, len(batch.rows), rows_at_once):
            chosen = list(range(len(batch.rows)))[i : i + rows_at_once]
            pairs = [batch.rows[j] for j in chosen]
            yield _way(
                experiment, pairs, host.of_pairs(chosen), source.of_pairs(chosen), rows_at_once
            )


def _forced(
    experiment: BaseExperiment, rows: Sequence[int], ids: Int[Tensor, "pair pos"]
) -> TeacherForced:
    pairs = [experiment.pairs[pair] for pair in rows]
    if experiment.evaluation.needs_joint:
        return TeacherForced.of(pairs, ids)
    return TeacherForced(pairs, ids, ids.shape[1])


def _way(
    experiment: BaseExperiment,
    pairs: list[int],
    host: TeacherForced,
    source: TeacherForced,
    rows_at_once: int,
) -> Way:
    columns = torch.tensor([experiment.pairs[i].columns for i in pairs]).unbind(-1)
    of_run: dict[RunName, Int[Tensor, "pair column"]] = {
        "clean": columns[0],
        "corrupted": columns[1],
    }
    of_host, of_source = experiment.host_name, source_name(experiment.direction)
    return Way(
        DifferentiablePairs(experiment, pairs, of_host, host, of_run[of_host]),
        DifferentiablePairs(experiment, pairs, of_source, source, of_run[of_source]),
        rows_at_once,
    )
