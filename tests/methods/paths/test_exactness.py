"""Paths and edges against their definition in two runs, in every family, with every parameter random."""

from typing import Any

import numpy as np
import pytest

from patchwidgets.edges import Path
from patchwidgets.facade import Experiment
from patchwidgets.models.graph import all_edges
from patchwidgets.models.model import Model
from tests.support.families import CASES
from tests.support.sweeps import one_pair, several_pairs
from tests.support.toy_models import make_model
from tests.support.two_runs import TwoRuns


@pytest.fixture(scope="module", params=CASES)
def model(request: pytest.FixtureRequest) -> Model:
    return make_model(request.param)


def some_paths(experiment: Experiment) -> list[Path]:
    """Every kind of edge, neurons, positions and longer paths; different ones for each family."""
    model = experiment.model
    edges = all_edges(model)
    rng = np.random.default_rng(len(model.name))
    chosen = [edges[i] for i in rng.choice(len(edges), 6, replace=False)]
    head, key = ("L1.H2", "L2.KV1") if model.n_kv_heads == 2 else ("L1.H2", "L2.H1")
    if model.n_kv_heads == 1:
        key = "L2.KV0"
    texts = [
        "L0.attn_out->L2.mlp_in",
        "L1.attn_out@-1->logits",
        "embed@subject->L1.mlp_in",
        "L0.H1->logits@end",
    ]
    texts += ["L0.mlp_out->L1.mlp_in->logits", "L0.mlp_out->L1.mlp_in->L2.mlp_in"]
    if "v" not in model.refused:
        texts += [
            f"L0.H1->{key}.v->logits",
            f"embed->{key}.v@subject->logits",
            f"L0.mlp_out->{key}.v@subject",
        ]
    if "q" not in model.refused:
        texts += [
            f"L0.H1@end->{head}.q@-1->logits",
            f"L0.H1->{head}.q->L2.mlp_in->logits",
            f"L0.mlp_out->{key}.k",
        ]
    if "neuron" in model.components:
        texts += ["L0.N3->L1.mlp_in"]
    known = {str(path) for path in chosen}
    return chosen + [path for path in map(Path.parse, texts) if str(path) not in known]


@pytest.mark.parametrize(
    ("direction", "frozen"),
    [("denoise", ("attn", "mlp")), ("noise", ("attn", "mlp")), ("denoise", ("attn",))],
)
def test_every_family_equals_two_runs(model: Model, direction: Any, frozen: Any) -> None:
    experiment = several_pairs(model).turned(direction)
    paths = some_paths(experiment)
    result = experiment.sweep_paths(paths=paths, frozen=frozen, progress=False)
    effects = result.to_xarray()["effect"].sel(metric="logit_diff").values
    size = max(1.0, float(experiment.host.logits.abs().max()))
    for pair in range(3):
        slow = TwoRuns(experiment, pair, frozen)
        for i, path in enumerate(paths):
            expected = slow.effect(path)
            assert effects[i, pair] == pytest.approx(expected, abs=1e-4 * size), (str(path), pair)


@pytest.mark.parametrize("case", ["llama", "gpt2", "gptj", "gemma2"])
def test_every_edge_equals_two_runs(case: str) -> None:
    experiment = one_pair(make_model(case))
    result = experiment.edges(progress=False)
    size = max(1.0, float(experiment.host.logits.abs().max()))
    slow = TwoRuns(experiment, 0, ("attn", "mlp"))
    for path, effect in zip(all_edges(experiment.model), result.effect.values, strict=True):
        assert float(effect) == pytest.approx(slow.effect(path), abs=1e-4 * size), str(path)
