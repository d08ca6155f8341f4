"""Paths and edges as a graph of boxes and arrows: embedding, heads, MLPs, logits, in the order of the model."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from patchwidgets.edges import Path, Receiver
from patchwidgets.methods.circuits.graph import nodes_of
from patchwidgets.sites import Site, print_pos

Row = tuple[float, float]
"""The layer, and the step within it: shared keys and values, heads, MLPs."""

EMBED: Row = (-1, 0)
LOGITS: Row = (float("inf"), 0)
SHARED, HEADS, MLPS = 0.0, 1.0, 2.0
AT_A_POSITION = 0.5


@dataclass(frozen=True)
class Box:
    """A component.

    Attributes
    ----------
    name
        Its site.
    row
        Where it stands.
    text
        What is shown of it.
    score
        Its own number, in a circuit of nodes.
    """

    name: str
    row: Row
    text: str
    score: float | None = None


@dataclass(frozen=True)
class Arrow:
    """What one component writes, as another one reads it.

    Attributes
    ----------
    start, end
        The names of boxes.
    part
        What of the end reads it: ``q``, ``k``, ``v``, perhaps with a position; empty for an MLP and the logits.
    effect
        Of the path that it belongs to; None where nobody knows it, and for links.
    is_first
        Whether it is the first one of its path, at which the number stands.
    is_link
        Whether it joins two boxes of one component: what is read for it, and what it writes.
    """

    start: str
    end: str
    part: str = ""
    effect: float | None = None
    is_first: bool = True
    is_link: bool = False


@dataclass(frozen=True)
class Graph:
    """Boxes in rows, the lowest first, and arrows, the largest effect first, links last."""

    rows: list[list[Box]]
    arrows: list[Arrow]

    @property
    def boxes(self) -> dict[str, Box]:
        """Every box by its name."""
        return {box.name: box for row in self.rows for box in row}

    @property
    def numbers(self) -> list[float]:
        """Of all arrows and boxes that have one."""
        of_all = [
            *(arrow.effect for arrow in self.arrows),
            *(box.score for box in self.boxes.values()),
        ]
        return [number for number in of_all if number is not None]


def graph_of(
    effects: Sequence[tuple[Path, float | None]],
    n_per_kv: int | None = None,
    nodes: Sequence[Box] = (),
) -> Graph:
    """Return the graph of some paths with their effects.

    Parameters
    ----------
    effects
        The largest first.
    n_per_kv
        How many heads share a key-value head. If it is known, links lead from shared keys and values to these heads.
    nodes
        Boxes that are there in any case.
    """
    boxes = {box.name: box for box in nodes}
    arrows: list[Arrow] = []
    for path, effect in effects:
        start = box_of(path.sender)
        boxes.setdefault(start.name, start)
        for i, receiver in enumerate(path.receivers):
            end, part = _box_of_receiver(receiver)
            boxes.setdefault(end.name, end)
            arrows.append(Arrow(start.name, end.name, part, effect, is_first=i == 0))
            start = end
    links = list(dict.fromkeys(_links([path for path, _ in effects], boxes, n_per_kv)))
    return Graph(_in_rows(boxes, [*arrows, *links]), [*arrows, *links])


def box_of(site: Site, score: float | None = None) -> Box:
    """The box of what writes into the residual stream."""
    at = "" if site.pos is None else f"@{print_pos(site.pos)}"
    if site.layer is None:
        return Box(str(site), EMBED, str(site), score)
    in_mlp = site.component.startswith(("mlp", "neuron"))
    text = f"L{site.layer}.MLP{at}" if site.component == "mlp_out" else str(site)
    step = (MLPS if in_mlp else HEADS) + (AT_A_POSITION if at else 0)
    return Box(str(site), (site.layer, step), text, score)


def _box_of_receiver(receiver: Receiver) -> tuple[Box, str]:
    """The component that reads something, and what of it; keys and values that heads share stand alone."""
    at = str(receiver).removeprefix(receiver.name)
    if receiver.layer is None:
        return Box("logits", LOGITS, "logits"), at
    if receiver.component == "mlp_in":
        name = f"L{receiver.layer}.mlp_out"
        return Box(name, (receiver.layer, MLPS), f"L{receiver.layer}.MLP"), at
    if receiver.kv:
        name = f"L{receiver.layer}.KV{receiver.index}"
        return Box(name, (receiver.layer, SHARED), name), receiver.component + at
    name = f"L{receiver.layer}.H{receiver.index}"
    return Box(name, (receiver.layer, HEADS), name), receiver.component + at


def _links(paths: Sequence[Path], boxes: dict[str, Box], n_per_kv: int | None) -> Iterable[Arrow]:
    """From what reads for a sender to this sender, where they are two boxes."""
    senders = {str(path.sender): path.sender.name for path in paths}
    for path in paths:
        for receiver in path.receivers:
            if receiver.layer is None or (receiver.kv and n_per_kv is None):
                continue
            end = _box_of_receiver(receiver)[0].name
            readers = nodes_of(receiver, n_per_kv)
            for name, component in senders.items():
                if component in readers and name != end:
                    yield Arrow(end, name, is_link=True)
            if receiver.kv:
                yield from (
                    Arrow(end, reader, is_link=True) for reader in readers if reader in boxes
                )


def _in_rows(boxes: dict[str, Box], arrows: Sequence[Arrow]) -> list[list[Box]]:
    """Boxes by layer; its heads and MLP share a row if no arrow leads from one to the other."""
    by_row: dict[Row, list[Box]] = {}
    for box in sorted(boxes.values(), key=lambda box: box.row):
        by_row.setdefault(box.row, []).append(box)
    joined = {(arrow.start, arrow.end) for arrow in arrows}
    rows: list[list[Box]] = []
    for row, added in by_row.items():
        below = rows[-1] if rows else []
        if (
            below
            and below[0].row[0] == row[0]
            and not any((a.name, b.name) in joined for a in below for b in added)
        ):
            below.extend(added)
        else:
            rows.append(added)
    return rows
