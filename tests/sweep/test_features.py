"""Sweeps over features: each cell is its patch; `top` ranks by the gradient at the features themselves."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import patchwidgets as pw
from patchwidgets.errors import PatchError, RefusedError, SiteError
from patchwidgets.facade import Experiment
from patchwidgets.sites import Patch, Site
from patchwidgets.sweep.gradients import first_order_effects
from patchwidgets.sweep.grid import make_grid
from patchwidgets.sweep.request import SweepRequest
from tests.support.dictionaries import N_FEATURES, OfDirections, Random
from tests.support.sweeps import METRICS, one_by_one, one_pair, several_pairs, sweep
from tests.support.toy_models import make_model

FEW = 6


def with_dictionaries(
    case: str, *sites: str, n: int = FEW, dtype: torch.dtype = torch.float32
) -> Any:
    wide = torch.promote_types(dtype, torch.float32)
    made = [OfDirections(i, n, dtype=wide).of(site) for i, site in enumerate(sites)]
    return make_model(case, dtype).with_dictionaries(*made)


@pytest.mark.parametrize("case", ["llama", "gptj", "gemma2", "bloom"])
@pytest.mark.parametrize("stream", ["resid_pre", "resid_post", "mlp_out"])
def test_each_cell_is_its_patch(case: str, stream: str) -> None:
    experiment = several_pairs(with_dictionaries(case, f"L0.{stream}", f"L2.{stream}"))
    for over in (None, ("layer", "feature", "pos_name")):
        request = SweepRequest(f"{stream}.features", over)  # type: ignore[arg-type]
        grid = make_grid(experiment, request)
        assert grid.axes["layer"] == [0, 2]
        assert grid.shape == (2, FEW) + ((2,) if over else ())
        (values,) = sweep(experiment, grid)
        expected = one_by_one(experiment, grid)
        for name in METRICS:
            scale = max(1.0, float(np.abs(expected[name]).max()))
            assert values.values[name] == pytest.approx(expected[name], abs=1e-4 * scale)


def test_positions_and_errors() -> None:
    experiment = one_pair(with_dictionaries("llama", "L1.resid_mid"))
    for component, over, shape in (
        ("resid_mid.features", ("layer", "feature", "pos"), (1, FEW, 7)),
        ("resid_mid.error", None, (1, 7)),
        ("resid_mid.error", ("layer",), (1,)),
    ):
        grid = make_grid(experiment, SweepRequest(component, over))  # type: ignore[arg-type]
        (values,) = sweep(experiment, grid)
        expected = one_by_one(experiment, grid)["logit_diff"]
        assert grid.shape == shape
        assert values.values["logit_diff"] == pytest.approx(expected, abs=1e-4)
    result = experiment.sweep("resid_mid.features", ("layer", "feature", "pos"), progress=False)
    # The prompts are alike before position 2, and another value is written at no position before it.
    assert (result.to_xarray().effect.sel(pos=slice(0, 1)) == 0).all()


def test_it_is_saved_and_read_again(tmp_path: Path) -> None:
    experiment = one_pair(with_dictionaries("llama", "L0.resid_post", "L1.resid_post"))
    result = experiment.sweep("resid_post.features", progress=False)
    result.save(tmp_path / "features.nc")
    again = pw.SweepResult.load(tmp_path / "features.nc")
    assert again.axes == ("layer", "feature")
    assert again.to_frame().equals(result.to_frame())
    assert again.top_sites(3) == result.top_sites(3)
    assert result.top_sites(1)[0].split(".F")[0] in ("L0.resid_post", "L1.resid_post")
    pw.plot.heatmap(again)


def test_a_window_and_a_list_of_sites() -> None:
    experiment = one_pair(with_dictionaries("llama", *(f"L{i}.resid_post" for i in range(3))))
    sites = [["L0.resid_post.F1", "L1.resid_post.F1"], "L2.resid_post.error@-1"]
    found = experiment.sweep(sites=sites, progress=False).to_xarray().value[0, :, 0].values
    expected = [experiment.patch(*sites[0]).value, experiment.patch(sites[1]).value]  # type: ignore[arg-type]
    assert found == pytest.approx(expected, abs=1e-4)
    window = experiment.sweep("resid_post.features", window=2, progress=False).to_xarray()
    assert window.value.sel(layer=1, feature=1, metric="logit_diff").item() == pytest.approx(
        expected[0], abs=1e-4
    )


@pytest.mark.parametrize("stream", ["resid_post", "resid_pre", "resid_mid", "attn_out"])
def test_the_criterion_by_finite_differences(stream: str) -> None:
    """In one pass for both layers, though the features of the earlier one reach those of the later one."""
    model = with_dictionaries("llama", f"L0.{stream}", f"L2.{stream}", n=9, dtype=torch.float64)
    experiment = several_pairs(model, ["logit_diff"])
    axes: dict[str, Any] = {"layer": [0, 2], "feature": list(range(9))}
    found = first_order_effects(experiment, f"{stream}.features", axes, [0.0])[0]

    def effect(site: str, step: float) -> np.ndarray:
        moved = Patch(site, fn=lambda host, source: host + step * (source - host))
        return experiment.patch(moved).per_pair.effect

    for i, feature in np.ndindex(found.shape):
        site = f"L{axes['layer'][i]}.{stream}.F{feature}"
        expected = np.mean(effect(site, 1e-3)) * 1e3
        assert found[i, feature] == pytest.approx(expected, rel=0.02, abs=1e-3), site
    assert np.abs(found).max() > 0.1


def test_top_features_are_exact() -> None:
    experiment = one_pair(with_dictionaries("llama", "L1.resid_post", n=N_FEATURES))
    top = experiment.sweep("resid_post.features", top=4, progress=False)
    sites = top.to_xarray().site.values
    assert len(sites) == 4
    assert all(Site.parse(site).component == "resid_post.features" for site in sites)
    values = top.to_xarray().value[0, :, 0].values
    assert values == pytest.approx([experiment.patch(site).value for site in sites], abs=1e-4)
    assert top.missed(k=2).others == N_FEATURES - 4
    with pytest.raises(SiteError, match="top= chooses among single features; add 'feature'"):
        experiment.sweep("resid_post.features", over=("layer",), top=4, progress=False)
    with pytest.raises(PatchError, match="top= chooses among single neurons"):
        experiment.sweep("resid_post.error", top=4, progress=False)


def through_numpy(sparse: Random, encode: bool) -> Any:
    def away(x: Tensor, function: Any) -> Tensor:
        return torch.tensor(function(torch.tensor(x.numpy())).numpy())

    return pw.wrap_dictionary(
        "L1.resid_post",
        (lambda x: away(x, sparse.encode)) if encode else sparse.encode,
        sparse.decode if encode else lambda f: away(f.detach(), sparse.decode),
    )


@pytest.mark.parametrize("encode", [True, False])
def test_no_gradient_through_what_leaves_torch(encode: bool) -> None:
    sparse = Random(n=FEW)
    experiment = one_pair(make_model("llama").with_dictionaries(through_numpy(sparse, encode)))
    both = experiment.patch("L1.resid_post.features", "L1.resid_post.error").value
    assert both == pytest.approx(experiment.patch("L1.resid_post").value, abs=1e-4)
    every = experiment.sweep("resid_post.features", progress=False)
    assert every.to_xarray().value.shape == (2, 1, FEW, 1)
    with pytest.raises(
        RefusedError, match=r"No gradient passes through the dictionary of L1.resid"
    ):
        experiment.sweep("resid_post.features", top=2, progress=False)


def test_a_plan_counts_the_memory_of_features() -> None:
    few, many = (
        one_pair(with_dictionaries("llama", "L1.resid_post", n=n)).plan(
            sites=["L1.resid_post.F1"], budget=1e9
        )
        for n in (10, 1010)
    )
    assert few.sites == many.sites == 1
    # At least four float32 copies of 1,000 features at seven positions, of host, source and two rows.
    assert many.memory - few.memory >= 4 * 4 * 1000 * 7 * 2


def experiment_with(*dictionaries: Any) -> Experiment:
    return one_pair(make_model("llama").with_dictionaries(*dictionaries))


def test_axes_that_features_do_not_have() -> None:
    experiment = experiment_with(Random(n=5).of("L0.mlp_out"), Random(n=7).of("L2.mlp_out"))
    expected = r"unlike numbers of features \(5 of L0.mlp_out, 7 of L2.mlp_out\).*layers=\[0\]"
    with pytest.raises(SiteError, match=expected):
        experiment.sweep("mlp_out.features", progress=False)
    one = experiment.sweep("mlp_out.features", layers=[2], progress=False)
    assert one.to_xarray().sizes["feature"] == 7
    with pytest.raises(
        SiteError, match=r"Cannot sweep mlp_out.features over \('layer', 'neuron'\)"
    ):
        experiment.sweep("mlp_out.features", over=("layer", "neuron"), progress=False)
    with pytest.raises(RefusedError, match=r"No L1.mlp_out.features here"):
        experiment.sweep("mlp_out.features", layers=[0, 1], progress=False)
    with pytest.raises(RefusedError, match=r"No L0.resid_post.features here"):
        experiment.sweep("resid_post.features", progress=False)
