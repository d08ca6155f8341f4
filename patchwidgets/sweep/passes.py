"""One pass of the model for one group: along a descent in which rows join, or as one plain batch.

Both are transformers' own forward. Costs one reading of the weights per pass.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache

from patchwidgets.hooks.hook_points import HookPoint
from patchwidgets.hooks.hooks import Edit, Key, hooked
from patchwidgets.models.forward import (
    gather_entries,
    locked_eval_mode,
    logits_to_keep,
    select_positions,
    union_of_positions,
)
from patchwidgets.models.layout import Layout
from patchwidgets.sweep.cache import HostCache
from patchwidgets.sweep.groups import Group

UNEMBED: Key = ("unembed", None)
RowPositions = Sequence[Sequence[int]]
"""The positions at which each row is read, the host's rows first."""
RECORDED_TOGETHER = 64
"""In so many tokens of host prompts the weights cost more to read than to use, and the source runs beside them."""


@dataclass(eq=False)
class Recording:
    """What is kept of the unpatched runs of some pairs of equal length.

    Attributes
    ----------
    pairs
        The pairs of the task, in the order of the rows.
    ids
        ``[pair, pos]`` of the host prompts.
    host, source
        ``[pair, pos, ...]`` by component and layer.
    cache
        The host's keys and values by layer, ``[pair, head, pos, d]``.
    """

    pairs: list[int]
    ids: Tensor
    host: dict[Key, Tensor] = field(default_factory=dict)
    source: dict[Key, Tensor] = field(default_factory=dict)
    cache: list[tuple[Tensor, Tensor]] = field(default_factory=list)

    def of(self, pairs: Sequence[int]) -> "Recording":
        """The same for some of the pairs."""
        if list(pairs) == self.pairs:
            return self
        rows = [self.pairs.index(pair) for pair in pairs]
        return Recording(
            list(pairs),
            self.ids[rows],
            {key: value[rows] for key, value in self.host.items()},
            {key: value[rows] for key, value in self.source.items()},
            [(keys[rows], values[rows]) for keys, values in self.cache],
        )


@dataclass(frozen=True, eq=False)
class FinalStates:
    """What arrives at the output embedding.

    Attributes
    ----------
    hidden
        ``[entry, d_model]`` wherever rows are read, one row after the other: the host's rows first.
    logits
        float32 ``[entry, vocabulary]`` of the first of them, as many as were asked for.
    choices
        The experts that each router chose, ``[row, pos from the start on, expert]``.
    """

    hidden: Tensor
    logits: Tensor
    choices: dict[Key, Tensor] = field(default_factory=dict)


def record(
    layout: Layout,
    recording: Recording,
    host: Iterable[Key],
    with_cache: bool,
    source_ids: Tensor | None = None,
    source: Iterable[Key] = (),
) -> None:
    """Run the host prompts and keep activations, keys and values, and of a mixture which experts were chosen.

    Also the source prompts, if given: few of the same length in the same pass, which costs about as much as one prompt;
    others in one of their own, since a pass keeps every component for all of its rows.
    """
    few = recording.ids.numel() <= RECORDED_TOGETHER
    if source_ids is not None and not (few and source_ids.shape[1] == recording.ids.shape[1]):
        record(layout, recording, host, with_cache)
        inputs = {"input_ids": source_ids, "use_cache": False}
        recording.source |= _forward(layout, inputs, {UNEMBED: _no_rows}, source)[0]
        return
    n, host, source = len(recording.ids), {*host, *layout.routers}, set(source)
    ids = recording.ids if source_ids is None else torch.cat([recording.ids, source_ids])
    cache = DynamicCache()
    caching = {"past_key_values": cache, "use_cache": True} if with_cache else {"use_cache": False}
    held, _ = _forward(layout, {"input_ids": ids} | caching, {UNEMBED: _no_rows}, host | source)
    recording.host |= {key: held[key][:n] for key in host}
    recording.source |= {key: held[key][n:] for key in source}
    layers: list[Any] = cache.layers
    recording.cache = [(layer.keys[:n], layer.values[:n]) for layer in layers]


def descend(
    layout: Layout,
    recording: Recording,
    group: Group,
    edits: dict[Key, Edit],
    n_logits: int | None,
    row_positions: RowPositions | None = None,
) -> FinalStates:
    """Run a group from its first position on; each row joins before the layer in which it begins to differ.

    Parameters
    ----------
    recording
        Of exactly the pairs of the group.
    edits
        What is written, rows counted behind one host row per pair.
    n_logits
        Of the first so many entries the logits are computed; of all if None.
    row_positions
        By default every row is read at the last position.
    """
    joining = _joining(group)
    for layer in {0, *joining}:
        key = ("resid_pre", layer)
        edits = edits | {key: _then(_join(recording, group, layer, joining), edits.get(key))}
    cache = HostCache(recording.cache, group.start, torch.tensor(group.hosts))
    inputs = {
        "input_ids": recording.ids[:1, group.start :],
        "past_key_values": cache,
        "use_cache": True,
    }
    behind = [[pos - group.start for pos in read] for read in row_positions or _last(group)]
    return _run(layout, inputs, edits, n_logits, behind)


def run_plain(
    layout: Layout,
    recording: Recording,
    group: Group,
    edits: dict[Key, Edit],
    n_logits: int | None,
    row_positions: RowPositions | None = None,
) -> FinalStates:
    """Run a group as whole prompts in one batch, one host row per pair in front."""
    inputs = {"input_ids": recording.ids[group.hosts], "use_cache": False}
    return _run(layout, inputs, edits, n_logits, row_positions or _last(group))


def _last(group: Group) -> RowPositions:
    return [(group.length - 1,)] * (len(group.pairs) + len(group.rows))


def _joining(group: Group) -> dict[int, list[int]]:
    """By layer the pairs (as host rows) of the rows that join there."""
    joining: dict[int, list[int]] = {}
    for row in group.rows:
        joining.setdefault(row.layer, []).append(group.pairs.index(row.pair))
    return joining


def _join(recording: Recording, group: Group, layer: int, joining: dict[int, list[int]]) -> Edit:
    host = recording.host[("resid_pre", layer)][:, group.start :]

    def join(passing: Tensor) -> Tensor:
        before = host if layer == 0 else passing
        return torch.cat([before, host[joining.get(layer, [])]])

    return join


def _then(first: Edit, second: Edit | None) -> Edit:
    return first if second is None else lambda activation: second(first(activation))


def _run(
    layout: Layout,
    inputs: dict[str, object],
    edits: dict[Key, Edit],
    n_logits: int | None,
    row_positions: RowPositions,
) -> FinalStates:
    hidden, keep = [], union_of_positions(row_positions)

    def arrive(passing: Tensor) -> Tensor:
        final = gather_entries(select_positions(passing, keep), keep, row_positions)
        hidden.append(final)
        return final[:n_logits, None]

    choices, logits = _forward(layout, inputs, edits | {UNEMBED: arrive}, layout.routers, keep=keep)
    return FinalStates(hidden[0], logits[:, -1].float(), choices)


def _no_rows(passing: Tensor) -> Tensor:
    """Nobody reads these logits: the unembedding is the largest of all weights."""
    return passing[:0]


def _forward(
    layout: Layout,
    inputs: dict[str, Any],
    edits: dict[Key, Edit],
    record: Iterable[Key] = (),
    keep: Sequence[int] | None = None,
) -> tuple[dict[Key, Tensor], Tensor]:
    """What was recorded, and the logits of the positions in `keep` of the input, by default of the last."""
    hf_model = layout.hf_model
    hook_points = layout.all_hook_points | {
        UNEMBED: HookPoint(hf_model.get_output_embeddings(), "input", whole=True)
    }
    length = inputs["input_ids"].shape[1]
    inputs = inputs | {"input_ids": inputs["input_ids"].to(layout.device)}
    inputs |= logits_to_keep(hf_model, keep or [length - 1], length)
    with (
        locked_eval_mode(hf_model),
        hooked(layout.bodies, hook_points, edits, record, continued=True) as held,
    ):
        logits: Tensor = hf_model(**inputs).logits
    return held, logits
