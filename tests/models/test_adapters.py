"""Fine-tuned models that are saved as adapters of PEFT, loaded with their base model."""

import json
import sys
from pathlib import Path
from typing import Any

import peft
import pytest
import torch
from safetensors.torch import load_file, save_file

import patchwidgets as pw
from patchwidgets.errors import LoadError, ModelError
from tests.support.families import VOCABULARY, random_model
from tests.support.toy_tokenizer import toy_tokenizer

PROMPT = "w3 w14 w15 w9 w26"
LORA = peft.LoraConfig(
    task_type="CAUSAL_LM",
    target_modules=["q_proj", "down_proj"],
    lora_dropout=0.4,
    init_lora_weights=False,
)


def saved(tmp_path: Path, config: Any = LORA) -> tuple[Path, torch.Tensor]:
    """The folder of an adapter, whose base model is in a folder beside it; and what they say together."""
    base = tmp_path / "base"
    random_model("llama").save_pretrained(base)
    toy_tokenizer(VOCABULARY).save_pretrained(base)
    hf_model = random_model("llama")
    hf_model.config._name_or_path = hf_model.name_or_path = str(base)
    peft_model = peft.get_peft_model(hf_model, config).eval()
    peft_model.peft_config["default"].base_model_name_or_path = str(base)
    peft_model.save_pretrained(tmp_path / "tuned")
    ids = torch.tensor([[3, 14, 15, 9, 26]])
    with torch.no_grad():
        output = peft_model(input_ids=ids, use_cache=False, logits_to_keep=1)
    return tmp_path / "tuned", output.logits[:, -1]


def test_an_adapter_is_loaded_with_its_base_model(tmp_path: Path) -> None:
    folder, expected = saved(tmp_path)
    model = pw.load(folder)
    assert model.name == "tuned"
    assert isinstance(model.hf_model, peft.PeftModel)
    assert torch.equal(model.run(PROMPT).logits, expected)
    with model.hf_model.disable_adapter():
        assert not torch.allclose(model.run(PROMPT).logits, expected, atol=1e-2)


def test_its_own_tokenizer_comes_first(tmp_path: Path) -> None:
    folder, _ = saved(tmp_path)
    assert len(pw.load(folder).tokenizer) == VOCABULARY
    toy_tokenizer(VOCABULARY - 1).save_pretrained(folder)
    assert len(pw.load(folder).tokenizer) == VOCABULARY - 1


def test_an_adapter_with_missing_tensors(tmp_path: Path) -> None:
    folder, _ = saved(tmp_path)
    tensors = load_file(folder / "adapter_model.safetensors")
    key = next(each for each in tensors if "lora_B" in each)
    del tensors[key]
    save_file(tensors, folder / "adapter_model.safetensors", metadata={"format": "pt"})
    with pytest.raises(LoadError, match=rf"lacks tensors that its config asks for: {key}"):
        pw.load(folder)


def test_an_adapter_with_tensors_that_have_no_place(tmp_path: Path) -> None:
    """PEFT leaves out, in silence, what its config does not list."""
    folder, _ = saved(tmp_path)
    config = json.loads((folder / "adapter_config.json").read_text())
    listed = config | {"target_modules": ["q_proj"]}
    (folder / "adapter_config.json").write_text(json.dumps(listed))
    with pytest.raises(LoadError, match=r"tensors that have no place in the model: .*down_proj"):
        pw.load(folder)


@pytest.mark.parametrize(
    "config",
    [
        peft.LoraConfig(
            task_type="CAUSAL_LM",
            target_modules=["q_proj", "embed_tokens"],
            modules_to_save=["lm_head"],
        ),
        peft.LoraConfig(task_type="CAUSAL_LM", target_modules=["v_proj"], use_dora=True),
        peft.IA3Config(task_type="CAUSAL_LM", target_modules=["k_proj"], feedforward_modules=[]),
    ],
    ids=["saved modules", "dora", "ia3"],
)
def test_every_tensor_of_other_adapters_has_its_place(tmp_path: Path, config: Any) -> None:
    folder, expected = saved(tmp_path, config)
    assert torch.equal(pw.load(folder).run(PROMPT).logits, expected)


def test_a_prompt_that_is_learned_is_refused_before_anything_else_is_read(tmp_path: Path) -> None:
    """PEFT would read its initial values from a pickle."""
    folder, _ = saved(tmp_path)
    config = peft.MultitaskPromptTuningConfig(
        task_type="CAUSAL_LM",
        num_virtual_tokens=2,
        prompt_tuning_init="AVERAGE_SOURCE_TASKS",
        prompt_tuning_init_state_dict_path=str(tmp_path / "none.bin"),
        base_model_name_or_path=str(tmp_path / "base"),
    )
    config.save_pretrained(folder)
    with pytest.raises(ModelError, match="MULTITASK_PROMPT_TUNING of PEFT puts tokens of its own"):
        pw.load(folder)


def test_an_adapter_in_whole_numbers(tmp_path: Path) -> None:
    folder, _ = saved(tmp_path)
    tensors = load_file(folder / "adapter_model.safetensors")
    key = next(each for each in tensors if "lora_B" in each)
    tensors[key] = (30 * tensors[key]).to(torch.int8)
    save_file(tensors, folder / "adapter_model.safetensors", metadata={"format": "pt"})
    with pytest.raises(LoadError, match=rf"not stored as floating-point numbers: {key} \(I8\)"):
        pw.load(folder)


def test_an_adapter_that_cannot_be_read(tmp_path: Path) -> None:
    folder, _ = saved(tmp_path)
    weights, config = folder / "adapter_model.safetensors", folder / "adapter_config.json"
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-5])
    with pytest.raises(LoadError, match="Save the adapter again"):
        pw.load(folder)
    weights.unlink()
    with pytest.raises(LoadError, match=r"has no adapter_model\.safetensors\. Weights are read on"):
        pw.load(folder)
    weights.write_bytes(whole)
    settings = json.loads(config.read_text())
    config.write_text(json.dumps(settings | {"base_model_name_or_path": None}))
    with pytest.raises(LoadError, match="does not say which model it belongs to"):
        pw.load(folder)
    config.write_text(json.dumps(settings | {"base_model_name_or_path": "/nowhere/base"}))
    with pytest.raises(LoadError, match="There is no folder '/nowhere/base'"):
        pw.load(folder)
    config.write_text("[")
    with pytest.raises(LoadError, match="holds no causal language model"):
        pw.load(folder)


def test_an_adapter_in_front_of_the_prompt_is_refused(tmp_path: Path) -> None:
    folder, _ = saved(
        tmp_path, peft.PromptTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=3)
    )
    with pytest.raises(ModelError, match="PROMPT_TUNING of PEFT puts tokens of its own in front"):
        pw.load(folder)


def test_without_peft_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, _ = saved(tmp_path)
    monkeypatch.setitem(sys.modules, "peft", None)
    with pytest.raises(LoadError, match="is an adapter, which the library peft reads: pip install"):
        pw.load(folder)
