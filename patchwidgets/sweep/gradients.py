"""Attribution patching (AtP) of neurons, with gradients at several points of the way from the host to the source.

At each point, the neurons of one layer are that part of the way to their source values, and all else is the host run.
Costs one forward pass over both prompts, and a forward and a backward pass for the gradient in the host run, for that
in the source run, and at every other point for each layer.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.hooks.hooks import Key
from patchwidgets.metrics import Values
from patchwidgets.models.attached import attached_to
from patchwidgets.sweep.differentiable import AtColumns, DifferentiablePairs, ways

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
    layout = experiment.model.layout
    found = [attached_to(layout.dictionaries, key) for key in keys]
    width = max(attached.n_features if attached else layout.d_mlp or 0 for attached in found)
    held = 3 * len(keys) * width * max(4, layout.hf_model.dtype.itemsize)
    total = np.zeros([len(points), *(len(coordinates) for coordinates in axes.values())])
    for way in ways(experiment, lambda length: held * length, budget):
        of_host, of_source = (run.recorded(keys) for run in (way.host, way.source))
        change = {key: of_source[key] - of_host[key] for key in keys}
        host = _Moved(way.host, of_host, change, way.rows_at_once)
        source = _Moved(way.source, of_source, change, way.rows_at_once)
        for p, point in enumerate(points):
            products = source.products(0) if point == "source" else host.products(point)
            for i, of_layer in enumerate(products):
                for pair, of_pair in zip(way.pairs, of_layer, strict=True):
                    total[p, i] += _over_axes(experiment, axes, pair, of_pair)
    return total / len(experiment.pairs)


@dataclass(frozen=True, eq=False)
class _Moved:
    """Some pairs, and where gradients are taken: in one of the runs, or from there towards the source.

    Attributes
    ----------
    run
        The pairs in one of the runs.
    values, change
        By layer, at positions with counterparts: what the neurons hold in this run, and source − host.
    rows_at_once
        For how many pairs a backward pass has room.
    """

    run: DifferentiablePairs
    values: dict[Key, AtColumns]
    change: dict[Key, AtColumns]
    rows_at_once: int

    def products(self, point: float) -> Iterator[Float[Tensor, "pair pos neuron"]]:
        """Gradient · change by layer, at positions of the clean prompt; 0 without a counterpart."""
        keys = list(self.change)
        # In the run itself one row serves all layers.
        size = len(keys) if point == 0 else max(1, self.rows_at_once // len(self.run.pairs))
        for i in range(0, len(keys), size):
            part = keys[i : i + size]
            for key, gradient in zip(part, self._gradients(part, point), strict=True):
                yield self._product(key, gradient)

    def _gradients(self, keys: Sequence[Key], point: float) -> Iterator[AtColumns]:
        """The gradients of some layers, each with its neurons moved in rows of its own."""
        n_copies, n_rows = 1 if point == 0 else len(keys), len(self.run.prompts.ids)
        edits = {
            key: self.run.writing(self.values[key] + point * self.change[key], i * n_rows)
            for i, key in enumerate(keys)
        }
        metric = next(iter(self.run.experiment.metrics))
        moved = None if point == 0 else edits
        with self.run.backward_pass(keys, [metric], moved, n_copies) as backward:
            by_key = backward.gradients(metric, keys, keep_graph=False)
        for i, key in enumerate(keys):
            first = 0 if point == 0 else i * n_rows
            yield self.run.at_columns(key, by_key[key][first : first + n_rows])

    def _product(self, key: Key, gradient: AtColumns) -> Float[Tensor, "pair pos neuron"]:
        pairs = [self.run.experiment.pairs[i] for i in self.run.pairs]
        change, rows = self.change[key].double(), torch.arange(len(pairs))[:, None]
        clean = torch.tensor([[i for i, _ in pair.columns] for pair in pairs])
        product = torch.zeros(len(pairs), len(pairs[0]), change.shape[-1], dtype=torch.double)
        product[rows, clean] = (change * gradient.double()).cpu()
        return product


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
