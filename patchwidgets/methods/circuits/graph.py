"""The graph that edges make: what leads from ``embed`` to the logits, and the same for networkx. Plain data."""

from collections.abc import Iterable, Mapping
from typing import Any

from patchwidgets.edges import Path, Receiver, comes_after
from patchwidgets.errors import LoadError, SiteError
from patchwidgets.hooks.interrupts import Uninterrupted
from patchwidgets.methods.circuits.members import in_order
from patchwidgets.sites import Site


def nodes_of(receiver: Receiver, n_per_kv: int | None) -> list[str]:
    """Return the names of the nodes that compute with what a receiver reads.

    Parameters
    ----------
    n_per_kv
        How many heads share a key-value head.

    Raises
    ------
    SiteError
        A key-value head, and it is not known which heads share it.
    """
    layer = receiver.layer
    if layer is None:
        return ["logits"]
    if receiver.component == "mlp_in":
        return [f"L{layer}.mlp_out"]
    index = receiver.index
    assert index is not None
    if not receiver.kv:
        return [f"L{layer}.H{index}", f"L{layer}.attn_out"]
    if n_per_kv is None:
        raise SiteError(
            f"Which heads read {receiver.name} depends on the model; pass it, as in circuit.prune(model)."
        )
    heads = range(index * n_per_kv, (index + 1) * n_per_kv)
    return [*(f"L{layer}.H{head}" for head in heads), f"L{layer}.attn_out"]


def connected_edges(edges: Iterable[Path], n_per_kv: int | None) -> list[Path]:
    """Return the edges that lie on a way from ``embed`` to the logits. Positions are not looked at.

    A head lies on a way if anything that it reads does: its queries, its keys or its values.
    """
    ordered = [edge for edge in in_order(edges) if isinstance(edge, Path)]
    reached, from_embed = {"embed"}, []
    for edge in ordered:  # by receiver: whatever reaches a sender comes before it
        if edge.sender.name in reached:
            reached.update(nodes_of(edge.receiver, n_per_kv))
            from_embed.append(edge)
    needed, to_logits = {"logits"}, []
    for edge in reversed(from_embed):
        if needed.intersection(nodes_of(edge.receiver, n_per_kv)):
            needed.add(edge.sender.name)
            to_logits.append(edge)
    return to_logits


def connected_nodes(nodes: Iterable[Site]) -> list[Site]:
    """Return the nodes that lie on a way from ``embed`` to the logits.

    Between nodes all edges count, and each node has one from ``embed`` and one to the logits: so these are all nodes,
    or none without ``embed``.
    """
    listed = list(nodes)
    return listed if any(node.component == "embed" for node in listed) else []


def to_networkx(
    members: Iterable[Site | Path], scores: Mapping[Site | Path, float], n_per_kv: int | None
) -> Any:
    """Return a directed graph; `Circuit.to_networkx` documents it.

    Raises
    ------
    LoadError
        networkx is not installed.
    SiteError
        As for `nodes_of`.
    """
    try:
        with Uninterrupted():
            import networkx as nx
    except ImportError:
        raise LoadError(
            "This needs networkx, which is not installed; run: pip install networkx"
        ) from None
    graph = nx.DiGraph()
    ordered = in_order(members)
    _add_edges(graph, [each for each in ordered if isinstance(each, Path)], scores, n_per_kv)
    _add_nodes(graph, [each for each in ordered if isinstance(each, Site)], scores)
    return graph


def _add_edges(
    graph: Any, edges: list[Path], scores: Mapping[Site | Path, float], n_per_kv: int | None
) -> None:
    senders = {edge.sender.name for edge in edges}
    for edge in edges:
        sender, receiver = str(edge.sender), str(edge.receiver)
        graph.add_edge(sender, receiver, kind="edge", **_score(edge, scores))
        if sender != edge.sender.name:
            graph.add_edge(edge.sender.name, sender, kind="part")
        for node in nodes_of(edge.receiver, n_per_kv):
            if node != receiver and (node in senders or not node.endswith(".attn_out")):
                graph.add_edge(receiver, node, kind="part")


def _add_nodes(graph: Any, nodes: list[Site], scores: Mapping[Site | Path, float]) -> None:
    for node in nodes:
        graph.add_node(str(node), kind=node.component, **_score(node, scores))
        for later in nodes:
            if _writes_before(node, later):
                graph.add_edge(str(node), str(later), kind="edge")
        graph.add_edge(str(node), "logits", kind="edge")


def _score(member: Site | Path, scores: Mapping[Site | Path, float]) -> dict[str, float]:
    return {"score": scores[member]} if member in scores else {}


def _writes_before(node: Site, later: Site) -> bool:
    if later.component == "embed":
        return False
    if later.component in ("z", "attn_out"):
        return comes_after(node, Receiver("q", later.layer, later.index or 0))
    return comes_after(node, Receiver("mlp_in", later.layer))
