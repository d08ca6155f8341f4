"""Circuits of edges and nodes against numbers that the MIB benchmark's own code gives."""

import json
import zlib
from pathlib import Path as FilePath

import numpy as np
import pytest

from patchwidgets.facade import Experiment
from patchwidgets.methods.circuits.circuit import Circuit
from patchwidgets.models.model import Model
from patchwidgets.tasks import Task
from tests.support.families import VOCABULARY
from tests.support.sine_model import sine_gpt2
from tests.support.toy_tokenizer import toy_tokenizer

TASK = Task(
    ["w3 w14 w15 w9 w26", "w5 w14 w15 w9 w27"],
    ["w3 w14 w42 w9 w26", "w5 w11 w42 w9 w27"],
    " w8",
    " w9",
    {"X": 2},
)


def _score(name: str) -> float:
    return zlib.crc32(name.encode()) % 100003 / 100003 - 0.5


PUBLISHED = {
    5: (2, (2.5429101, 3.4583170)),
    20: (3, (2.5436461, 3.4575555)),
    40: (37, (2.5367875, 3.4475405)),
    60: (53, (2.5196166, 3.4845839)),
    70: (70, (2.5166366, 3.4715691)),
    75: (75, (2.5156446, 3.5556972)),
}
"""By n: how many of the n edges with the largest |score| are left after pruning, and the logit differences of both
pairs. From the benchmark's own code: ``Graph.apply_topn`` and ``evaluate_graph`` of EAP-IG at commit 795f560, on
TransformerLens 4.3's bridge (with its sum in place made a copy: in the bridge it would change the stream)."""


@pytest.fixture(scope="module")
def sine() -> Experiment:
    return Experiment(Model(sine_gpt2(), toy_tokenizer(VOCABULARY), "sine"), TASK)


@pytest.fixture
def scored(sine: Experiment, tmp_path: FilePath) -> Circuit:
    """Every edge with a score that is made of its name in the benchmark's files."""
    path = tmp_path / "scores.json"
    Circuit().to_json(path, sine.model)
    data = json.loads(path.read_text())
    for name, edge in data["edges"].items():
        edge["score"] = _score(name)
    path.write_text(json.dumps(data))
    return Circuit.from_json(path, everything=True)


@pytest.mark.parametrize("n", PUBLISHED)
def test_circuits_are_those_of_the_benchmarks_code(
    sine: Experiment, scored: Circuit, n: int
) -> None:
    n_pruned, values = PUBLISHED[n]
    circuit = Circuit.top(scored.scores, n).prune()
    assert len(circuit) == n_pruned
    got = sine.evaluate(circuit)["logit_diff"].circuit
    np.testing.assert_allclose(got, values, atol=sine.noise_floor["logit_diff"])


def test_the_curve_is_that_of_the_benchmarks_code(sine: Experiment, scored: Circuit) -> None:
    curve = sine.faithfulness_curve(scored, n_random=0, progress=False)
    assert [len(circuit) for circuit in curve.circuits[-4:]] == [3, 3, 34, 75]
    expected = [0, 0, 0, 0, 0, 0, -0.03807, -0.03807, -0.21543, 1]
    np.testing.assert_allclose(curve.faithfulness, expected, atol=2e-4)
    # Clean and corrupted differ by 0.034 only, so rounding of 1e-6 shows in the fifth digit.
    assert curve.cpr == pytest.approx(0.15336, abs=1e-4)
    assert curve.cmd == pytest.approx(0.84564, abs=1e-4)
    names = {"embed": "input"} | {
        f"L{layer}.H{head}": f"a{layer}.h{head}" for layer in range(2) for head in range(3)
    }
    names |= {f"L{layer}.mlp_out": f"m{layer}" for layer in range(2)}
    nodes = {site: _score(name) for site, name in names.items()}
    of_nodes = sine.faithfulness_curve(nodes, n_random=0, progress=False)
    assert of_nodes.cpr == pytest.approx(0.68004, abs=1e-4)
    assert of_nodes.cmd == pytest.approx(0.37904, abs=1e-4)
