"""A transformers cache that stands for the host run: its keys and values before some position, for any number of rows.

Lets transformers' own forward continue from the middle of a prompt that was run before. Costs one copy of the keys and
values per layer and pass.
"""

from typing import Any

import torch
from torch import Tensor
from transformers.cache_utils import Cache, CacheLayerMixin


class HostCache(Cache):
    """The host's keys and values at positions before `length`.

    Parameters
    ----------
    recorded
        For each layer keys and values ``[pair, head, pos, d]`` of the whole host prompts.
    length
        How many positions are behind.
    pairs
        For each row its pair, in the order in which rows join.
    """

    def __init__(self, recorded: list[tuple[Tensor, Tensor]], length: int, pairs: Tensor) -> None:
        super().__init__(layers=[_HostLayer(*each, length, pairs) for each in recorded])


class _HostLayer(CacheLayerMixin):
    is_sliding = False

    def __init__(self, keys: Tensor, values: Tensor, length: int, pairs: Tensor) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._keys, self._values = keys[:, :, :length], values[:, :, :length]
        self._length, self._pairs = length, pairs

    def lazy_initialization(self, *_: Any) -> None:
        """Nothing to do: the host has been recorded."""

    def update(
        self, key_states: Tensor, value_states: Tensor, *_: Any, **__: Any
    ) -> tuple[Tensor, Tensor]:
        """The host's keys and values, once for each row that arrives, and the new ones behind them."""
        return self._behind(self._keys, key_states), self._behind(self._values, value_states)

    def _behind(self, held: Tensor, new: Tensor) -> Tensor:
        if self._length == 0:
            return new
        rows = self._pairs[: len(new)].to(held.device)
        behind = held.expand(len(new), -1, -1, -1) if len(held) == 1 else held[rows]
        return torch.cat([behind, new], dim=2)

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        """How many keys there are, and at which position they begin."""
        return self._length + query_length, 0

    def get_seq_length(self) -> int:
        """How many positions are behind."""
        return self._length

    def get_max_length(self) -> int:
        """No maximum."""
        return -1

    get_max_cache_shape = get_max_length
