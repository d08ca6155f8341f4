"""Circuits of nodes: everything else of what may be ablated is patched, in one pass. Costs a pass for each circuit."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property

import torch
from jaxtyping import Bool
from torch import Tensor

from patchwidgets.errors import SiteError
from patchwidgets.experiment.teacher_forcing import ScoredOutput
from patchwidgets.hooks.hooks import Edit, Key
from patchwidgets.methods.circuits.members import Member
from patchwidgets.methods.circuits.space import Chosen, Indices, Rows, region
from patchwidgets.models.batches import MAX_TOKENS
from patchwidgets.models.model import Model
from patchwidgets.sites import Site

Kept = dict[Key, Bool[Tensor, "pos unit"]]
"""By component and layer; one unit for components that have no heads or neurons."""


class NodeSpace:
    """Nodes that may be ablated.

    Parameters
    ----------
    base
        What is ablated unless it is kept.
    members
        What circuits are made of: parts of `base`, perhaps at single positions.

    Raises
    ------
    SiteError, RefusedError
        A node that the model does not have.
    """

    def __init__(self, model: Model, base: Iterable[Site], members: Iterable[Member]) -> None:
        self._model = model
        self._base = [model.resolve(site) for site in base]
        self.members: Sequence[Member] = [_node(model, member) for member in members]
        self._units: list[list[tuple[Key, int | None]]] = [
            self._units_of(member) for member in self.members if isinstance(member, Site)
        ]

    def ablated(self) -> list[int]:
        """The numbers of those members that are ablated where they are not kept."""
        return [i for i, units in enumerate(self._units) if units]

    def pruned(self, indices: Indices) -> Indices:
        """All of them, as each node reads ``embed`` and is read by the logits; none if ``embed`` is ablated."""
        kept = [self.members[i] for i in indices.tolist()]
        embed_is_kept = ("embed", None) not in self._keys or any(
            isinstance(member, Site) and member.component == "embed" for member in kept
        )
        return indices if embed_is_kept else indices[:0]

    def rows_at_once(self, length: int) -> int:
        """How many rows of so many tokens to run in one pass, at most."""
        return max(1, MAX_TOKENS // length)

    @cached_property
    def _keys(self) -> dict[Key, int]:
        """The components that are ablated, with the number of their units."""
        sizes = {"z": self._model.n_heads, "neuron": self._model.d_mlp or 0}
        by_name = {"attn_out": "z"}
        keys = [(by_name.get(site.component, site.component), site.layer) for site in self._base]
        return {key: sizes.get(key[0], 1) for key in dict.fromkeys(keys)}

    def sites(self) -> list[Site]:
        """The whole components that are ablated, wholly or in part."""
        return [Site(component, layer) for component, layer in self._keys]  # type: ignore[arg-type]

    def run(self, rows: Rows) -> ScoredOutput:
        """Run some circuits."""
        kept = [self._kept(chosen, rows, pair) for chosen in rows.chosen for pair in rows.pairs]
        ablations = rows.ablations(self.sites())
        edits = {
            key: _masked(edit, torch.stack([of_row[key] for of_row in kept]))
            for key, edit in ablations.items()
        }
        return rows.scored(edits)

    def _kept(self, chosen: Chosen, rows: Rows, pair: int) -> Kept:
        inside = self._empty(rows.length)
        for i in chosen.indices.tolist():
            member = self.members[i]
            assert isinstance(member, Site)
            positions = rows.positions(member.pos, pair)
            for key, unit in self._units[i]:
                inside[key][positions, slice(None) if unit is None else unit] = True
        base = self._base_region(rows.length)
        return {key: region(base[key], inside[key], chosen.inverted) for key in self._keys}

    def _base_region(self, length: int) -> Kept:
        base = self._empty(length)
        for site in self._base:
            for key, unit in self._units_of(site):
                base[key][:, slice(None) if unit is None else unit] = True
        return base

    def _empty(self, length: int) -> Kept:
        return {key: torch.zeros(length, n, dtype=torch.bool) for key, n in self._keys.items()}

    def _units_of(self, site: Site) -> list[tuple[Key, int | None]]:
        """Where a node is among the components that are ablated."""
        if site.component == "attn_out":
            places: list[tuple[Key, int | None]] = [(("z", site.layer), None)]
        elif site.component == "mlp_out":
            places = [(("mlp_out", site.layer), None), (("neuron", site.layer), None)]
        else:
            places = [((site.component, site.layer), site.index)]
        return [place for place in places if place[0] in self._keys]


def _node(model: Model, member: Member) -> Site:
    if not isinstance(member, Site):
        raise SiteError(f"{member} is an edge, among nodes; give nodes alone, or edges alone.")
    return model.resolve(member)


def _masked(edit: Edit, kept: Bool[Tensor, "row pos unit"]) -> Edit:
    """An edit that leaves what is kept."""

    def edit_rest(activation: Tensor) -> Tensor:
        mask = kept.to(activation.device)
        if activation.ndim == 4:
            mask = mask[..., None]
        return torch.where(mask, activation, edit(activation))

    return edit_rest


def whole(model: Model, kinds: Sequence[str], neurons_of: Iterable[int]) -> list[Site]:
    """Return every node of some kinds; in some layers neurons take the place of their MLP.

    Raises
    ------
    SiteError
        A kind that is none of ``embed``, ``z`` and ``mlp_out``, or none at all.
    """
    known: Mapping[str, list[Site]] = {
        "embed": [Site("embed")],
        "z": list(model.sites("z")),
        "mlp_out": [Site("mlp_out", layer) for layer in range(model.n_layers)],
    }
    if isinstance(kinds, str) or not kinds or any(kind not in known for kind in kinds):
        raise SiteError(
            f"among is {kinds!r}; expected some of {', '.join(known)}, as in among=('z', 'mlp_out')."
        )
    nodes = [site for kind in known if kind in kinds for site in known[kind]]
    split = set(neurons_of)
    for layer in split:
        nodes += [Site("neuron", layer, i) for i in range(model.d_mlp or 0)]
    return [node for node in nodes if node.component != "mlp_out" or node.layer not in split]
