"""What a circuit may contain: nodes, which write into the residual stream, or edges between them. Plain data."""

from collections.abc import Iterable, Mapping
from typing import Any, Literal

import numpy as np

from patchwidgets.edges import Path, Receiver
from patchwidgets.errors import SiteError, shown
from patchwidgets.sites import Site, print_pos
from patchwidgets.sweep.sweep_result import SweepResult

Member = Site | Path
Kind = Literal["nodes", "edges"]
By = Literal["size", "positive", "negative"]
"""What counts as large among scores: |score|, the score itself, or minus the score."""

SENDERS = ("embed", "z", "attn_out", "mlp_out")
NODES = (*SENDERS, "neuron")
_SIGNS = {"positive": 1.0, "negative": -1.0}


def parse_member(text: str | Member) -> Member:
    """Return a node or an edge.

    Raises
    ------
    SiteError
        It is neither, or something that no circuit is made of, such as ``resid_pre`` or a path of several steps.
    """
    if isinstance(text, Path) or (isinstance(text, str) and ("->" in text or "→" in text)):
        return _checked_edge(Path.parse(text))
    if isinstance(text, str) and "+" in text:
        raise SiteError(
            f"{shown(text)} are several sites that were patched jointly; a circuit has its members one by one."
        )
    site = Site.parse(text)
    _check_node(site, NODES, "a circuit of nodes")
    return site


def _checked_edge(path: Path) -> Path:
    if len(path.receivers) > 1:
        raise SiteError(
            f"{path} is a path of {len(path.receivers)} steps; a circuit is made of edges. Give each step as an edge, "
            "as in 'L20.H0->L23.H3.q' and 'L23.H3->logits'."
        )
    _check_node(path.sender, SENDERS, "a circuit of edges")
    return path


def _check_node(site: Site, allowed: tuple[str, ...], what: str) -> None:
    if site.component not in allowed:
        raise SiteError(
            f"{site} cannot be part of {what}, which has what writes into the residual stream: {', '.join(allowed)}. "
            "For q, k and v give edges, as in 'L20.H0->L23.H3.q'."
        )
    if site.component in ("z", "neuron") and site.index is None:
        one = "L9.H6" if site.component == "z" else "L9.N6"
        raise SiteError(
            f"{site} means all of a layer; name its members one by one, as in {one!r}, or use attn_out or mlp_out."
        )


def kind_of(members: Iterable[Member]) -> Kind | None:
    """Return whether members are nodes or edges; None if there are none.

    Raises
    ------
    SiteError
        There are both.
    """
    found: dict[Kind, Member] = {}
    for member in members:
        found["edges" if isinstance(member, Path) else "nodes"] = member
    if len(found) > 1:
        raise SiteError(
            f"A circuit has nodes or edges, not both; got {found['nodes']} and {found['edges']}."
        )
    return next(iter(found), None)


def in_order(members: Iterable[Member]) -> list[Member]:
    """Return members in the order in which a model computes them; edges by receiver, then by sender."""
    return sorted(members, key=_place)


def layer_of(member: Member) -> int | None:
    """Return the layer of a node, or of the receiver of an edge; None for ``embed`` and the logits."""
    return member.receiver.layer if isinstance(member, Path) else member.layer


def _place(member: Member) -> tuple[Any, ...]:
    if isinstance(member, Path):
        return (*_receiver_place(member.receiver), *_site_place(member.sender))
    return _site_place(member)


def _site_place(site: Site) -> tuple[Any, ...]:
    order = ("embed", "z", "attn_out", "neuron", "mlp_out").index(site.component)
    layer, index = (-1 if number is None else number for number in (site.layer, site.index))
    return layer, order, index, print_pos(site.pos)


def _receiver_place(receiver: Receiver) -> tuple[Any, ...]:
    order = ("q", "k", "v", "mlp_in", "logits").index(receiver.component)
    layer = 10**9 if receiver.layer is None else receiver.layer
    return layer, order, -1 if receiver.index is None else receiver.index, print_pos(receiver.pos)


def scores_of(scores: object, metric: str | None = None) -> dict[Member, float]:
    """Return the score of each member: the effects of a sweep, or numbers by name.

    Parameters
    ----------
    scores
        A `SweepResult` over nodes or edges, or a mapping from sites or edges to numbers.
    metric
        Of a sweep: the metric of the effects; the first one by default.

    Raises
    ------
    SiteError
        It is neither, or it has something that no circuit is made of.
    MetricError
        The sweep does not measure the metric.
    """
    if isinstance(scores, SweepResult):
        if int(scores.attrs["window"]) > 1:
            raise SiteError(
                f"This sweep patched {scores.attrs['window']} layers at once, so its cells are no nodes; sweep again "
                "with window=1."
            )
        effects = scores.over_pairs(metric)["effect"].values.ravel()
        pairs: Iterable[tuple[Any, Any]] = zip(scores.site_names(), effects, strict=True)
    elif isinstance(scores, Mapping):
        pairs = scores.items()
    else:
        raise SiteError(
            f"Expected a SweepResult, or a dict from sites or edges to numbers; got {type(scores).__name__}."
        )
    found = {parse_member(name): float(score) for name, score in pairs}
    kind_of(found)
    return found


def ranked(scores: Mapping[Member, float], by: By) -> list[Member]:
    """Return members with a score, the largest first; those that are equal stay in their order.

    Raises
    ------
    SiteError
        `by` is unknown.
    """
    size = sizes(scores, by)
    members = list(scores)
    order = np.argsort(-size, kind="stable")
    return [members[i] for i in order if not np.isnan(size[i])]


def sizes(scores: Mapping[Member, float], by: By) -> np.ndarray:
    """Return what members are ranked by, one number for each."""
    if by not in ("size", *_SIGNS):
        raise SiteError(f"by is {shown(by)}; expected 'size' (|score|), 'positive' or 'negative'.")
    values = np.array(list(scores.values()), dtype=np.float64)
    return np.abs(values) if by == "size" else _SIGNS[by] * values
