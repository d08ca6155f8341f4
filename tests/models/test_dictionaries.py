"""Dictionaries: features are patched as written out here, in every family; and what is no dictionary says so."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

import patchwidgets as pw
from patchwidgets.errors import ModelError, PatchError, RefusedError, SiteError, WeightsChangedError
from patchwidgets.facade import Experiment
from patchwidgets.models.model import Model
from patchwidgets.sites import STREAMS, Patch
from patchwidgets.tasks import Task
from tests.support.dictionaries import N_FEATURES, Random
from tests.support.families import CASES, D_MODEL
from tests.support.page import HEADS, Page
from tests.support.rounding import ROUNDING
from tests.support.toy_models import assert_same_logits, count_hooks, make_model
from tests.support.unequal_prompts import hook, ids, unequal_pairs

PAIR = Task("w3 w14 w15 w9 w26", "w3 w14 w42 w9 w26", " w8", " w9", {"X": 2})
SPARSE = Random()


def with_every_stream(model: Model, make: Callable[[str], Any] = SPARSE.of) -> Model:
    streams = [stream for stream in STREAMS if stream not in model.refused]
    return model.with_dictionaries(*(make(f"L1.{stream}") for stream in streams))


@pytest.fixture(scope="module", params=CASES)
def family(request: pytest.FixtureRequest) -> Experiment:
    return Experiment(with_every_stream(make_model(request.param)), PAIR)


def streams_of(experiment: Experiment) -> list[str]:
    return list(experiment.model.dictionaries)


def test_all_features_and_the_error_are_the_stream(family: Experiment) -> None:
    for site in streams_of(family):
        for pos in ("", "@2", "@-1"):
            both = family.patch(f"{site}.features{pos}", f"{site}.error{pos}")
            assert_same_logits(both.logits, family.patch(f"{site}{pos}").logits)


def test_a_feature_is_patched_as_the_definition_says(family: Experiment) -> None:
    """The stream is written as a tensor: decode(f_host with f_i of the source) + error_host."""
    for site in streams_of(family):
        host, source = (run[f"{site}@2"][0] for run in (family.host, family.source))
        features, of_source = SPARSE.encode(host), SPARSE.encode(source)
        error = host - SPARSE.decode(features)
        i = int((of_source - features).abs().argmax())
        moved = features.clone()
        moved[:, i] = of_source[:, i]
        for site_string, stream in (
            (f"{site}.F{i}@2", SPARSE.decode(moved) + error),
            (f"{site}.features@2", SPARSE.decode(of_source) + error),
            (f"{site}.error@2", SPARSE.decode(features) + source - SPARSE.decode(of_source)),
        ):
            found = family.patch(site_string)
            expected = family.patch(Patch(f"{site}@2", source=stream[None]))
            assert_same_logits(found.logits, expected.logits)


def test_what_stays_the_same_stays_the_same_to_the_bit(family: Experiment) -> None:
    for site in streams_of(family):
        frozen = [Patch(f"{site}.{part}", "host") for part in ("features", "error", "F7")]
        for patch in frozen:
            assert torch.equal(family.patch(patch).logits, family.patch().logits)


def test_a_sweep_of_every_stream_is_its_patches(family: Experiment) -> None:
    """Rows join a descent at the stream whose features are patched; some families run whole prompts."""
    sites = [
        f"{site}.{part}" for site in streams_of(family) for part in ("F3@2", "features", "error@3")
    ]
    swept = family.sweep(sites=sites, progress=False).to_xarray().value.values.ravel()
    for site, value in zip(sites, swept, strict=True):
        scale = max(1.0, float(family.host.logits.abs().max()))
        assert value == pytest.approx(family.patch(site).value, abs=1e-4 * scale), site


@pytest.fixture(scope="module")
def experiment() -> Experiment:
    model = make_model("llama").with_dictionaries(
        SPARSE.of("L0.resid_post"), SPARSE.of("L1.mlp_out")
    )
    return Experiment(model, PAIR)


def test_by_a_hook_written_out(experiment: Experiment) -> None:
    runs = [ids(PAIR.corrupted), ids(PAIR.clean)]  # type: ignore[arg-type]
    layer, held = experiment.model.hf_model.model.layers[0], {}

    def keep(stream: Tensor) -> Tensor:
        held["source"] = stream.clone()
        return stream

    def write(stream: Tensor) -> Tensor:
        f, f_source = SPARSE.encode(stream), SPARSE.encode(held["source"])
        moved = f.clone()
        moved[:, 2, 5:9] = f_source[:, 2, 5:9]
        return SPARSE.decode(moved) + stream - SPARSE.decode(f)

    with torch.no_grad():
        with hook(layer, "output", keep):
            experiment.model.hf_model(runs[1])
        with hook(layer, "output", write):
            expected = experiment.model.hf_model(runs[0]).logits[:, -1]
    found = experiment.patch(*(f"L0.resid_post.F{i}@2" for i in range(5, 9)))
    assert_same_logits(found.logits, expected)
    assert abs(found.effect) > 100 * experiment.noise_floor["logit_diff"]


def test_recorded_features(experiment: Experiment) -> None:
    run = experiment.model.run(PAIR.clean, record=["L1.mlp_out.F3"])
    stream = run["L1.mlp_out"]
    assert torch.allclose(run["L1.mlp_out.features"], SPARSE.encode(stream), rtol=1e-5, atol=1e-5)
    assert run["L1.mlp_out.F3@1:3"].shape == (1, 2, 1)
    assert torch.equal(run["L1.mlp_out.F3"][..., 0], run["L1.mlp_out.features"][..., 3])
    error = stream - SPARSE.decode(SPARSE.encode(stream))
    assert torch.allclose(run["L1.mlp_out.error"], error, rtol=1e-4, atol=1e-4)


def test_functions_of_a_feature_and_tensors(experiment: Experiment) -> None:
    off = experiment.patch(Patch("L0.resid_post.F5", torch.zeros(1)))
    same = experiment.patch(Patch("L0.resid_post.F5", "host", fn=lambda host, _: 0 * host))
    assert torch.equal(off.logits, same.logits)
    up = experiment.patch(Patch("L0.resid_post.F5@-1", "host", fn=lambda host, _: host + 2))
    direction = Patch("L0.resid_post@-1", "host", fn=lambda host, _: host + 2 * SPARSE.out[5])
    assert_same_logits(up.logits, experiment.patch(direction).logits)


def test_joint_with_other_sites_in_any_order(experiment: Experiment) -> None:
    sites = ["L1.H2", "L0.resid_post.F5@2", "L0.resid_post.error@2", "L1.mlp_out.F4", "L2.H0.q@-1"]
    one, other = experiment.patch(*sites), experiment.patch(*reversed(sites))
    assert torch.equal(one.logits, other.logits)
    # The patch of the earlier layer reaches the later one: F4 alone is written, the rest is live.
    assert one.effect != pytest.approx(experiment.patch("L1.H2").effect)


def test_the_reach_sees_what_features_write(experiment: Experiment) -> None:
    whole = experiment.patch("L0.resid_post", record_reach=True).reach()
    parts = experiment.patch("L0.resid_post.features", "L0.resid_post.error", record_reach=True)
    assert parts.reach().along["resid_post"] == pytest.approx(whole.along["resid_post"], abs=1e-4)
    assert parts.reach().along["resid_post"][0] == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("stream", STREAMS)
@pytest.mark.parametrize("layer", [1, 2])
def test_logit_attribution_counts_what_features_write(stream: str, layer: int) -> None:
    """As a patch of the stream, whose own change is a part; and the parts sum to the logit difference."""
    model = make_model("llama").with_dictionaries(SPARSE.of(f"L{layer}.{stream}"))
    experiment, site = Experiment(model, PAIR), f"L{layer}.{stream}"
    found = experiment.patch(f"{site}.features", f"{site}.error").logit_attribution().to_frame()
    expected = experiment.patch(site).logit_attribution().to_frame()
    assert found.contribution.to_numpy() == pytest.approx(
        expected.contribution.to_numpy(), abs=1e-4
    )
    assert list(found["part"]) == list(expected["part"])
    one = experiment.patch(f"{site}.F3@-1")
    parts = one.logit_attribution().to_frame()
    assert parts.contribution.sum() == pytest.approx(one.value, abs=1e-4)


def test_pairs_of_unequal_lengths() -> None:
    model = make_model("llama").with_dictionaries(SPARSE.of("L1.resid_mid"))
    experiment = Experiment(model, unequal_pairs())
    both = experiment.patch("L1.resid_mid.features", "L1.resid_mid.error")
    assert_same_logits(both.logits, experiment.patch("L1.resid_mid").logits)
    swept = experiment.sweep("resid_mid.features", progress=False)
    alone = experiment.patch("L1.resid_mid.F3").per_pair.effect
    assert swept.to_xarray().effect.sel(feature=3).values.ravel() == pytest.approx(alone, abs=1e-4)


def test_other_dtypes() -> None:
    for dtype, tolerance in ((torch.bfloat16, 0.05), (torch.float64, 1e-10)):
        sparse = Random(dtype=torch.promote_types(dtype, torch.float32))
        model = make_model("llama", dtype).with_dictionaries(sparse.of("L1.resid_post"))
        experiment = Experiment(model, PAIR)
        assert experiment.clean["L1.resid_post.F1"].dtype == sparse.out.dtype
        both = experiment.patch("L1.resid_post.features", "L1.resid_post.error").logits
        assert_same_logits(both, experiment.patch("L1.resid_post").logits, tolerance)


def test_generation_steers_a_feature_at_every_step(experiment: Experiment) -> None:
    steer = Patch("L0.resid_post.F5@-1", "host", fn=lambda host, _: host + 30)
    stream = Patch("L0.resid_post@-1", "host", fn=lambda host, _: host + 30 * SPARSE.out[5])
    found, expected = (
        experiment.generate(patch, max_new_tokens=5, every_step=True)[0]
        for patch in (steer, stream)
    )
    assert found.patched == expected.patched
    assert found.first_difference is not None


def test_patching_ones_own_pass(experiment: Experiment) -> None:
    model, source = experiment.model, experiment.model.run(PAIR.clean)
    with model.patching(Patch("L0.resid_post.F5@2", source=source)), torch.no_grad():
        logits = model.hf_model(ids(PAIR.corrupted)).logits[:, -1]  # type: ignore[arg-type]
    assert_same_logits(logits, experiment.patch("L0.resid_post.F5@2").logits)
    assert count_hooks(model.hf_model) == 0


def test_the_model_without_them_stays_as_it_is() -> None:
    plain = make_model("llama")
    model = plain.with_dictionaries(SPARSE.of("L1.resid_post"))
    assert model.hf_model is plain.hf_model
    assert plain.dictionaries == {}
    assert list(model.dictionaries) == ["L1.resid_post"]
    assert model.dictionaries["L1.resid_post"].n_features == N_FEATURES
    assert model.components == plain.components
    assert [str(site) for site in model.sites("resid_post.features")] == ["L1.resid_post.features"]
    assert [str(site) for site in model.sites("resid_post.error")] == ["L1.resid_post.error"]
    both = model.with_dictionaries(SPARSE.of("L0.attn_out"))
    assert list(both.dictionaries) == ["L1.resid_post", "L0.attn_out"]
    other = Random(1, n=7).of("L1.resid_post")
    assert both.with_dictionaries(other).dictionaries["L1.resid_post"].n_features == 7
    with pytest.raises(RefusedError, match=r"No L1.resid_post.F0 here: llama has no dictionary"):
        plain.resolve("L1.resid_post.F0")
    with pytest.raises(RefusedError, match=r"has dictionaries of L1.resid_post, and none of L2"):
        model.run(PAIR.clean)["L2.resid_post.F0"]
    with pytest.raises(
        RefusedError, match=r"model\.with_dictionaries\(pw\.wrap_dictionary\('L0.mlp"
    ):
        model.sites("mlp_out.features")


@pytest.mark.parametrize(
    ("site", "says"),
    [
        (
            "L1.z",
            "belongs to a stream of one layer, at all positions, as in 'L2.resid_post'; got 'L1.z'",
        ),
        ("L1.N5", "got 'L1.N5'. The streams are resid_pre"),
        ("embed", "got 'embed'"),
        ("L1.resid_post@-1", "at all positions"),
        ("L1.resid_post.F3", "got 'L1.resid_post.F3'"),
    ],
)
def test_not_a_stream(site: str, says: str) -> None:
    with pytest.raises(SiteError, match=says):
        pw.wrap_dictionary(site, SPARSE.encode, SPARSE.decode)


def test_not_a_function(toy: Model) -> None:
    with pytest.raises(
        ModelError, match=r"L1.resid_post: decode is 3; expected a function of vect"
    ):
        pw.wrap_dictionary("L1.resid_post", SPARSE.encode, 3)  # type: ignore[arg-type]
    with pytest.raises(ModelError, match=r"Expected dictionaries from pw\.wrap_dictionary"):
        toy.with_dictionaries([SPARSE.of("L1.resid_post")])  # type: ignore[arg-type]


def test_streams_that_the_model_does_not_have(toy: Model) -> None:
    with pytest.raises(SiteError, match="layer 7 is out of range"):
        toy.with_dictionaries(SPARSE.of("L7.resid_post"))
    with pytest.raises(RefusedError, match="attention and MLP run in parallel"):
        make_model("gptj").with_dictionaries(SPARSE.of("L1.resid_mid"))
    with pytest.raises(ModelError, match=r"L1\.resid_post has two dictionaries here"):
        toy.with_dictionaries(SPARSE.of("L1.resid_post"), Random(1).of("L1.resid_post"))


WIDE = Random(d=D_MODEL + 3)


def noisy(x: Tensor) -> Tensor:
    return SPARSE.encode(x) + torch.rand(len(x), 1)


def best_of_the_batch(x: Tensor) -> Tensor:
    f = SPARSE.encode(x)
    return f * (f >= f.flatten().topk(8).values[-1])


def in_place(x: Tensor) -> Tensor:
    return SPARSE.encode(x.sub_(1))


@pytest.mark.parametrize(
    ("encode", "decode", "says"),
    [
        (
            WIDE.encode,
            WIDE.decode,
            r"encode cannot take 16 vectors of width 32 .*that of L1.resid_post\?",
        ),
        (
            SPARSE.encode,
            WIDE.decode,
            r"decode turns \(16, 45\) into \(16, 35\); expected \(16, 32\)",
        ),
        (SPARSE.encode, Random(n=9).decode, "decode cannot take 16 vectors of width 45"),
        (lambda x: SPARSE.encode(x)[:-1], SPARSE.decode, r"into \(15, 45\); expected \[vector, fe"),
        (lambda x: SPARSE.encode(x)[None], SPARSE.decode, r"into \(1, 16, 45\)"),
        (lambda x: SPARSE.encode(x).numpy(), SPARSE.decode, "encode returns a ndarray"),
        (
            lambda x: SPARSE.encode(x).int(),
            SPARSE.decode,
            "encode returns a torch.int32; expected a",
        ),
        (
            lambda x: SPARSE.encode(x) / 0,
            SPARSE.decode,
            "encode returns numbers that are NaN or inf",
        ),
        (noisy, SPARSE.decode, "the dictionary is not deterministic: .*sae.eval"),
        (best_of_the_batch, SPARSE.decode, "depend on which others are encoded with it"),
        (in_place, SPARSE.decode, "encode changes the vectors that it gets"),
    ],
)
def test_what_is_no_dictionary(encode: Any, decode: Any, says: str, toy: Model) -> None:
    with pytest.raises(ModelError, match=says):
        toy.with_dictionaries(pw.wrap_dictionary("L1.resid_post", encode, decode))


def test_another_number_of_features_than_was_said(toy: Model) -> None:
    said = pw.wrap_dictionary(
        "L1.resid_post", SPARSE.encode, SPARSE.decode, n_features=44, name="s"
    )
    assert repr(said) == "Dictionary('s', L1.resid_post, 44 features)"
    with pytest.raises(ModelError, match=r"into \(16, 45\); expected \(16, 44\)"):
        toy.with_dictionaries(said)


def test_features_out_of_range(experiment: Experiment) -> None:
    with pytest.raises(SiteError, match=r"feature 45 is out of range; the .* has features 0 to 44"):
        experiment.patch("L0.resid_post.F45")


def test_a_stream_and_its_parts_in_one_patch(experiment: Experiment) -> None:
    with pytest.raises(
        PatchError, match=r"L0.resid_post.F3@-1 is a part of L0.resid_post, and both"
    ):
        experiment.patch("L0.resid_post", "L0.resid_post.F3@-1")
    with (
        pytest.raises(PatchError, match="is a part of"),
        experiment.model.patching(
            *(Patch(f"L0.resid_post{part}", torch.zeros(1)) for part in ("", ".error"))
        ),
    ):
        pass


def test_a_source_without_the_dictionary(experiment: Experiment, toy: Model) -> None:
    plain = toy.run(PAIR.clean)
    with pytest.raises(PatchError, match=r"the source run has no dictionary of L0.resid_post"):
        experiment.patch(Patch("L0.resid_post.F3", source=plain))
    other = toy.with_dictionaries(Random(1).of("L0.resid_post")).run(PAIR.clean)
    with pytest.raises(PatchError, match=r"the source run has another dictionary of L0.resid_post"):
        experiment.patch(Patch("L0.resid_post.F3", source=other))
    again = experiment.model.with_dictionaries(SPARSE.of("L0.resid_post")).run(PAIR.clean)
    same = experiment.patch(Patch("L0.resid_post.F3", source=again))
    assert torch.equal(same.logits, experiment.patch("L0.resid_post.F3").logits)


def test_a_dictionary_that_was_trained_on() -> None:
    sparse = Random()
    model = make_model("llama").with_dictionaries(sparse.of("L1.resid_post"))
    experiment = Experiment(model, PAIR)
    run = model.run(PAIR.clean)
    experiment.patch("L1.resid_post.F3")
    sparse.into = sparse.into * 1.01
    expected = "The dictionary of L1.resid_post changed since it was given to the model"
    for use in (
        lambda: experiment.patch("L1.resid_post.F3"),
        lambda: experiment.sweep("resid_post.features", progress=False),
        lambda: experiment.generate("L1.resid_post.F3", max_new_tokens=1),
        lambda: run["L1.resid_post.F3"],
        lambda: model.patching(Patch("L1.resid_post.F3", torch.zeros(1))),
    ):
        with pytest.raises(WeightsChangedError, match=expected):
            use()
    experiment.patch("L1.H2")  # which has nothing to do with it


def test_explained_variance() -> None:
    x = torch.randn(50, D_MODEL)
    half = pw.wrap_dictionary("L0.mlp_out", lambda x: x, lambda f: (f - x.mean(0)) / 2 + x.mean(0))
    assert half.explained_variance(x) == pytest.approx(0.75)
    none = pw.wrap_dictionary("L0.mlp_out", lambda x: x, lambda f: x.mean(0).expand(len(f), -1))
    assert none.explained_variance(x[None]) == pytest.approx(0, abs=1e-5)
    with pytest.raises(ModelError, match="1 vectors without any variance"):
        half.explained_variance(x[:1])


def test_the_explorer_takes_features() -> None:
    model = make_model("llama").with_dictionaries(SPARSE.of("L1.resid_post"))
    experiment = Experiment(model, PAIR)
    page = Page(experiment)
    page.patch(5, "L1.resid_post.F3@-1", "L0.H1")
    page.wait()
    assert page.kinds(5) == ["ack", "result", "singles"]
    reading = page.last("result")["readings"]["logit_diff"]
    assert reading["effect"] == pytest.approx(
        experiment.patch("L1.resid_post.F3@-1", "L0.H1").effect, abs=ROUNDING
    )
    page.patch(6, "L1.resid_post.F99")
    page.sweep(7, HEADS)
    page.wait()
    assert "feature 99 is out of range" in page.last("error")["message"]
    assert page.kinds(7)[-1] == "swept"
    widget = experiment.explore("L1.resid_post.F3")
    assert widget.selection == ["L1.resid_post.F3"]


def test_a_dictionary_learned_from_the_teaching_model() -> None:
    """A sparse autoencoder: 96 features, 8 active. It explains 96 % of the variance, not the whole answer."""
    model, task = pw.load(), pw.tasks.ioi(n=16, seed=1)
    plain = Experiment(model, task)
    runs = (plain.clean, plain.corrupted)
    x = torch.cat([run["L1.resid_post"].flatten(0, 1) for run in runs])
    start = torch.randn(96, 128, generator=torch.Generator().manual_seed(0)) / 128**0.5
    mean, into, out = x.mean(0), start.T.clone().requires_grad_(), start.clone().requires_grad_()

    def encode(x: Tensor) -> Tensor:
        f = ((x - mean) @ into).relu()
        return f * (f >= f.topk(8).values[:, -1:])

    def decode(f: Tensor) -> Tensor:
        return f @ out + mean

    optimizer = torch.optim.Adam([into, out], lr=0.01)
    for _ in range(150):
        optimizer.zero_grad()
        (decode(encode(x)) - x).square().sum(1).mean().backward()
        optimizer.step()
    dictionary = pw.wrap_dictionary("L1.resid_post", encode, decode)
    assert 0.93 < dictionary.explained_variance(x) < 0.995
    experiment = Experiment(model.with_dictionaries(dictionary), task)
    features, error, whole = (
        experiment.patch(*sites).recovery
        for sites in (
            ["L1.resid_post.features@-1"],
            ["L1.resid_post.error@-1"],
            ["L1.resid_post.features@-1", "L1.resid_post.error@-1"],
        )
    )
    assert whole == pytest.approx(experiment.patch("L1.resid_post@-1").recovery, abs=1e-5)
    assert 0.02 < error < features < 0.98
    top = experiment.sweep(
        "resid_post.features", ("layer", "feature", "pos"), top=5, progress=False
    )
    every = experiment.sweep("resid_post.features", ("layer", "feature", "pos"), progress=False)
    assert top.top_sites(1) == every.top_sites(1)
