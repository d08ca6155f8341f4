"""Edge attribution patching (EAP, EAP-IG): what the sender writes differently · the gradient at the receiver's input.

Both are taken to first order from the definition of an edge's exact effect: the receiver alone reads the host's stream
plus what the sender writes in the source less what it writes in the host. So an estimate is off only by what is not
linear from the receiver's norm on. `methods` has the references; `senders` and `receivers` say what each half costs.
"""

import time
from collections.abc import Iterator

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from patchwidgets.bars import progress_bar
from patchwidgets.edges import FROZEN, Path
from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.methods.estimates.methods import Method, check_effects, check_metrics
from patchwidgets.methods.estimates.points import EMBED, differentiable, embeddings_on_the_way
from patchwidgets.methods.estimates.receivers import receiver_gradients, receiver_keys
from patchwidgets.methods.estimates.senders import sender_changes, sender_keys
from patchwidgets.models.graph import all_edges, senders
from patchwidgets.sweep.differentiable import Way, ways
from patchwidgets.sweep.grid import Grid
from patchwidgets.sweep.grid_values import GridValues


def estimate_edges(
    experiment: BaseExperiment, method: Method, budget: float | None = None, progress: bool = False
) -> GridValues:
    """Estimate the effect of every edge of the model.

    Parameters
    ----------
    budget
        Bytes in addition to the model; half of what is free by default.
    progress
        Show a bar.

    Raises
    ------
    RefusedError
        The model gives no gradients, or what its heads write into the stream is not known.
    MetricError
        A metric without a gradient, or with one that is 0.
    """
    started = time.perf_counter()
    check_metrics(experiment, method)
    edges, n_pairs = all_edges(experiment.model), len(experiment.pairs)
    effects = {metric: np.zeros((len(edges), n_pairs)) for metric in experiment.metrics}
    layout, n_senders = experiment.model.layout, len(senders(experiment.model))
    bounds = _bounds(edges)

    def held_bytes(length: int) -> int:
        """What is held of each pair: changes of senders, and of one layer's receivers the gradients."""
        vectors = 3 * n_senders + 4 * layout.n_layers + 6 * layout.n_heads
        return 4 * vectors * length * layout.d_model

    with progress_bar(n_pairs, "pair", progress) as bar:
        for way in ways(experiment, held_bytes, budget):
            for metric, of_pairs in _estimated(way, method, bounds):
                effects[metric][:, way.pairs] += of_pairs / method.steps
            bar.update(len(way.pairs))
    experiment.check_weights()
    check_effects(effects, any_expected=True)
    host = experiment.evaluation.values[experiment.host_name]
    return GridValues(
        _edge_grid(edges),
        {metric: host[metric] + each for metric, each in effects.items()},
        effects,
        experiment.noise_floor,
        zero=np.zeros(len(edges), dtype=np.bool_),
        unpatchable=np.zeros(len(edges), dtype=np.bool_),
        method=method.name,
        seconds=time.perf_counter() - started,
        estimate=str(method),
    )


def _edge_grid(edges: list[Path]) -> Grid:
    labels = {
        "sender": ("edge", [str(edge.sender) for edge in edges]),
        "receiver": ("edge", [str(edge.receiver) for edge in edges]),
    }
    frozen: dict[str, str | float] = {"frozen": "+".join(FROZEN[0])}
    return Grid("edges", {"edge": list(map(str, edges))}, [], labels=labels, attrs=frozen)


def _bounds(edges: list[Path]) -> list[int]:
    """How many senders each receiver has: the first ones, as edges are in the order of the stream."""
    counts: dict[object, int] = {}
    for edge in edges:
        counts[edge.receiver] = counts.get(edge.receiver, 0) + 1
    return list(counts.values())


def _estimated(
    way: Way, method: Method, n_senders: list[int]
) -> Iterator[tuple[str, Float[np.ndarray, "edge pair"]]]:
    """Yield the products of all edges for each point and metric."""
    layout = way.host.experiment.model.layout
    recorded = sender_keys(layout)
    host, source = way.host.recorded(recorded), way.source.recorded(recorded)
    changes = sender_changes(way, host, source)
    keys = receiver_keys(layout)
    for embeddings in embeddings_on_the_way(way, host[EMBED], source[EMBED], method):
        with differentiable(way, keys, embeddings) as backward:
            of_point = [
                (
                    metric,
                    _of_edges(changes, receiver_gradients(way.host, backward, metric), n_senders),
                )
                for metric in way.host.experiment.metrics
            ]
        yield from of_point


def _of_edges(
    changes: Float[Tensor, "sender pair column d_model"],
    gradients: Iterator[Float[Tensor, "receiver pair column d_model"]],
    n_senders: list[int],
) -> Float[np.ndarray, "edge pair"]:
    parts: list[Tensor] = []
    for of_receivers in gradients:
        n = n_senders[len(parts)]  # all receivers of a group read the same stream
        products = torch.einsum("spcd,rpcd->rsp", changes[:n], of_receivers.to(changes))
        parts += products.double().cpu()
    assert [len(part) for part in parts] == n_senders
    return torch.cat(parts).numpy()
