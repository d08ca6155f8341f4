"""The checks at load: an identity that does not hold is named with its layer and its gap."""

from collections.abc import Callable
from functools import partial

import pytest
import torch

import patchwidgets as pw
from patchwidgets.errors import ModelError, ModelWarning, RefusedError, VerificationError
from patchwidgets.models.model import Model
from patchwidgets.models.verification import Check, Checks
from tests.support.families import VOCABULARY, random_model
from tests.support.toy_tokenizer import toy_tokenizer


def opt_with_norms_after() -> torch.nn.Module:
    """A real model that breaks the identity: its norms come after the sums."""
    return random_model("opt", do_layer_norm_before=False)  # type: ignore[no-any-return]


def test_a_broken_identity_names_the_layer_and_the_gap() -> None:
    with pytest.raises(
        VerificationError, match=r"resid_\w+ .*at layer 0: relative gap [\d.e+-]+, allowed"
    ):
        pw.wrap(opt_with_norms_after(), toy_tokenizer(VOCABULARY))


def test_a_failed_check_can_be_a_warning_or_left_out() -> None:
    with pytest.warns(ModelWarning, match="checks failed, first: ") as told:
        model = pw.wrap(opt_with_norms_after(), toy_tokenizer(VOCABULARY), verify="warn")
    assert told[0].filename == __file__
    assert not model.checks.passed
    assert str(
        pw.wrap(opt_with_norms_after(), toy_tokenizer(VOCABULARY), verify="off").checks
    ).startswith("not checked")


def test_writing_is_checked_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """A block that ignores what its attention module returns would pass every reading check."""
    hf_model = random_model("llama")
    attention = hf_model.model.layers[1].self_attn
    forward, projection = attention.forward, attention.o_proj

    def unhooked(*args: object, **kwargs: object) -> object:
        _, *rest = forward(*args, **kwargs)
        passing = attention.captured
        return (torch.nn.functional.linear(passing, projection.weight), *rest)

    projection.register_forward_pre_hook(
        lambda _module, args: setattr(attention, "captured", args[0])
    )
    monkeypatch.setattr(attention, "forward", unhooked)
    with pytest.raises(VerificationError, match=r"writing: .* at layer 1"):
        pw.wrap(hf_model, toy_tokenizer(VOCABULARY))


def test_a_report_of_checks() -> None:
    good, bad = Check("a = b", 0, 1e-9, 1e-6), Check("a = b", 1, 0.5, 1e-6)
    report = Checks((good, bad))
    assert (report.passed, report.failed, report.largest_gap) == (False, (bad,), 0.5)
    assert (
        str(report)
        == "1 of 2 checks failed, first: a = b at layer 1: relative gap 5.0e-01, allowed 1.0e-06"
    )


def test_a_config_with_another_number_of_key_value_heads() -> None:
    hf_model = random_model("opt", num_key_value_heads=2)
    with pytest.raises(
        VerificationError, match=r"k of layer 0 has 4 heads and the config .* says 2"
    ):
        Model(hf_model, toy_tokenizer(VOCABULARY))


def test_clipped_projections_are_refused() -> None:
    hf_model = random_model("mpt", attn_config={"clip_qkv": 1.0})
    model = Model(hf_model, toy_tokenizer(VOCABULARY))
    assert set(model.refused) >= {"q", "k", "v", "pattern"}
    with pytest.raises(RefusedError, match="clip_qkv"):
        model.sites("v")


@pytest.mark.parametrize("family", ["llama", "brand_new"])
def test_an_unknown_way_to_verify(family: str) -> None:
    hf_model = random_model("llama")
    hf_model.config.model_type = family
    with pytest.raises(ModelError, match="'strickt'; expected 'strict', 'warn' or 'off'"):
        pw.wrap(hf_model, toy_tokenizer(VOCABULARY), verify="strickt")  # type: ignore[arg-type]


def test_an_embedding_that_is_never_reached_belongs_to_no_layer() -> None:
    hf_model = random_model("llama")
    embed = hf_model.get_input_embeddings()
    hf_model.model.forward = partial(_forward_without_embedding, hf_model.model.forward, embed)
    with pytest.raises(VerificationError, match=r"^embed was never reached in 'llama'"):
        pw.wrap(hf_model, toy_tokenizer(VOCABULARY))


def _forward_without_embedding(
    forward: Callable[..., object], embed: torch.nn.Module, **inputs: object
) -> object:
    """Look the token ids up in the weights, so that the embedding module itself does not run."""
    ids = inputs.pop("input_ids")
    return forward(**inputs | {"inputs_embeds": embed.weight[ids]})
