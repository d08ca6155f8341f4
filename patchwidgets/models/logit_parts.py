"""The parts of a sum of logits that each component writes, with the final norm frozen. Costs a product per component.

A direction in what the output embedding reads, ``Σ w · W_U[token]``, is pulled back through the frozen norm to one in
the residual stream, and from there through each block's output projection to its heads or neurons. What a component
adds to the stream, times that direction, is its part.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from patchwidgets.hooks.hooks import Key
from patchwidgets.models.layout import Layout
from patchwidgets.models.linear_maps import linear_map, widened
from patchwidgets.models.one_position import AtPosition
from patchwidgets.models.view import View

Parts = dict[str, dict[int | str | None, Float[Tensor, "row *unit"]]]
"""By component, then by layer: a number per prompt, or per prompt and head or neuron.

Outside the blocks there is None instead of a layer, and a site for a patch.
"""


@dataclass(frozen=True, eq=False)
class Split:
    """How finely a model's components are taken apart.

    Attributes
    ----------
    embeddings
        Whether what layer 0 reads is the output of the input embedding plus a position embedding.
    head_layers, neuron_layers
        The layers whose attention is split into heads, and whose MLP is split into neurons.
    """

    embeddings: bool
    head_layers: Collection[int]
    neuron_layers: Collection[int]

    def keys(self, n_layers: int) -> list[Key]:
        """Return the activations that the parts are computed from."""
        keys: list[Key] = [("resid_pre", 0), ("resid_post", n_layers - 1)]
        if self.embeddings:
            keys.append(("embed", None))
        for layer in range(n_layers):
            keys.append(("z" if layer in self.head_layers else "attn_out", layer))
            keys.append(("neuron" if layer in self.neuron_layers else "mlp_out", layer))
        return keys


def parts_of_blocks(
    layout: Layout,
    view: View,
    split: Split,
    seen: Mapping[Key, AtPosition],
    direction: Float[Tensor, "row d_model"],
) -> Parts:
    """Return the parts of the embeddings and of everything that the blocks add to the stream."""
    parts: Parts = {}
    for component, layer, values in _each(layout, view, split, seen, direction):
        parts.setdefault(component, {})[layer] = values.cpu()
    return parts


def _each(
    layout: Layout,
    view: View,
    split: Split,
    seen: Mapping[Key, AtPosition],
    direction: Float[Tensor, "row d_model"],
) -> Iterator[tuple[str, int | None, Float[Tensor, "row *unit"]]]:
    first = widened(seen[("resid_pre", 0)])
    if split.embeddings:
        embed = widened(seen[("embed", None)]).to(first.device)
        yield "embed", None, along(embed, direction)
        yield "pos_embed", None, along(first - embed, direction)
    else:
        yield "embed", None, along(first, direction)
    for layer in range(layout.n_layers):
        if layer in split.head_layers:
            yield from _units(layout, view, ("z", layer), "attn_bias", seen, direction)
        else:
            yield "attn_out", layer, along(seen[("attn_out", layer)], direction)
        if layer in split.neuron_layers:
            yield from _units(layout, view, ("neuron", layer), "mlp_bias", seen, direction)
        else:
            yield "mlp_out", layer, along(seen[("mlp_out", layer)], direction)


def _units(
    layout: Layout,
    view: View,
    key: tuple[str, int],
    bias: str,
    seen: Mapping[Key, AtPosition],
    direction: Float[Tensor, "row d_model"],
) -> Iterator[tuple[str, int, Float[Tensor, "row *unit"]]]:
    """Yield the parts of each head or neuron of a layer, and that of the bias of their output projection."""
    module = layout.output_projection(*key)
    assert module is not None
    units = widened(seen[key])
    projection = linear_map(view, module, units[0].numel())
    onto = direction.to(projection.weight.device) * layout.scale
    products = units * projection.transposed(onto).reshape(units.shape).to(units.device)
    yield (*key, products.sum(-1) if key[0] == "z" else products)
    if projection.bias.any():
        yield bias, key[1], along(projection.bias, onto)


def along(
    vector: Float[Tensor, "*row d"], direction: Float[Tensor, "row d"]
) -> Float[Tensor, "row"]:
    """Return products with a direction, on the device of the vector."""
    return (widened(vector) * direction.to(vector.device)).sum(-1)
