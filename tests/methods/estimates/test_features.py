"""Estimates of a dictionary's features and of what it leaves out: by small steps of patches."""

from typing import Any

import numpy as np
import pytest
import torch

import patchwidgets as pw
from patchwidgets.facade import Experiment
from patchwidgets.methods.estimates import nodes
from patchwidgets.sweep.differentiable import ways
from tests.support.dictionaries import OfDirections
from tests.support.sweeps import one_pair, several_pairs
from tests.support.toy_models import make_model

STREAMS = ("resid_pre", "resid_mid", "resid_post", "attn_out", "mlp_out")


def with_dictionaries(case: str, stream: str, n: int = 9) -> pw.Model:
    """In two layers, so that features of the earlier one reach those of the later one."""
    made = [OfDirections(i, n, dtype=torch.float64).of(f"L{i}.{stream}") for i in (0, 2)]
    return make_model(case, torch.float64).with_dictionaries(*made)


def small_steps(experiment: Experiment, site: str, step: float = 5e-3) -> Any:
    """By central differences of patches a small part of the way, for each pair."""
    forth, back = (
        pw.Patch(site, fn=lambda host, source, part=part: host + part * (source - host))
        for part in (step, -step)
    )
    up, down = (np.asarray(experiment.patch(each).per_pair.value) for each in (forth, back))
    return (up - down) / (2 * step)


@pytest.mark.parametrize("case", ["llama", "gemma2", "bloom"])
@pytest.mark.parametrize("stream", STREAMS)
def test_features_and_errors_by_small_steps(case: str, stream: Any) -> None:
    experiment = several_pairs(with_dictionaries(case, stream), ["logit_diff"])
    for part in ("features", "error"):
        over = ("layer", "feature", "pos_name") if part == "features" else ("layer", "pos_name")
        found = experiment.estimate(f"{stream}.{part}", over, progress=False)  # type: ignore[arg-type]
        assert found.axes == over
        effects = found.to_xarray()["effect"].values[0].reshape(-1, 3)
        names = found.site_names()
        for i in np.argsort(-np.abs(effects).sum(-1))[:3]:
            assert effects[i] == pytest.approx(
                small_steps(experiment, names[i]), rel=0.02, abs=4e-4
            )
        assert np.abs(effects).max() > 0.02


def test_it_is_compared_with_the_sweep() -> None:
    experiment = several_pairs(with_dictionaries("llama", "resid_mid"), ["logit_diff"])
    exact = experiment.sweep("resid_mid.features", progress=False)
    found = experiment.estimate("resid_mid.features", progress=False)
    assert found.site_names() == exact.site_names()
    assert found.compare(exact).rank_correlation > 0.5


def test_the_budget_counts_the_numbers_of_features(monkeypatch: pytest.MonkeyPatch) -> None:
    held = []

    def record(experiment: Any, held_bytes: Any, budget: Any) -> Any:
        held.append(held_bytes(7))
        return ways(experiment, held_bytes, budget)

    monkeypatch.setattr(nodes, "ways", record)
    for n in (1000, 2000):
        experiment = one_pair(with_dictionaries("llama", "resid_post", n))
        experiment.estimate("resid_post.features", progress=False)
    # At least the features in both runs, their difference and the product, in two layers and at seven positions.
    assert held[1] - held[0] >= 4 * 4 * 1000 * 7 * 2
