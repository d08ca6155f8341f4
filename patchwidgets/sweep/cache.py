"""A transformers cache that stands for the host run: its keys and values before some position, for any number of rows.

With it, transformers' own forward continues from the middle of a prompt that was run before. Costs one copy of the keys
and values per layer and pass.
"""

from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor
from transformers.cache_utils import Cache, CacheLayerMixin

KeysAndValues = tuple[
    Float[Tensor, "pair kv_head pos d_head"], Float[Tensor, "pair kv_head pos d_head"]
]


class HostCache(Cache):
    """The host's keys and values at the positions before `length`.

    Parameters
    ----------
    recorded
        For each layer the keys and values of whole host prompts.
    length
        How many positions are in the cache.
    pairs
        For each row of the pass, in the order in which rows join, the index of its pair in `recorded`.
    """

    def __init__(
        self, recorded: list[KeysAndValues], length: int, pairs: Int[Tensor, "row"]
    ) -> None:
        super().__init__(layers=[_HostLayer(*each, length, pairs) for each in recorded])


class _HostLayer(CacheLayerMixin):
    is_sliding = False

    def __init__(
        self,
        keys: Float[Tensor, "pair kv_head pos d_head"],
        values: Float[Tensor, "pair kv_head pos d_head"],
        length: int,
        pairs: Int[Tensor, "row"],
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._keys, self._values = keys[:, :, :length], values[:, :, :length]
        self._length, self._pairs = length, pairs

    def lazy_initialization(self, *_: Any) -> None:
        """Nothing to do: the host has been recorded."""

    def update(
        self,
        key_states: Float[Tensor, "row kv_head pos d_head"],
        value_states: Float[Tensor, "row kv_head pos d_head"],
        *_: Any,
        **__: Any,
    ) -> KeysAndValues:
        """The host's keys and values of each row's pair, followed by the row's own new ones."""
        return self._extended(self._keys, key_states), self._extended(self._values, value_states)

    def _extended(
        self,
        host: Float[Tensor, "pair kv_head cached_pos d_head"],
        new: Float[Tensor, "row kv_head pos d_head"],
    ) -> Float[Tensor, "row kv_head all_pos d_head"]:
        if self._length == 0:
            return new
        rows = self._pairs[: len(new)].to(host.device)
        cached = host.expand(len(new), -1, -1, -1) if len(host) == 1 else host[rows]
        return torch.cat([cached, new], dim=2)

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        """How many keys there are, and at which position they begin."""
        return self._length + query_length, 0

    def get_seq_length(self) -> int:
        """How many positions are in the cache."""
        return self._length

    def get_max_length(self) -> int:
        """No maximum."""
        return -1

    get_max_cache_shape = (
        get_max_length  # the abstract method of earlier releases of transformers 5
    )
