"""What tests of sweeps share: experiments on random models, sweeps of every kind, and the slow way beside them."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from patchwidgets.facade import Experiment
from patchwidgets.models.model import Model
from patchwidgets.sites import Patch
from patchwidgets.sweep.grid import Grid, make_grid
from patchwidgets.sweep.grid_values import GridValues
from patchwidgets.sweep.request import SweepRequest
from patchwidgets.sweep.savings import Savings
from patchwidgets.sweep.sweep import Sweep
from patchwidgets.tasks import Task

APART = Savings(join_below=0)
"""These models are so small that otherwise all positions would run together."""

METRICS = ["logit_diff", "kl"]


def one_pair(model: Model, metrics: list[str] = METRICS) -> Experiment:
    task = Task("w3 w14 w15 w9 w26 w5 w35", "w3 w14 w42 w9 w26 w7 w35", " w8", " w9", {"first": 2})
    return Experiment(model, task, metrics)


def several_pairs(model: Model, metrics: list[str] = METRICS) -> Experiment:
    """Two lengths; first differences at 1, 3 and 2."""
    clean = ["w3 w14 w15 w9 w26", "w7 w5 w9 w33 w6", "w3 w14 w42 w9 w26 w7 w35"]
    corrupted = ["w3 w16 w15 w9 w26", "w7 w5 w9 w34 w6", "w3 w14 w43 w9 w26 w7 w35"]
    places = {"subject": [1, 3, 2], "end": [4, 4, 6]}
    return Experiment(
        model,
        Task(clean, corrupted, [" w8", " w10", " w11"], [" w9", " w12", " w13"], places),
        metrics,
    )


def sweep(
    experiment: Experiment, *grids: Grid, savings: Savings = APART, **options: Any
) -> list[GridValues]:
    made = Sweep(experiment, grids, savings=savings, **options)
    for _ in made.run():
        pass
    assert made.progress.left == 0
    return made.grid_values()


def one_by_one(experiment: Experiment, grid: Grid) -> dict[str, np.ndarray]:
    """Values of one full forward pass per cell, ``[cell, pair]`` by metric."""
    results = [experiment.patch(*patches) for patches in grid.cells]
    return {
        name: np.array([result.readings[name].patched for result in results])
        for name in experiment.metrics
    }


def assert_same(experiment: Experiment, grid_values: GridValues, tolerance: float = 1e-4) -> None:
    """To rounding of logits whose size is that of these models' (a few dozen)."""
    size = max(1.0, float(experiment.host.logits.abs().max()))
    for name, expected in one_by_one(experiment, grid_values.grid).items():
        gap = np.abs(grid_values.values[name] - expected).max()
        assert gap <= tolerance * size, f"{name}: off by {gap}"


def every_grid(experiment: Experiment) -> Iterator[Grid]:
    has = experiment.model.components
    for component in ("resid_pre", "resid_mid", "resid_post", "attn_out", "mlp_out"):
        if component in has:
            yield make_grid(experiment, SweepRequest(component, ("layer", "pos_name")))
    yield make_grid(experiment, SweepRequest("z"))
    yield make_grid(experiment, SweepRequest("attn_out"))
    yield make_grid(experiment, SweepRequest("mlp_out", window=2))
    yield make_grid(experiment, SweepRequest("embed", ("pos_name",)))
    yield make_grid(experiment, SweepRequest(sites=list(odd_sites(experiment))))


def odd_sites(experiment: Experiment) -> Iterator[Any]:
    """Joint patches, other sources, functions, single neurons."""
    yield ["L0.H1", "L2.mlp_out@-1"]
    yield ["L1.z", Patch("L1.H2", "host")]
    yield [Patch("L0.attn_out@0", fn=lambda host, _source: host + 1), "L1.resid_pre@0:2"]
    yield Patch("L1.mlp_out@1", "clean", lambda host, source: host + 2 * (source - host))
    yield Patch("L0.H0@-2", torch.zeros(1))
    yield Patch("L2.attn_out", torch.ones(1))
    if "neuron" in experiment.model.components:
        yield ["L1.N3", "L1.N7@-1", "L2.N1.neuron_pre"]
