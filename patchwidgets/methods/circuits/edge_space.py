"""Circuits of edges: every receiver reads what its kept edges bring, and ablated values for the rest.

Costs what `edge_pass` says, for each circuit.
"""

from collections.abc import Iterable, Sequence
from functools import partial

import numpy as np
import torch
from jaxtyping import Bool
from torch import Tensor

from patchwidgets.edges import Path, comes_after
from patchwidgets.errors import RefusedError, SiteError
from patchwidgets.experiment.teacher_forcing import ScoredOutput
from patchwidgets.hooks.hooks import Edit, Key
from patchwidgets.methods.circuits.edge_pass import edge_pass
from patchwidgets.methods.circuits.edge_points import edge_points
from patchwidgets.methods.circuits.members import Member
from patchwidgets.methods.circuits.sizes import Sizes
from patchwidgets.methods.circuits.slots import Slots
from patchwidgets.methods.circuits.space import Indices, Rows, region
from patchwidgets.models.batches import MAX_TOKENS
from patchwidgets.models.forward import Output
from patchwidgets.models.layout import Layout
from patchwidgets.models.model import Model
from patchwidgets.sites import Site
from patchwidgets.sweep.cost import free_memory

MAX_BYTES = 2**30
"""The most memory for the writes of all senders in one pass, unless a single row takes more; half of what is free at
most."""


class EdgeSpace:
    """Edges that may be ablated.

    Parameters
    ----------
    members
        What circuits are made of.
    whole
        Whether every edge of the model is ablated unless it is kept; else only the members are.

    Raises
    ------
    SiteError, RefusedError
        An edge that the model does not have, or a model of which no edges can be ablated.
    """

    def __init__(self, model: Model, members: Iterable[Member], whole: bool) -> None:
        edge_points(model.layout)
        self._layout, self._slots = model.layout, Slots(Sizes.of(model))
        self.members: Sequence[Member] = [_edge(model, member) for member in members]
        places = [
            (i, self._slots.receiver(edge.receiver), sender)
            for i, edge in enumerate(self.members)
            if isinstance(edge, Path)
            for sender in self._slots.senders(edge.sender)
        ]
        self._places = np.array(places, dtype=np.int64).reshape(-1, 3)
        self._by_position = np.array([_has_position(member) for member in self.members], dtype=bool)
        self._base = (
            self._slots.exist() if whole else self._inside(self._mask(np.arange(len(self.members))))
        )

    def ablated(self) -> list[int]:
        """The numbers of those members that are ablated where they are not kept."""
        return list(range(len(self.members)))

    def pruned(self, indices: Indices) -> Indices:
        """The numbers of those members that lead somewhere, through them and what is never ablated."""
        inside = self._inside(self._mask(indices))
        kept = region(self._base, inside, False) & self._slots.exist()
        connected = self._slots.connected(kept)
        of_member, receiver, sender = self._places.T
        stays = np.zeros(len(self.members), dtype=bool)
        stays[of_member[connected[receiver, sender].numpy()]] = True
        return indices[stays[indices]]

    def _mask(self, indices: Indices) -> Bool[np.ndarray, "member"]:
        is_chosen = np.zeros(len(self.members), dtype=bool)
        is_chosen[indices] = True
        return is_chosen

    def rows_at_once(self, length: int) -> int:
        """How many rows of so many tokens to run in one pass, at most."""
        d_model = self._layout.d_model
        # The changes of all senders, and what the receivers of one layer read, all as float32.
        n = self._slots.n_senders + 2 * self._slots.n_receivers // self._layout.n_layers
        masks = 2 * self._slots.n_senders * self._slots.n_receivers
        bytes_of_row = 4 * length * d_model * n + masks
        budget = min(MAX_BYTES, free_memory(self._layout) // 2)
        return max(1, min(MAX_TOKENS // length, budget // bytes_of_row))

    def sites(self) -> list[Site]:
        """The whole components whose writes are ablated at some receivers."""
        layers = range(self._layout.n_layers)
        of_layers = [Site(kind, layer) for layer in layers for kind in ("z", "mlp_out")]
        return [Site("embed"), *of_layers]

    def run(self, rows: Rows) -> ScoredOutput:
        """Run some circuits."""
        dropped = self._dropped(rows)
        return rows.scored(rows.ablations(self.sites()), run=partial(self._run, dropped))

    def _run(
        self,
        dropped: Bool[Tensor, "row pos receiver sender"],
        layout: Layout,
        ids: Tensor,
        edits: dict[Key, Edit],
        _record: Iterable[Key],
        keep: Sequence[int] | None,
    ) -> Output:
        n_forced = len(ids) // len(dropped)
        dropped = dropped.repeat_interleave(n_forced, dim=0)
        if 1 < dropped.shape[1] < ids.shape[1]:  # behind the prompt nothing differs
            more = ids.shape[1] - dropped.shape[1]
            dropped = torch.cat([dropped, dropped[:, :1].expand(-1, more, -1, -1)], dim=1)
        keep = (ids.shape[1] - 1,) if keep is None else keep
        return edge_pass(layout, self._slots, dropped, ids, edits, keep)

    def _dropped(self, rows: Rows) -> Bool[Tensor, "row pos receiver sender"]:
        at_positions = any(self._by_position[chosen.indices].any() for chosen in rows.chosen)
        kept = []
        for chosen in rows.chosen:
            is_chosen = self._mask(chosen.indices)
            everywhere = self._inside(is_chosen & ~self._by_position)[None]
            for pair in rows.pairs:
                inside = everywhere
                if at_positions:
                    inside = everywhere.repeat(rows.length, 1, 1)
                    self._add_positions(inside, is_chosen & self._by_position, rows, pair)
                kept.append(region(self._base, inside, chosen.inverted))
        return ~torch.stack(kept)

    def _inside(self, is_chosen: Bool[np.ndarray, "member"]) -> Bool[Tensor, "receiver sender"]:
        inside = torch.zeros(self._slots.n_receivers, self._slots.n_senders, dtype=torch.bool)
        of_chosen = self._places[is_chosen[self._places[:, 0]]]
        inside[of_chosen[:, 1], of_chosen[:, 2]] = True
        return inside

    def _add_positions(
        self,
        inside: Bool[Tensor, "pos receiver sender"],
        is_chosen: Bool[np.ndarray, "member"],
        rows: Rows,
        pair: int,
    ) -> None:
        for i, receiver, sender in self._places[is_chosen[self._places[:, 0]]].tolist():
            edge = self.members[i]
            assert isinstance(edge, Path)
            ends = (edge.sender.pos, edge.receiver.pos)
            written, read = (set(rows.positions(pos, pair)) for pos in ends)
            inside[sorted(written & read), receiver, sender] = True


def _has_position(member: Member) -> bool:
    return isinstance(member, Path) and (
        member.sender.pos is not None or member.receiver.pos is not None
    )


def _edge(model: Model, member: Member) -> Path:
    """An edge, checked against the model."""
    if not isinstance(member, Path):
        raise SiteError(f"{member} is a node, among edges; give nodes alone, or edges alone.")
    sender, receiver = model.resolve(member.sender), member.receiver
    if receiver.layer is not None:
        model.resolve(Site("mlp_out", receiver.layer))
    if receiver.site is not None:
        _check_receiver(model, receiver.site)
    if not comes_after(sender, receiver, model.layout.parallel):
        raise RefusedError(
            f"No {member} here: in {model.name} attention and MLP of a layer read the same stream, so no edge runs "
            "between them."
        )
    return Path(sender, (receiver,))


def _check_receiver(model: Model, site: Site) -> None:
    """Check the head of a receiver, also where q and k are no sites of the model since it turns them afterwards."""
    refused = model.layout.refused
    if site.component in refused:
        alike = "v" if site.component == "k" and "v" not in refused else "z"
        site = Site(alike, site.layer, site.index, site.pos, site.kv and alike == "v")  # type: ignore[arg-type]
    model.resolve(site)
