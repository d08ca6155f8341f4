"""One pass of the model for one group: either a descent, which rows join layer by layer, or one plain batch.

A *descent* starts in layer 0 with the host's rows alone, at the group's first position; earlier positions come from the
host's cache. Before each layer, the rows whose patches begin there are appended as copies of the host's residual stream
in the same pass. Both kinds of pass are transformers' own forward. Costs one reading of the weights per pass.
"""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor
from transformers import DynamicCache

from patchwidgets.experiment.teacher_forcing import TeacherForced
from patchwidgets.hooks.hooks import Edit, Key
from patchwidgets.hooks.reruns import Enough
from patchwidgets.models.forward import gather_entries, select_positions, union_of_positions
from patchwidgets.models.layout import Layout
from patchwidgets.sweep.cache import HostCache, KeysAndValues
from patchwidgets.sweep.groups import Group
from patchwidgets.sweep.reads import RowPositions
from patchwidgets.sweep.rows import RunRole
from patchwidgets.sweep.view_pass import UNEMBED, no_rows, run_view

RECORDED_TOGETHER = 64
"""Up to this many tokens, reading the weights costs more than computing, and source prompts join almost for free."""

Activations = dict[Key, Float[Tensor, "pair pos *unit"]]
"""Whole prompts, by component and layer."""


@dataclass(eq=False)
class Recording:
    """What is recorded of the unpatched runs of some pairs of equal length.

    Attributes
    ----------
    pairs
        Their numbers in the task, in the order of the rows below.
    prompts
        The host prompts, with answers of several tokens after them; `n_rows` rows for each pair.
    host, source
        Activations of the two runs: of the host in each row of `prompts`, with the routers' choices in a mixture of
        experts; of the source in one row for each pair.
    cache
        The host's keys and values in each row of `prompts`, by layer.
    """

    pairs: list[int]
    prompts: TeacherForced
    host: Activations = field(default_factory=dict)
    source: Activations = field(default_factory=dict)
    cache: list[KeysAndValues] = field(default_factory=list)

    def activation(self, run: RunRole, key: Key) -> Float[Tensor, "pair pos *unit"]:
        """One recorded activation of the host's or the source's prompts."""
        if run == "source":
            return self.source[key]
        return self.prompts.prompts_only({key: self.host[key]})[key]

    def of(self, pairs: Sequence[int]) -> "Recording":
        """The part of this recording that some of its pairs need."""
        if list(pairs) == self.pairs:
            return self
        of_pairs, n = [self.pairs.index(pair) for pair in pairs], self.prompts.n_rows
        rows = [i * n + j for i in of_pairs for j in range(n)]
        return Recording(
            list(pairs),
            self.prompts.of_pairs(of_pairs),
            {key: value[rows] for key, value in self.host.items()},
            {key: value[of_pairs] for key, value in self.source.items()},
            [(keys[rows], values[rows]) for keys, values in self.cache],
        )


@dataclass(frozen=True, eq=False)
class FinalStates:
    """What reaches the output embedding in one pass.

    Attributes
    ----------
    hidden
        The last hidden states of all entries, one row after the other, host rows first.
    logits
        float32, of the first entries, as many as were asked for.
    choices
        The experts that each router chose, over the positions that the pass computes.
    """

    hidden: Float[Tensor, "entry d_model"]
    logits: Float[Tensor, "entry vocabulary"]
    choices: dict[Key, Int[Tensor, "row pos expert"]] = field(default_factory=dict)


def record(
    layout: Layout,
    recording: Recording,
    host: Iterable[Key],
    with_cache: bool,
    source_ids: Int[Tensor, "pair pos"] | None = None,
    source: Iterable[Key] = (),
) -> None:
    """Run the host prompts, and the source prompts if given, and put what is needed into `recording`.

    A few source prompts of the same length run in the same pass, for about the price of one prompt. Otherwise they get
    a pass of their own, since a pass keeps each recorded component for all of its rows.

    Parameters
    ----------
    host, source
        The activations to record of each run; the routers' choices of the host are recorded as well.
    with_cache
        Also keep the host's keys and values.
    """
    ids = recording.prompts.ids
    few = ids.numel() <= RECORDED_TOGETHER
    if source_ids is not None and not (few and source_ids.shape[1] == ids.shape[1]):
        record(layout, recording, host, with_cache)
        inputs = {"input_ids": source_ids, "use_cache": False}
        recording.source |= run_view(layout, inputs, {UNEMBED: no_rows}, source)[0]
        return
    n, host, source = len(ids), {*host, *layout.routers}, set(source)
    ids = ids if source_ids is None else torch.cat([ids, source_ids])
    cache = DynamicCache()
    caching = {"past_key_values": cache, "use_cache": True} if with_cache else {"use_cache": False}
    inputs = {"input_ids": ids, **caching}
    activations, _ = run_view(layout, inputs, {UNEMBED: no_rows}, host | source)
    recording.host |= {key: activations[key][:n] for key in host}
    recording.source |= {key: activations[key][n:] for key in source}
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
        What to write; the group's rows come after one host row for each pair.
    n_logits
        Compute the logits of the first `n_logits` entries; of all if None.
    row_positions
        Where each row is read, as positions of the whole prompt; by default at the last.
    """
    edits = _joined(layout, recording, group, edits)
    in_pass = [[pos - group.start for pos in read] for read in row_positions or _last(group)]
    return _run(layout, continued_inputs(recording, group), edits, n_logits, in_pass)


def run_plain(
    layout: Layout,
    recording: Recording,
    group: Group,
    edits: dict[Key, Edit],
    n_logits: int | None,
    row_positions: RowPositions | None = None,
) -> FinalStates:
    """Run a group as whole prompts in one batch, one host row for each pair in front; parameters as in `descend`."""
    return _run(layout, _whole(recording, group), edits, n_logits, row_positions or _last(group))


def run_until(
    layout: Layout, recording: Recording, group: Group, edits: dict[Key, Edit], last_layer: int
) -> None:
    """Run a group for what its edits see, up to a layer, and no further."""

    def stop(_stream: Float[Tensor, "row pos d_model"]) -> Float[Tensor, "row pos d_model"]:
        raise Enough

    if not group.plain:
        edits = _joined(layout, recording, group, edits)
    key = ("resid_post", last_layer)
    edits = edits | {key: chained(edits[key], stop) if key in edits else stop}
    inputs = _whole(recording, group) if group.plain else continued_inputs(recording, group)
    with suppress(Enough):
        run_view(layout, inputs, edits)


def _whole(recording: Recording, group: Group) -> dict[str, Any]:
    """The inputs of a pass over whole prompts."""
    return {"input_ids": recording.prompts.ids[group.recorded_rows], "use_cache": False}


def continued_inputs(recording: Recording, group: Group) -> dict[str, Any]:
    """The inputs of a descent, which begins with one row."""
    return {
        "input_ids": recording.prompts.ids[:1, group.start :],
        "past_key_values": HostCache(
            recording.cache, group.start, torch.tensor(group.recorded_rows)
        ),
        "use_cache": True,
    }


def _joined(
    layout: Layout, recording: Recording, group: Group, edits: dict[Key, Edit]
) -> dict[Key, Edit]:
    """Edits that let the rows of a descent join first."""
    joining = joining_rows(group)
    for layer in {0, *joining}:
        key, rows = joining_key(layout, layer), joining.get(layer, [])
        first = recording.host[("resid_pre", 0)][:, group.start :] if layer == 0 else None
        edits = edits | {key: chained(_join(rows, first), edits.get(key))}
    return edits


def _last(group: Group) -> RowPositions:
    return [(group.length - 1,)] * len(group.recorded_rows)


def joining_key(layout: Layout, layer: int) -> Key:
    """Where rows join that begin in a layer: before it, or after the last one for the number of all layers."""
    if layer < layout.n_layers:
        return ("resid_pre", layer)
    return ("resid_post", layout.n_layers - 1)


def joining_rows(group: Group) -> dict[int, list[int]]:
    """By layer, the host rows of which the rows that join there are copies."""
    joining: dict[int, list[int]] = {}
    for row in group.rows:
        joining.setdefault(row.layer, []).extend(group.recorded_rows_of(row.pair))
    return joining


def _join(rows: list[int], first: Float[Tensor, "host_row pos d_model"] | None) -> Edit:
    """Append copies of host rows, which are the first rows of the pass.

    `first` is the recorded residual stream of all host rows, where the pass begins with one row for all of them.
    """

    def join(passing: Float[Tensor, "row pos d_model"]) -> Float[Tensor, "more_rows pos d_model"]:
        before = passing if first is None else first
        return torch.cat([before, before[rows]])

    return join


def chained(first: Edit, second: Edit | None) -> Edit:
    """One edit that does both, in this order."""
    return first if second is None else lambda activation: second(first(activation))


def _run(
    layout: Layout,
    inputs: dict[str, Any],
    edits: dict[Key, Edit],
    n_logits: int | None,
    row_positions: RowPositions,
) -> FinalStates:
    final_states, keep = [], union_of_positions(row_positions)

    def capture(passing: Float[Tensor, "row pos d_model"]) -> Float[Tensor, "entry 1 d_model"]:
        """Keep the hidden states of all entries, and pass on only those whose logits are wanted."""
        hidden = gather_entries(select_positions(passing, keep), keep, row_positions)
        final_states.append(hidden)
        return hidden[:n_logits, None]

    edits = edits | {UNEMBED: capture}
    choices, logits = run_view(layout, inputs, edits, layout.routers, keep=keep)
    hidden = final_states[0]
    return FinalStates(hidden, logits[:, -1].float().to(hidden.device), choices)
