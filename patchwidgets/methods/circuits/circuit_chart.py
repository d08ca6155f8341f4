"""A circuit as a flowchart: its nodes layer by layer, or its edges with their scores. Costs nothing."""

from collections.abc import Iterable, Mapping

from patchwidgets.edges import Path, Receiver
from patchwidgets.errors import SiteError
from patchwidgets.mermaid import Flowchart, Line, Shape, text
from patchwidgets.methods.circuits.graph import nodes_of
from patchwidgets.methods.circuits.members import Member, in_order
from patchwidgets.sites import Site

MOST_MEMBERS = 200
"""Of a picture. With the arrows between the parts of a head it stays below the 500 that GitHub draws."""
MOST_PARTS = 250
"""Arrows between the parts of heads."""


def circuit_chart(
    members: Iterable[Member], scores: Mapping[Member, float], n_per_kv: int | None
) -> str:
    """Draw a circuit as Mermaid text; `Circuit.to_mermaid` documents it.

    Raises
    ------
    SiteError
        It has too many members for a picture.
    """
    ordered = in_order(members)
    if len(ordered) > MOST_MEMBERS:
        raise SiteError(
            f"This circuit has {len(ordered):,} members, and a picture at most {MOST_MEMBERS}. Choose the largest, as "
            "in pw.Circuit.top(scores, 30)."
        )
    edges = [each for each in ordered if isinstance(each, Path)]
    nodes = [each for each in ordered if isinstance(each, Site)]
    what = f"{len(edges)} edges" if edges else f"{len(nodes)} nodes"
    chart = Flowchart("Circuit", f"A circuit of {what}")
    if edges:
        _EdgeChart(chart, n_per_kv).draw(edges, scores)
    else:
        _draw_nodes(chart, nodes, scores)
    return str(chart)


def _draw_nodes(chart: Flowchart, nodes: list[Site], scores: Mapping[Member, float]) -> None:
    """Draw layer by layer, with dotted arrows: between nodes of different layers all edges count."""
    chart.node("prompt", [text("prompt")], "other", "round")
    before = "prompt"
    for layer in dict.fromkeys(node.layer for node in nodes):
        name = "tokens" if layer is None else f"layer_{layer}"
        with chart.lane(name, "Embedding" if layer is None else f"Layer {layer}", "other"):
            for i, node in enumerate(each for each in nodes if each.layer == layer):
                chart.node(f"{name}_{i}", [text(str(node)), *_score(scores, node)], "other")
        chart.edge(before, name, "dotted")
        before = name
    chart.node("logits", [text("logits")], "other", "round")
    chart.edge(before, "logits", "dotted")


def _score(scores: Mapping[Member, float], member: Member) -> list[str]:
    """The score as a line of a label, if there is one."""
    return [text(f"{scores[member]:+.3g}".replace("-", "−"))] if member in scores else []


class _EdgeChart:
    """Draws edges between components: what reads the stream for a head belongs to the head."""

    def __init__(self, chart: Flowchart, n_per_kv: int | None) -> None:
        self._chart, self._n_per_kv = chart, n_per_kv
        self._names: dict[str, str] = {}

    def draw(self, edges: list[Path], scores: Mapping[Member, float]) -> None:
        """Draw edges with their scores, and dotted arrows from parts to what they are parts of."""
        for edge in edges:
            end, part = self._end_of(edge.receiver)
            label = " ".join([*([text(part)] if part else []), *_score(scores, edge)])
            self._arrow(str(edge.sender), end, "solid", label)
        for start, end in list(self._parts(edges))[:MOST_PARTS]:
            self._arrow(start, end, "dotted")

    def _end_of(self, receiver: Receiver) -> tuple[str, str]:
        """The component that reads something, and what of it; keys and values that heads share stand alone."""
        if receiver.kv:
            return str(receiver), ""
        at = str(receiver).removeprefix(receiver.name)
        if receiver.component == "logits":
            return "logits", at
        if receiver.component == "mlp_in":
            return f"L{receiver.layer}.mlp_out", at
        return f"L{receiver.layer}.H{receiver.index}", receiver.component + at

    def _parts(self, edges: list[Path]) -> Iterable[tuple[str, str]]:
        """From what reads for a sender to this sender, where they are drawn as two."""
        senders = {str(edge.sender): edge.sender.name for edge in edges}
        ends = {self._end_of(edge.receiver)[0]: edge.receiver for edge in edges}
        for end, receiver in ends.items():
            shared = receiver.kv and self._n_per_kv is None
            read_by = [] if shared else nodes_of(receiver, self._n_per_kv)
            for sender, component in senders.items():
                if component in read_by and sender != end:
                    yield end, sender

    def _arrow(self, start: str, end: str, line: Line, label: str = "") -> None:
        self._chart.edge(self._node(start), self._node(end), line, label)

    def _node(self, component: str) -> str:
        """The name of a component's node, which is drawn the first time."""
        if component not in self._names:
            self._names[component] = f"node_{len(self._names)}"
            shape: Shape = "round" if component in ("embed", "logits") else "box"
            self._chart.node(self._names[component], [text(component)], "other", shape)
        return self._names[component]
