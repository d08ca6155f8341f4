"""Patches in forward passes of the user's own, `generate` included."""

import pytest
import torch

import patchwidgets as pw
from patchwidgets.errors import PatchError, SiteError
from patchwidgets.facade import Experiment
from patchwidgets.models.edits import joint_edits
from patchwidgets.models.model import Model
from patchwidgets.sites import Patch


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


def test_sources_that_need_no_experiment(toy: Model, toy_experiment: Experiment) -> None:
    ids, vector = torch.tensor([toy_experiment.pairs[0].corrupted]), torch.ones(8)
    sources = pw.sources
    for patch in (
        Patch("L1.H2@3", sources.zero()),
        Patch("L1.H2@-1", sources.steer(vector, 2.0)),
        Patch("L1.H2.pattern@3:", sources.cut(-3, "0:2")),
        Patch("L1.pattern@-1", sources.cut(1, renormalise=False)),
    ):
        with toy.patching(patch), torch.no_grad():
            logits = toy.hf_model(ids).logits[:, -1]
        expected = toy_experiment.patch(patch).logits
        assert torch.allclose(logits, expected, atol=1e-5)
        assert not torch.allclose(expected, toy_experiment.host.logits, atol=1e-3)


def test_sources_that_need_an_experiment_say_so(toy: Model) -> None:
    sources = pw.sources
    for source in (sources.mean(), sources.resample(seed=0), sources.at("L0.H1@2")):
        with pytest.raises(PatchError, match="takes its values from the prompts of an experiment"):
            toy.patching(Patch("L1.H2@3", source))
    with pytest.raises(PatchError, match="the source is an int; expected a name, a Run, a tensor"):
        toy.patching(Patch("L1.H2@3", 3))
    with pytest.raises(PatchError, match=r"write cut\(\) with an index instead of 'S2'"):
        toy.patching(Patch("L1.H2.pattern@3", sources.cut("S2")))
    with pytest.raises(PatchError, match="it goes into a pattern"):
        toy.patching(Patch("L1.H2@3", sources.cut(1)))


def test_edits_of_one_component_are_made_in_order() -> None:
    edits = joint_edits(
        [(Patch("L0.H1").site, lambda a: a.add_(1)), (Patch("L0.H2").site, lambda a: a.mul_(2))]
    )
    assert list(edits) == [("z", 0)]
    assert edits[("z", 0)](torch.tensor(3)).item() == 8


def test_positions_have_no_names_without_a_task(toy: Model) -> None:
    source = toy.run("w3 w14 w15")
    with pytest.raises(
        SiteError, match=r"L1\.H2@S2: there is no task.*with an index instead of 'S2'"
    ):
        toy.patching(Patch("L1.H2@S2", source=source))


def test_a_site_string_asks_for_a_source(toy: Model) -> None:
    with pytest.raises(PatchError, match=r"give Patch\(site, source=model.run"):
        toy.patching("L1.mlp_out")


def test_the_block_is_given_nothing(toy: Model) -> None:
    with toy.patching(Patch("L1.mlp_out", torch.zeros(1))) as given, torch.no_grad():
        toy.hf_model(torch.tensor([[3, 14, 15]]))
    assert given is None


@pytest.mark.parametrize("n_rows", [2, 4])
def test_a_source_run_of_another_number_of_prompts(toy: Model, n_rows: int) -> None:
    source = toy.run(["w3 w14 w15", "w9 w14 w15", "w26 w14 w15"])
    ids = torch.tensor([[3, 14, 42]] * n_rows)
    with (
        pytest.raises(PatchError, match=f"run has 3 prompts and the patched batch {n_rows}; run"),
        toy.patching(Patch("L1.H2@1", source=source)),
        torch.no_grad(),
    ):
        toy.hf_model(ids)


def test_the_embedding_belongs_to_no_layer(toy: Model) -> None:
    with (
        pytest.raises(PatchError, match="The patch of embed was never reached"),
        toy.patching(Patch("embed", torch.zeros(1))),
    ):
        pass
