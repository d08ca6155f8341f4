"""The slow way of an edge: two runs by the definition, with the receiver alone reading another stream."""

from typing import Any

import torch
from torch import Tensor

from patchwidgets.edges import Path
from patchwidgets.facade import Experiment
from patchwidgets.models.forward import forward
from patchwidgets.tasks import Pair


def run_of(experiment: Experiment, prompt: Any, record: Any, edits: Any = None) -> Any:
    output = forward(experiment.model.layout, torch.tensor([list(prompt)]), edits, record)
    return output.activations, output.logits[0, -1]


def sender_change(experiment: Experiment, pair: Pair, edge: Path) -> Tensor:
    """What the sender writes differently, at every position of the host: two runs, one with this sender replaced.

    In between nothing can react: the stream is read right behind the sender.
    """
    site, layout = edge.sender, experiment.model.layout
    key = (site.component, site.layer)
    host, source = (
        pair.prompt(experiment.host_name),
        pair.prompt("clean" if experiment.host_name == "corrupted" else "corrupted"),
    )
    wanted = run_of(experiment, source, [key])[0][key]

    def replace(activation: Tensor) -> Tensor:
        changed = activation.clone()
        for clean, corrupted in pair.columns:
            i, j = (clean, corrupted) if experiment.host_name == "clean" else (corrupted, clean)
            if site.index is None:
                changed[:, i] = wanted[:, j]
            else:
                changed[:, i, site.index] = wanted[:, j, site.index]
        return changed

    adds = {"embed": ("resid_pre", 0), "z": ("attn_out", site.layer)}.get(site.component, key)
    before = run_of(experiment, host, [adds])[0][adds]
    after = run_of(experiment, host, [adds], {key: replace})[0][adds]
    assert adds in layout.hook_points
    return after - before


def edge_value(
    experiment: Experiment, pair: Pair, edge: Path, size: float = 1.0, change: Tensor | None = None
) -> Tensor:
    """logit(answer) − logit(foil) with the receiver reading `size` times what the sender writes differently."""
    layout, receiver = experiment.model.layout, edge.receiver
    change = sender_change(experiment, pair, edge) if change is None else change
    host = pair.prompt(experiment.host_name)
    if receiver.layer is None:
        key: Any = ("resid_post", layout.n_layers - 1)
        logits = run_of(experiment, host, [], {key: lambda stream: stream + size * change})[1]
        return logits[pair.answers[0]] - logits[pair.foils[0]]
    stream = "resid_pre"
    if receiver.component == "mlp_in" and ("resid_mid", receiver.layer) in layout.hook_points:
        stream = "resid_mid"
    key = ("mlp_out" if receiver.component == "mlp_in" else receiver.component, receiver.layer)
    moved = {(stream, receiver.layer): lambda activation: activation + size * change}
    received = run_of(experiment, host, [key], moved)[0][key]

    def receive(activation: Tensor) -> Tensor:
        if receiver.index is None:
            return received
        changed = activation.clone()
        changed[:, :, receiver.index] = received[:, :, receiver.index]
        return changed

    logits = run_of(experiment, host, [], {key: receive})[1]
    return logits[pair.answers[0]] - logits[pair.foils[0]]


def edge_effect(experiment: Experiment, edge: Path) -> float:
    """The exact effect of an edge on the logit difference, the mean over pairs."""
    effects = [
        edge_value(experiment, pair, edge) - edge_value(experiment, pair, edge, 0.0)
        for pair in experiment.pairs
    ]
    return float(sum(effects) / len(effects))


def edge_slope(experiment: Experiment, edge: Path, step: float = 1e-3) -> float:
    """The first-order effect of an edge, by a central difference, the mean over pairs."""
    slopes = []
    for pair in experiment.pairs:
        change = sender_change(experiment, pair, edge)
        up, down = (edge_value(experiment, pair, edge, s, change) for s in (step, -step))
        slopes.append((up - down) / (2 * step))
    return float(sum(slopes) / len(slopes))
