"""Ablations, steering and other sites against hooks of torch written here; draws; datasets of unequal lengths."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import patchwidgets as pw
from patchwidgets.errors import CounterpartError, PatchError, SiteError
from patchwidgets.experiment.patched_pass import patched_pass
from patchwidgets.facade import Experiment
from patchwidgets.models.model import Model
from patchwidgets.sites import Patch
from patchwidgets.tasks import Task
from tests.support.families import CASES
from tests.support.torch_hooks import logits, read
from tests.support.toy_models import assert_same_logits, make_model

S = pw.sources
CLEAN = ["w3 w14 w15 w9 w26", "w7 w5 w9 w33 w6", "w30 w4 w1 w52 w8"]
CORRUPTED = ["w3 w14 w42 w9 w26", "w7 w5 w9 w34 w6", "w30 w4 w1 w50 w8"]
PLACES = {"subject": [2, 3, 3], "end": -1}
D_HEAD = 8
HEAD = slice(2 * D_HEAD, 3 * D_HEAD)
"""Head 2 of z."""
UNEQUAL = ["w3 w14 w15", "w7 w5 w9 w33 w6", "w30 w4 w1 w52", "w2 w14 w16"]
UNEQUAL_CORRUPTED = ["w3 w14 w25", "w7 w5 w9 w34 w6", "w30 w4 w1 w50", "w2 w14 w17"]


def dataset(model: Model) -> Experiment:
    return Experiment(model, Task(CLEAN, CORRUPTED, " w8", " w9", PLACES))


def unequal(model: Model) -> Experiment:
    places = {"subject": [2, 3, 3, 2], "first": 0}
    return Experiment(model, Task(UNEQUAL, UNEQUAL_CORRUPTED, " w8", " w9", places))


@pytest.fixture(scope="module", params=CASES)
def family(request: pytest.FixtureRequest) -> Experiment:
    """In either direction the host is what the name of the run says."""
    return dataset(make_model(request.param))


@pytest.fixture(scope="module")
def toy_dataset(toy: Model) -> Experiment:
    return dataset(toy)


@pytest.fixture(scope="module")
def toy_unequal(toy: Model) -> Experiment:
    return unequal(toy)


def by_hand(
    experiment: Experiment, change: Callable[[Tensor, int], None], prompts: list[str] = CORRUPTED
) -> Tensor:
    """Last logits of every prompt where z of layer 1 is changed: ``change(z of a prompt, its number)``."""
    return torch.stack(
        [
            logits(experiment.model, "z", 1, text, lambda z, i=i: change(z, i))
            for i, text in enumerate(prompts)
        ]
    )


def all_z(experiment: Experiment, prompts: list[str] = CORRUPTED) -> list[Tensor]:
    return [read(experiment.model, "z", 1, text) for text in prompts]


# ---- every family --------------------------------------------------------------------------------


def test_zero(family: Experiment) -> None:
    def write(z: Tensor, _pair: int) -> None:
        z[:, HEAD] = 0

    expected = by_hand(family, write)
    assert_same_logits(family.patch(Patch("L1.H2", S.zero())).logits, expected)
    assert (expected - family.host.logits).abs().max() > 1e-2


def test_mean_at_each_position(family: Experiment) -> None:
    mean = torch.stack(all_z(family)).mean(0)

    def write(z: Tensor, _pair: int) -> None:
        z[1:4, HEAD] = mean[1:4, HEAD]

    result = family.patch(Patch("L1.H2@1:4", S.mean()))
    assert_same_logits(result.logits, by_hand(family, write))


def test_resampling_with_as_many_draws_as_other_pairs_takes_each_once(family: Experiment) -> None:
    z_of = all_z(family)

    def write_from(donor: int) -> Callable[[Tensor, int], None]:
        def write(z: Tensor, _pair: int) -> None:
            z[:, HEAD] = z_of[donor][:, HEAD]

        return write

    values = family.evaluation.measure
    from_each = [values(by_hand(family, write_from(i)), range(3))["logit_diff"] for i in range(3)]
    result = family.patch(Patch("L1.H2", S.resample(n=2, seed=4)))
    assert result.draws.shape == (2, 3)
    for pair in range(3):
        expected = sorted(from_each[donor][pair] for donor in range(3) if donor != pair)
        size = max(1.0, float(family.host.logits.abs().max()))
        assert sorted(result.draws[:, pair]) == pytest.approx(expected, abs=1e-4 * size)
    assert result.per_pair.value == pytest.approx(result.draws.mean(0))


def test_noise_on_the_embedding(family: Experiment) -> None:
    """The noise is read where it was written, and a hook of torch writes it again."""
    patch = Patch("embed@subject", S.noise(n=1, seed=3))
    key, (batch,) = ("embed", None), family.host.batches
    noisy = patched_pass(family, [patch], batch, [key]).activations[key]
    added = noisy - family.host.run.activation(batch, key)
    places = [2, 3, 3]
    for i, place in enumerate(places):
        assert added[i].abs().amax(-1).nonzero().tolist() == [[place]]
    result = family.patch(patch)
    for i, (text, place) in enumerate(zip(CORRUPTED, places, strict=True)):

        def write(embedding: Tensor, i: int = i, place: int = place) -> None:
            embedding[place] += added[i, place]

        expected = logits(family.model, "embed", None, text, write)
        assert_same_logits(result.logits[i], expected)


def test_steering(family: Experiment) -> None:
    vector = torch.linspace(-2, 3, D_HEAD)

    def write(z: Tensor, _pair: int) -> None:
        z[-1, HEAD] += 1.5 * vector

    result = family.patch(Patch("L1.H2@-1", S.steer(vector, 1.5)))
    assert_same_logits(result.logits, by_hand(family, write))


def test_another_head_of_another_run_at_another_position(family: Experiment) -> None:
    clean = [read(family.model, "z", 0, text) for text in CLEAN]

    def write(z: Tensor, pair: int) -> None:
        z[-1, HEAD] = clean[pair][[2, 3, 3][pair], :D_HEAD]

    result = family.patch(Patch("L1.H2@-1", S.at("L0.H0@subject")))
    assert_same_logits(result.logits, by_hand(family, write))


# ---- means ---------------------------------------------------------------------------------------


def test_mean_over_all_positions_and_at_a_named_one(toy_unequal: Experiment) -> None:
    z_of = all_z(toy_unequal, UNEQUAL_CORRUPTED)
    everywhere, places = torch.cat(z_of).mean(0), [2, 3, 3, 2]
    named = torch.stack([z[i] for z, i in zip(z_of, places, strict=True)]).mean(0)

    def write_everywhere(z: Tensor, _pair: int) -> None:
        z[:, HEAD] = everywhere[HEAD]

    def write_named(z: Tensor, pair: int) -> None:
        z[places[pair], HEAD] = named[HEAD]

    for site, per, write in (
        ("L1.H2", None, write_everywhere),
        ("L1.H2@subject", "pos_name", write_named),
    ):
        result = toy_unequal.patch(Patch(site, S.mean(per=per)))  # type: ignore[arg-type]
        assert_same_logits(result.logits, by_hand(toy_unequal, write, UNEQUAL_CORRUPTED))


def test_the_last_position_is_one_that_every_prompt_has(toy_unequal: Experiment) -> None:
    last = torch.stack([z[-1] for z in all_z(toy_unequal, UNEQUAL_CORRUPTED)]).mean(0)

    def write(z: Tensor, _pair: int) -> None:
        z[-1, HEAD] = last[HEAD]

    result = toy_unequal.patch(Patch("L1.H2@-1", S.mean(per="pos_name")))
    assert_same_logits(result.logits, by_hand(toy_unequal, write, UNEQUAL_CORRUPTED))


@pytest.mark.parametrize("direction", ["denoise", "noise"])
@pytest.mark.parametrize("run", ["host", "source", "clean", "corrupted"])
def test_whose_mean_it_is(toy_dataset: Experiment, direction: Any, run: Any) -> None:
    turned = toy_dataset.turned(direction)
    host, source = (CORRUPTED, CLEAN) if direction == "denoise" else (CLEAN, CORRUPTED)
    prompts = {"host": host, "source": source, "clean": CLEAN, "corrupted": CORRUPTED}[run]
    mean = torch.stack(all_z(turned, prompts)).mean(0)

    def write(z: Tensor, _pair: int) -> None:
        z[:] = mean

    result = turned.patch(Patch("L1.z", S.mean(run=run)))
    assert_same_logits(result.logits, by_hand(turned, write, host))


def test_a_mean_of_another_task_or_run(toy: Model, toy_experiment: Experiment) -> None:
    other = Task(CLEAN, CORRUPTED, " w8", " w9", PLACES)
    mean = torch.stack([read(toy, "z", 1, text) for text in CLEAN]).mean(0)
    at_subject = torch.stack(
        [read(toy, "z", 1, t)[i] for t, i in zip(CLEAN, [2, 3, 3], strict=True)]
    )
    patched = toy_experiment.patch(Patch("L1.z", S.mean(other, run="clean")))
    expected = logits(toy, "z", 1, "w3 w14 w42 w9 w26", lambda z: z.copy_(mean))
    assert_same_logits(patched.logits[0], expected)
    run = toy.run(CLEAN)
    assert torch.equal(toy_experiment.patch(Patch("L1.z", S.mean(run))).logits, patched.logits)
    named = Experiment(toy, Task(CLEAN[0], CORRUPTED[0], " w8", " w9", {"subject": 1}))
    patched = named.patch(Patch("L1.z@subject", S.mean(other, "pos_name", run="clean")))

    def write(z: Tensor) -> None:
        z[1] = at_subject.mean(0)

    assert_same_logits(patched.logits[0], logits(toy, "z", 1, CORRUPTED[0], write))
    with pytest.raises(SiteError, match="A run has no named positions"):
        named.patch(Patch("L1.z@subject", S.mean(run, "pos_name")))


def test_the_experiment_s_own_task_is_its_own_dataset(toy_dataset: Experiment) -> None:
    own = S.resample(toy_dataset.task, n=2, seed=4)
    same = S.resample(n=2, seed=4)
    draws = [toy_dataset.patch(Patch("L1.H2", source)).draws for source in (own, same)]
    assert np.array_equal(*draws)


def test_what_has_no_mean_is_refused(toy: Model, toy_unequal: Experiment) -> None:
    with pytest.raises(
        PatchError, match=r"have 3 to 5 tokens and the patched prompt [345], so that"
    ):
        toy_unequal.patch(Patch("L1.H2", S.mean()))
    one = Experiment(toy, Task(CLEAN[0], CORRUPTED[0], " w8", " w9"))
    with pytest.raises(
        PatchError, match=r"mean\(\) of an experiment of one pair is that pair's own"
    ):
        one.patch(Patch("L1.H2", S.mean()))
    with pytest.raises(PatchError, match="have 5 tokens and the patched prompt 3"):
        Experiment(toy, Task("w1 w2 w3", "w1 w4 w3", " w8", " w9")).patch(
            Patch("L1.H2", S.mean(toy.run(CLEAN)))
        )
    with pytest.raises(CounterpartError, match="subject is at another index in some prompts"):
        toy_unequal.patch(Patch("L1.H2.q@subject", S.mean(per="pos_name")))
    with pytest.raises(SiteError, match="names no position 'verb'"):
        toy_unequal.patch(Patch("L1.H2@verb", S.mean(per="pos_name")))


# ---- draws ---------------------------------------------------------------------------------------


def test_draws_are_repeated_by_their_seed_and_differ_without(toy_dataset: Experiment) -> None:
    def value(source: Any, site: str) -> float:
        return toy_dataset.patch(Patch(site, source)).value

    for make, site in ((S.noise, "embed@subject"), (S.resample, "L1.resid_pre@1")):
        make_one: Any = make
        assert value(make_one(n=1, seed=2), site) == value(make_one(n=1, seed=2), site)
        kept = make_one(n=1)
        assert value(kept, site) == value(kept, site)
        assert len({value(make_one(n=1), site) for _ in range(12)}) > 1


def test_numbers_are_means_over_draws(toy_dataset: Experiment) -> None:
    both = toy_dataset.measuring(["logit_diff", "kl", "rank"])
    noise, (batch,) = S.noise(n=5, seed=0), both.host.batches
    result = both.patch(Patch("embed@subject", noise), "L1.H2@-1")
    for draw in range(5):
        patches = [Patch("embed@subject", noise.drawn(draw)), Patch("L1.H2@-1")]
        alone = both.evaluation.measure(patched_pass(both, patches, batch).logits, range(3))
        for name in both.metrics:
            assert result[name].draws[draw] == pytest.approx(alone[name], abs=1e-6)
    for name in both.metrics:
        assert result[name].draws.shape == (5, 3)
        assert result[name].patched == pytest.approx(result[name].draws.mean(0))
    over_pairs = result.draws.mean(1)
    assert result.spread == pytest.approx(float(np.std(over_pairs, ddof=1)))
    assert result.value == pytest.approx(over_pairs.mean())
    assert len(set(over_pairs.round(6))) == 5
    assert f"(sd {result.spread:.3f} of 5 draws)" in repr(result)
    assert result.without_logits().logits == pytest.approx(result.logits, abs=1e-6)
    plain = both.patch("L1.H2")
    assert plain.draws.shape == (1, 3)
    assert np.isnan(plain.spread)


def test_noise_has_three_standard_deviations_of_the_embedding(toy_dataset: Experiment) -> None:
    embedded = [
        read(toy_dataset.model, "embed", None, text).flatten() for text in CLEAN + CORRUPTED
    ]
    (batch,), key = toy_dataset.host.batches, ("embed", None)
    parts = []
    for draw in range(40):
        patch = Patch("embed", S.noise(n=40, seed=9).drawn(draw))
        noisy = patched_pass(toy_dataset, [patch], batch, [key]).activations[key]
        parts.append(noisy - toy_dataset.host.run.activation(batch, key))
    added = torch.stack(parts)
    assert added.numel() == 40 * 3 * 5 * 32
    sigma = float(torch.cat(embedded).std())
    assert float(added.std()) == pytest.approx(3 * sigma, rel=0.02)
    assert abs(float(added.mean())) < 0.05 * sigma


def test_the_noise_of_a_position_does_not_depend_on_the_others(toy_dataset: Experiment) -> None:
    (batch,), key = toy_dataset.host.batches, ("embed", None)
    noisy = [
        patched_pass(toy_dataset, [Patch(site, S.noise(n=1, seed=1))], batch, [key]).activations[
            key
        ]
        for site in ("embed@2", "embed")
    ]
    assert torch.equal(noisy[0][:, 2], noisy[1][:, 2])


def test_joint_patches_of_one_seed_take_the_same_pair(toy_dataset: Experiment) -> None:
    """All that enters the stream after the embedding from one other pair, and its embedding: it is that pair."""
    source = S.resample(n=2, seed=1)
    parts = [f"L{layer}.{part}" for layer in range(3) for part in ("attn_out", "mlp_out")]
    joint = toy_dataset.patch(*(Patch(site, source) for site in ("L0.resid_pre", *parts)))
    stream = toy_dataset.patch(Patch("L2.resid_post", source))
    assert joint.draws == pytest.approx(stream.draws, abs=1e-3)
    assert not np.allclose(stream.draws, toy_dataset.host.value, atol=1e-2)


def test_what_reads_one_run_takes_one_draw(toy_dataset: Experiment) -> None:
    one, two = (
        toy_dataset.patch(Patch("L1.resid_pre@-1", S.resample(n=n, seed=1))) for n in (1, 2)
    )
    assert one.logit_attribution().total == pytest.approx(one.value, abs=1e-3)
    last = one.lens().to_xarray()["logit_diff"].sel(run="patched").isel(layer=-1)
    assert float(last.mean()) == pytest.approx(one.value, abs=1e-3)
    for read_run in (two.logit_attribution, two.lens):
        with pytest.raises(PatchError, match="reads one run, and this patch has 2 draws; give its"):
            read_run()


def test_reach_is_summed_over_draws(toy_dataset: Experiment) -> None:
    patch = Patch("L0.resid_pre", S.resample(n=2, seed=1))
    with_patch = toy_dataset.patch(patch, record_reach=True).reach()
    after = toy_dataset.reach(patch)
    for component, along in after.along.items():
        assert with_patch.along[component] == pytest.approx(along, abs=1e-5, nan_ok=True)


# ---- resampling where prompts differ in length -----------------------------------------------------


def test_resampling_reads_a_named_position_of_any_pair(toy_unequal: Experiment) -> None:
    z_of, places = all_z(toy_unequal, UNEQUAL_CORRUPTED), [2, 3, 3, 2]
    result = toy_unequal.patch(Patch("L1.H2@subject", S.resample(n=3, seed=0)))
    for pair, text in enumerate(UNEQUAL_CORRUPTED):
        expected = []
        for donor in {0, 1, 2, 3} - {pair}:

            def write(z: Tensor, donor: int = donor, pair: int = pair) -> None:
                z[places[pair], HEAD] = z_of[donor][places[donor], HEAD]

            found = logits(toy_unequal.model, "z", 1, text, write)
            expected.append(float(found[8] - found[9]))
        assert sorted(result.draws[:, pair]) == pytest.approx(sorted(expected), abs=1e-3)


def test_resampling_all_positions_needs_a_pair_of_the_same_length(
    toy: Model, toy_unequal: Experiment
) -> None:
    with pytest.raises(PatchError, match="finds no other prompt of 5 tokens for pair 1"):
        toy_unequal.patch(Patch("L1.H2", S.resample(seed=0)))
    short = Experiment(
        toy, Task(UNEQUAL[::3], UNEQUAL_CORRUPTED[::3], " w8", " w9", {"subject": 2})
    )
    z_of = [read(toy, "z", 1, text) for text in UNEQUAL_CORRUPTED[::3]]
    result = short.patch(Patch("L1.z", S.resample(n=1, seed=0)))
    for pair, text in enumerate(UNEQUAL_CORRUPTED[::3]):
        expected = logits(toy, "z", 1, text, lambda z, pair=pair: z.copy_(z_of[1 - pair]))
        assert_same_logits(result.logits[pair], expected)
    one = Experiment(toy, Task(CLEAN[0], CORRUPTED[0], " w8", " w9"))
    with pytest.raises(PatchError, match="draws from the other pairs, and the experiment has one"):
        one.patch(Patch("L1.H2", S.resample(seed=0)))
    drawn = one.patch(Patch("L1.H2", S.resample(toy.run(CLEAN), n=3, seed=0))).draws
    whole = {round(one.patch(Patch("L1.H2", toy.run(text))).value, 4) for text in CLEAN}
    assert {round(float(value), 4) for value in drawn[:, 0]} == whole


def test_prompts_of_a_pair_that_differ_in_length(toy: Model) -> None:
    """The host's own mean needs no counterpart; the other run's is read at the counterpart of each position."""
    align = [(0, 0), (2, 3), (3, 4)]
    clean, corrupted = ["w3 w14 w15 w9", "w7 w5 w9 w6"], ["w3 w1 w42 w15 w9", "w7 w2 w5 w9 w6"]
    task = Task(clean, corrupted, " w8", " w9", align=[align, align])
    experiment = Experiment(toy, task)
    z_clean, z_corrupted = ([read(toy, "z", 1, t) for t in texts] for texts in (clean, corrupted))
    own = experiment.patch(Patch("L1.z", S.mean())).logits
    other = experiment.patch(Patch("L1.z", S.mean(run="source"))).logits
    for pair, text in enumerate(corrupted):
        mean = torch.stack(z_corrupted).mean(0)
        assert_same_logits(own[pair], logits(toy, "z", 1, text, lambda z, m=mean: z.copy_(m)))

        def write(z: Tensor) -> None:
            for there, here in align:
                z[here] = torch.stack(z_clean).mean(0)[there]

        assert_same_logits(other[pair], logits(toy, "z", 1, text, write))


# ---- other sites ----------------------------------------------------------------------------------


def test_other_sites_read_naturally(toy: Model, toy_dataset: Experiment) -> None:
    run, clean = toy.run(CLEAN), toy_dataset.clean
    target = "L2.resid_pre@-1"
    data = toy_dataset.patch(Patch(target, S.at("L1.resid_pre@3", run="clean"))).logits
    for source in (
        clean["L1.resid_pre@3"],
        run["L1.resid_pre@3"],
        S.at("L1.resid_pre@3", run),
        S.at("L1.resid_pre@3", clean),
        S.at("L1.resid_pre@-2"),
    ):
        assert torch.equal(toy_dataset.patch(Patch(target, source=source)).logits, data)
    assert (data - toy_dataset.host.logits).abs().max() > 1e-2


def test_without_a_position_each_one_gets_its_counterpart_s(toy_dataset: Experiment) -> None:
    written = torch.stack([read(toy_dataset.model, "z", 0, text) for text in CLEAN])
    by_tensor = toy_dataset.patch(Patch("L1.z@1:4", written.unflatten(-1, (4, 8))[:, 1:4]))
    assert torch.equal(toy_dataset.patch(Patch("L1.z@1:4", S.at("L0.z"))).logits, by_tensor.logits)
    rows = toy_dataset.patch(Patch("L1.H2.pattern@3:", S.at("L1.H0.pattern", "host"))).logits
    own = toy_dataset.host["L1.H0.pattern@3:"]
    assert torch.equal(toy_dataset.patch(Patch("L1.H2.pattern@3:", own)).logits, rows)


def test_other_sites_over_prompts_of_unequal_lengths(toy_unequal: Experiment) -> None:
    result = toy_unequal.patch(Patch("L1.z@-1", S.at("L0.z@subject", run="host")))
    for pair, text in enumerate(UNEQUAL_CORRUPTED):
        value = read(toy_unequal.model, "z", 0, text)[[2, 3, 3, 2][pair]]

        def write(z: Tensor, value: Tensor = value) -> None:
            z[-1] = value

        assert_same_logits(result.logits[pair], logits(toy_unequal.model, "z", 1, text, write))


def test_sites_that_do_not_fit(toy: Model, toy_dataset: Experiment) -> None:
    for source, error, says in (
        (S.at("L0.mlp_out@1"), PatchError, r"the source has shape \(3, 1, 32\); expected one that"),
        (S.at("L0.H1@1:3"), PatchError, "reads 2 positions where 5 are written; name one, or as"),
        (S.at("L9.H1@1"), SiteError, "layer 9 is out of range"),
        (S.at("L0.H1@verb"), SiteError, "names no position 'verb'"),
        (S.at("L0.H1@1", toy.run(CLEAN[:2])), PatchError, "has 2 prompts for 3 pairs"),
        (S.steer(torch.ones(3)), PatchError, r"the source has shape \(3,\); expected"),
        (S.steer([float("nan")] * 8), PatchError, "NaN or infinite"),
        (S.noise(), PatchError, "goes onto the input embedding"),
    ):
        with pytest.raises(error, match=says):
            toy_dataset.patch(Patch("L1.H2", source))


def test_a_function_gets_the_source_s_values(toy_dataset: Experiment) -> None:
    def halfway(host: Tensor, source: Tensor) -> Tensor:
        return (host + source) / 2

    half = toy_dataset.patch(Patch("L1.H2", S.zero(), halfway))
    assert_same_logits(half.logits, by_hand(toy_dataset, lambda z, _: z[:, HEAD].mul_(0.5)))
    steered = toy_dataset.patch(Patch("L1.H2", S.steer(torch.ones(8), 2.0), halfway))
    assert_same_logits(steered.logits, by_hand(toy_dataset, lambda z, _: z[:, HEAD].add_(1.0)))
