"""Sweeps of large models and long prompts, made up from those of a small one: figures need no model."""

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
