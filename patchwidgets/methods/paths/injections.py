"""How rows begin that see a change through one receiver alone: its difference is added there, as edits of a pass.

Costs one copy of each component that is written.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from patchwidgets.edges import Receiver
from patchwidgets.hooks.hooks import Edit, Key
from patchwidgets.methods.paths.differences import Differences
from patchwidgets.methods.paths.steps import joining_layer, reads_key
from patchwidgets.models.layout import Layout
from patchwidgets.sweep.groups import Group
from patchwidgets.sweep.passes import joining_key


@dataclass(frozen=True)
class Injection:
    """What one row of a pass begins with.

    Attributes
    ----------
    receiver
        Where it begins.
    row
        Its row in the differences of the step from which the receiver reads.
    positions
        The positions of the prompt at which the receiver reads the change; None for all.
    """

    receiver: Receiver
    row: int
    positions: tuple[int, ...] | None


def injecting_edits(
    layout: Layout,
    group: Group,
    injections: Sequence[tuple[Injection, Differences]],
) -> dict[Key, Edit]:
    """Add to each row of a group the difference that its receiver reads.

    Parameters
    ----------
    injections
        For each row of the group; the differences are those of its step.
    """
    by_place: dict[object, list[tuple[int, Injection, Differences]]] = {}
    for i, (injection, differences) in enumerate(injections):
        # The MLP of the last layer and the logits are written into the same stream, and read different activations.
        place = reads_key(layout, injection.receiver), id(differences), injection.positions
        by_place.setdefault(place, []).append((i, injection, differences))
    edits: dict[Key, list[Edit]] = {}
    for alike in by_place.values():
        receiver = alike[0][1].receiver
        edits.setdefault(written_key(layout, receiver), []).append(_addition(layout, group, alike))
    return {key: _all(each) for key, each in edits.items()}


def written_key(layout: Layout, receiver: Receiver) -> Key:
    """The activation to which a receiver's difference is added: for an MLP and the logits, the stream."""
    if receiver.component in ("mlp_in", "logits"):
        return joining_key(layout, joining_layer(layout, receiver))
    return (receiver.component, receiver.layer)


def _addition(
    layout: Layout, group: Group, alike: Sequence[tuple[int, Injection, Differences]]
) -> Edit:
    """Add differences of one kind to several rows at the same positions."""
    injections, differences = [each for _, each, _ in alike], alike[0][2]
    rows = torch.tensor([row for i, _, _ in alike for row in group.pass_rows(i)])
    read = torch.tensor([each.row for each in injections for _ in range(group.n_forced)])
    heads = torch.tensor(
        [each.receiver.index or 0 for each in injections for _ in range(group.n_forced)]
    )
    of_head = injections[0].receiver.index is not None
    pos = torch.tensor(injections[0].positions or range(group.start, group.length))
    pos = pos[pos >= group.start]
    key = reads_key(layout, injections[0].receiver)

    def add(activation: Float[Tensor, "row pos *unit"]) -> Float[Tensor, "row pos *unit"]:
        known = differences.by_key[key]
        place: tuple[Tensor, ...] = (rows[:, None], (pos - group.start)[None])
        source: tuple[Tensor, ...] = (read[:, None], (pos - differences.start)[None])
        if of_head:
            place, source = (*place, heads[:, None]), (*source, heads[:, None])
        changed = activation.clone()
        changed[place] += known[source].to(changed.device)
        return changed

    return add


def _all(edits: Iterable[Edit]) -> Edit:
    edits = tuple(edits)

    def edit(activation: Tensor) -> Tensor:
        for each in edits:
            activation = each(activation)
        return activation

    return edit
