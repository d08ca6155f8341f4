"""Where each layer of a model reads its residual stream. Costs nothing."""

from dataclasses import replace

from patchwidgets.errors import RefusedError
from patchwidgets.hooks.hook_points import AnyHookPoint, HookPoint
from patchwidgets.hooks.hooks import Key
from patchwidgets.methods.circuits.writes import projection_output
from patchwidgets.models.layout import Layout

PARTS = ("q", "k", "v")


def edge_points(layout: Layout) -> dict[Key, AnyHookPoint]:
    """Return where each layer reads the stream, beside the hook points of the model.

    Raises
    ------
    RefusedError
        A part of attention cannot be reached, or the weights are not in memory or quantised.
    """
    hf_model = layout.hf_model
    if any(parameter.device.type == "meta" for parameter in hf_model.parameters()):
        _refuse("its weights are offloaded, and parts of layers run on their own here")
    if getattr(hf_model, "is_quantized", False):
        _refuse(
            "its weights are quantised, and what a head writes is then no linear function of it"
        )
    points: dict[Key, AnyHookPoint] = dict(layout.hook_points)
    for layer in range(layout.n_layers):
        received = layout.received(layer)
        if set(received) != set(PARTS):
            _refuse(layout.refused.get("q", "its q, k and v are not known"))
        points |= {(part, layer): point for part, point in received.items()}
        points[("projected", layer)] = projection_output(layout, layer)
        if not layout.parallel:
            mlp_in = layout.hook_points[("resid_mid", layer)]
            assert isinstance(mlp_in, HookPoint)
            points[("mlp_in", layer)] = replace(mlp_in, in_place=False)
    return points


def _refuse(reason: str) -> None:
    raise RefusedError(
        f"No circuits of edges of this model: {reason.partition('. Use')[0]}. Use a circuit of nodes."
    )
