"""The gradient at the stream that a receiver alone reads: what a change of its own input does to a metric.

From the gradient at q, k or v of one head it is pulled back through projection and norm, and from that at what an MLP
adds through the MLP and its norm, at the point of the pass. All that lies behind the receiver is live in the gradient;
nothing else is.

Costs a backward pass, and one more of every projection for each head, and of every MLP.
"""

from collections.abc import Iterator

import torch
from jaxtyping import Float
from torch import Tensor

from patchwidgets.hooks.hooks import Key
from patchwidgets.models.backward import BackwardPass
from patchwidgets.models.layout import Layout
from patchwidgets.sweep.differentiable import DifferentiablePairs

PARTS = ("q", "k", "v")


def receiver_keys(layout: Layout) -> list[Key]:
    """The activations at which `receiver_gradients` takes gradients."""
    names = ("resid_pre", *PARTS, "resid_mid", "mlp_out")
    of_layers = [(name, layer) for layer in range(layout.n_layers) for name in names]
    return [*(key for key in of_layers if key in layout.hook_points), _last(layout)]


def receiver_gradients(
    run: DifferentiablePairs, backward: BackwardPass, metric: str
) -> Iterator[Float[Tensor, "receiver pair column d_model"]]:
    """Yield the gradients at the streams of all receivers, in the order of `patchwidgets.models.graph.receivers`.

    Those of a layer's q, k and v come together, then that of its MLP; at last that of the logits.
    """
    layout = run.experiment.model.layout
    read = [key for key in receiver_keys(layout) if not key[0].startswith("resid")]
    gradients = backward.gradients(metric, [*read, _last(layout)])
    for layer in range(layout.n_layers):
        parts: list[Key] = [(part, layer) for part in PARTS if (part, layer) in layout.hook_points]
        stream: Key = ("resid_pre", layer)
        of_heads = [
            run.at_columns(stream, backward.pulled_back(key, of_head, stream))
            for key in parts
            for of_head in _head_by_head(gradients[key])
        ]
        if of_heads:
            yield torch.stack(of_heads)
        mlp: Key = ("mlp_out", layer)
        stream = ("resid_mid", layer) if ("resid_mid", layer) in layout.hook_points else stream
        of_mlp = backward.pulled_back(mlp, gradients[mlp], stream)
        yield run.at_columns(stream, of_mlp)[None]
    yield run.at_columns(_last(layout), gradients[_last(layout)])[None]


def _last(layout: Layout) -> Key:
    """What the final norm reads."""
    return "resid_post", layout.n_layers - 1


def _head_by_head(
    gradient: Float[Tensor, "row pos head d_head"],
) -> Iterator[Float[Tensor, "row pos head d_head"]]:
    """Yield the gradient at each head, with 0 at all others."""
    for head in range(gradient.shape[2]):
        alone = torch.zeros_like(gradient)
        alone[:, :, head] = gradient[:, :, head]
        yield alone
