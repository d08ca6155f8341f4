"""Which neurons are worth an exact patch: those of the largest first-order effect.

For each neuron |Σ gradient · (source − host)|, the gradient being the first metric's in the host run: what patching it
would do if the model were linear. Costs one forward and one backward pass over the host prompts and one forward pass
over the source's. It chooses; what is shown afterwards is exact.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from patchwidgets.errors import MetricError
from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.hooks.hooks import Key
from patchwidgets.metrics import kl
from patchwidgets.models.forward import forward, gradients
from patchwidgets.sites import Component
from patchwidgets.sweep.cost import SHARE, Cost, free_memory

Effects = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class AttributionRanking:
    """Which cells of some axes were chosen.

    Attributes
    ----------
    cells
        By axis the coordinates of the chosen, largest first-order effect first.
    first_order
        ``[cell]``: the signed first-order effect, in units of the metric.
    metric
        Whose gradient it is.
    of
        How many cells there were to choose from.
    """

    cells: dict[str, list[int | str]]
    first_order: list[float]
    metric: str
    of: int

    def __str__(self) -> str:
        n = len(self.first_order)
        return f"the {n:,} of {self.of:,} with the largest |gradient · (source − host)| of {self.metric}"


def rank_by_attribution(
    experiment: BaseExperiment,
    component: Component,
    axes: dict[str, list[int | str]],
    n: int,
    budget: float | None = None,
) -> AttributionRanking:
    """The `n` neurons (or neurons and positions) whose first-order effect, over all pairs, is largest.

    Parameters
    ----------
    axes
        ``layer`` and ``neuron``, and perhaps ``pos`` or ``pos_name``, in this order, with their coordinates.
    budget
        Bytes above the model; half of what is free by default.

    Raises
    ------
    MetricError
        The first metric has no gradient, or one that is 0.
    RefusedError
        The model does not let gradients be taken.
    """
    metric = next(iter(experiment.metrics))
    if experiment.metrics[metric].function is kl and experiment.host is experiment.clean:
        raise MetricError(
            "top= ranks neurons by the gradient of the first metric, and that of kl is 0 in the clean run, its "
            "minimum. Put another metric first, or sweep layers=[...] whole."
        )
    effects = _first_order_effects(experiment, component, axes, budget)
    if not effects.any():
        raise MetricError(
            f"top= ranks neurons by the gradient of {metric!r}, which is 0 for all of them. Put another metric "
            "first, as in Experiment(..., metric=['logit_diff', 'rank'])."
        )
    order = np.argsort(-np.abs(effects), axis=None, kind="stable")[:n]
    places = np.unravel_index(order, effects.shape)
    cells = {axis: [axes[axis][i] for i in place] for axis, place in zip(axes, places, strict=True)}
    return AttributionRanking(cells, effects.ravel()[order].tolist(), metric, effects.size)


def _first_order_effects(
    experiment: BaseExperiment,
    component: Component,
    axes: dict[str, list[int | str]],
    budget: float | None,
) -> Effects:
    """First-order effects, a mean over pairs, in the order of the axes."""
    keys: list[Key] = [(component, int(layer)) for layer in axes["layer"]]
    total = np.zeros([len(coordinates) for coordinates in axes.values()])
    for rows, host, source in _parts(experiment, budget):
        products = _products(experiment, keys, rows, host, source)
        for i, product in enumerate(products):
            for row, of_pair in zip(rows, product, strict=True):
                total[i] += _along(experiment, axes, row, of_pair)
    return total / len(experiment.pairs)


def _parts(
    experiment: BaseExperiment, budget: float | None
) -> Iterator[tuple[list[int], Tensor, Tensor]]:
    """Pairs of equal length, with the ids of host and source, as many as fit into the budget."""
    layout = experiment.model.layout
    most = SHARE * free_memory(layout.device) if budget is None else budget
    for batch in experiment.host.batches:
        twin = experiment.sources.twin(batch)
        n_read = max(len(experiment.evaluation.read_positions.positions[row]) for row in batch.rows)
        size = max(1, int(most) // Cost(layout).backward(batch.ids.shape[1], n_read))
        for i in range(0, len(batch.rows), size):
            part = slice(i, i + size)
            yield batch.rows[part], batch.ids[part], twin.ids[part]


def _products(
    experiment: BaseExperiment, keys: Sequence[Key], rows: list[int], host: Tensor, source: Tensor
) -> list[Tensor]:
    """gradient · (source − host) by layer, ``[row, pos of the clean prompt, neuron]``; 0 without a counterpart."""
    layout, evaluation = experiment.model.layout, experiment.evaluation
    metric = next(iter(experiment.metrics.values()))
    read_positions = [evaluation.read_positions.within(experiment.host_name, row) for row in rows]
    other = forward(layout, source, record=keys).activations
    found = gradients(
        layout,
        host,
        keys,
        read_positions,
        lambda logits: evaluation.differentiable(metric, logits, rows),
    )
    columns = torch.tensor([experiment.pairs[row].columns for row in rows])
    clean, corrupted = columns.unbind(-1)
    here, there = (clean, corrupted) if experiment.host_name == "clean" else (corrupted, clean)
    each, length = torch.arange(len(rows))[:, None], len(experiment.pairs[rows[0]])
    products = []
    for key in keys:
        activation, gradient = (value[each, here] for value in found[key])
        product = (other[key][each, there] - activation).double() * gradient.double()
        products.append(torch.zeros(len(rows), length, product.shape[-1], dtype=torch.double))
        products[-1][each, clean] = product.cpu()
    return products


def _along(
    experiment: BaseExperiment, axes: dict[str, list[int | str]], row: int, product: Tensor
) -> Effects:
    """One pair's ``[pos, neuron]`` along the axes behind ``layer``."""
    if "pos" in axes:
        found = product.T
    elif "pos_name" in axes:
        places = [experiment.pairs[row].indices(str(name)) for name in axes["pos_name"]]
        found = torch.stack([product[place].sum(0) for place in places], dim=1)
    else:
        found = product.sum(0)
    array: Effects = found.numpy()
    return array
