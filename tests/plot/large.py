"""Sweeps of large models and long prompts, made up from those of a small one: figures need no model."""

from collections.abc import Mapping

import numpy as np

import patchwidgets as pw
from patchwidgets.facade import Experiment

LONG_TOKENS = (
    " internationalisation",
    "_initialize_parameters",
    " 人工智能研究中心",
    " the",
    "\n\n",
    " ",
)


def large_sweep(experiment: Experiment, layers: int, heads: int) -> pw.SweepResult:
    """Of every head of a large model: the numbers of a small one, repeated, in part smaller and with other signs."""
    small = experiment.sweep("z", progress=False).to_xarray()
    large = small.isel(layer=np.arange(layers) % 4, head=np.arange(heads) % 4)
    large = large.assign_coords(layer=np.arange(layers), head=np.arange(heads))
    return pw.SweepResult(_scaled(large, (layers, heads), ("layer", "head")))


def long_sweep(experiment: Experiment, layers: int, positions: int) -> pw.SweepResult:
    """Of the residual stream at every token of a long prompt with long tokens and Chinese ones."""
    small = experiment.sweep("resid_pre", ("layer", "pos"), progress=False).to_xarray()
    chosen = np.arange(positions) % small.sizes["pos"]
    large = small.isel(layer=np.arange(layers) % 4, pos=chosen)
    tokens = np.array([LONG_TOKENS[i % len(LONG_TOKENS)] for i in range(positions)])
    changed = tokens.copy()
    changed[positions // 2] = " misinterpretations"
    large = large.assign_coords(layer=np.arange(layers), pos=np.arange(positions))
    large = large.assign_coords(clean_token=("pos", tokens), corrupted_token=("pos", changed))
    return pw.SweepResult(_scaled(large, (layers, positions), ("layer", "pos")))


def _scaled(dataset, shape: tuple[int, int], axes: tuple[str, str]):  # type: ignore[no-untyped-def]
    import xarray as xr

    factors = xr.DataArray(np.random.default_rng(0).uniform(-0.6, 1, shape), dims=axes)
    return dataset.assign(
        {name: dataset[name] * factors for name in ("effect", "share", "recovery", "value")}
    )


def large_edges(layers: int, heads: int) -> pw.SweepResult:
    """Of every edge between some heads and MLPs of a deep model, with numbers that fall off quickly."""
    generator = np.random.default_rng(0)
    names = ["embed->L0.mlp_in"]
    for _ in range(200):
        lower, upper = sorted(generator.choice(layers, 2, replace=False))
        sender = generator.choice([f"L{lower}.H{generator.integers(heads)}", f"L{lower}.mlp_out"])
        part = generator.choice(["q", "k", "v"])
        receiver = generator.choice(
            [f"L{upper}.H{generator.integers(heads)}.{part}", f"L{upper}.mlp_in", "logits"]
        )
        names.append(f"{sender}->{receiver}")
    names = list(dict.fromkeys(names))
    factors = 3 * generator.standard_normal(len(names)) * 0.97 ** np.arange(len(names))
    return edges_with_effects(dict(zip(names, factors, strict=True)))


def edges_with_effects(effects: Mapping[str, float]) -> pw.SweepResult:
    """Edges of any model, by name, as if they had been swept."""
    small = pw.Experiment(pw.load(), pw.tasks.ioi(1)).sweep_paths(
        paths=["L0.H1->logits", "L0.H0->logits"], progress=False
    )
    dataset = small.to_xarray().isel(edge=np.zeros(len(effects), dtype=int))
    dataset = dataset.assign_coords(edge=list(effects))
    dataset["effect"] = dataset["effect"] * 0 + np.array([*effects.values()])[:, None]
    return pw.SweepResult(dataset)
