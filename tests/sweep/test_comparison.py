"""An estimate against exact effects: numbers worked out by hand, and what cannot be compared."""

from typing import Any

import numpy as np
import pytest

import patchwidgets as pw
from patchwidgets.errors import MetricError, PatchError, SiteError
from patchwidgets.facade import Experiment
from patchwidgets.sweep.comparison import Comparison
from patchwidgets.sweep.sweep_result import SweepResult
from tests.support.sweeps import several_pairs
from tests.support.toy_models import make_model


@pytest.fixture(scope="module")
def llama() -> Experiment:
    return several_pairs(make_model("llama"), ["logit_diff", "kl"])


@pytest.fixture(scope="module")
def both(llama: Experiment) -> tuple[SweepResult, SweepResult]:
    return llama.estimate("z", progress=False), llama.sweep("z", progress=False)


BY_HAND = Comparison(
    method="AtP",
    component="z",
    metric="logit_diff",
    sites=("L0.H0", "L0.H1", "L0.H2", "L1.H0", "L1.H1"),
    estimated=np.array([3.0, -1.0, 0.5, 0.0, -0.2]),
    exact=np.array([2.0, -4.0, -0.5, 0.3, 0.001]),
    noise_floor=0.01,
    k=(1, 2, 3),
)


def test_numbers_worked_out_by_hand() -> None:
    """Ranks of the effects are 5 1 4 3 2 and 5 1 2 4 3, so that Σd² = 6; of sizes 5 4 3 1 2 and 4 5 3 2 1, so 4."""
    assert BY_HAND.rank_correlation == pytest.approx(1 - 6 * 6 / (5 * 24))
    assert BY_HAND.rank_correlation_of_sizes == pytest.approx(1 - 6 * 4 / (5 * 24))
    assert BY_HAND.found == {1: 0, 2: 2, 3: 3}
    # H2 has the other sign and L1.H0 none; L1.H1 is below the noise floor.
    assert BY_HAND.signs_wrong == 2 / 4
    assert BY_HAND.signs_wrong_in_top == {1: 0, 2: 0, 3: 1}
    frame = BY_HAND.to_frame()
    assert list(frame) == ["site", "estimated", "exact", "sign_wrong"]
    assert frame["sign_wrong"].tolist() == [False, False, True, True, False]


def test_in_words() -> None:
    assert repr(BY_HAND) == (
        "Comparison(AtP of 5 sites of z, logit_diff: rank correlation 0.700, of sizes 0.800; 0 of the 1 largest found, "
        "2 of the 2 largest found, 3 of the 3 largest found; 50.0% of 4 signs wrong, 0 among the 1 largest, 0 among "
        "the 2 largest, 1 among the 3 largest)"
    )


def test_equal_effects_have_no_ranks_and_noise_no_sign() -> None:
    flat = Comparison("AtP", "z", "kl", ("a", "b"), np.zeros(2), np.array([1e-9, 2e-9]), 1e-6, (2,))
    assert np.isnan(flat.rank_correlation)
    assert np.isnan(flat.signs_wrong)
    assert repr(flat).endswith("no effect above the noise floor)")


def test_scipy_agrees(both: tuple[SweepResult, SweepResult]) -> None:
    from scipy.stats import spearmanr

    comparison = both[0].compare(both[1])
    expected = spearmanr(both[0].effect.values.ravel(), both[1].effect.values.ravel()).statistic
    assert comparison.rank_correlation == pytest.approx(expected)
    assert comparison.k == (10,)
    assert comparison.noise_floor == float(both[1].to_xarray()["noise_floor"][0])
    of_kl = both[0].compare(both[1], metric="kl", k=[3, 100])
    assert of_kl.metric == "kl"
    assert of_kl.k == (3, 12)
    assert of_kl.found[12] == 12
    assert of_kl.exact.tolist() == both[1].over_pairs("kl")["effect"].values.ravel().tolist()


def test_order_does_not_matter_and_parts_can_be_compared(llama: Experiment, both: Any) -> None:
    turned = llama.sweep("z", ("head", "layer"), progress=False)
    assert both[0].compare(turned).rank_correlation == both[0].compare(both[1]).rank_correlation
    part = both[0].sel(layer=1).compare(both[1].sel(layer=1))
    assert part.sites == ("L1.H0", "L1.H1", "L1.H2", "L1.H3")
    one_pair = both[0].sel(pair=[1]).compare(both[1].sel(pair=[1]))
    assert one_pair.exact.tolist() == both[1].sel(pair=1).effect.values.ravel().tolist()


def test_certain_zeros_and_what_is_not_done_are_left_out(llama: Experiment) -> None:
    over = ("layer", "head", "pos_name")
    estimate, exact = (
        llama.estimate("z", over, progress=False),
        llama.sweep("z", over, progress=False),
    )
    n_zero = int(exact.to_xarray()["zero"].sum())
    assert n_zero > 0
    assert len(estimate.compare(exact).sites) == exact.effect.size - n_zero
    partly = next(llama.iter_sweep("z", batch=4)).result
    with pytest.raises(SiteError, match="Only 0 of 12 cells are known in both results"):
        llama.estimate("z", progress=False).compare(partly)


def test_what_cannot_be_compared(llama: Experiment, both: tuple[SweepResult, SweepResult]) -> None:
    estimate, exact = both
    refused: list[tuple[Any, Any, str]] = [
        (exact, exact, r"This result is exact; compare an estimate with it"),
        (estimate, estimate, r"Expected exact effects.*got an estimate \(AtP\)"),
        (estimate, "exact", r"Expected the exact result.*got str"),
        (
            estimate,
            llama.flip().sweep("z", progress=False),
            r"differ in direction: 'denoise' and 'noise'",
        ),
        (
            estimate,
            llama.sweep("mlp_out", progress=False),
            r"differ in component: 'z' and 'mlp_out'",
        ),
        (
            estimate,
            several_pairs(make_model("gpt2")).sweep("z", progress=False),
            r"differ in model: 'llama' and 'gpt2'",
        ),
        (estimate, exact.sel(pair=[0, 2]), r"has the pairs 0, 1, 2 and the exact result 0, 2"),
    ]
    for one, other, says in refused:
        with pytest.raises(PatchError, match=says):
            one.compare(other)
    edges = llama.estimate_edges(method="eap", progress=False)
    live = llama.sweep_paths("logits", frozen=("attn",), progress=False)
    with pytest.raises(PatchError, match=r"differ in frozen: 'attn\+mlp' and 'attn'"):
        edges.sel(receiver="logits").compare(live)
    assert edges.sel(receiver="logits").compare(llama.sweep_paths("logits", progress=False)).found
    other_task = Experiment(llama.model, pw.Task("w3 w14 w15", "w3 w16 w15", " w8", " w9"))
    with pytest.raises(PatchError, match=r"differ in task\. Compare results of one experiment"):
        estimate.compare(other_task.sweep("z", progress=False))
    with pytest.raises(
        SiteError, match=r"12 cells and the exact result 4.*only the estimate has L0\.H0, L0\.H1"
    ):
        estimate.compare(exact.sel(layer=[1]))
    with pytest.raises(SiteError, match=r"only the exact result has L0\.H0"):
        estimate.sel(layer=[1]).compare(exact)
    with pytest.raises(MetricError, match="does not measure 'rank'"):
        estimate.compare(exact, metric="rank")
    with pytest.raises(MetricError, match="does not measure 'kl'"):
        estimate.compare(llama.measuring("logit_diff").sweep("z", progress=False), metric="kl")
    for k in (0, [], [3, -1]):
        with pytest.raises(PatchError, match="expected how many of the largest effects"):
            estimate.compare(exact, k=k)
