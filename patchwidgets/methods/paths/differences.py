"""What senders change, as every receiver reads it, with all between them frozen.

One descent serves all senders and all receivers. Each sender's row begins in its layer with the source's value; after
that, attention adds what it adds in the host's row of the same pass, and so do the MLPs unless they are live. So the
row's stream is the host's plus the sender's difference, and what q, k, v and the MLP of each layer make of it is what
they read of this sender alone. Costs about what a sweep over the senders costs.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor

from patchwidgets.edges import Frozen
from patchwidgets.hooks.hooks import Edit, Key
from patchwidgets.methods.paths.steps import Half
from patchwidgets.models.layout import Layout
from patchwidgets.sweep.groups import Group
from patchwidgets.sweep.passes import Recording, chained, run_until

ATTENTION, MLP = False, True
"""The halves of a layer."""


@dataclass(eq=False)
class Differences:
    """Differences between rows of steps and their host rows, by what reads them.

    Attributes
    ----------
    start
        The first position that is held.
    by_key
        Of the first rows, in the order of the stream, those that have changed by then: q, k and v ``[row, pos, head,
        d_head]``, ``mlp_out`` and the last ``resid_post`` ``[row, pos, d_model]``.
    """

    start: int
    by_key: dict[Key, Float[Tensor, "row pos *unit"]] = field(default_factory=dict)

    def add(self, key: Key, more: Float[Tensor, "row pos *unit"]) -> None:
        """Append rows."""
        known = self.by_key.get(key)
        self.by_key[key] = more if known is None else torch.cat([known, more.to(known.device)])


def measure_differences(
    layout: Layout,
    recording: Recording,
    groups: Sequence[tuple[Group, Sequence[Half]]],
    writes: Callable[[Group, Recording], Mapping[Key, Edit]],
    wanted: set[Key],
    frozen: Frozen,
) -> Differences:
    """Run the rows of steps with everything after them frozen.

    Parameters
    ----------
    recording
        Of the pairs of the groups, without answers after the prompts.
    groups
        Rows in the order of the stream, each with the half of a layer in which it changes.
    writes
        How the rows of a group begin, from the recording of its pairs.
    wanted
        The activations whose differences are kept.
    frozen
        What stays as in the host.
    """
    differences = Differences(min(group.start for group, _ in groups))
    for group, halves in groups:
        frozen_pass = _FrozenPass(layout, group, halves, wanted, frozen, differences)
        recorded = recording.of(group.pairs)
        edits = dict(writes(group, recorded))
        for key, edit in frozen_pass.edits().items():
            edits[key] = chained(edits[key], edit) if key in edits else edit
        run_until(layout, recorded, group, edits, frozen_pass.last_layer)
    return differences


@dataclass(frozen=True, eq=False)
class _FrozenPass:
    """One pass over rows of steps.

    Attributes
    ----------
    layout, group, halves, wanted, frozen
        As in `measure_differences`.
    differences
        Where they are put.
    """

    layout: Layout
    group: Group
    halves: Sequence[Half]
    wanted: set[Key]
    frozen: Frozen
    differences: Differences

    @property
    def last_layer(self) -> int:
        """The last layer that has to run."""
        final, first = ("resid_post", self.layout.n_layers - 1), min(self.halves)
        layers = [
            layer
            for component, layer in self.wanted - {final}
            if layer is not None and first < (layer, component == "mlp_out")
        ]
        if final in self.wanted:
            layers.append(self._leaves(-1) if "mlp" in self.frozen else self.layout.n_layers - 1)
        return max(layers, default=0)

    def _leaves(self, i: int) -> int:
        """The layer in which a row begins, after which its stream differs from the host's by what is its own."""
        return min(self.group.rows[i].layer, self.layout.n_layers - 1)

    def edits(self) -> dict[Key, Edit]:
        """Keep what is wanted, and freeze what comes after each row's beginning."""
        edits: dict[Key, Edit] = {}
        for layer in range(self.last_layer + 1):
            for part in ("q", "k", "v"):
                if (part, layer) in self.wanted:
                    edits[(part, layer)] = self._kept(
                        (part, layer), self._before((layer, ATTENTION))
                    )
            edits[("attn_out", layer)] = self._as_host(self._not_in_attention(layer))
            changed = self._before((layer, MLP))
            frozen = self._as_host(changed if "mlp" in self.frozen else range(0))
            if ("mlp_out", layer) in self.wanted:
                frozen = chained(self._kept(("mlp_out", layer), changed), frozen)
            edits[("mlp_out", layer)] = frozen
        final = ("resid_post", self.layout.n_layers - 1)
        if final in self.wanted:
            edits |= self._final(final)
        return edits

    def _final(self, final: Key) -> dict[Key, Edit]:
        """Keep the difference of the last stream: where all is frozen, as each row's own layer leaves it."""
        if "mlp" not in self.frozen:
            return {final: self._kept(final, range(len(self.halves)))}
        edits: dict[Key, Edit] = {}
        layers = [self._leaves(i) for i in range(len(self.halves))]
        for layer in sorted(set(layers)):
            first = layers.index(layer)
            edits[("resid_post", layer)] = self._kept(
                final, range(first, first + layers.count(layer))
            )
        return edits

    def _before(self, half: Half) -> range:
        """The rows that have changed before a half of a layer."""
        return range(sum(own < half for own in self.halves))

    def _not_in_attention(self, layer: int) -> list[int]:
        """The rows whose attention in a layer stays as in the host: all but those that begin in it, or later."""
        return [
            i
            for i, own in enumerate(self.halves)
            if own < (layer, ATTENTION) or own == (layer, MLP)
        ]

    def _kept(self, key: Key, rows: range) -> Edit:
        """Keep the differences of rows from their host rows; change nothing."""
        n_hosts, group, start = len(self.group.pairs), self.group, self.differences.start
        hosts = torch.tensor([group.pairs.index(group.rows[i].pair) for i in rows])
        n_prompt = group.length - group.start
        assert start == group.start

        def keep(activation: Float[Tensor, "row pos *unit"]) -> Float[Tensor, "row pos *unit"]:
            if len(rows):
                changed = activation[n_hosts + rows.start : n_hosts + rows.stop, :n_prompt]
                host = activation[hosts.to(activation.device), :n_prompt]
                self.differences.add(key, changed - host)
            return activation

        return keep

    def _as_host(self, rows: Sequence[int]) -> Edit:
        """Give rows the activation of their host rows."""
        group, n_hosts = self.group, len(self.group.pairs)
        written = torch.tensor([n_hosts + i for i in rows], dtype=torch.long)
        hosts = torch.tensor(
            [group.pairs.index(group.rows[i].pair) for i in rows], dtype=torch.long
        )

        def freeze(activation: Float[Tensor, "row pos *unit"]) -> Float[Tensor, "row pos *unit"]:
            n = int((written < len(activation)).sum())  # the others have not joined yet
            if n == 0:
                return activation
            changed = activation.clone()
            changed[written[:n]] = activation[hosts[:n]]
            return changed

        return freeze
