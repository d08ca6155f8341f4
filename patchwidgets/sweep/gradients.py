"""First-order effects of neurons, with gradients at several points of the way from the host to the source.

At each point, the neurons of one layer are that part of the way to their source values, and all else is the host run.
Costs one forward pass over both prompts, and a forward and a backward pass for the gradient in the host run, for that
in the source run, and at every other point for each layer.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from patchwidgets.directions import RunName
from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.experiment.teacher_forcing import TeacherForced, joint_logprobs
from patchwidgets.hooks.hooks import Edit, Key
from patchwidgets.metrics import Values
from patchwidgets.models.attached import attached_to
from patchwidgets.models.forward import forward, gather_entries, gradients, union_of_positions
from patchwidgets.sweep.cost import DEFAULT_SHARE, Cost, free_memory

Point = float | Literal["source"]
"""A part of the way from the host, 0, to the source, 1; or the source run itself, with all of its activations."""

Axes = dict[str, list[int | str]]
"""The coordinates along each axis: ``layer``, ``neuron`` or ``feature``, perhaps ``pos`` or ``pos_name``, in order."""


def first_order_effects(
    experiment: BaseExperiment,
    component: str,
    axes: Axes,
    points: Sequence[Point],
    budget: float | None = None,
) -> Float[np.ndarray, "point layer *axes"]:
    """Σ gradient · (source − host) of the first metric over the axes, at each point of the way: the mean over pairs.

    Parameters
    ----------
    budget
        Bytes in addition to the model; half of what is free by default.
    """
    keys: list[Key] = [(component, int(layer)) for layer in axes["layer"]]
    total = np.zeros([len(points), *(len(coordinates) for coordinates in axes.values())])
    for host, source, rows_at_once in _ways(experiment, keys, budget):
        for p, point in enumerate(points):
            products = (
                source.products(0, 1) if point == "source" else host.products(point, rows_at_once)
            )
            for i, of_layer in enumerate(products):
                for pair, of_pair in zip(host.pairs, of_layer, strict=True):
                    total[p, i] += _over_axes(experiment, axes, pair, of_pair)
    return total / len(experiment.pairs)


@dataclass(frozen=True, eq=False)
class _Way:
    """Where gradients of some pairs of equal length are taken: in one of the runs, or from there towards the source.

    Attributes
    ----------
    experiment, pairs
        The pairs as numbers of the task.
    run
        The run whose prompts these are.
    prompts
        With answers of several tokens after them.
    values, change
        By layer, at positions with counterparts: what the neurons hold in this run, and source − host.
    columns
        These positions in the clean prompt and in that of the run.
    """

    experiment: BaseExperiment
    pairs: list[int]
    run: RunName
    prompts: TeacherForced
    values: dict[Key, Float[Tensor, "pair column neuron"]]
    change: dict[Key, Float[Tensor, "pair column neuron"]]
    columns: tuple[Int[Tensor, "pair column"], Int[Tensor, "pair column"]]

    def products(
        self, point: float, rows_at_once: int
    ) -> Iterator[Float[Tensor, "pair pos neuron"]]:
        """Gradient · change by layer, at positions of the clean prompt; 0 without a counterpart."""
        keys = list(self.change)
        # In the run itself one row serves all layers.
        size = len(keys) if point == 0 else max(1, rows_at_once // len(self.pairs))
        for i in range(0, len(keys), size):
            part = keys[i : i + size]
            for key, gradient in zip(part, self._gradients(part, point), strict=True):
                yield self._product(key, gradient)

    def _gradients(
        self, keys: Sequence[Key], point: float
    ) -> Iterator[Float[Tensor, "pair pos neuron"]]:
        """The gradients of some layers, each with its neurons moved in rows of its own."""
        n_moved = 1 if point == 0 else len(keys)
        n_rows = len(self.prompts.ids)
        edits = {key: self._moved(key, i * n_rows, point) for i, key in enumerate(keys)}
        read = self._read_positions()
        by_key = gradients(
            self.experiment.model.layout,
            self.prompts.ids.repeat(n_moved, 1),
            keys,
            [read] * (n_rows * n_moved),
            lambda logits: self._measure(logits, read, n_moved),
            None if point == 0 else edits,
        )
        for i, key in enumerate(keys):
            first = 0 if point == 0 else i * n_rows
            rows = by_key[key][first : first + n_rows]
            yield rows.unflatten(0, (len(self.pairs), self.prompts.n_rows)).sum(1)

    def _moved(self, key: Key, first: int, point: float) -> Edit:
        """Write what lies between host and source, in the rows of all pairs from `first` on."""
        values = self.values[key] + point * self.change[key]

        def move(activation: Float[Tensor, "row pos neuron"]) -> Float[Tensor, "row pos neuron"]:
            # Copies, since autograd cannot save an inference tensor.
            positions, moved = (
                each.to(activation.device, copy=True).repeat_interleave(self.prompts.n_rows, 0)
                for each in (self.columns[1], values)
            )
            changed = activation.clone()
            rows = torch.arange(first, first + len(moved), device=activation.device)[:, None]
            changed[rows, positions] = moved
            return changed

        return move

    def _read_positions(self) -> list[int]:
        """All positions that any row has to be read at."""
        evaluation = self.experiment.evaluation
        of_pairs = [evaluation.read_positions.in_prompt(self.run, pair) for pair in self.pairs]
        answers = self.prompts.answer_positions if evaluation.needs_joint else ()
        return union_of_positions([*of_pairs, answers])

    def _measure(
        self, logits: Float[Tensor, "entry vocabulary"], read: Sequence[int], n_moved: int
    ) -> Float[Tensor, "run"]:
        """The first metric of every pair, `n_moved` times."""
        experiment, pairs = self.experiment, self.pairs * n_moved
        evaluation, metric = experiment.evaluation, next(iter(experiment.metrics.values()))
        by_run = logits.unflatten(0, (len(pairs), self.prompts.n_rows, len(read)))
        joint = None
        if evaluation.needs_joint:
            answers = by_run[:, :, -len(self.prompts.answer_positions) :]
            joint = joint_logprobs([experiment.pairs[pair] for pair in pairs], answers)
        of_pairs = [evaluation.read_positions.in_prompt(self.run, i) for i in pairs]
        entries = gather_entries(by_run[:, 0], read, of_pairs)
        return evaluation.measure_with_gradient(metric, entries, pairs, joint)

    def _product(
        self, key: Key, gradient: Float[Tensor, "pair pos neuron"]
    ) -> Float[Tensor, "pair pos neuron"]:
        clean, in_run = self.columns
        rows, change = torch.arange(len(self.pairs))[:, None], self.change[key].double()
        length = len(self.experiment.pairs[self.pairs[0]])
        product = torch.zeros(len(self.pairs), length, change.shape[-1], dtype=torch.double)
        product[rows, clean] = (change * gradient[rows, in_run].double()).cpu()
        return product


def _ways(
    experiment: BaseExperiment, keys: Sequence[Key], budget: float | None
) -> Iterator[tuple[_Way, _Way, int]]:
    """From the host and in the source run, for as many pairs as the budget allows; and for how many a pass has room."""
    layout = experiment.model.layout
    available = int(DEFAULT_SHARE * free_memory(layout.device) if budget is None else budget)
    found = [attached_to(layout.dictionaries, key) for key in keys]
    for batch in experiment.host.batches:
        source_batch = experiment.sources.source_batch(batch)
        prompts = {
            run: _forced(experiment, batch.rows, each.ids)
            for run, each in (("host", batch), ("source", source_batch))
        }
        positions = experiment.evaluation.read_positions.positions
        n_read = max(len(positions[pair]) for pair in batch.rows)
        n_read += len(prompts["host"].answer_positions)
        length, n_rows = max(each.ids.shape[1] for each in prompts.values()), prompts["host"].n_rows
        per_row = Cost(layout).backward_bytes(length, n_read) * n_rows
        # What `_Way` holds of each layer, and the run that it is taken from.
        width = max(attached.n_features if attached else layout.d_mlp or 0 for attached in found)
        per_row += 3 * len(keys) * length * width * max(4, layout.hf_model.dtype.itemsize)
        rows_at_once = max(1, available // per_row)
        for i in range(0, len(batch.rows), rows_at_once):
            chosen = list(range(len(batch.rows)))[i : i + rows_at_once]
            part = [prompts[run].of_pairs(chosen) for run in ("host", "source")]
            pairs = [batch.rows[j] for j in chosen]
            yield *_both_ways(experiment, keys, pairs, *part), rows_at_once


def _forced(
    experiment: BaseExperiment, rows: Sequence[int], ids: Int[Tensor, "pair pos"]
) -> TeacherForced:
    pairs = [experiment.pairs[pair] for pair in rows]
    if experiment.evaluation.needs_joint:
        return TeacherForced.of(pairs, ids)
    return TeacherForced(pairs, ids, ids.shape[1])


def _both_ways(
    experiment: BaseExperiment,
    keys: Sequence[Key],
    pairs: list[int],
    host: TeacherForced,
    source: TeacherForced,
) -> tuple[_Way, _Way]:
    layout = experiment.model.layout
    clean, corrupted = torch.tensor([experiment.pairs[i].columns for i in pairs]).unbind(-1)
    in_host, in_source = clean, corrupted
    if experiment.host_name == "corrupted":
        in_host, in_source = corrupted, clean
    rows = torch.arange(len(pairs))[:, None]
    of_host, of_source = (
        {
            key: prompts.prompts_only({key: activation})[key][rows, positions]
            for key, activation in forward(layout, prompts.ids, record=keys).activations.items()
        }
        for prompts, positions in ((host, in_host), (source, in_source))
    )
    change = {key: of_source[key] - of_host[key] for key in keys}
    host_name: RunName = experiment.host_name
    source_name: RunName = "clean" if host_name == "corrupted" else "corrupted"
    return (
        _Way(experiment, pairs, host_name, host, of_host, change, (clean, in_host)),
        _Way(experiment, pairs, source_name, source, of_source, change, (clean, in_source)),
    )


def _over_axes(
    experiment: BaseExperiment, axes: Axes, pair: int, product: Float[Tensor, "pos neuron"]
) -> Float[np.ndarray, "neuron *positions"]:
    """One pair's products of one layer over the axes after ``layer``; summed over positions where these are no axis."""
    if "pos" in axes:
        over_axes = product.T
    elif "pos_name" in axes:
        places = [experiment.pairs[pair].indices(str(name)) for name in axes["pos_name"]]
        over_axes = torch.stack([product[place].sum(0) for place in places], dim=1)
    else:
        over_axes = product.sum(0)
    array: Values = over_axes.numpy()
    return array
