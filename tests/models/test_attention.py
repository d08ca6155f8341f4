"""Queries, keys, values and patterns in every family: what attention is holds of them."""

import pytest
import torch

from patchwidgets.errors import PatchError, RefusedError, SiteError
from patchwidgets.facade import Experiment
from patchwidgets.models.edits import joint_edits, patch_step
from patchwidgets.models.forward import forward
from patchwidgets.models.model import Model
from patchwidgets.sites import Patch, Site
from tests.support.attention import PARTS, TASK
from tests.support.families import CASES, N_HEADS, N_LAYERS, VOCABULARY, random_model
from tests.support.toy_models import assert_same_logits, has
from tests.support.toy_tokenizer import toy_tokenizer


@pytest.fixture(scope="module", params=CASES)
def experiment(request: pytest.FixtureRequest) -> Experiment:
    return Experiment(Model(random_model(request.param), toy_tokenizer(VOCABULARY)), TASK)


@pytest.fixture(scope="module")
def toy() -> Experiment:
    return Experiment(Model(random_model("llama"), toy_tokenizer(VOCABULARY), "toy"), TASK)


def refused(experiment: Experiment, *components: str) -> bool:
    """Whether the family lacks one of them, and says so; docs/components.md has the list, and a test holds it."""
    for component in components:
        if not has(experiment, component):
            with pytest.raises(RefusedError, match=f"No L1.{component} here: "):
                experiment.patch(f"L1.{component}")
            return True
    return False


def test_all_of_q_k_and_v_are_the_heads(experiment: Experiment) -> None:
    if refused(experiment, "q", "k", "v"):
        return
    joint = experiment.patch("L1.q", "L1.k", "L1.v")
    assert_same_logits(joint.logits, experiment.patch("L1.z").logits)
    assert (joint.logits - experiment.host.logits).abs().max() > 1e-2


def test_the_pattern_and_the_values_are_the_heads(experiment: Experiment) -> None:
    if refused(experiment, "v", "pattern"):
        return
    joint = experiment.patch("L1.pattern", "L1.v")
    assert_same_logits(joint.logits, experiment.patch("L1.z").logits)


def test_queries_and_keys_are_the_pattern(experiment: Experiment) -> None:
    if refused(experiment, "q", "k", "pattern"):
        return
    joint = experiment.patch("L1.q", "L1.k")
    assert_same_logits(joint.logits, experiment.patch("L1.pattern").logits, 1e-5)
    assert (joint.logits - experiment.host.logits).abs().max() > 1e-4


def test_one_row_of_one_pattern_by_hand(experiment: Experiment) -> None:
    if refused(experiment, "v", "pattern"):
        return
    pattern, v = experiment.source["L1.H2.pattern@4"], experiment.host["L1.v"]
    assert pattern.shape == (1, 1, 7)
    if experiment.model.layout.model_type != "gpt_oss":  # its heads may attend to nothing
        assert pattern.sum().item() == pytest.approx(1, abs=1e-5)
    assert (pattern[..., 5:] == 0).all()
    values = v[0, :, 2 * v.shape[2] // N_HEADS]
    by_hand = experiment.patch(Patch("L1.H2@4", source=pattern[0] @ values))
    assert_same_logits(experiment.patch("L1.H2.pattern@4").logits, by_hand.logits)


def test_one_value_of_one_head_by_hand(experiment: Experiment) -> None:
    """What the queries that read it make of a value at position 2, put together from the pattern."""
    if refused(experiment, "v", "pattern"):
        return
    n_kv = experiment.model.n_kv_heads
    kv = 2 * n_kv // N_HEADS
    moved = experiment.source["L1.v@2"] - experiment.host["L1.v@2"]
    pattern, z = experiment.host["L1.pattern"], experiment.host["L1.z"]
    for head in range(N_HEADS):
        if head * n_kv // N_HEADS == kv:
            z[0, :, head] += pattern[0, head, :, 2, None] * moved[0, 0, kv]
    by_hand = experiment.patch(Patch("L1.z", source=z))
    assert_same_logits(experiment.patch(f"L1.KV{kv}.v@2").logits, by_hand.logits)


def test_a_query_moves_its_own_head_at_its_own_position_only(experiment: Experiment) -> None:
    if refused(experiment, "q", "k", "v"):
        return
    patch = Patch("L1.H2.q@4")
    edits = joint_edits([(patch.site, patch_step(patch, [[4]], experiment.source["L1.H2.q@4"]))])
    layout, ids = experiment.model.layout, experiment.host.batches[0].ids
    patched = forward(layout, ids, edits, [("z", 1)]).activations[("z", 1)]
    moved = (patched - experiment.host["L1.z"]).abs().amax(-1)[0] > 1e-6
    assert moved.nonzero().tolist() == [[4, 2]]


def test_reading_them_changes_no_bit(experiment: Experiment) -> None:
    names = [f"L{i}.{part}" for i in range(N_LAYERS) for part in PARTS if has(experiment, part)]
    run = experiment.model.run("w3 w14 w42 w9 w26 w7 w35", record=names)
    assert torch.equal(run.logits, experiment.corrupted.logits)


def test_names_and_shapes_with_shared_keys_and_values(toy: Experiment) -> None:
    model, run = toy.model, toy.clean
    assert [str(site) for site in model.sites("k")[:3]] == ["L0.KV0.k", "L0.KV1.k", "L1.KV0.k"]
    assert [str(site) for site in model.sites("q")[:2]] == ["L0.H0.q", "L0.H1.q"]
    assert len(model.sites("pattern")) == N_LAYERS * N_HEADS
    assert run["L1.q"].shape == (1, 7, 4, 8)
    assert run["L1.k"].shape == (1, 7, 2, 8)
    assert run["L1.KV1.v"].shape == (1, 7, 8)
    assert run["L1.pattern"].shape == (1, 4, 7, 7)
    assert torch.equal(run["L1.pattern@2:4"][0, 3], run["L1.H3.pattern@2:4"][0])
    with pytest.raises(
        RefusedError,
        match=r"No L1.H3.k here: H3 reads KV1, shared with H2–H3\. Use L1.KV1.k\.",
    ):
        toy.patch("L1.H3.k")
    with pytest.raises(
        SiteError, match="key-value head 2 is out of range; toy has key-value heads 0"
    ):
        toy.patch("L1.KV2.k")


def test_names_where_every_head_has_its_own() -> None:
    model = Model(random_model("llama, a head each"), toy_tokenizer(VOCABULARY))
    experiment = Experiment(model, TASK)
    assert str(model.sites("k")[1]) == "L0.H1.k"
    assert model.resolve("L1.KV3.k") == Site("k", 1, 3)
    assert torch.equal(experiment.patch("L1.H3.k").logits, experiment.patch("L1.KV3.k").logits)
    with pytest.raises(PatchError, match=r"L1\.H3\.k is patched twice"):
        experiment.patch("L1.H3.k", "L1.KV3.k")


def test_what_a_run_hands_out_fits_as_a_source(toy: Experiment) -> None:
    for site in ("L1.pattern", "L1.H2.pattern@3:", "L1.KV1.k@-1", "L1.q"):
        by_name = toy.patch(site)
        assert torch.equal(toy.patch(Patch(site, source=toy.source[site])).logits, by_name.logits)
        assert torch.equal(toy.patch(Patch(site, source=toy.source)).logits, by_name.logits)


def test_a_pattern_of_a_prompt_of_another_length(toy: Experiment) -> None:
    with pytest.raises(
        PatchError, match="has 1 tokens and the clean prompt 7, so that their patterns"
    ):
        toy.patch(Patch("L1.H2.pattern@3", source=toy.model.run("w3")))


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_other_dtypes(dtype: torch.dtype) -> None:
    model = Model(random_model("llama", dtype), toy_tokenizer(VOCABULARY))
    experiment = Experiment(model, TASK)
    exact, softmax = (1e-12, 1e-6) if dtype == torch.float64 else (0.06, 0.06)
    heads = experiment.patch("L1.z").logits
    assert_same_logits(experiment.patch("L1.pattern", "L1.v").logits, heads, softmax)
    assert_same_logits(experiment.patch("L1.q", "L1.k", "L1.v").logits, heads, exact)
