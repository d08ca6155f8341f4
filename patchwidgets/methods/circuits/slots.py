"""Numbers for the senders and receivers of a model, in the order in which it computes them. Plain data.

Senders: ``embed``, then by layer its heads and its MLP. Receivers: by layer q, k and v of each head and the MLP, then
the logits. An edge exists where the sender's number is below how many senders the receiver comes after.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from patchwidgets.edges import Receiver
from patchwidgets.methods.circuits.sizes import Sizes
from patchwidgets.sites import Site


@dataclass(frozen=True)
class Slots:
    """The numbers of a model's senders and receivers."""

    sizes: Sizes

    @property
    def n_senders(self) -> int:
        """How many senders there are."""
        return 1 + self.sizes.n_layers * (self.sizes.n_heads + 1)

    @property
    def n_receivers(self) -> int:
        """How many receivers there are."""
        return self.sizes.n_layers * self._per_layer + 1

    @property
    def _per_layer(self) -> int:
        return self.sizes.n_heads + 2 * self.sizes.n_kv_heads + 1

    def heads(self, layer: int) -> slice:
        """The senders that are heads of a layer."""
        return slice(self.before_attention(layer), self.mlp(layer))

    def mlp(self, layer: int) -> int:
        """The sender that is the MLP of a layer."""
        return 1 + layer * (self.sizes.n_heads + 1) + self.sizes.n_heads

    def senders(self, site: Site) -> list[int]:
        """The senders that a site is: one, or for ``attn_out`` all heads of its layer."""
        if site.layer is None:
            return [0]
        if site.component == "mlp_out":
            return [self.mlp(site.layer)]
        first = self.before_attention(site.layer)
        if site.index is None:
            return list(range(first, first + self.sizes.n_heads))
        return [first + site.index]

    def attention(self, layer: int) -> slice:
        """The receivers that are q, k and v of a layer: of all heads q, then of all key-value heads k, then v."""
        start = layer * self._per_layer
        return slice(start, start + self._per_layer - 1)

    def mlp_in(self, layer: int) -> int:
        """The receiver that is the MLP of a layer."""
        return (layer + 1) * self._per_layer - 1

    def receiver(self, receiver: Receiver) -> int:
        """The number of a receiver."""
        if receiver.layer is None:
            return self.n_receivers - 1
        if receiver.index is None:
            return self.mlp_in(receiver.layer)
        n, kv = self.sizes.n_heads, self.sizes.n_kv_heads
        offset = {"q": 0, "k": n, "v": n + kv}[receiver.component]
        return receiver.layer * self._per_layer + offset + receiver.index

    def before_attention(self, layer: int) -> int:
        """How many senders the attention of a layer comes after."""
        return 1 + layer * (self.sizes.n_heads + 1)

    def before_mlp(self, layer: int) -> int:
        """How many senders the MLP of a layer comes after."""
        return self.before_attention(layer) if self.sizes.parallel else self.mlp(layer)

    def exist(self) -> Bool[Tensor, "receiver sender"]:
        """Which edges there are."""
        found = torch.zeros(self.n_receivers, self.n_senders, dtype=torch.bool)
        for layer in range(self.sizes.n_layers):
            found[self.attention(layer), : self.before_attention(layer)] = True
            found[self.mlp_in(layer), : self.before_mlp(layer)] = True
        found[-1] = True
        return found

    def readers(self, layer: int) -> Int[Tensor, "head part"]:
        """The receivers that are q, k and v of each head of a layer."""
        first, n, kv = layer * self._per_layer, self.sizes.n_heads, self.sizes.n_kv_heads
        heads = torch.arange(n)
        shared = heads // self.sizes.n_per_kv
        return first + torch.stack([heads, n + shared, n + kv + shared], dim=1)

    def connected(self, kept: Bool[Tensor, "receiver sender"]) -> Bool[Tensor, "receiver sender"]:
        """Which of some edges lie on a way from ``embed`` to the logits."""
        reached = torch.zeros(self.n_senders, dtype=torch.bool)
        reached[0] = True
        layers = range(self.sizes.n_layers)
        for layer in layers:
            of_heads = kept[self.readers(layer)] & reached
            reached[self.heads(layer)] = of_heads.flatten(1).any(-1)
            reached[self.mlp(layer)] = (kept[self.mlp_in(layer)] & reached).any()
        needed = torch.zeros(self.n_receivers, dtype=torch.bool)
        needed[-1] = True
        for layer in reversed(layers):
            needed[self.mlp_in(layer)] = (kept[:, self.mlp(layer)] & needed).any()
            of_heads = (kept[:, self.heads(layer)] & needed[:, None]).any(0)
            needed[self.readers(layer)[of_heads].flatten()] = True
        return kept & reached & needed[:, None]
