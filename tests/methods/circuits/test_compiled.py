"""Circuits of a transformer that was compiled by hand into weights: the edges that matter are known."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from patchwidgets.facade import Experiment
from patchwidgets.methods.circuits.circuit import Circuit
from patchwidgets.tasks import Task
from tests.support.compiled_model import TRUE_EDGES, compiled_model

TRUE = Circuit(TRUE_EDGES)


@pytest.fixture(scope="module")
def exp() -> Experiment:
    return Experiment(compiled_model(), Task("w0 w1 w2 w3 w1", "w0 w2 w4 w5 w2", " w2", " w4"))


@pytest.fixture(scope="module")
def changes(exp: Experiment) -> dict[str, float]:
    """What leaving out one edge of all does to the faithfulness."""
    everything = exp.evaluate(Circuit.all_edges(exp.model))
    return everything.minimality()["change"].to_dict()


def test_the_model_does_its_task(exp: Experiment) -> None:
    tops = [run.logits.argmax(-1).tolist() for run in (exp.clean, exp.corrupted)]
    assert tops == [[2], [4]]
    assert exp.clean.value == pytest.approx(4.5)
    assert exp.corrupted.value == pytest.approx(-4.5)


def test_the_true_edges_are_found(changes: dict[str, float]) -> None:
    is_true = [name in TRUE_EDGES for name in changes]
    sizes = [abs(change) for change in changes.values()]
    assert sum(is_true) == len(TRUE_EDGES)
    assert roc_auc_score(is_true, sizes) == 1.0
    assert min(size for size, true in zip(sizes, is_true, strict=True) if true) > 0.4
    assert max(size for size, true in zip(sizes, is_true, strict=True) if not true) < 1e-6


def test_exact_effects_of_edges_find_them_too(exp: Experiment) -> None:
    effects = exp.flip().edges(progress=False)
    assert Circuit.top(effects, len(TRUE)) == TRUE
    is_true = [name in TRUE_EDGES for name in effects.site_names()]
    assert roc_auc_score(is_true, abs(effects.effect.values)) == 1.0


def test_the_true_edges_are_faithful_complete_and_minimal(exp: Experiment) -> None:
    result = exp.evaluate(TRUE)
    assert result.faithfulness == pytest.approx(1, abs=1e-6)
    assert result.completeness == pytest.approx(0, abs=1e-6)
    assert result.minimality()["change"].abs().min() > 0.4


def test_the_curve_is_perfect_from_the_size_of_the_circuit_on(
    exp: Experiment, changes: dict[str, float]
) -> None:
    n = len(changes)
    fractions = [0.01, (len(TRUE) + 0.5) / n, 0.5, 1.0]
    curve = exp.faithfulness_curve(changes, fractions, n_random=10, progress=False)
    assert curve.circuits[1] == TRUE
    np.testing.assert_allclose(curve.faithfulness, [0, 1, 1, 1], atol=1e-6)
    assert np.all(curve["logit_diff"].random_faithfulness[1] < 0.9)
    assert curve.cpr == pytest.approx(1 - fractions[1] + (fractions[1] - 0.01) / 2)


def test_every_node_of_the_circuit_is_needed(exp: Experiment) -> None:
    nodes = Circuit(["embed", "L0.H0", "L1.H1", "L1.mlp_out"])
    result = exp.evaluate(nodes)
    assert result.faithfulness == pytest.approx(1, abs=1e-6)
    changes = result.minimality()["change"].to_dict()
    assert changes.keys() == {"L0.H0", "L1.H1", "L1.mlp_out"}  # embed is ablated only where asked
    assert min(changes.values()) > 0.4
    assert set(TRUE.prune()) == set(TRUE)
    assert Circuit.all_edges(exp.model) >= TRUE
