"""Experiments: sources of patches, datasets, directions, undefined numbers, and the errors a person meets."""

import math
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from accelerate import disk_offload
from hypothesis import given, settings
from hypothesis import strategies as st

from patchwidgets.errors import (
    MetricError,
    ModelError,
    PatchError,
    RefusedError,
    SiteError,
    TaskError,
)
from patchwidgets.facade import Experiment
from patchwidgets.models import run as run_module
from patchwidgets.models.model import Model
from patchwidgets.sites import Patch
from patchwidgets.tasks import Task
from tests.conftest import CLEAN, CORRUPTED
from tests.support.families import VOCABULARY, random_model
from tests.support.toy_tokenizer import toy_tokenizer

FLOOR = 1e-4


@pytest.fixture(scope="module")
def toy() -> Model:
    return Model(random_model("llama"), toy_tokenizer(VOCABULARY), "toy")


@pytest.fixture(scope="module")
def toy_experiment(toy: Model) -> Experiment:
    task = Task("w3 w14 w15 w9 w26", "w3 w14 w42 w9 w26", " w8", " w9", {"X": 2})
    return Experiment(toy, task, ["logit_diff", "kl"])


def words(ids: list[int]) -> str:
    return " ".join(f"w{i}" for i in ids)


# ---- sources --------------------------------------------------------------------------------


def test_a_run_as_source_is_the_same_as_its_name(toy: Model, toy_experiment: Experiment) -> None:
    by_name = toy_experiment.patch("L1.H2@3")
    run = toy.run("w3 w14 w15 w9 w26", record=["L1.H2"])
    assert torch.equal(toy_experiment.patch(Patch("L1.H2@3", source=run)).logits, by_name.logits)
    tensor = run["L1.H2@3"]
    assert tensor.shape == (1, 1, 8)
    assert torch.equal(toy_experiment.patch(Patch("L1.H2@3", source=tensor)).logits, by_name.logits)
    assert torch.equal(
        toy_experiment.patch(Patch("L1.H2@3", source="clean")).logits, by_name.logits
    )


def test_what_a_run_hands_out_is_a_clone(toy: Model) -> None:
    run = toy.run("w3 w14 w15")
    run["L1.H2"].fill_(7.0)
    assert (run["L1.H2"] != 7.0).all()


def test_freezing_the_host_takes_back_what_reached_a_later_site(toy_experiment: Experiment) -> None:
    patched = toy_experiment.patch("L0.H1")
    frozen = toy_experiment.patch(
        "L0.H1", Patch("L2.attn_out", "host"), Patch("L2.mlp_out", "host")
    )
    assert frozen.value != pytest.approx(patched.value, abs=1e-3)
    everything = [
        Patch(f"L{layer}.{part}", "host") for layer in range(3) for part in ("attn_out", "mlp_out")
    ]
    assert toy_experiment.patch("L0.H1", *everything).value == pytest.approx(
        toy_experiment.host.value, abs=FLOOR
    )


def test_fn_gets_the_site_and_may_mix(toy_experiment: Experiment) -> None:
    seen = {}

    def halfway(host: torch.Tensor, source: torch.Tensor) -> torch.Tensor:
        seen["shapes"] = (tuple(host.shape), tuple(source.shape))
        return (host + source) / 2

    mixed = toy_experiment.patch(Patch("L1.H2@1:3", fn=halfway))
    assert seen["shapes"] == ((1, 2, 8), (1, 2, 8))
    halves = (toy_experiment.host["L1.H2@1:3"] + toy_experiment.source["L1.H2@1:3"]) / 2
    assert torch.equal(mixed.logits, toy_experiment.patch(Patch("L1.H2@1:3", source=halves)).logits)


def test_a_source_that_does_not_fit(toy: Model, toy_experiment: Experiment) -> None:
    with pytest.raises(
        PatchError,
        match=r"L1.H2: the source has shape \(3,\); expected one that broadcasts to \(1, 5, 8\)",
    ):
        toy_experiment.patch(Patch("L1.H2", source=torch.zeros(3)))
    with pytest.raises(PatchError, match="the source is a int; expected a name, a Run or a tensor"):
        toy_experiment.patch(Patch("L1.H2", source=3))
    with pytest.raises(PatchError, match="the result of fn is a float"):
        toy_experiment.patch(Patch("L1.H2", fn=lambda host, source: 1.0))
    with pytest.raises(PatchError, match="the source run has 3 tokens and the clean prompt 5"):
        toy_experiment.patch(Patch("L1.H2", source=toy.run("w1 w2 w3")))
    with pytest.raises(PatchError, match="the source run has only 3 tokens"):
        toy_experiment.patch(Patch("L1.H2@4", source=toy.run("w1 w2 w3")))
    with pytest.raises(PatchError, match="2 prompts for 1 pairs"):
        toy_experiment.patch(Patch("L1.H2", source=toy.run(["w1 w2 w3 w4 w5", "w1 w2 w3 w4 w6"])))
    with pytest.raises(PatchError, match="patched twice"):
        toy_experiment.patch("L1.H2", "L1.H2.z")


# ---- directions and numbers -----------------------------------------------------------------


@settings(max_examples=15, deadline=None)
@given(
    clean=st.lists(st.integers(0, VOCABULARY - 1), min_size=4, max_size=7),
    changed=st.integers(1, VOCABULARY - 1),
    where=st.integers(0, 3),
    site=st.sampled_from(
        ["L0.H1", "L1.mlp_out@2", "L2.attn_out@-1", "L1.N5", "embed@1", "L0.resid_mid@0"]
    ),
)
def test_swapping_the_prompts_swaps_the_directions(
    toy: Model, clean: list[int], changed: int, where: int, site: str
) -> None:
    corrupted = [(t + changed) % VOCABULARY if i == where else t for i, t in enumerate(clean)]
    forth = Experiment(toy, Task(words(clean), words(corrupted), " w1", " w2"))
    back = Experiment(toy, Task(words(corrupted), words(clean), " w1", " w2"), direction="noise")
    assert torch.equal(forth.patch(site).logits, back.patch(site).logits)
    assert forth.patch(site).effect == back.patch(site).effect


def test_nothing_patched_is_the_host_run(toy_experiment: Experiment) -> None:
    result = toy_experiment.patch()
    assert (result.effect, result.share) == (0.0, 0.0)
    assert torch.equal(result.logits, toy_experiment.corrupted.logits)


def test_undefined_where_the_runs_do_not_differ(toy: Model) -> None:
    def nothing(readout):  # type: ignore[no-untyped-def]
        return readout.logits[:, 0] * 0 + 6.12

    result = Experiment(toy, Task("w3 w14 w15", "w3 w14 w42", " w8"), nothing).patch("L1.H2")
    assert math.isnan(result.share)
    assert math.isnan(result.recovery)
    assert result.effect == 0
    assert "No recovery: the clean prompt gives +6.12" in str(result.reason)
    assert "undefined" in repr(result)


def test_flip_shares_the_recordings(toy_experiment: Experiment) -> None:
    flipped = toy_experiment.flip()
    assert flipped.direction == "noise"
    assert flipped.clean is toy_experiment.clean
    assert flipped.host is toy_experiment.clean
    assert flipped.flip().patch("L1.H2").value == toy_experiment.patch("L1.H2").value


def test_other_metrics_on_the_same_recordings(toy_experiment: Experiment) -> None:
    other = toy_experiment.measuring("answer_prob")
    assert list(other.metrics) == ["answer_prob"]
    assert other.clean.value == pytest.approx(float(other.clean.logits.softmax(-1)[0, 8]))
    assert list(toy_experiment.clean.values) == ["logit_diff", "kl"]
    assert next(iter(toy_experiment.focused("kl").patch("L1.H2").readings)) == "kl"
    with pytest.raises(MetricError, match="does not measure 'rank'"):
        toy_experiment.focused("rank")
    with pytest.raises(MetricError, match="does not measure 'rank'"):
        toy_experiment.patch("L1.H2")["rank"]


def test_an_unknown_direction(toy: Model) -> None:
    with pytest.raises(PatchError, match="Unknown direction 'backwards'"):
        Experiment(toy, Task("w1 w2", "w1 w3", " w4", " w5"), direction="backwards")  # type: ignore[arg-type]


# ---- datasets -------------------------------------------------------------------------------

PAIRS = [
    ("w3 w14 w15 w9 w26", "w3 w14 w42 w9 w26", 1),
    ("w5 w6 w7", "w5 w8 w7", 1),
    ("w1 w2 w3 w4 w5", "w1 w9 w3 w4 w5", 3),
    ("w50 w51 w52", "w50 w51 w53", 2),
]


@pytest.fixture(scope="module")
def dataset(toy: Model) -> Experiment:
    clean, corrupted, positions = map(list, zip(*PAIRS, strict=True))
    task = Task(
        clean, corrupted, [" w8", " w9", (" w10", " w11"), " w12"], " w13", {"X": positions}
    )
    return Experiment(toy, task, ["logit_diff", "kl", "rank"])


@pytest.mark.parametrize("direction", ["denoise", "noise"])
@pytest.mark.parametrize("site", ["L1.H2", "L1.H2@X", "L0.mlp_out@-1", "embed"])
def test_a_dataset_is_its_pairs_one_by_one(dataset: Experiment, site: str, direction: str) -> None:
    turned = dataset.turned(direction)  # type: ignore[arg-type]
    together = turned.patch(site)
    alone = [
        Experiment(
            dataset.model, dataset.task.pair(i), ["logit_diff", "kl", "rank"], turned.direction
        ).patch(site)
        for i in range(len(PAIRS))
    ]
    for name in dataset.metrics:
        assert together[name].per_pair.value == pytest.approx(
            [each[name].value for each in alone], abs=FLOOR
        )
        assert together[name].per_pair.effect == pytest.approx(
            [each[name].effect for each in alone], abs=2 * FLOOR
        )
    effects = np.array([each.effect for each in alone])
    whole = turned.source.value - turned.host.value
    assert together.effect == pytest.approx(effects.mean(), abs=FLOOR)
    assert together.share == pytest.approx(effects.mean() / whole, abs=1e-3)


def test_over_pairs_recovery_is_a_ratio_of_means(dataset: Experiment) -> None:
    result = dataset.patch("L1.H2")
    ratios = result.per_pair.recovery
    expected = (result.value - dataset.corrupted.value) / (
        dataset.clean.value - dataset.corrupted.value
    )
    assert result.recovery == pytest.approx(expected)
    assert result.recovery != pytest.approx(float(np.mean(ratios)), abs=1e-3)


def test_the_reach_of_a_dataset_sums_over_pairs(dataset: Experiment) -> None:
    reach = dataset.patch("L0.resid_pre").reach("X")
    assert reach.along["resid_post"] == pytest.approx(np.ones(3), abs=1e-4)
    nothing = dataset.patch().reach("X")
    assert (nothing.size["resid_post"] == 0).all()
    assert np.isnan(nothing.cos["resid_post"]).all()
    recorded = dataset.patch("L1.H2", record_reach=True)
    later = dataset.patch("L1.H2")
    assert recorded.reach().along["z"] == pytest.approx(later.reach().along["z"], nan_ok=True)


def test_a_tensor_with_an_entry_for_each_pair(dataset: Experiment) -> None:
    tensor = dataset.clean["L1.H2@-1"]
    assert tensor.shape == (4, 1, 8)
    by_tensor = dataset.patch(Patch("L1.H2@-1", source=tensor))
    assert by_tensor.per_pair.value == pytest.approx(
        dataset.patch("L1.H2@-1").per_pair.value, abs=FLOOR
    )


def test_all_positions_of_prompts_of_unequal_length(dataset: Experiment) -> None:
    with pytest.raises(SiteError, match="The prompts differ in length; name one position"):
        dataset.clean["L1.H2"]
    assert dataset.clean["L1.H2@-1"].shape == (4, 1, 8)
    alone = dataset.model.run("w5 w6 w7")["L1.H2@-1"]
    assert torch.allclose(dataset.clean["L1.H2@-1"][1], alone[0], atol=1e-6)


def test_a_large_dataset_is_run_in_pieces(
    toy: Model, dataset: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_module, "MAX_TOKENS", 6)
    pieces = Experiment(toy, dataset.task, ["logit_diff", "kl", "rank"])
    assert [batch.rows for batch in pieces.host.batches] == [[0], [2], [1, 3]]
    whole = dataset.patch("L1.H2@X", Patch("L0.mlp_out@-1", source=dataset.clean))
    again = pieces.patch("L1.H2@X", Patch("L0.mlp_out@-1", source=dataset.clean))
    assert again.per_pair.value == pytest.approx(whole.per_pair.value, abs=FLOOR)
    assert again.reach().along["z"] == pytest.approx(
        whole.reach().along["z"], abs=1e-3, nan_ok=True
    )


# ---- sites that are not there ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("site", "says"),
    [
        ("L3.H0", "layer 3 is out of range; toy has layers 0 to 2"),
        ("L1.H4", "head 4 is out of range; toy has heads 0 to 3"),
        ("L1.N40", "neuron 40 is out of range; toy has neurons 0 to 39"),
        ("L1.H2@5", r"Position 5 is out of range: the prompt has 5 tokens \(0 to 4, or -5 to -1\)"),
        ("L1.H2@-6", "Position -6 is out of range"),
        ("L1.H2@3:3", "range 3:3 is empty"),
        ("L1.H2@Y", "names no position 'Y'; it names: X"),
        ("L1.hidden", "Unknown component 'hidden'"),
        ("the head", "is not a site"),
    ],
)
def test_a_site_that_is_not_there(toy_experiment: Experiment, site: str, says: str) -> None:
    with pytest.raises(SiteError, match=says):
        toy_experiment.patch(site)


def test_a_component_that_the_model_does_not_have() -> None:
    model = Model(random_model("gptj"), toy_tokenizer(VOCABULARY))
    with pytest.raises(
        RefusedError,
        match=r"No L1.resid_mid here: attention and MLP run in parallel\. Use resid_pre",
    ):
        model.run("w1 w2")["L1.resid_mid"]
    with pytest.raises(RefusedError, match="the MLP has no gate"):
        model.sites("neuron_up")


def test_arguments_of_the_wrong_kind(toy: Model, toy_experiment: Experiment) -> None:
    with pytest.raises(ModelError, match=r"pw\.wrap\(hf_model, tokenizer\); got LlamaForCausalLM"):
        Experiment(toy.hf_model, toy_experiment.task)
    with pytest.raises(TaskError, match=r"Expected pw\.Task\(.*; got str"):
        Experiment(toy, "hello")  # type: ignore[arg-type]
    with pytest.raises(PatchError, match="sites or patches one by one"):
        toy_experiment.patch(["L1.H2", "L0.H1"])  # type: ignore[arg-type]


def test_the_reach_at_no_single_position(toy_experiment: Experiment) -> None:
    with pytest.raises(PatchError, match="looks at one position"):
        toy_experiment.patch("L1.H2").reach(None)


# ---- the model object -----------------------------------------------------------------------


def test_training_flags_come_back_and_dropout_stays_off() -> None:
    hf_model = random_model("gpt2", resid_pdrop=0.5)
    model = Model(hf_model, toy_tokenizer(VOCABULARY))
    hf_model.train()
    hf_model.transformer.h[1].eval()
    flags = [module.training for module in hf_model.modules()]
    assert torch.equal(model.run("w1 w2").logits, model.run("w1 w2").logits)
    assert [module.training for module in hf_model.modules()] == flags


def test_active_gradient_checkpointing_is_refused() -> None:
    hf_model = random_model("llama")
    model = Model(hf_model, toy_tokenizer(VOCABULARY))
    hf_model.gradient_checkpointing_enable()
    hf_model.train()
    with pytest.raises(ModelError, match="gradient_checkpointing_disable"):
        model.run("w1 w2")


def test_logits_that_are_not_finite() -> None:
    hf_model = random_model("llama")
    model = Model(hf_model, toy_tokenizer(VOCABULARY))
    hf_model.lm_head.weight.data[5] = float("nan")
    with pytest.raises(ModelError, match="not finite"):
        model.run("w1 w2")


def test_hooks_are_inert_for_other_threads(toy: Model, toy_experiment: Experiment) -> None:
    ids = torch.tensor([toy_experiment.pairs[0].corrupted])
    with torch.no_grad():
        plain = toy.hf_model(ids).logits
    found = []

    def elsewhere() -> None:
        with torch.no_grad():
            found.append(toy.hf_model(ids).logits)

    with toy.patching(Patch("L1.mlp_out", torch.zeros(1))), torch.no_grad():
        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
        here = toy.hf_model(ids).logits
    assert torch.equal(found[0], plain)
    assert not torch.equal(here, plain)


def test_our_own_passes_are_not_touched_by_a_block_of_the_users(
    toy: Model, toy_experiment: Experiment
) -> None:
    expected = toy_experiment.patch("L1.H2").logits
    ids = torch.tensor([toy_experiment.pairs[0].clean])
    with toy.patching(Patch("L0.mlp_out", torch.zeros(1))), torch.no_grad():
        inside = toy_experiment.patch("L1.H2").logits
        patched = toy.hf_model(ids).logits
    assert torch.equal(inside, expected)
    assert not torch.equal(patched[:, -1], toy_experiment.clean.logits)


def test_weights_that_accelerate_keeps_elsewhere(
    toy_experiment: Experiment, tmp_path: Path
) -> None:
    """A model larger than memory: its weights are on disk, and come in module by module."""
    expected = toy_experiment.patch("L1.H2", "L0.mlp_out@-1").logits
    offloaded = disk_offload(random_model("llama"), tmp_path, execution_device=torch.device("cpu"))
    model = Model(offloaded, toy_tokenizer(VOCABULARY))
    assert model.hf_model.lm_head.weight.device.type == "meta"
    experiment = Experiment(model, toy_experiment.task)
    assert torch.allclose(experiment.patch("L1.H2", "L0.mlp_out@-1").logits, expected, atol=1e-5)


# ---- patching the user's own calls ----------------------------------------------------------


def test_patching_a_forward_pass_of_ones_own(toy: Model, toy_experiment: Experiment) -> None:
    source = toy.run("w3 w14 w15 w9 w26")
    ids = torch.tensor([toy_experiment.pairs[0].corrupted])
    with toy.patching(Patch("L1.H2@3", source=source)), torch.no_grad():
        logits = toy.hf_model(ids).logits[:, -1]
    assert torch.allclose(logits, toy_experiment.patch("L1.H2@3").logits, atol=1e-5)


def test_generated_tokens_are_left_alone(toy: Model) -> None:
    """Zeroing the last MLP over the prompt only, against a generation made by hand with the same cache."""
    ids = torch.tensor([[3, 14, 15]])
    zero = Patch("L2.mlp_out", torch.zeros(1))
    with toy.patching(zero):
        generated = toy.hf_model.generate(ids, max_new_tokens=3, do_sample=False, eos_token_id=None)
    with torch.no_grad():
        with toy.patching(zero):
            output = toy.hf_model(ids, use_cache=True)
        tokens = [int(output.logits[0, -1].argmax())]
        for _ in range(2):
            output = toy.hf_model(
                torch.tensor([tokens[-1:]]), past_key_values=output.past_key_values
            )
            tokens.append(int(output.logits[0, -1].argmax()))
    assert generated[0, 3:].tolist() == tokens


def test_a_patch_that_never_ran_says_so(toy: Model) -> None:
    with (
        pytest.raises(PatchError, match="mlp_out of layer 1 was never reached"),
        toy.patching(Patch("L1.mlp_out", torch.zeros(1))),
    ):
        pass


def test_patching_needs_sources_of_its_own(toy: Model) -> None:
    with pytest.raises(PatchError, match=r"give Patch\(site, source=model.run"):
        toy.patching(Patch("L1.mlp_out"))


# ---- warnings -------------------------------------------------------------------------------


def test_a_weak_answer_is_said(smollm2: Model, names_experiment: Experiment) -> None:
    assert names_experiment.warnings == []
    weak = Experiment(smollm2, Task(CLEAN, CORRUPTED, " table", " John"))
    assert weak.warnings == [
        "On the clean prompt the model prefers ␣Mary to ␣table; effects explain little."
    ]
