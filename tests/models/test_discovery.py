"""Families without a record: found in their structure, believed only when every check passes; the table of all."""

import types
from pathlib import Path

import pytest

from patchwidgets.errors import ModelError, VerificationError
from patchwidgets.models import architectures
from patchwidgets.models.architectures import ARCHITECTURES
from patchwidgets.models.discovery import discover
from patchwidgets.models.model import Model
from tests.support.families import FAMILIES, VOCABULARY, random_model
from tests.support.toy_tokenizer import toy_tokenizer
from tools.component_table import table

PATHS = ("layers", "z", "attn_out", "mlp_out", "neuron", "neuron_pre", "neuron_up", "multiplier")


@pytest.mark.parametrize("family", FAMILIES)
def test_what_is_discovered_is_what_the_record_says(
    family: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hf_model = random_model(family)
    monkeypatch.setattr(architectures, "ARCHITECTURES", {})
    found = Model(hf_model, toy_tokenizer(VOCABULARY)).layout.architecture
    record = ARCHITECTURES[family]
    assert {path: getattr(found, path) for path in PATHS} == {
        path: getattr(record, path) for path in PATHS
    }


def test_an_identity_that_fails_is_named_with_its_layer_and_gap() -> None:
    hf_model = random_model("opt", do_layer_norm_before=False)
    hf_model.config.model_type = "brand_new"
    with pytest.raises(
        VerificationError,
        match=r"'brand_new' has no record, and what its structure suggests does not hold: .*"
        r"resid_\w+ .* at layer 0: relative gap [\d.e+-]+, allowed",
    ):
        Model(hf_model, toy_tokenizer(VOCABULARY), verify="off")


def test_a_model_with_other_names_for_its_parts() -> None:
    hf_model = random_model("llama")
    hf_model.config.model_type = "brand_new"
    for block in hf_model.model.layers:
        block.self_attn.mixing = block.self_attn.o_proj
        del block.self_attn.o_proj
    with pytest.raises(ModelError, match=r"No output projection in LlamaDecoderLayer\.self_attn"):
        discover(hf_model)
    hf_model.model.layers = hf_model.model.layers[:2]
    with pytest.raises(ModelError, match="no list of 3 blocks with attention"):
        discover(hf_model)


def test_layers_that_are_not_of_one_kind() -> None:
    hf_model = random_model("llama")
    hf_model.config.model_type = "brand_new"
    del hf_model.model.layers[1].self_attn.o_proj
    with pytest.raises(ModelError, match="its layers are not of one kind"):
        discover(hf_model)


def test_the_table_of_components_is_up_to_date() -> None:
    written = Path(__file__).parents[2].joinpath("docs", "components.md")
    assert written.read_text(encoding="utf-8") == table(), "run python -m tools.component_table"


@pytest.mark.parametrize(("family", "module"), [("llama", "up_proj"), ("gemma2", "down_proj")])
def test_layers_that_lack_a_module_of_the_mlp(family: str, module: str) -> None:
    hf_model = random_model(family)
    hf_model.config.model_type = "brand_new"
    delattr(hf_model.model.layers[1].mlp, module)
    with pytest.raises(ModelError, match="its layers are not of one kind"):
        discover(hf_model)


def test_a_site_that_is_never_reached_is_named() -> None:
    hf_model = random_model("llama")
    hf_model.config.model_type = "brand_new"
    hf_model.model.layers[1].mlp.forward = lambda x: x
    with pytest.raises(
        VerificationError,
        match=r"does not hold: \w+ of layer 1 was never reached .*than the one that runs\. Add",
    ):
        Model(hf_model, toy_tokenizer(VOCABULARY))


def test_an_mlp_without_a_known_projection_is_not_called_a_mixture() -> None:
    hf_model = random_model("llama")
    hf_model.config.model_type = "brand_new"
    for block in hf_model.model.layers:
        block.mlp.mixing = block.mlp.down_proj
        del block.mlp.down_proj
        block.mlp.forward = types.MethodType(
            lambda mlp, x: mlp.mixing(mlp.act_fn(mlp.gate_proj(x)) * mlp.up_proj(x)), block.mlp
        )
    refused = Model(hf_model, toy_tokenizer(VOCABULARY)).refused
    reason = "no module is known whose input is the neurons. Use mlp_out."
    assert {refused[name] for name in ("neuron", "neuron_pre", "neuron_up")} == {reason}
