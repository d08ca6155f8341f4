"""Sweep results: the reference numbers, ratios of means by hand, files that come back the same."""

from typing import Any

import numpy as np
import pytest

from patchwidgets.errors import MetricError, SiteError
from patchwidgets.facade import Experiment
from patchwidgets.sweep.sweep_result import SweepResult
from tests.support.sweeps import one_pair, several_pairs
from tests.support.toy_models import make_model


@pytest.fixture(scope="module")
def heads(names_experiment: Experiment) -> SweepResult:
    return names_experiment.sweep("z", progress=False)


@pytest.fixture(scope="module")
def pairs() -> Experiment:
    return several_pairs(make_model("llama"), ["logit_diff", "rank"])


def test_the_heads_of_the_names_task(heads: SweepResult) -> None:
    expected = {(23, 3): 0.584, (29, 1): 0.265, (24, 4): -0.250, (20, 0): 0.216, (29, 0): -0.203}
    expected |= {(17, 4): 0.178, (19, 2): 0.162, (23, 0): 0.120}
    for (layer, head), recovery in expected.items():
        found = float(heads.recovery.sel(layer=layer, head=head))
        assert found == pytest.approx(recovery, abs=6e-4)
    assert float(heads.value.sel(layer=23, head=3)) == pytest.approx(1.2896, abs=1e-3)
    assert heads.top_sites(5) == ["L23.H3", "L29.H1", "L24.H4", "L20.H0", "L29.H0"]
    kl = heads.over_pairs("kl").sel(layer=23, head=3)["value"]
    assert float(kl) == pytest.approx(0.4961, abs=1e-3)


def test_positions_of_the_names_task(names_experiment: Experiment) -> None:
    s = names_experiment.sweep("mlp_out", over=("layer", "pos"), layers=[0, 26], progress=False)
    assert float(s.recovery.sel(layer=0, pos=9)) == pytest.approx(0.9993, abs=1e-3)
    assert float(s.recovery.sel(layer=26, pos=13)) == pytest.approx(0.1114, abs=1e-3)
    assert (s.effect.sel(pos=slice(0, 8)) == 0).all()
    assert list(s.to_xarray()["clean_token"].values[8:10]) == [",", " John"]
    assert list(s.to_xarray()["corrupted_token"].values[8:10]) == [",", " Mary"]
    assert s.top_sites(1) == ["L0.mlp_out@9"]
    assert s.sel(pos=-1).top_sites(1) == ["L26.mlp_out@13"]


def test_it_says_what_it_is(heads: SweepResult) -> None:
    assert repr(heads).startswith("SweepResult(z of 'SmolLM2-135M-Instruct (from Q4_1)': 30 layer")
    assert heads.attrs["direction"] == "denoise"
    assert heads.attrs["dtype"] == "float32"
    assert "When Mary and John" in heads.attrs["task"]
    assert '"patchwidgets"' in heads.attrs["versions"]
    assert 0 < heads.attrs["noise_floor"] < 1e-3


@pytest.mark.parametrize("direction", ["denoise", "noise"])
def test_over_pairs_as_single_patches_say(pairs: Experiment, direction: str) -> None:
    experiment = pairs.turned(direction)  # type: ignore[arg-type]
    s = experiment.sweep("mlp_out", ("layer", "pos_name"), progress=False)
    assert s.axes == ("layer", "pos_name")
    for metric in s.metrics:
        found = s.over_pairs(metric)
        for layer in range(3):
            patched = experiment.patch(f"L{layer}.mlp_out@subject")[metric]
            cell = found.sel(layer=layer, pos_name="subject")
            for quantity in ("value", "effect", "share", "recovery"):
                expected = getattr(patched, quantity)
                assert float(cell[quantity]) == pytest.approx(expected, abs=1e-3, nan_ok=True)
    patched = experiment.patch("L1.mlp_out@subject")
    cell = s.to_xarray().sel(metric="logit_diff", layer=1, pos_name="subject")
    assert cell["share"].values == pytest.approx(patched.per_pair.share, abs=1e-3, nan_ok=True)
    assert cell["recovery"].values == pytest.approx(
        patched.per_pair.recovery, abs=1e-3, nan_ok=True
    )


def test_intervals_need_five_pairs(pairs: Experiment) -> None:
    s = pairs.sweep("z", progress=False)
    assert s.over_pairs().attrs["interval"] == "too few pairs: 3, and an interval needs 5"
    assert np.isnan(s.over_pairs()["effect_low"]).all()
    assert "median" in s.over_pairs("rank").attrs["interval"]


def test_one_row_per_metric_and_cell(pairs: Experiment) -> None:
    frame = pairs.sweep("z", progress=False).to_frame()
    assert len(frame) == 2 * 3 * 4
    assert list(frame["site"][:5]) == ["L0.H0", "L0.H1", "L0.H2", "L0.H3", "L1.H0"]
    assert {"metric", "layer", "head", "value", "effect", "share", "recovery"} <= set(frame)


def test_lists_of_sites(pairs: Experiment) -> None:
    s = pairs.sweep(sites=["L1.H2", ["L0.H1", "L2.mlp_out@-1"]], progress=False)
    assert s.axes == ("site",)
    assert s.site_names() == ["L1.H2", "L0.H1 + L2.mlp_out@-1"]
    joint = pairs.patch("L0.H1", "L2.mlp_out@-1")
    assert float(s.effect[1]) == pytest.approx(joint.effect, abs=1e-3)


def test_selecting(heads: SweepResult) -> None:
    assert heads.sel(layer=23).site_names()[3] == "L23.H3"
    assert heads.sel(metric="kl").metrics == ("kl",)
    assert heads.sel(layer=[20, 23]).top_sites(2) == ["L23.H3", "L20.H0"]
    with pytest.raises(SiteError, match="Cannot select by pos"):
        heads.sel(pos=1)
    with pytest.raises(MetricError, match="does not measure 'loss'"):
        heads.over_pairs("loss")


def test_selecting_positions_from_the_end() -> None:
    positions = one_pair(make_model("llama")).sweep("resid_pre", progress=False)
    late = positions.sel(pos=[np.int64(-1), 4, -2])
    assert late.to_xarray()["pos"].values.tolist() == [6, 4, 5]
    assert late.sel(pos=-1).site_names()[0] == "L0.resid_pre@6"
    assert positions.sel(pos=np.int64(-3)).site_names()[0] == "L0.resid_pre@4"
    assert positions.sel(pos=slice(2, 3)).to_xarray()["pos"].values.tolist() == [2, 3]
    earlier = positions.to_xarray()
    del earlier.attrs["n_positions"]
    assert SweepResult(earlier).sel(pos=-1).site_names()[0] == "L0.resid_pre@6"


@pytest.mark.parametrize(
    ("chosen", "says"),
    [
        ({"pos": -8}, r"has no pos -8; it has 0, 1, 2, 3, 4, 5, 6\.$"),
        ({"pos": [0, 7]}, r"has no pos 7; it has 0"),
        ({"pos": "S2"}, r"has no pos S2; it has 0"),
        ({"layer": 3}, r"has no layer 3; it has 0, 1, 2\.$"),
        ({"metric": "loss"}, r"has no metric loss; it has logit_diff, kl\.$"),
    ],
)
def test_selecting_what_is_not_there(chosen: dict[str, Any], says: str) -> None:
    positions = one_pair(make_model("llama")).sweep("resid_pre", progress=False)
    with pytest.raises(SiteError, match=says):
        positions.sel(**chosen)


def test_long_axes_are_told_by_their_ends(heads: SweepResult) -> None:
    with pytest.raises(SiteError, match=r"has no layer 30; it has 30 from 0 to 29\.$"):
        heads.sel(layer=30)


def test_parts_by_index_and_quantities_by_name(pairs: Experiment) -> None:
    s = pairs.sweep("z", progress=False)
    assert (len(s), s.shape) == (s.shape[0] * s.shape[1], s.effect.shape)
    assert (s["share"] == s.share).all()
    assert (s["effect_high"] == s.over_pairs()["effect_high"]).sum() == (
        ~s["effect_high"].isnull()
    ).sum()
    last = s.isel(layer=-1, head=[1, 0])
    assert last.site_names() == [s.site_names()[-s.shape[1] + head] for head in (1, 0)]
    assert last.effect.values.tolist() == s.effect.values[-1, [1, 0]].tolist()
    assert s.isel(layer=slice(0, 1), pair=[1]).to_xarray().sizes["pair"] == 1
    assert s.isel(metric=1).metrics == ("rank",)
    assert s.isel(pair=1).effect.values.tolist() == s.sel(pair=1).effect.values.tolist()
    for chosen, says in [
        ({"layer": 99}, "this sweep has"),
        ({"heads": 0}, "Did you mean 'head'"),
        ({"layer": "a"}, "Cannot select"),
    ]:
        with pytest.raises(SiteError, match=says):
            s.isel(**chosen)


def test_what_is_no_quantity_is_answered(pairs: Experiment) -> None:
    s = pairs.sweep("z", progress=False)
    for asked, says in [
        ("rank", r"s\.over_pairs\('rank'\)"),
        ("layer", r"s\.to_xarray\(\)\['layer'\]"),
        ("effects", "There are value, effect, share"),
        (0, r"s\.isel\(layer=0\)"),
    ]:
        with pytest.raises(MetricError, match=says):
            s[asked]  # type: ignore[index]
    with pytest.raises(MetricError, match=r"That is a quantity: s\['share'\]"):
        s.over_pairs("share")
