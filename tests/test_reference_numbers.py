"""The reference numbers of the names task on SmolLM2, computed once with hand-written hooks, in float32."""

import numpy as np
import pytest
import torch

from patchwidgets.facade import Experiment
from patchwidgets.sites import Patch

# sites, direction, logit_diff, recovery, KL(clean ‖ run), P(Mary); None where no reference was taken
REFERENCE = [
    (["L23.H3"], "denoise", 1.2896, 0.5838, 0.4961, 0.4950),
    (["L23.H3"], "noise", -0.9625, 0.3897, 1.9438, 0.0962),
    (["L23.H3@-1"], "denoise", 0.9160, 0.5516, 0.6223, 0.4299),
    (["L23.H3", "L20.H0"], "denoise", 5.9437, 0.9848, 0.0559, 0.8701),
    (["L0.mlp_out@9"], "denoise", 6.1115, 0.9993, None, 0.9224),
    (["L26.mlp_out@-1"], "denoise", -4.1926, 0.1114, 4.1367, 0.0096),
    (["L20.mlp_out@-1"], "denoise", -6.1971, -0.0613, 5.7815, 0.0018),
    (["L26.N1262@-1"], "denoise", -4.3819, 0.0951, 4.2390, 0.0087),
    (["L26.N1262.neuron_pre@-1"], "denoise", -5.0027, 0.0416, 4.7815, 0.0049),
]
OTHER_HEADS = {
    "L20.H0": 0.216,
    "L29.H1": 0.265,
    "L24.H4": -0.250,
    "L29.H0": -0.203,
    "L17.H4": 0.178,
    "L19.H2": 0.162,
    "L23.H0": 0.120,
}


def test_the_unpatched_runs(names_experiment: Experiment) -> None:
    clean, corrupted = names_experiment.clean.values, names_experiment.corrupted.values
    assert clean["logit_diff"] == pytest.approx(6.1196, abs=0.005)
    assert corrupted["logit_diff"] == pytest.approx(-5.4853, abs=0.005)
    assert clean["kl"] == pytest.approx(0, abs=1e-6)
    assert clean["answer_prob"] == pytest.approx(0.9229, abs=0.001)
    assert corrupted["answer_prob"] == pytest.approx(0.0031, abs=0.001)


@pytest.mark.parametrize(
    ("sites", "direction", "value", "recovery", "kl", "prob"), REFERENCE, ids=str
)
def test_a_patch(
    names_experiment: Experiment,
    sites: list[str],
    direction: str,
    value: float,
    recovery: float,
    kl: float | None,
    prob: float,
) -> None:
    result = names_experiment.turned(direction).patch(*sites)  # type: ignore[arg-type]
    assert result.value == pytest.approx(value, abs=0.005)
    assert result.recovery == pytest.approx(recovery, abs=0.001)
    assert result["answer_prob"].value == pytest.approx(prob, abs=0.001)
    if kl is not None:
        assert result["kl"].value == pytest.approx(kl, abs=0.005)


@pytest.mark.parametrize(("site", "recovery"), OTHER_HEADS.items())
def test_other_heads(names_experiment: Experiment, site: str, recovery: float) -> None:
    assert names_experiment.patch(site).recovery == pytest.approx(recovery, abs=0.001)


def test_the_first_residual_everywhere_gives_the_clean_logits(names_experiment: Experiment) -> None:
    patched = names_experiment.patch("L0.resid_pre").logits
    assert (patched - names_experiment.clean.logits).abs().max() <= 1e-4
    itself = names_experiment.patch(
        Patch("L23.H3", source="host"), Patch("L5.resid_mid", source="corrupted")
    )
    assert itself.value == pytest.approx(names_experiment.corrupted.value, abs=1e-4)


def test_the_real_model_is_left_as_it_was(names_experiment: Experiment) -> None:
    hf_model = names_experiment.model.hf_model
    ids = torch.tensor([names_experiment.pairs[0].clean])

    def fails(_host: torch.Tensor, _source: torch.Tensor) -> torch.Tensor:
        raise RuntimeError("half way")

    with torch.no_grad():
        before = hf_model(ids).logits
        names_experiment.patch("L23.H3", "L20.mlp_out@-1", record_reach=True)
        with pytest.raises(RuntimeError, match="half way"):
            names_experiment.patch("L3.H3", Patch("L15.mlp_out", fn=fails))
        assert torch.equal(hf_model(ids).logits, before)
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in hf_model.modules())


def test_share_and_recovery_in_both_directions(names_experiment: Experiment) -> None:
    denoised = names_experiment.patch("L23.H3")
    assert denoised.share == denoised.recovery
    noised = names_experiment.flip().patch("L23.H3")
    assert noised.share == pytest.approx(1 - noised.recovery)
    assert noised.effect == pytest.approx(-0.9625 - 6.1196, abs=0.005)


def test_lower_is_better_metrics_recover_too(names_experiment: Experiment) -> None:
    result = names_experiment.patch("L23.H3")
    assert result["kl"].recovery == pytest.approx(1 - 0.4961 / 5.2113, abs=0.001)
    assert (result["rank"].value, result["rank"].recovery) == (1, 1)


def test_what_the_patch_reached(names_experiment: Experiment) -> None:
    reach = names_experiment.patch("L23.H3").reach()
    assert reach.pos == 13
    assert reach.along["z"].shape == (30, 9)
    assert reach.along["mlp_out"].shape == (30,)
    assert reach.along["z"][23, 3] == pytest.approx(1)
    assert reach.size["z"][23, 3] == pytest.approx(1)
    upstream = reach.along["z"].copy()
    upstream[23:] = 0
    # In two heads the runs differ by 3e-7 and 3e-6 of their length, in all others by 6e-4 and more. How much of that
    # is rounding is measured, and each processor has its own.
    clean, corrupted = (
        np.stack([run[f"L{layer}.z@-1"][0, 0].numpy() for layer in range(30)])
        for run in (names_experiment.clean, names_experiment.corrupted)
    )
    difference = np.linalg.norm(clean - corrupted, axis=-1) / np.linalg.norm(corrupted, axis=-1)
    undefined = np.isnan(reach.along["z"])
    assert undefined[18, 8]
    assert difference[undefined].max() < 1e-5
    assert np.nanmax(np.abs(upstream)) == 0
    assert reach.along["z"][23, :3].tolist() == [0, 0, 0]
    by_hand = {23: 0.526, 24: 0.417, 25: 0.436, 26: 0.313, 27: 0.390, 28: 0.410, 29: 0.335}
    for layer, along in by_hand.items():
        assert reach.along["mlp_out"][layer] == pytest.approx(along, abs=0.001)
    assert reach.cos["mlp_out"][23:] == pytest.approx(
        reach.along["mlp_out"][23:] / reach.size["mlp_out"][23:]
    )
    assert reach.top(3)["component"].tolist() == ["z", "z", "z"]


def test_top_tokens_of_the_three_runs(names_experiment: Experiment) -> None:
    rows = {row.token: row for row in names_experiment.patch("L23.H3").top_tokens(5)}
    assert list(rows)[:3] == [" Mary", " John", " the"]
    assert rows[" Mary"].clean.prob == pytest.approx(0.923, abs=0.001)
    assert rows[" Mary"].patched.prob == pytest.approx(0.495, abs=0.001)
    assert rows[" John"].corrupted.prob == pytest.approx(0.750, abs=0.001)
    assert rows[" John"].corrupted.logit == pytest.approx(11.8, abs=0.05)
