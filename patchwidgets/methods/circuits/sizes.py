"""The sizes of a model that its graph of nodes and edges depends on, and that graph. Plain data."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from patchwidgets.edges import Path, Receiver, comes_after
from patchwidgets.models.graph import senders_of
from patchwidgets.models.model import Model
from patchwidgets.sites import Site


@dataclass(frozen=True)
class Sizes:
    """The sizes of a model, from the model itself or from a file of a circuit.

    Attributes
    ----------
    n_kv_heads
        A file does not say it; without a model it is taken to be `n_heads`.
    d_model
        A file may leave it out.
    parallel
        Whether attention and MLP of a layer read the same stream, so that no edge runs between them.
    """

    n_layers: int
    n_heads: int
    n_kv_heads: int
    d_model: int | None
    parallel: bool

    @classmethod
    def of(cls, model: Model) -> "Sizes":
        """The sizes of a model."""
        layout = model.layout
        return cls(
            layout.n_layers, layout.n_heads, layout.n_kv_heads, layout.d_model, layout.parallel
        )

    @property
    def n_per_kv(self) -> int:
        """How many heads share a key-value head."""
        return self.n_heads // self.n_kv_heads

    @property
    def cfg(self) -> dict[str, Any]:
        """The sizes as files of the MIB benchmark have them."""
        return {
            "n_layers": self.n_layers,
            "n_heads": self.n_heads,
            "parallel_attn_mlp": self.parallel,
            "d_model": self.d_model,
        }

    def nodes(self) -> Iterator[Site]:
        """``embed``, heads and MLPs in the order in which they write."""
        return senders_of(self.n_layers, self.n_heads)

    def receivers(self) -> Iterator[Receiver]:
        """What reads the stream: by layer q, k and v of each head and the MLP, then the logits."""
        kv = self.n_kv_heads < self.n_heads
        for layer in range(self.n_layers):
            yield from (Receiver("q", layer, head) for head in range(self.n_heads))
            yield from (Receiver("k", layer, head, kv=kv) for head in range(self.n_kv_heads))
            yield from (Receiver("v", layer, head, kv=kv) for head in range(self.n_kv_heads))
            yield Receiver("mlp_in", layer)
        yield Receiver("logits")

    def edges(self) -> Iterator[Path]:
        """Every edge, by receiver and then by sender."""
        senders = list(self.nodes())
        for receiver in self.receivers():
            for sender in senders:
                if comes_after(sender, receiver, self.parallel):
                    yield Path(sender, (receiver,))
