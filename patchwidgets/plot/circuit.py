"""A circuit as a graph: its edges, or its nodes layer by layer, by the size and sign of their scores."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from patchwidgets.edges import Path
from patchwidgets.errors import PatchError, SiteError
from patchwidgets.experiment.run_chart import fraction_in_words
from patchwidgets.methods.circuits.circuit import Circuit
from patchwidgets.methods.circuits.circuit_result import CircuitResult, rest_in_words
from patchwidgets.methods.circuits.sizes import Sizes
from patchwidgets.models.model import Model
from patchwidgets.plot.draw_graph import Words, draw_graph
from patchwidgets.plot.graph import LOGITS, Box, Graph, box_of, graph_of
from patchwidgets.plot.paths import effects_of
from patchwidgets.plot.routes import number
from patchwidgets.sites import Site
from patchwidgets.sweep.sweep_result import SweepResult

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def circuit(
    circuit: Circuit | CircuitResult,
    *,
    edges: SweepResult | None = None,
    metric: str | None = None,
    k: int = 30,
    label: int = 5,
    model: Model | None = None,
    title: str | None = None,
    ax: "Axes | None" = None,
) -> "Axes":
    r"""Draw a circuit, from the embedding at the bottom to the logits at the top.

    Parameters
    ----------
    circuit
        A `Circuit`, or what ``exp.evaluate(circuit)`` returns: then the title says how faithful it is.
    edges
        Of a circuit of nodes: effects of edges, from ``exp.edges()`` or ``exp.estimate_edges()``. The largest between
        its nodes are drawn, with those from ``embed`` and to the logits.
    metric
        Of the `edges`, and of what is evaluated; by default the first one.
    k
        How many edges, or nodes, are drawn: those of the largest scores.
    label
        How many edges get their number, the largest first, where there is room.
    model
        With it, dotted lines lead from keys and values that several heads share to these heads.
    title
        In place of the figure's own; ``""`` for none.
    ax
        Where to draw; by default on a new figure, as high as the graph needs.

    Returns
    -------
    Axes
        The more ``|score|``, the wider an arrow, or the outline of a node. Positive ones are blue, negative ones orange
        and dashed. Below a head stands which of its parts, ``q``, ``k`` or ``v``, reads an arrow.

    Raises
    ------
    PatchError
        Something else than a circuit, one of nothing, `k` is below 1, or `edges` of a circuit that has its own.
    SiteError, MetricError
        `edges` are no edges, or do not measure the metric.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> edges = exp.edges(progress=False)
    >>> ax = pw.plot.circuit(pw.Circuit.top(edges, 20).prune(), ax=Figure(figsize=(5, 5)).subplots())
    >>> ax.get_title(loc="left").replace("\n", " ")
    'a circuit of 18 edges'
    >>> nodes = exp.evaluate(pw.Circuit(["L0.H1", "L0.mlp_out", "L1.H1", "L1.mlp_out"]))
    >>> ax = pw.plot.circuit(nodes, edges=edges, k=8, ax=Figure(figsize=(5, 5)).subplots())
    >>> len([arrow for arrow in ax.patches if "->" in (arrow.get_gid() or "")])
    8
    """
    if not isinstance(circuit, Circuit | CircuitResult):
        raise PatchError(
            f"Expected a pw.Circuit, or what exp.evaluate(circuit) returns; got {type(circuit).__name__}."
        )
    if k < 1:
        raise PatchError(f"k is {k!r}; expected how many edges or nodes to draw, at least 1.")
    members = circuit.circuit if isinstance(circuit, CircuitResult) else circuit
    if not members:
        raise PatchError("This circuit has no members, so there is nothing to draw.")
    if edges is not None and members.kind == "edges":
        raise PatchError("This circuit has edges of its own; give edges= with a circuit of nodes.")
    parts = [*_count(members, k, edges), *_of_result(circuit, metric)]
    towards_clean = 0
    if edges is not None:
        between, towards_clean, words = _edges_between(members, edges, metric, k)
        graph = graph_of(between, _shared(model), [box_of(node) for node in _nodes(members)])
        parts[1:1] = words
    elif members.kind == "edges":
        scored = [(edge, members.scores.get(edge)) for edge in members if isinstance(edge, Path)]
        graph = graph_of(_largest(scored, k), _shared(model))
    else:
        graph = _graph_of_nodes(members, k, label)
    return draw_graph(graph, Words(parts, title, "score"), label, towards_clean, ax)


def _nodes(members: Circuit) -> list[Site]:
    return [node for node in members if isinstance(node, Site)]


def _shared(model: Model | None) -> int | None:
    return None if model is None else Sizes.of(model).n_per_kv


def _count(members: Circuit, k: int, edges: SweepResult | None) -> list[str]:
    n, kind = len(members), members.kind or "members"
    words = f"a circuit of {n:,} {kind if n > 1 else kind[:-1]}"
    return [words] if n <= k or edges is not None else [words, f"the {k} largest"]


def _of_result(circuit: Circuit | CircuitResult, metric: str | None) -> list[str]:
    if isinstance(circuit, Circuit):
        return []
    reading = circuit[metric or next(iter(circuit.readings))]
    return [
        f"{rest_in_words(circuit.ablation).removeprefix('= ')} outside of it",
        f"faithfulness {fraction_in_words(reading.faithfulness)}",
        f"completeness {fraction_in_words(reading.completeness)}",
    ]


def _largest(scored: list[tuple[Any, float | None]], k: int) -> list[tuple[Any, float | None]]:
    """The members of the largest scores, then those without one."""
    size = [-1.0 if score is None else float(np.nan_to_num(abs(score))) for _, score in scored]
    return [scored[i] for i in np.argsort(-np.array(size), kind="stable")[:k]]


def _edges_between(
    members: Circuit, edges: SweepResult, metric: str | None, k: int
) -> tuple[list[tuple[Path, float | None]], int, list[str]]:
    """The largest edges between the nodes of a circuit, the embedding and the logits."""
    if not isinstance(edges, SweepResult):
        raise PatchError(
            f"edges is a {type(edges).__name__}; expected what exp.edges() or exp.estimate_edges() returns."
        )
    effects = effects_of(edges, metric, "effect")
    names = {str(node) for node in _nodes(members)} | {"embed", "logits"}
    of_head = {name.removesuffix(".z") for name in names}
    inside = [i for i, name in enumerate(effects.names) if _is_between(str(name), of_head)]
    chosen = replace(
        effects, names=[effects.names[i] for i in inside], values=effects.values[inside]
    )
    largest: list[tuple[Path, float | None]] = [*chosen.largest(k)]
    if not largest:
        raise SiteError(
            f"None of these {len(effects.names):,} edges leads from a node of the circuit to another one."
        )
    n_left = len(inside) - len(largest)
    words = f"the {len(largest)} largest of {len(inside):,} edges" if n_left else "its edges"
    return largest, effects.towards_clean, [words, f"by {effects.label}"]


def _is_between(edge: str, nodes: set[str]) -> bool:
    sender, receiver = edge.split("->")
    ends = {receiver, receiver.rpartition(".")[0], receiver.replace("mlp_in", "mlp_out")}
    return sender in nodes and bool(ends & nodes)


def _graph_of_nodes(members: Circuit, k: int, label: int) -> Graph:
    """Nodes layer by layer, without arrows, since all edges between them count."""
    scored = _largest([(node, members.scores.get(node)) for node in _nodes(members)], k)
    boxes = [box_of(node, score) for node, score in scored]
    named = [
        box if box.score is None else replace(box, text=f"{box.text} {number(box.score)}")
        for box in boxes[:label]
    ]
    return graph_of([], None, [*named, *boxes[label:], Box("logits", LOGITS, "logits")])
