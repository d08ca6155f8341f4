"""Every edge of a model: what writes into its residual stream, and what reads it. Costs nothing: no model runs."""

from collections.abc import Iterator

from patchwidgets.edges import Path, Receiver, comes_after
from patchwidgets.models.model import Model
from patchwidgets.sites import Site


def senders(model: Model) -> tuple[Site, ...]:
    """Return what writes into the residual stream, in its order: the embedding, then each layer's heads and MLP.

    Examples
    --------
    >>> from patchwidgets.models.graph import senders
    >>> [str(sender) for sender in senders(model)[:6]]
    ['embed', 'L0.H0', 'L0.H1', 'L0.H2', 'L0.H3', 'L0.mlp_out']
    """
    return tuple(senders_of(model.n_layers, model.n_heads))


def senders_of(n_layers: int, n_heads: int) -> Iterator[Site]:
    """Yield the senders of a model of this size, in the order of `senders`."""
    yield Site("embed")
    for layer in range(n_layers):
        yield from (Site("z", layer, head) for head in range(n_heads))
        yield Site("mlp_out", layer)


def receivers(model: Model) -> tuple[Receiver, ...]:
    """Return what reads the residual stream, in its order: each layer's q, k, v and MLP, then the logits.

    Keys and values are named by their key-value head where heads share them, as everywhere. What the model does not
    have (`Model.refused`, such as q and k of a family that rotates them inside its attention code) is left out.

    Examples
    --------
    >>> from patchwidgets.models.graph import receivers
    >>> [str(receiver) for receiver in receivers(model)[-5:]]
    ['L3.H1.v', 'L3.H2.v', 'L3.H3.v', 'L3.mlp_in', 'logits']
    """
    by_layer: list[list[Receiver]] = [[] for _ in range(model.n_layers)]
    for part in ("q", "k", "v"):
        for site in model.sites(part) if part not in model.refused else ():
            by_layer[site.layer or 0].append(Receiver.parse(site))
    for layer, of_layer in enumerate(by_layer):
        of_layer.append(Receiver("mlp_in", layer))
    return (*(receiver for of_layer in by_layer for receiver in of_layer), Receiver("logits"))


def all_edges(model: Model) -> list[Path]:
    """Return every edge from one of `senders` to one of `receivers`: by receiver, and for each by sender.

    Where attention and MLP of a layer run in parallel, they read the same stream, and no edge runs between them.

    Examples
    --------
    >>> from patchwidgets.models.graph import all_edges
    >>> edges = all_edges(model)
    >>> len(edges), str(edges[0]), str(edges[-1])
    (479, 'embed->L0.H0.q', 'L3.mlp_out->logits')
    """
    parallel, of_model = model.layout.parallel, senders(model)
    return [
        Path(sender, (receiver,))
        for receiver in receivers(model)
        for sender in of_model
        if comes_after(sender, receiver, parallel)
    ]
