"""Sweeps of ablations: every cell as one patch gives it, draws and all; files; dose curves."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import patchwidgets as pw
from patchwidgets.errors import PatchError, SiteError
from patchwidgets.facade import Experiment
from patchwidgets.models.model import Model
from patchwidgets.sites import Patch, Site
from patchwidgets.sweep.grid import make_grid
from patchwidgets.sweep.request import SweepRequest
from patchwidgets.sweep.sweep_result import SweepResult
from patchwidgets.tasks import Task
from tests.support.families import CASES
from tests.support.sweeps import assert_same, one_pair, several_pairs, sweep
from tests.support.toy_models import has, make_model

S = pw.sources
OTHER = Task(
    ["w3 w14 w15 w9 w26 w1 w2", "w7 w5 w9 w33 w6 w3 w4"],
    ["w3 w16 w15 w9 w26 w1 w2", "w7 w5 w9 w34 w6 w3 w4"],
    " w8",
    " w9",
    {"subject": 1, "end": -1},
)


def cells(experiment: Experiment) -> list[Any]:
    """Every kind of source, alone and jointly, on pairs of two lengths."""
    made = [
        Patch("L1.H2", S.zero()),
        Patch("L1.mlp_out@subject", S.mean(per="pos_name")),
        Patch("L2.resid_pre@end", S.mean(OTHER, per="pos_name", run="clean")),
        Patch("L0.z", S.mean(per=None)),
        Patch("L1.attn_out@subject", S.resample(n=2, seed=0)),
        Patch("L1.resid_pre@-1", S.resample(OTHER, n=3, seed=1)),
        Patch("embed@subject", S.noise(n=2, seed=5)),
        [Patch("embed@subject", S.noise(n=2, seed=5)), Patch("L1.mlp_out@-1", "host")],
        Patch("L1.resid_post@-1", S.steer(torch.linspace(-1, 1, 32), 2.0)),
        Patch("L2.H1@end", S.at("L0.H0@subject")),
        Patch("L2.resid_pre@end", S.at("L1.resid_pre", "host")),
        [Patch("L1.H1@-1", S.zero()), Patch("L1.H1@0", S.zero()), "L2.mlp_out@end"],
    ]
    if has(experiment, "pattern"):
        made.append([Patch("L1.H2.pattern@end", S.cut("subject")), Patch("L1.H0", S.zero())])
    return made


@pytest.mark.parametrize(
    ("case", "direction"), [*((case, "noise") for case in CASES), ("llama", "denoise")]
)
def test_every_family_equals_one_forward_per_site(case: str, direction: Any) -> None:
    experiment = several_pairs(make_model(case)).turned(direction)
    grid = make_grid(experiment, SweepRequest(sites=cells(experiment)))
    (grid_values,) = sweep(experiment, grid)
    assert_same(experiment, grid_values)
    assert len(set(grid_values.values["logit_diff"][:, 0].round(4))) > len(grid.cells) - 3


def test_make_gives_every_site_its_ablation(toy: Model) -> None:
    experiment = one_pair(toy)
    for make in (
        lambda site: Patch(site, S.zero()),
        lambda site: Patch(site, S.mean(OTHER)),
        lambda site: Patch(site, S.resample(OTHER, n=2, seed=3)),
    ):
        result = experiment.sweep("z", make=make, progress=False)
        for layer, head in ((0, 1), (2, 3)):
            alone = experiment.patch(make(Site("z", layer, head)))
            found = result.sel(layer=layer, head=head)
            assert float(found.effect) == pytest.approx(alone.effect, abs=1e-4)
            assert float(found.share) == pytest.approx(alone.share, abs=1e-4)


def test_zero_is_swept_at_every_host_position(toy: Model) -> None:
    """It needs no counterpart, and also changes positions where both prompts are the same."""
    experiment = one_pair(toy)
    make = lambda site: Patch(site, S.zero())  # noqa: E731
    result = experiment.sweep("resid_pre", make=make, progress=False)
    assert not result.to_xarray()["unpatchable"].any()
    assert (np.abs(result.effect.sel(layer=0).values) > 1e-3).all()
    assert not result.to_xarray()["zero"].any()


def drawn_sweep(experiment: Experiment) -> SweepResult:
    sites = [
        "L1.H2",
        Patch("L1.H1@end", S.resample(n=3, seed=0)),
        Patch("embed@subject", S.noise(n=2, seed=1)),
    ]
    return experiment.sweep(sites=sites, progress=False)


def test_draws_of_a_sweep(toy: Model, tmp_path: Path) -> None:
    experiment = several_pairs(toy, ["logit_diff", "rank"])
    result = drawn_sweep(experiment)
    data = result.to_xarray()
    assert data["draw_effect"].dims == ("metric", "draw", "site", "pair")
    assert data["draw_effect"].shape == (2, 3, 3, 3)
    patches = [
        Patch("L1.H1@end", S.resample(n=3, seed=0)),
        Patch("embed@subject", S.noise(n=2, seed=1)),
    ]
    for i, patch in enumerate(patches, 1):
        alone, n = experiment.patch(patch), patch.source.n
        for name in ("logit_diff", "rank"):
            reading = alone[name]
            drawn = data["draw_effect"].sel(metric=name).values[:, i]
            host = reading.corrupted
            assert drawn[:n] + host == pytest.approx(reading.draws, abs=1e-4)
            assert np.isnan(drawn[n:]).all()
            spread = result.over_pairs(name)["draw_std"].values[i]
            assert spread == pytest.approx(reading.spread, abs=1e-4)
        assert float(result.effect[i]) == pytest.approx(alone.effect, abs=1e-4)
    assert np.isnan(result.over_pairs()["draw_std"].values[0])
    assert "resample(n=3, seed=0), noise(scale=3.0, n=2, seed=1), 3 draws" in repr(result)
    assert "draw_std" in result.to_frame()
    result.save(tmp_path / "drawn.nc")
    again = SweepResult.load(tmp_path / "drawn.nc")
    assert again.to_xarray().equals(data)
    assert again.attrs == result.attrs
    assert repr(again) == repr(result)
    assert result.sel(site="L1.H1@end").to_xarray()["draw_effect"].shape == (2, 3, 3)


def test_a_file_says_what_was_written(toy: Model, tmp_path: Path) -> None:
    experiment = several_pairs(toy)
    result = experiment.sweep(
        "mlp_out", make=lambda site: Patch(site, S.mean(per=None)), progress=False
    )
    result.save(tmp_path / "mean.nc")
    (data,) = json.loads(SweepResult.load(tmp_path / "mean.nc").attrs["sources"])
    assert S.from_json(json.dumps(data)) == S.mean(per=None)
    assert repr(result).endswith("denoise; mean(per=None))")
    plain = experiment.sweep("mlp_out", progress=False)
    assert plain.attrs["sources"] == '["source"]'
    assert repr(plain).endswith("denoise)")


def test_cells_of_one_site_are_told_apart_by_their_sources(toy: Model, tmp_path: Path) -> None:
    experiment = one_pair(toy)
    sites = [Patch("L1.H2", S.zero()), Patch("L1.H2", S.steer(torch.ones(8))), "L1.H2", "L0.H1"]
    result = experiment.sweep(sites=sites, progress=False)
    names = ["L1.H2 = zero()", "L1.H2 = steer(<Tensor>, alpha=1.0)", "L1.H2", "L0.H1"]
    assert result.site_names() == names
    result.save(tmp_path / "sites.nc")
    assert SweepResult.load(tmp_path / "sites.nc").site_names() == names


def test_progress_and_plan_count_sites_and_not_draws(toy: Model) -> None:
    experiment = several_pairs(toy)
    make = lambda site: Patch(site, S.resample(n=4, seed=0))  # noqa: E731
    plan = experiment.plan("mlp_out", ("layer", "pos_name"), make=make)
    assert (plan.sites, plan.runs) == (6, 6 * 4 * 3 - 3 * 4)
    parts = list(experiment.iter_sweep("mlp_out", ("layer", "pos_name"), make=make, batch=5))
    assert [part.done + part.left for part in parts] == [6] * len(parts)
    assert parts[-1].left == 0
    assert any(0 < part.done < 6 for part in parts)


def test_an_error_of_a_source_is_the_sweep_s(toy: Model) -> None:
    experiment = several_pairs(toy)
    with pytest.raises(PatchError, match="so that their positions do not correspond"):
        experiment.sweep("z", make=lambda site: Patch(site, S.mean()), progress=False)
    with pytest.raises(PatchError, match="finds no other prompt of 7 tokens for pair 2"):
        experiment.sweep("z", make=lambda site: Patch(site, S.resample(seed=0)), progress=False)
    with pytest.raises(PatchError, match="goes onto the input embedding"):
        experiment.sweep("z", make=lambda site: Patch(site, S.noise()), progress=False)


# ---- dose curves -----------------------------------------------------------------------------------


@pytest.mark.parametrize("direction", ["denoise", "noise"])
def test_a_dose_curve_is_a_patch_for_each_dose(toy: Model, tmp_path: Path, direction: Any) -> None:
    experiment = several_pairs(toy)
    vector, alphas = torch.linspace(-3, 2, 32), [-1, 0, 0.5, 2.0]
    curve = experiment.dose_curve(
        "L1.resid_post@end", vector, alphas, direction=direction, progress=False
    )
    assert curve.axes == ("alpha",)
    assert curve.metrics == ("logit_diff", "kl")
    turned = experiment.turned(direction)
    for alpha in alphas:
        alone = turned.patch(Patch("L1.resid_post@end", S.steer(vector, alpha)))
        for name in curve.metrics:
            found = curve.over_pairs(name).sel(alpha=alpha)
            assert float(found["effect"]) == pytest.approx(alone[name].effect, abs=1e-3)
            recovery = float(found["recovery"])
            assert recovery == pytest.approx(alone[name].recovery, abs=1e-3, nan_ok=True)
    assert abs(float(curve.effect.sel(alpha=0))) < 1e-6
    frame = curve.to_frame()
    assert frame["alpha"].tolist() == alphas * 2
    assert set(frame["site"]) == {"L1.resid_post@end"}
    curve.save(tmp_path / "dose.nc")
    assert SweepResult.load(tmp_path / "dose.nc").to_xarray().equals(curve.to_xarray())
    assert curve.sel(alpha=2.0).site_names() == ["L1.resid_post@end"]


def test_a_vector_for_every_pair(toy: Model) -> None:
    """Along source − host, a dose of 1 is the source."""
    experiment = several_pairs(toy)
    vector = experiment.source["L2.resid_post@-1"] - experiment.host["L2.resid_post@-1"]
    curve = experiment.dose_curve("L2.resid_post@-1", vector, [1], progress=False)
    assert float(curve.recovery[0]) == pytest.approx(1, abs=1e-4)


def test_doses_that_are_refused(toy_experiment: Experiment) -> None:
    vector = torch.ones(32)
    for alphas in ([], [1, 1.0], 3):
        with pytest.raises(PatchError, match="expected one or more different numbers"):
            toy_experiment.dose_curve("L1.mlp_out", vector, alphas)  # type: ignore[arg-type]
    with pytest.raises(PatchError, match="alpha is nan"):
        toy_experiment.dose_curve("L1.mlp_out", vector, [float("nan")])
    with pytest.raises(SiteError, match="layer 9 is out of range"):
        toy_experiment.dose_curve("L9.mlp_out", vector, [1])
    with pytest.raises(PatchError, match=r"the source has shape \(32,\)"):
        toy_experiment.dose_curve("L1.H2", vector, [1], progress=False)
