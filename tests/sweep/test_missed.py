"""What a choice of neurons missed: the exact sample of the others, its bound, and what is said about it."""

from pathlib import Path

import numpy as np
import pytest

import patchwidgets as pw
from patchwidgets.errors import MetricError, SiteError
from patchwidgets.facade import Experiment
from patchwidgets.models.model import Model
from patchwidgets.sweep.gradients import first_order_effects
from patchwidgets.sweep.missed import Missed
from patchwidgets.sweep.sweep_result import SweepResult
from patchwidgets.tasks import Task
from tests.support.families import D_MLP, N_LAYERS
from tests.support.sweeps import several_pairs
from tests.support.toy_models import make_model

N = N_LAYERS * D_MLP


@pytest.fixture(scope="module")
def experiment() -> Experiment:
    return several_pairs(make_model("llama"), ["logit_diff", "kl"])


@pytest.fixture(scope="module")
def chosen(experiment: Experiment) -> SweepResult:
    return experiment.sweep("neuron", top=pw.Top(12, sampled=30, seed=5), progress=False)


@pytest.fixture(scope="module")
def truth(experiment: Experiment) -> dict[str, float]:
    """|effect| of every neuron, by site."""
    every = experiment.sweep("neuron", progress=False)
    return dict(zip(every.site_names(), np.abs(every.effect.values.ravel()), strict=True))


def changed(result: SweepResult, sampled: float) -> SweepResult:
    """The same result, where the first of the sample has this effect, and all others have none."""
    data = result.to_xarray()
    data["sampled_effect"][:] = 0.0
    data["sampled_effect"][:, 0] = sampled
    return SweepResult(data)


def test_the_sample_is_exact_and_of_what_was_not_chosen(
    chosen: SweepResult, truth: dict[str, float]
) -> None:
    data = chosen.to_xarray()
    names = [str(name) for name in data["sampled"].values]
    assert (len(names), len(set(names))) == (30, 30)
    assert set(names).isdisjoint(chosen.site_names())
    effects = np.abs(data["sampled_effect"].sel(metric="logit_diff").mean("pair").values)
    assert effects == pytest.approx([truth[name] for name in names], abs=1e-3)


@pytest.mark.parametrize("k", [1, 5, 12])
def test_larger_ones_are_counted_and_named(
    chosen: SweepResult, truth: dict[str, float], k: int
) -> None:
    missed = chosen.missed(k)
    limit = sorted(truth[name] for name in chosen.site_names())[-k]
    names = [str(name) for name in chosen.to_xarray()["sampled"].values]
    assert missed.larger == tuple(name for name in names if truth[name] > limit)
    assert (missed.k, missed.others, missed.sampled) == (k, N - 12, 30)
    assert missed.estimate == pytest.approx((N - 12) * len(missed.larger) / 30)


def test_the_bound_is_that_of_the_binomial_distribution(chosen: SweepResult) -> None:
    """With none of n larger, 1 − 0.05^(1/n) of the others; with one, the root of P(X ≤ 1) = 0.05."""
    none, one = changed(chosen, 0.0).missed(5), changed(chosen, 1e9).missed(5)
    assert (len(none.larger), none.upper) == (0, int((1 - 0.05 ** (1 / 30)) * (N - 12)))
    p = next(p for p in np.linspace(0, 1, 100001) if (1 - p) ** 30 + 30 * p * (1 - p) ** 29 <= 0.05)
    assert (len(one.larger), one.upper) == (1, int(p * (N - 12)))


def test_it_is_said_in_words(chosen: SweepResult, recwarn: pytest.WarningsRecorder) -> None:
    result = changed(chosen, 1e9)
    site = result.missed(2).larger[0]
    says = (
        f"Some of the 2 largest sites are likely missed: 1 of 30 sites drawn from the {N - 12} that were not chosen "
        f"are larger than the 2nd ({site}), so about 4 may be. Choose more with top=, or leave top= out."
    )
    assert result.missed(2).warning == says
    result.top_sites(2)
    assert [str(each.message) for each in recwarn] == [says]
    recwarn.clear()
    quiet = changed(chosen, 0.0)
    assert quiet.missed(2).warning is None
    quiet.top_sites(2)
    assert not list(recwarn)


def test_it_survives_files_and_selections(chosen: SweepResult, tmp_path: Path) -> None:
    chosen.save(tmp_path / "neurons.nc")
    again = SweepResult.load(tmp_path / "neurons.nc")
    assert [again.missed(k) for k in (1, 4)] == [chosen.missed(k) for k in (1, 4)]
    assert again.missed(3, "kl") == chosen.missed(3, "kl") == chosen.sel(metric="kl").missed(3)
    first = chosen.sel(pair=0)
    assert first.missed(4).sampled == 30
    alone = np.abs(chosen.to_xarray()["sampled_effect"].values[0, :, 0])
    limit = np.sort(np.abs(first.effect.values))[-4]
    assert len(first.missed(4).larger) == (alone > limit).sum()
    few = chosen.sel(site=chosen.site_names()[:3])
    assert few.missed(2).sampled == 30
    with pytest.raises(MetricError, match="does not measure 'rank'"):
        chosen.missed(metric="rank")


def test_a_seed_draws_the_same_and_another_one_others(experiment: Experiment) -> None:
    def drawn(seed: int) -> list[str]:
        top = pw.Top(12, sampled=30, seed=seed)
        result = experiment.sweep("neuron", top=top, progress=False).to_xarray()
        return [str(name) for name in result["sampled"].values]

    assert drawn(1) == drawn(1) != drawn(2)


def test_nothing_is_missed_where_all_are_tried(experiment: Experiment) -> None:
    nothing = Missed(3, 0, 0, (), 0.0, 0)
    assert experiment.sweep("z", progress=False).missed(3) == nothing
    assert experiment.sweep("neuron", top=N, layers=[1], progress=False).missed(3) == nothing
    whole = experiment.sweep("neuron", top=pw.Top(N - 7, sampled=50), progress=False).missed(1)
    assert (whole.others, whole.sampled, whole.upper) == (7, 7, len(whole.larger))


def test_without_a_sample_nothing_is_known(experiment: Experiment, chosen: SweepResult) -> None:
    result = experiment.sweep("neuron", top=pw.Top(12, sampled=0), progress=False)
    missed = result.missed(3)
    assert (missed.others, missed.sampled, missed.upper) == (N - 12, 0, N - 12)
    assert np.isnan(missed.estimate)
    data = chosen.to_xarray().drop_vars(["sampled_value", "sampled_effect", "sampled"])
    del data.attrs["n_others"]
    with pytest.raises(SiteError, match="of an earlier version, without a sample"):
        SweepResult(data).missed()
    assert len(SweepResult(data).top_sites(3)) == 3


def test_a_sweep_that_was_stopped_knows_a_part_of_the_sample(experiment: Experiment) -> None:
    parts = experiment.iter_sweep("neuron", top=pw.Top(12, sampled=30), batch=8)
    next(parts)
    begun = next(parts).result.missed(1)
    *_, last = parts
    assert begun.sampled <= last.result.missed(1).sampled == 30


def test_the_fifth_largest_of_smollm2_whose_gradient_is_flat(smollm2: Model) -> None:
    """By the gradient in the host run, it is the 19,540th of 46,080: a layer norm saturates on the way."""
    task = Task(
        "The keys that the man near the cabinet likes",
        "The key that the man near the cabinet likes",
        (" are", " were"),
        (" is", " was"),
    )
    experiment = Experiment(smollm2, task)
    axes: dict[str, list[int | str]] = {"layer": [2], "neuron": list(range(1536))}
    host = np.abs(first_order_effects(experiment, "neuron", axes, [0.0])[0, 0])
    assert (host > host[321]).sum() > 500
    chosen = experiment.sweep("neuron", layers=[2], top=pw.Top(5, sampled=20), progress=False)
    assert chosen.top_sites(1) == ["L2.N321"]
    assert float(chosen.effect.max()) == pytest.approx(0.895, abs=1e-3)
    assert chosen.missed(1).larger == ()
