"""The question for the neurons of the largest effect: the gradient chooses them, patches say their effects."""

from dataclasses import dataclass

import numpy as np

from patchwidgets.directions import Direction
from patchwidgets.errors import ProtocolError, shown
from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.explorer.fields import ShownPair, checked_pair, checked_view
from patchwidgets.explorer.messages import Buffers, Message
from patchwidgets.explorer.shown_pair import cell_values, defined, number_of
from patchwidgets.explorer.views import Views
from patchwidgets.hooks.cancellation import Cancelled
from patchwidgets.sites import Site
from patchwidgets.sweep.api import make_sweep
from patchwidgets.sweep.request import SweepRequest, Top

MOST_NEURONS = 1000


@dataclass(frozen=True)
class NeuronsRequest:
    """What is asked for: the `top` neurons of one layer, or of all where `layer` is None."""

    layer: int | None
    top: int
    direction: Direction
    metric: str
    pair: ShownPair = "mean"


def check(content: Message, experiment: BaseExperiment) -> NeuronsRequest:
    """Read the question.

    Raises
    ------
    ProtocolError
        A field is missing or has another form.
    MetricError, RefusedError, SiteError
        The experiment or the model does not have it.
    """
    layer, top = content.get("layer"), content.get("top")
    if type(top) is not int or not 1 <= top <= MOST_NEURONS:
        raise ProtocolError(
            f"Expected top as a number of neurons, from 1 to {MOST_NEURONS:,}; got {shown(top)}."
        )
    if layer is not None and (type(layer) is not int or layer < 0):
        raise ProtocolError(f"Expected layer as a number, or null for all; got {shown(layer)}.")
    direction, metric = checked_view(content, experiment)
    experiment.model.resolve(Site("neuron", layer or 0))
    pair = checked_pair(content.get("pair", "mean"), experiment)
    return NeuronsRequest(layer, top, direction, metric, pair)


def answer(views: Views, request: NeuronsRequest) -> tuple[Message, Buffers]:
    """The neurons, those of the largest effect first."""
    view = views.of(request.direction, request.metric)
    experiment = view.measuring(view.metrics[request.metric])
    layers = None if request.layer is None else [request.layer]
    n_neurons = (experiment.model.d_mlp or 0) * len(layers or range(experiment.model.n_layers))
    top = Top(min(request.top, max(1, n_neurons)), sampled=0)
    sweep = make_sweep(experiment, [SweepRequest("neuron", layers=layers, top=top)])
    for _ in sweep.run():
        pass
    if sweep.progress.left:
        raise Cancelled
    values = sweep.grid_values()[0]
    pairs = values.pair_values(experiment, request.metric)
    shown = cell_values(pairs, number_of(experiment, request.pair))
    effect, share = shown["effect"], shown["share"]
    sites = values.grid.axes["site"]
    return {
        "kind": "neurons",
        "layer": request.layer,
        "direction": request.direction,
        "metric": request.metric,
        "pair": request.pair,
        "of": n_neurons,
        "neurons": [
            {"site": sites[i], "effect": defined(effect[i]), "share": defined(share[i])}
            for i in np.argsort(-np.abs(np.nan_to_num(effect)), kind="stable").tolist()
        ],
    }, []
