"""How much memory and time a pass takes, and how much memory is free. Costs a matrix product of milliseconds, once."""

import math
import time
from collections.abc import Iterable
from functools import cache

import psutil
import torch

from patchwidgets.hooks.hooks import Key
from patchwidgets.models.attached import attached_to
from patchwidgets.models.indexing import key_of
from patchwidgets.models.layout import Layout
from patchwidgets.sweep.groups import Group

DEFAULT_SHARE = 0.5
"""The part of the free memory that a sweep may use if no budget is given."""
ENOUGH, ENOUGH_PER_THREAD, PART_OF_WEIGHTS = 128 * 2**20, 32 * 2**20, 0.25
"""On a CPU more than this, in bytes, makes no sweep faster: a pass has a thousand tokens and more by then."""


def free_memory(layout: Layout) -> int:
    """Free bytes of that device of a model which has least.

    Every device of a model that is spread over several holds the whole budget at most: recordings are where their
    layers are.
    """
    return min(map(_free_bytes, layout.devices))


def _free_bytes(device: torch.device) -> int:
    """Free bytes of a device; on the CPU, what can be used without swapping.

    What PyTorch keeps of a GPU for later tensors is not free for others, but for us: without it every sweep would have
    half of what the one before left.
    """
    if device.type == "cuda":
        kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return int(torch.cuda.mem_get_info(device)[0] + kept)
    return int(psutil.virtual_memory().available)


def default_budget(layout: Layout) -> int:
    """How many bytes beside the model a sweep may use if nobody says: half of what is free; on a CPU only what helps.

    Several people may share the memory of one machine: a class on a server, or one person with several notebooks.
    """
    half = int(DEFAULT_SHARE * free_memory(layout))
    if layout.device.type != "cpu":
        return half
    weights = sum(each.nbytes for each in layout.hf_model.parameters())
    enough = max(
        ENOUGH, ENOUGH_PER_THREAD * torch.get_num_threads(), int(PART_OF_WEIGHTS * weights)
    )
    return min(half, enough)


class Cost:
    """Bytes and arithmetic of one model's passes.

    Bytes are upper estimates. They count every activation that is alive in a layer at the same time, the host's keys
    and values once for each row, and attention as if its scores were kept.
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._bytes = layout.hf_model.dtype.itemsize
        config = layout.config
        head = getattr(config, "head_dim", None) or layout.d_model // layout.n_heads
        self._attention, self._kv = head * layout.n_heads, head * layout.n_kv_heads
        self._d_mlp = layout.d_mlp or 4 * layout.d_model
        self._vocabulary = int(config.vocab_size)

    def row_bytes(self, group: Group) -> int:
        """Bytes of one row of a group in a pass, with its repetitions for answers of several tokens."""
        layout, new, length = self._layout, group.positions, group.length + group.n_appended
        stream = new * (6 * layout.d_model + 3 * self._d_mlp + 2 * self._attention)
        keys = length * (4 * self._kv + 2 * self._attention)
        scores = 2 * layout.n_heads * new * length
        patched = {key_of(patch.patch.site) for row in group.rows for patch in row.patches}
        of_dictionaries = self.dictionary_bytes(patched, new) if self._layout.dictionaries else 0
        return int(self._bytes * group.n_forced * (stream + keys + scores)) + of_dictionaries

    def recording_bytes(self, n_keys: int, with_cache: bool, length: int) -> int:
        """Bytes of what is recorded of one pair's unpatched runs, and of running them."""
        layout = self._layout
        per_position = n_keys * max(layout.d_model, self._attention)
        per_position += 2 * layout.n_layers * self._kv if with_cache else 0
        running = 6 * layout.d_model + 3 * self._d_mlp
        return int(self._bytes * length * (2 * per_position + running))

    def dictionary_bytes(self, keys: Iterable[Key], length: int) -> int:
        """Bytes of features over a prompt, in float32: as found, patched, compared and recorded."""
        found = [attached_to(self._layout.dictionaries, key) for key in keys]
        return 4 * 4 * length * sum(attached.n_features for attached in found if attached)

    def activation_bytes(self, component: str, length: int) -> int:
        """Bytes of one component of one layer over a prompt."""
        widths = {"q": self._attention, "z": self._attention, "k": self._kv, "v": self._kv}
        return int(self._bytes * length * widths.get(component, self._layout.d_model))

    def backward_bytes(self, length: int, n_read: int = 1) -> int:
        """Bytes of one pair in a forward and a backward pass, with a metric that reads `n_read` positions."""
        layout = self._layout
        stream = 12 * layout.d_model + 8 * self._d_mlp + 6 * self._attention
        scores = 3 * layout.n_heads * length
        return (
            int(self._bytes * layout.n_layers * length * (stream + scores))
            + 2 * n_read * self.logits_bytes()
        )

    def logits_bytes(self) -> int:
        """Bytes of the logits of one entry while a metric reads them: KL needs nine arrays of that size."""
        return 4 * 9 * self._vocabulary

    def flops(self, group: Group) -> float:
        """Floating-point operations of the blocks in a pass of a group."""
        row_layers = len(group.pairs) * self._layout.n_layers + sum(
            self._layout.n_layers - row.layer for row in group.rows
        )
        tokens = group.n_forced * group.positions
        return row_layers * tokens * self._flops_per_token(group.length + group.n_appended)

    def recording_flops(self, n_rows: int, length: int) -> float:
        """Floating-point operations of the blocks for whole unpatched prompts."""
        return n_rows * length * self._layout.n_layers * self._flops_per_token(length)

    def _flops_per_token(self, length: int) -> float:
        """For one token in one layer: every weight once, and attention to all positions."""
        return 2 * _parameters_per_layer(self._layout) + 4.0 * self._attention * length

    def flops_per_second(self) -> float:
        """The measured rate of a matrix product of this model's width."""
        layout = self._layout
        return _rate(layout.d_model, self._d_mlp, layout.hf_model.dtype, str(layout.device))


def _parameters_per_layer(layout: Layout) -> float:
    return sum(p.numel() for block in layout.blocks for p in block.parameters()) / layout.n_layers


@cache
def _rate(d_in: int, d_out: int, dtype: torch.dtype, device: str) -> float:
    x = torch.ones(256, d_in, dtype=dtype, device=device)
    weight = torch.ones(d_out, d_in, dtype=dtype, device=device)
    best = math.inf
    for _ in range(3):
        start = time.perf_counter()
        float(torch.nn.functional.linear(x, weight)[0, 0])
        best = min(best, time.perf_counter() - start)
    return 2.0 * 256 * d_in * d_out / best
