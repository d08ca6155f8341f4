"""Circuits in JSON of the MIB benchmark's circuit track, on files written here after its form."""

import json
from pathlib import Path as FilePath
from typing import Any

import pytest

from patchwidgets.errors import FileError, SiteError
from patchwidgets.methods.circuits.circuit import Circuit
from patchwidgets.models.model import Model
from patchwidgets.sites import Site
from tests.support.toy_models import make_model

BY_HAND = """{"cfg": {"n_layers": 2, "n_heads": 2, "parallel_attn_mlp": false, "d_model": 16},
"nodes": {"input": {"in_graph": true}, "a0.h0": {"in_graph": true, "score": NaN}, "a0.h1": {"in_graph": false},
          "m0": {"in_graph": true, "score": -2.0}, "a1.h0": {"in_graph": true, "score": 1},
          "a1.h1": {"in_graph": false}, "m1": {"in_graph": false}, "logits": {"in_graph": true}},
"edges": {"input->a0.h0<v>": {"score": 0.25, "in_graph": true}, "a0.h0->m0": {"score": -1.5, "in_graph": true},
          "m0->a1.h0<q>": {"score": 3, "in_graph": true}, "m0->a1.h1<k>": {"score": 0.125, "in_graph": false},
          "a1.h0->logits": {"in_graph": true}}}"""


@pytest.fixture
def file(tmp_path: FilePath) -> FilePath:
    path = tmp_path / "circuit.json"
    path.write_text(BY_HAND)
    return path


def test_edges_are_read(file: FilePath) -> None:
    circuit = Circuit.from_json(file)
    assert circuit == Circuit(
        ["embed->L0.H0.v", "L0.H0->L0.mlp_in", "L0.mlp_out->L1.H0.q", "L1.H0->logits"]
    )
    scores = {str(edge): score for edge, score in circuit.scores.items()}
    assert scores == {
        "embed->L0.H0.v": 0.25,
        "L0.H0->L0.mlp_in": -1.5,
        "L0.mlp_out->L1.H0.q": 3.0,
    }
    everything = Circuit.from_json(file, everything=True)
    assert everything - circuit == Circuit(["L0.mlp_out->L1.H1.k"])


def test_nodes_are_read(file: FilePath) -> None:
    nodes = Circuit.from_json(file, level="node")
    assert nodes == Circuit(["embed", "L0.H0", "L0.mlp_out", "L1.H0"])
    assert nodes.scores == {Site("mlp_out", 0): -2.0, Site("z", 1, 0): 1.0}  # NaN is no score


@pytest.fixture(scope="module")
def gpt2() -> Model:
    return make_model("gpt2")


@pytest.fixture(scope="module")
def grouped() -> Model:
    return make_model("llama")


def test_a_file_comes_back(gpt2: Model, tmp_path: FilePath) -> None:
    path = tmp_path / "again.json"
    scores = {"embed->L0.H0.q": 0.1, "L0.H3->L2.mlp_in": -7.25}
    circuit = Circuit(["embed->L0.H0.q", "L0.H3->L2.mlp_in", "L2.mlp_out->logits"], scores)
    circuit.to_json(path, gpt2)
    again = Circuit.from_json(path, model=gpt2)
    assert again == circuit
    assert {str(e): s for e, s in again.scores.items() if s} == scores
    data = json.loads(path.read_text())
    assert data["cfg"] == {
        "n_layers": 3,
        "n_heads": 4,
        "parallel_attn_mlp": False,
        "d_model": 32,
    }
    assert len(data["edges"]) == len(Circuit.all_edges(gpt2))
    assert data["edges"]["a0.h3->m2"] == {"score": -7.25, "in_graph": True}
    assert list(data["nodes"])[:6] == ["input", "a0.h0", "a0.h1", "a0.h2", "a0.h3", "m0"]
    # A node is in the circuit if an edge begins and one ends at it.
    inside = [name for name, node in data["nodes"].items() if node["in_graph"]]
    assert inside == ["input", "m2", "logits"]


def test_nodes_come_back_with_the_edges_that_begin_there(gpt2: Model, tmp_path: FilePath) -> None:
    path = tmp_path / "nodes.json"
    circuit = Circuit(["embed", "L1.H2"], {"L1.H2": 0.5})
    circuit.to_json(path, gpt2)
    assert Circuit.from_json(path, level="node") == circuit
    edges = json.loads(path.read_text())["edges"]
    assert edges["a1.h2->m1"]["in_graph"]
    assert not edges["a1.h1->m1"]["in_graph"]


def test_shared_keys_become_one_for_each_query_head(grouped: Model, tmp_path: FilePath) -> None:
    path = tmp_path / "grouped.json"
    circuit = Circuit(["embed->L1.KV1.k", "L0.H0->logits"], {"embed->L1.KV1.k": 3.0})
    circuit.to_json(path, grouped)
    edges = json.loads(path.read_text())["edges"]
    for head in (2, 3):
        assert edges[f"input->a1.h{head}<k>"] == {"score": 1.5, "in_graph": True}
    assert edges["input->a1.h1<k>"] == {"score": 0.0, "in_graph": False}
    again = Circuit.from_json(path, model=grouped)
    assert again == circuit
    assert max(again.scores.values()) == 3.0
    assert len(Circuit.from_json(path)) == 3  # without the model, every head has its own


def test_query_heads_that_disagree_have_to_be_joined(grouped: Model, tmp_path: FilePath) -> None:
    path = tmp_path / "grouped.json"
    Circuit(["embed->L1.KV1.k"]).to_json(path, grouped)
    data = json.loads(path.read_text())
    data["edges"]["input->a1.h3<k>"]["in_graph"] = False
    path.write_text(json.dumps(data))
    with pytest.raises(
        SiteError, match=r"some of the 2 heads that share L1\.KV1\.k have this edge"
    ):
        Circuit.from_json(path, model=grouped)
    assert Circuit.from_json(path, model=grouped, grouped="any") == Circuit(["embed->L1.KV1.k"])
    assert not Circuit.from_json(path, model=grouped, grouped="all")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"cfg": None}, "cfg is None, not an object"),
        ({"nodes": []}, r"nodes is \[\], not an object"),
        ({"cfg": {"n_layers": 0}}, "cfg.n_layers is 0, not a number of parts"),
        ({"cfg": {"n_heads": "2"}}, "cfg.n_heads is '2'"),
        ({"cfg": {"parallel_attn_mlp": 0}}, "cfg.parallel_attn_mlp is 0, not true or false"),
        ({"nodes": {"m0": {"in_graph": 1}}}, r"nodes.m0.in_graph is 1, not true or false"),
        ({"nodes": {"m7": {"in_graph": True}}}, "'m7' is out of range: cfg has 2 layers"),
        ({"nodes": {"x": {"in_graph": True}}}, "'x' is no node"),
        ({"nodes": {"m0": {"in_graph": True, "neurons": [1, 0]}}}, "some of its 'neurons' only"),
        ({"edges": {"m0->m1": {"score": "a", "in_graph": True}}}, "edges.m0->m1.score is 'a'"),
        ({"edges": {"m0->m1": None}}, "edges.m0->m1 is None, not an object"),
        ({"edges": {"m0=>m1": {}}}, "'m0=>m1' is no edge"),
        ({"edges": {"m1->m0": {"in_graph": True}}}, "'m1->m0' goes where nothing can"),
        ({"edges": {"m0->input": {"in_graph": True}}}, "'m0->input' goes where nothing can"),
        ({"edges": {"logits->m0": {"in_graph": True}}}, "goes where nothing can"),
        ({"edges": {"m0->a1.h0": {"in_graph": True}}}, "ends with none of <q>, <k>, <v>"),
        ({"edges": {"m0->m1<q>": {"in_graph": True}}}, "ends with <q>; heads alone have them"),
        ({"edges": {"m0->a1.h5<q>": {"in_graph": True}}}, "'a1.h5' is out of range"),
    ],
)
def test_other_forms_are_refused(file: FilePath, change: dict[str, Any], says: str) -> None:
    data = json.loads(BY_HAND.replace("NaN", "0"))
    for key, value in change.items():
        data[key] = data[key] | value if isinstance(value, dict) else value
    file.write_text(json.dumps(data))
    with pytest.raises(FileError, match=says):
        Circuit.from_json(file, level="node" if "nodes" in change else "edge")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "is no JSON"),
        ("[]", r"the whole is \[\], not an object"),
        (BY_HAND.replace("NaN", "Infinity"), "Infinity is not a number in JSON"),
        (BY_HAND.replace('"m1": {"in_graph": false}', '"m1": 1, "m1": 2'), "there twice"),
    ],
)
def test_what_is_no_file_of_a_circuit_is_refused(file: FilePath, text: str, says: str) -> None:
    file.write_text(text)
    with pytest.raises(FileError, match=says):
        Circuit.from_json(file)


def test_arguments_and_models_that_do_not_fit_are_refused(
    file: FilePath, gpt2: Model, tmp_path: FilePath
) -> None:
    with pytest.raises(SiteError, match="level is 'neuron'; expected 'edge' or 'node'"):
        Circuit.from_json(file, level="neuron")  # type: ignore[arg-type]
    with pytest.raises(SiteError, match="grouped is 'some'"):
        Circuit.from_json(file, grouped="some")  # type: ignore[arg-type]
    with pytest.raises(FileError, match=r"cfg.n_layers is 2, and the model that was passed has 3"):
        Circuit.from_json(file, model=gpt2)
    with pytest.raises(FileError, match="cannot be read"):
        Circuit.from_json(tmp_path / "none.json")
    target = tmp_path / "new.json"
    for member, says in [
        ("L0.H1@2", "has no name in the form of the MIB benchmark"),
        ("L0.N1", "has no name"),
        ("L0.attn_out->logits", "has no name"),
        ("L7.H1", "does not have L7.H1"),
        ("L0.KV0.k", "For q, k and v give edges"),
        ("embed->L0.KV0.k", "does not have embed->L0.KV0.k"),
    ]:
        with pytest.raises(SiteError, match=says):
            Circuit([member]).to_json(target, gpt2)
    assert not target.exists()
