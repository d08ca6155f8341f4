"""Circuits as data: members, operations of sets, the choice by scores, pruning, and the same for networkx."""

import sys

import networkx as nx
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from patchwidgets.edges import Path
from patchwidgets.errors import LoadError, SiteError
from patchwidgets.facade import Experiment
from patchwidgets.methods.circuits.circuit import Circuit
from patchwidgets.methods.circuits.graph import connected_edges, to_networkx
from patchwidgets.methods.circuits.sizes import Sizes
from patchwidgets.methods.circuits.slots import Slots
from patchwidgets.models.graph import all_edges
from patchwidgets.sites import Site

GQA = Sizes(n_layers=3, n_heads=4, n_kv_heads=2, d_model=32, parallel=False)
EDGES = list(GQA.edges())
subsets = st.sets(st.sampled_from(EDGES), max_size=40)


def test_members_are_sites_or_paths() -> None:
    nodes = Circuit(["L1.H2@-1", "embed", Site("mlp_out", 0), "L0.N3", "L1.attn_out"])
    assert [str(node) for node in nodes] == [
        "embed",
        "L0.N3",
        "L0.mlp_out",
        "L1.H2@-1",
        "L1.attn_out",
    ]
    edges = Circuit(["L1.H0→logits", Path.of("embed", "L1.H0.q")])
    assert [str(edge) for edge in edges] == ["embed->L1.H0.q", "L1.H0->logits"]
    assert (nodes.kind, edges.kind, Circuit().kind) == ("nodes", "edges", None)


def test_circuits_are_equal_by_their_members() -> None:
    one, other = Circuit(["L0.H1", "embed"]), Circuit(["embed", "L0.H1"], {"embed": 2})
    assert one == other
    assert hash(one) == hash(other)
    assert one != Circuit(["embed"])
    assert other.scores == {Site("embed"): 2.0}
    assert "L0.H1" in one
    assert "L0.H2" not in one
    assert 3 not in one
    with pytest.raises(AttributeError):
        one.members = frozenset()  # type: ignore[misc]


@given(subsets, subsets)
def test_operations_are_those_of_sets(first: set[Path], second: set[Path]) -> None:
    one, other = Circuit(first), Circuit(second)
    assert (one | other).members == first | second
    assert (one & other).members == first & second
    assert (one - other).members == first - second
    assert (one ^ other).members == first ^ second
    assert (one <= other) == (first <= second)
    assert (one < other) == (first < second)
    assert set(one) == first
    assert len(one) == len(first)


def test_operations_keep_scores() -> None:
    one, other = Circuit(["embed", "L0.H1"], {"embed": 1}), Circuit(["embed"], {"embed": 5})
    assert (one | other).scores == {Site("embed"): 1.0}
    assert (other | one).scores == {Site("embed"): 5.0}
    assert (one - other).scores == {}


def test_few_members_are_shown() -> None:
    assert repr(Circuit(["embed"])) == "Circuit(1 node: embed)"
    assert repr(Circuit()) == "Circuit(nothing)"
    assert repr(Circuit(EDGES)).endswith("more)")


@pytest.mark.parametrize(
    ("members", "says"),
    [
        ("L0.H1", "Expected a list of sites or edges"),
        (["L0.resid_pre"], "L0.resid_pre cannot be part of a circuit of nodes"),
        (["L0.H1.q"], "For q, k and v give edges"),
        (["L0.z"], "L0.z means all of a layer; name its members one by one"),
        (["L0.H1 + L1.H2"], "patched jointly; a circuit has its members one by one"),
        (["L0.N3->L1.H1.q"], "L0.N3 cannot be part of a circuit of edges"),
        (["L0.H1->L1.H1.q->logits"], "is a path of 2 steps; a circuit is made of edges"),
        (["embed", "embed->logits"], "nodes or edges, not both"),
        (["L1.H1->L0.H0.q"], "No path from L1.H1 to L0.H0.q"),
    ],
)
def test_what_no_circuit_is_made_of_is_refused(members: list[str], says: str) -> None:
    with pytest.raises(SiteError, match=says):
        Circuit(members)


def test_scores_of_others_are_refused() -> None:
    with pytest.raises(SiteError, match=r"Scores of L0\.H2, which are not in the circuit"):
        Circuit(["L0.H1"], {"L0.H2": 1})


SCORES = {"embed": 0.5, "L0.H1": -3.0, "L0.mlp_out": 2.0, "L1.H0": float("nan"), "L1.H1": 1.0}


@pytest.mark.parametrize(
    ("by", "members"),
    [
        ("size", ["L0.H1", "L0.mlp_out"]),
        ("positive", ["L0.mlp_out", "L1.H1"]),
        ("negative", ["L0.H1", "embed"]),
    ],
)
def test_the_largest_scores_are_chosen(by: str, members: list[str]) -> None:
    chosen = Circuit.top(SCORES, 2, by=by)  # type: ignore[arg-type]
    assert chosen == Circuit(members)
    assert chosen.scores == {site: SCORES[str(site)] for site in chosen}


def test_scores_above_a_limit_are_chosen() -> None:
    assert Circuit.above(SCORES, 1) == Circuit(["L0.H1", "L0.mlp_out"])
    assert Circuit.above(SCORES, 0, by="positive") == Circuit(["embed", "L0.mlp_out", "L1.H1"])


def test_a_sweep_gives_scores(toy_experiment: Experiment) -> None:
    sweep = toy_experiment.sweep("z", progress=False)
    for metric in ("logit_diff", "kl"):
        assert Circuit.top(sweep, 3, metric=metric) == Circuit(sweep.top_sites(3, metric))
    windows = toy_experiment.sweep("mlp_out", window=2, progress=False)
    with pytest.raises(SiteError, match="patched 2 layers at once, so its cells are no nodes"):
        Circuit.top(windows, 1)
    with pytest.raises(SiteError, match="cannot be part of a circuit of nodes"):
        Circuit.top(toy_experiment.sweep("resid_pre", progress=False), 1)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (({"embed": 1}, 2), "n is 2; expected a number from 0 to 1"),
        (({"embed": 1}, -1), "n is -1"),
        ((["embed"], 1), "Expected a SweepResult, or a dict"),
    ],
)
def test_a_choice_that_cannot_be_made_is_refused(arguments: tuple, says: str) -> None:
    with pytest.raises(SiteError, match=says):
        Circuit.top(*arguments)
    with pytest.raises(SiteError, match="by is 'abs'; expected 'size'"):
        Circuit.top({"embed": 1}, 1, by="abs")  # type: ignore[arg-type]


def test_the_edges_of_a_model_are_those_of_its_graph(toy_experiment: Experiment) -> None:
    assert set(Circuit.all_edges(toy_experiment.model)) == set(all_edges(toy_experiment.model))
    assert len(Circuit.all_nodes(toy_experiment.model)) == 1 + 3 * 5


def test_what_leads_nowhere_goes(toy_experiment: Experiment) -> None:
    ways = ["embed->L0.KV1.k", "L0.H3->L1.mlp_in", "L1.mlp_out->logits"]
    nowhere = ["embed->L0.H0.q", "L0.H1->L2.H0.q", "L1.H2->logits", "L0.H0->L1.H1.q"]
    assert Circuit(ways + nowhere).prune(toy_experiment.model) == Circuit(ways)
    # One edge less, and nothing is left.
    for missing in ways:
        assert not Circuit(set(ways + nowhere) - {missing}).prune(toy_experiment.model)
    with pytest.raises(SiteError, match=r"Which heads read L0\.KV1\.k depends on the model"):
        Circuit(ways).prune()


def test_heads_lead_to_attn_out() -> None:
    ways = ["embed->L0.H1.v", "L0.attn_out->logits"]
    assert Circuit([*ways, "embed->L1.H1.v"]).prune() == Circuit(ways)


@given(st.sets(st.sampled_from(EDGES), max_size=len(EDGES) // 2))
def test_names_and_numbers_are_pruned_alike(edges: set[Path]) -> None:
    slots = Slots(GQA)
    kept = torch.zeros_like(slots.exist())
    for edge in edges:
        kept[slots.receiver(edge.receiver), slots.senders(edge.sender)] = True
    connected = slots.connected(kept)
    by_number = {
        edge
        for edge in EDGES
        if connected[slots.receiver(edge.receiver), slots.senders(edge.sender)[0]]
    }
    by_name = set(connected_edges(edges, GQA.n_per_kv))
    assert by_name == by_number
    graph = _graph(by_name)
    for edge in by_name:  # every edge lies on a way
        assert nx.has_path(graph, "embed", str(edge.sender))
        assert nx.has_path(graph, str(edge.receiver), "logits")
    whole = _graph(edges)
    for edge in edges - by_name:
        ways = [
            node in whole and end in whole and nx.has_path(whole, node, end)
            for node, end in (("embed", str(edge.sender)), (str(edge.receiver), "logits"))
        ]
        assert not all(ways)


def _graph(edges: set[Path]) -> nx.DiGraph:
    return to_networkx(edges, {}, GQA.n_per_kv)


def test_every_edge_is_numbered_once() -> None:
    slots, seen = Slots(GQA), np.zeros((Slots(GQA).n_receivers, Slots(GQA).n_senders))
    for edge in EDGES:
        seen[slots.receiver(edge.receiver), slots.senders(edge.sender)] += 1
    np.testing.assert_array_equal(seen, slots.exist())


def test_networkx_gets_ways(toy_experiment: Experiment) -> None:
    circuit = Circuit(["embed->L0.KV1.k", "L0.H3@2->logits"], {"L0.H3@2->logits": 1.5})
    graph = circuit.to_networkx(toy_experiment.model)
    assert graph.edges["L0.H3@2", "logits"] == {"kind": "edge", "score": 1.5}
    assert graph.edges["L0.KV1.k", "L0.H2"] == {"kind": "part"}
    assert nx.has_path(graph, "embed", "logits")
    nodes = Circuit(["embed", "L0.H1", "L0.mlp_out", "L1.H0", "L1.H1"]).to_networkx()
    assert set(nodes.successors("L0.H1")) == {"L0.mlp_out", "L1.H0", "L1.H1", "logits"}
    assert set(nodes.successors("L1.H0")) == {"logits"}


def test_networkx_may_be_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "networkx", None)
    with pytest.raises(LoadError, match="run: pip install networkx"):
        Circuit(["embed"]).to_networkx()
