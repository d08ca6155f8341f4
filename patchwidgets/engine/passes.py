"""One pass of the model for one group: along a descent in which rows join, or as one plain batch.

Both are transformers' own forward. Costs one reading of the weights per pass.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache

from patchwidgets.anatomy import Anatomy
from patchwidgets.engine.cache import HostCache
from patchwidgets.engine.plan import Group
from patchwidgets.forward import at_work, forward, last_only
from patchwidgets.hooks import Edit, Key, hooked
from patchwidgets.taps import Tap

UNEMBED: Key = ("unembed", None)


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
class Ends:
    """What arrives at the output embedding.

    Attributes
    ----------
    hidden
        ``[row, d_model]`` at the last position: the host's rows first.
    logits
        float32 ``[row, vocabulary]`` of the host's rows, or of all.
    """

    hidden: Tensor
    logits: Tensor


def record_host(
    anatomy: Anatomy, recording: Recording, keys: Iterable[Key], with_cache: bool
) -> None:
    """Run the host prompts and keep activations, keys and values."""
    if not with_cache:
        recording.host |= forward(anatomy, recording.ids, record=keys).activations
        return
    hf_model, cache = anatomy.hf_model, DynamicCache()
    with at_work(hf_model), hooked(anatomy.bodies, anatomy.taps, record=keys) as held:
        hf_model(
            input_ids=recording.ids.to(anatomy.device),
            past_key_values=cache,
            use_cache=True,
            **last_only(hf_model),
        )
    recording.host |= held
    layers: list[Any] = cache.layers
    recording.cache = [(layer.keys, layer.values) for layer in layers]


def descend(
    anatomy: Anatomy, recording: Recording, group: Group, edits: dict[Key, Edit], all_logits: bool
) -> Ends:
    """Run a group from its first position on; each row joins before the layer in which it begins to differ.

    Parameters
    ----------
    recording
        Of exactly the pairs of the group.
    edits
        What is written, rows counted behind one host row per pair.
    all_logits
        Run the whole unembedding for every row, not for the host's rows alone.
    """
    joining = _joining(group)
    for layer in {0, *joining}:
        key = ("resid_pre", layer)
        edits = edits | {key: _then(_join(recording, group, layer, joining), edits.get(key))}
    rows = [*range(len(group.pairs)), *(group.pairs.index(row.pair) for row in group.rows)]
    cache = HostCache(recording.cache, group.start, torch.tensor(rows))
    inputs = {
        "input_ids": recording.ids[:1, group.start :],
        "past_key_values": cache,
        "use_cache": True,
    }
    return _run(anatomy, inputs, edits, None if all_logits else len(group.pairs))


def run_plain(
    anatomy: Anatomy, recording: Recording, group: Group, edits: dict[Key, Edit], all_logits: bool
) -> Ends:
    """Run a group as whole prompts in one batch, one host row per pair in front."""
    rows = [*range(len(group.pairs)), *(group.pairs.index(row.pair) for row in group.rows)]
    inputs = {"input_ids": recording.ids[rows], "use_cache": False}
    return _run(anatomy, inputs, edits, None if all_logits else len(group.pairs))


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
    anatomy: Anatomy, inputs: dict[str, object], edits: dict[Key, Edit], keep: int | None
) -> Ends:
    hf_model, hidden = anatomy.hf_model, []

    def arrive(passing: Tensor) -> Tensor:
        hidden.append(passing[:, -1])
        return passing[:keep, -1:]

    end = Tap(hf_model.get_output_embeddings(), "input", whole=True)
    ids = inputs["input_ids"]
    assert isinstance(ids, Tensor)
    inputs = inputs | {"input_ids": ids.to(anatomy.device)} | last_only(hf_model)
    with (
        at_work(hf_model),
        hooked(
            anatomy.bodies,
            anatomy.taps | {UNEMBED: end},
            edits | {UNEMBED: arrive},
            continued=True,
        ),
    ):
        logits = hf_model(**inputs).logits[:, -1].float()
    return Ends(hidden[0], logits)
