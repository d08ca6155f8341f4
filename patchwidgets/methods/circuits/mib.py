"""Circuits as JSON of the MIB benchmark's circuit track, in and out. Plain data.

The form is that of ``Graph.to_json`` in the package EAP-IG, on which the benchmark is built: ``cfg`` with the sizes of
the model, ``nodes`` and ``edges`` by name, each with ``in_graph`` and perhaps a ``score``. Nodes are ``input``,
``a5.h3``, ``m5`` and ``logits``; edges ``a0.h0->a5.h3<q>``. With grouped-query attention every query head has a key
and a value of its own there. Mueller et al. 2025, "MIB: A Mechanistic Interpretability Benchmark".
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal

from patchwidgets.edges import Path, Receiver, comes_after
from patchwidgets.errors import FileError, SiteError, shown
from patchwidgets.methods.circuits.graph import nodes_of
from patchwidgets.methods.circuits.sizes import Sizes
from patchwidgets.sites import Site
from patchwidgets.storage import parse_json, read_file, reason

Grouped = Literal["any", "all"]
MAX_BYTES = 2**30
_NODE = re.compile(r"input|logits|m(?P<mlp>\d{1,4})|a(?P<layer>\d{1,4})\.h(?P<head>\d{1,4})")
_EDGE = re.compile(r"(?P<parent>[a-z0-9.]+)->(?P<child>[a-z0-9.]+?)(?:<(?P<part>[qkv])>)?")


Entry = tuple[bool, float | None]
"""Whether a member is in the circuit, and its score."""


def read(
    path: object, level: str, grouped: Grouped | None, sizes: Sizes | None
) -> dict[Site | Path, Entry]:
    """Return every node, or every edge, that a file names; `Circuit.from_json` documents it.

    Raises
    ------
    FileError
        The file cannot be read, or has not the form above; the message says where.
    SiteError
        `level` or `grouped` is unknown; or the query heads of a group disagree, and `grouped` is not given.
    """
    if level not in ("edge", "node"):
        raise SiteError(f"level is {shown(level)}; expected 'edge' or 'node'.")
    if grouped not in (None, "any", "all"):
        raise SiteError(f"grouped is {shown(grouped)}; expected 'any' or 'all'.")
    name = str(path)
    content = read_file(name, MAX_BYTES, "Save the circuit alone.")
    try:
        data = parse_json(content, nan=True)
    except ValueError as error:
        raise FileError(f"{shown(name)} is no JSON: {reason(error)}.") from None
    try:
        found = _sizes(data, sizes)
        if level == "node":
            return dict(_nodes(data["nodes"], found))
        _check_neurons(data["nodes"])
        return _grouped(list(_edges(data["edges"], found)), found, grouped)
    except _Malformed as error:
        raise FileError(
            f"{shown(name)} is no circuit of the MIB benchmark: {error}. Expected 'cfg', 'nodes' and 'edges', as "
            "Graph.to_json of EAP-IG writes them."
        ) from None


class _Malformed(Exception):
    """What is wrong with a file, as a part of a sentence."""


def _dict(data: Any, where: str) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise _Malformed(f"{where} is {shown(data)}, not an object")
    return data


def _sizes(data: Any, model: Sizes | None) -> Sizes:
    whole = _dict(data, "the whole")
    for key in ("cfg", "nodes", "edges"):
        _dict(whole.get(key), key)
    cfg = whole["cfg"]
    for key in ("n_layers", "n_heads"):
        if type(cfg.get(key)) is not int or not 0 < cfg[key] < 10**4:
            raise _Malformed(f"cfg.{key} is {shown(cfg.get(key))}, not a number of parts")
    if type(cfg.get("parallel_attn_mlp")) is not bool:
        raise _Malformed(
            f"cfg.parallel_attn_mlp is {shown(cfg.get('parallel_attn_mlp'))}, not true or false"
        )
    n_heads, parallel = cfg["n_heads"], cfg["parallel_attn_mlp"]
    n_kv_heads = n_heads if model is None else model.n_kv_heads
    found = Sizes(cfg["n_layers"], n_heads, n_kv_heads, cfg.get("d_model"), parallel)
    if model is not None:
        for key, value in model.cfg.items():
            if cfg.get(key, value) != value:
                raise _Malformed(
                    f"cfg.{key} is {shown(cfg[key])}, and the model that was passed has {value}"
                )
    return found


def _entry(data: Any, where: str) -> Entry:
    fields = _dict(data, where)
    in_graph, score = fields.get("in_graph"), fields.get("score")
    if type(in_graph) is not bool:
        raise _Malformed(f"{where}.in_graph is {shown(in_graph)}, not true or false")
    if score is not None and type(score) not in (int, float):
        raise _Malformed(f"{where}.score is {shown(score)}, not a number")
    return in_graph, None if score is None else float(score)


def _check_neurons(nodes: Mapping[str, Any]) -> None:
    for name, fields in nodes.items():
        neurons = _dict(fields, f"nodes.{name}").get("neurons")
        if neurons is not None and not (isinstance(neurons, list) and all(neurons)):
            raise _Malformed(
                f"nodes.{name} is in the circuit with some of its 'neurons' only, which are entries of the residual "
                "stream, and patchwidgets has no sites for them"
            )


def _nodes(nodes: Mapping[str, Any], sizes: Sizes) -> Iterator[tuple[Site, Entry]]:
    _check_neurons(nodes)
    for name, fields in nodes.items():
        site, entry = _site(name, sizes), _entry(fields, f"nodes.{name}")
        if site is not None:
            yield site, entry


def _site(name: str, sizes: Sizes) -> Site | None:
    """A node as a site; None for the logits."""
    match = _NODE.fullmatch(name)
    if match is None:
        raise _Malformed(f"{shown(name)} is no node; nodes are input, a5.h3, m5 and logits")
    layer = match["mlp"] or match["layer"]
    if layer is None:
        return Site("embed") if name == "input" else None
    if int(layer) >= sizes.n_layers or (match["head"] and int(match["head"]) >= sizes.n_heads):
        raise _Malformed(
            f"{shown(name)} is out of range: cfg has {sizes.n_layers} layers of {sizes.n_heads} heads"
        )
    if match["head"] is None:
        return Site("mlp_out", int(layer))
    return Site("z", int(layer), int(match["head"]))


def _edges(edges: Mapping[str, Any], sizes: Sizes) -> Iterator[tuple[Path, Entry]]:
    """Every edge; keys and values by key-value head, so that edges of heads that share one come several times."""
    for name, fields in edges.items():
        match = _EDGE.fullmatch(name)
        if match is None:
            raise _Malformed(f"{shown(name)} is no edge; edges look like a0.h0->a5.h3<q>")
        sender, child, part = _site(match["parent"], sizes), match["child"], match["part"]
        receiver = _receiver(child, _site(child, sizes), part, sizes)
        if sender is None or receiver is None or not comes_after(sender, receiver, sizes.parallel):
            raise _Malformed(
                f"{shown(name)} goes where nothing can: {child} does not read what comes after it"
            )
        yield Path(sender, (receiver,)), _entry(fields, f"edges.{name}")


def _receiver(name: str, site: Site | None, part: Any, sizes: Sizes) -> Receiver | None:
    is_head = site is not None and site.component == "z"
    if is_head != (part is not None):
        raise _Malformed(
            f"an edge to {name} ends with {f'<{part}>' if part else 'none of <q>, <k>, <v>'}; heads alone have them"
        )
    if site is None:
        return Receiver("logits")
    if site.component == "mlp_out":
        return Receiver("mlp_in", site.layer)
    if not is_head or site.index is None:
        return None
    if part == "q" or sizes.n_per_kv == 1:
        return Receiver(part, site.layer, site.index)
    return Receiver(part, site.layer, site.index // sizes.n_per_kv, kv=True)


def _grouped(
    edges: list[tuple[Path, Entry]], sizes: Sizes, grouped: Grouped | None
) -> dict[Site | Path, Entry]:
    """Join the edges of query heads that share a key-value head; their scores are added."""
    by_edge: dict[Path, list[Entry]] = {}
    for edge, entry in edges:
        by_edge.setdefault(edge, []).append(entry)
    joined: dict[Site | Path, Entry] = {}
    for edge, entries in by_edge.items():
        inside = {in_graph for in_graph, _ in entries}
        if len(inside) > 1 and grouped is None:
            raise SiteError(
                f"{edge}: some of the {sizes.n_per_kv} heads that share {edge.receiver.name} have this edge in the "
                "circuit and some do not, but what a key-value head reads, all of them get. Pass grouped='any' to keep "
                "it if any of them has it, or grouped='all'."
            )
        scores = [score for _, score in entries if score is not None]
        score = sum(scores) if scores else None
        joined[edge] = (any if grouped == "any" else all)(each for each, _ in entries), score
    return joined


def content(
    sizes: Sizes, members: Iterable[Site | Path], scores: Mapping[Site | Path, float]
) -> dict[str, Any]:
    """Return what a file of a circuit holds; `Circuit.to_json` documents it.

    Raises
    ------
    SiteError
        A member that the form has no name for: one with a position, ``attn_out``, or a neuron.
    """
    inside = set(members)
    for member in inside | scores.keys():
        _check_named(member)
    of_nodes = any(isinstance(member, Site) for member in inside)
    names = list(_node_names(sizes))
    edges = {
        name: {
            "score": scores.get(edge, 0.0) / (sizes.n_per_kv if edge.receiver.kv else 1),
            "in_graph": edge.sender in inside if of_nodes else edge in inside,
        }
        for name, edge in _edge_names(sizes, names)
    }
    kept = {str(node) for node in inside} if of_nodes else _with_edges(inside, sizes)
    nodes: dict[str, dict[str, Any]] = {}
    for name, site in names:
        nodes[name] = {"in_graph": site is None or site.name in kept}
        if site is not None and site in scores:
            nodes[name]["score"] = scores[site]
    return {"cfg": sizes.cfg, "nodes": nodes, "edges": edges}


def _check_named(member: Site | Path) -> None:
    ends = (member.sender, member.receiver) if isinstance(member, Path) else (member,)
    site = ends[0]
    if any(end.pos is not None for end in ends) or site.component in ("attn_out", "neuron"):
        raise SiteError(
            f"{member} has no name in the form of the MIB benchmark, which knows embed, heads and mlp_out at all "
            "positions."
        )


def _with_edges(members: Iterable[Site | Path], sizes: Sizes) -> set[str]:
    """The names of nodes at which an edge begins and, but for ``embed``, another one ends."""
    edges = [edge for edge in members if isinstance(edge, Path)]
    read = {name for edge in edges for name in nodes_of(edge.receiver, sizes.n_per_kv)}
    return {edge.sender.name for edge in edges} & (read | {"embed"})


def _node_names(sizes: Sizes) -> Iterator[tuple[str, Site | None]]:
    yield "input", Site("embed")
    for layer in range(sizes.n_layers):
        for head in range(sizes.n_heads):
            yield f"a{layer}.h{head}", Site("z", layer, head)
        yield f"m{layer}", Site("mlp_out", layer)
    yield "logits", None


def _edge_names(sizes: Sizes, nodes: list[tuple[str, Site | None]]) -> Iterator[tuple[str, Path]]:
    for child, site in nodes:
        parts = (
            ("q", "k", "v")
            if site is not None and site.component == "z"
            else (None,)
            if site != Site("embed")
            else ()
        )
        receivers = [(part, _receiver(child, site, part, sizes)) for part in parts]
        for parent, sender in nodes:
            for part, receiver in receivers:
                if sender and receiver and comes_after(sender, receiver, sizes.parallel):
                    end = "" if part is None else f"<{part}>"
                    yield f"{parent}->{child}{end}", Path(sender, (receiver,))
