"""Checkpoints that are not what their config says, and folders without a causal language model: refused in words."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModel, AutoModelForCausalLM

import patchwidgets as pw
from patchwidgets.errors import LoadError, ModelError, ModelWarning
from tests.support.families import VOCABULARY, random_model
from tests.support.rounding import ROUNDING
from tests.support.toy_models import assert_same_logits
from tests.support.toy_tokenizer import toy_tokenizer

Tensors = dict[str, torch.Tensor]
WEIGHTS, CONFIG = "model.safetensors", "config.json"
UP = "model.layers.1.mlp.up_proj.weight"


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(random_model("llama"), tmp_path_factory.mktemp("saved"))


@pytest.fixture
def folder(saved: Path, tmp_path: Path) -> Path:
    """A copy of a small saved model, to be damaged."""
    return Path(shutil.copytree(saved, tmp_path / "model"))


def save(hf_model: Any, folder: Path) -> Path:
    hf_model.save_pretrained(folder)
    toy_tokenizer(VOCABULARY).save_pretrained(folder)
    return folder


def change(folder: Path, changed: Callable[[Tensors], object]) -> None:
    tensors = load_file(folder / WEIGHTS)
    changed(tensors)
    save_file(tensors, folder / WEIGHTS, metadata={"format": "pt"})


def configure(folder: Path, **settings: object) -> None:
    config = json.loads((folder / CONFIG).read_text())
    (folder / CONFIG).write_text(json.dumps(config | settings))


@pytest.mark.parametrize("key", ["lm_head.weight", "model.norm.weight", UP])
def test_a_missing_tensor_is_named(folder: Path, key: str) -> None:
    """transformers would fill in random numbers, and every check of the structure would pass."""
    change(folder, lambda tensors: tensors.pop(key))
    with pytest.raises(LoadError, match=rf"lacks tensors that its config asks for: {key}\. "):
        pw.load(folder)


def test_many_missing_tensors_are_counted(folder: Path) -> None:
    configure(folder, num_hidden_layers=5)
    with pytest.raises(LoadError, match=r"lacks tensors.*: model\.layers\.3\.\S+, .*, 15 more"):
        pw.load(folder)


def test_a_tensor_of_another_size_is_named(folder: Path) -> None:
    change(folder, lambda tensors: tensors.update({UP: torch.zeros(41, 32)}))
    with pytest.raises(LoadError, match=rf"another size.*{UP} \(\[41, 32\], expected \[40, 32\]\)"):
        pw.load(folder)


@pytest.mark.parametrize("dtype", [torch.int8, torch.uint8, torch.complex64, torch.bool])
def test_a_weight_that_is_no_real_number_is_named(folder: Path, dtype: torch.dtype) -> None:
    change(folder, lambda tensors: tensors.update({UP: tensors[UP].to(dtype)}))
    with pytest.raises(LoadError, match=rf"not stored as floating-point numbers: {UP} \("):
        pw.load(folder)


@pytest.mark.parametrize(
    ("case", "part"),
    [
        ("gemma3", "mlp.up_proj"),
        ("gpt_neox", "embed_out"),
        ("mixtral", "experts.1"),
        ("qwen3_moe", "experts.1"),
    ],
)
def test_a_weight_that_transformers_renames_or_stacks_is_named_too(
    case: str, part: str, tmp_path: Path
) -> None:
    folder = save(random_model(case), tmp_path)
    key = next(each for each in load_file(folder / WEIGHTS) if part in each)
    change(folder, lambda tensors: tensors.update({key: tensors[key].to(torch.int8)}))
    with pytest.raises(LoadError, match=rf"not stored as floating-point numbers: {key} \(I8\)"):
        pw.load(folder)


@pytest.mark.parametrize("case", ["mixtral", "qwen3_moe"])
def test_a_missing_expert_is_named(case: str, tmp_path: Path) -> None:
    """transformers stacks experts in their order: with one too many at the end, the others moved up in silence."""
    folder = save(random_model(case), tmp_path)
    first = next(each for each in load_file(folder / WEIGHTS) if "experts.1." in each)

    def renumber(tensors: Tensors) -> None:
        for key in [each for each in tensors if ".experts.1." in each]:
            tensors[key.replace(".experts.1.", ".experts.4.")] = tensors.pop(key)

    change(folder, lambda tensors: tensors.pop(first))
    with pytest.raises(LoadError, match=rf"lacks tensors of experts: {first}\. "):
        pw.load(folder)
    change(folder, renumber)
    with pytest.raises(LoadError, match=r"lacks tensors of experts: .*experts\.1\..*, \d+ more"):
        pw.load(folder)


def test_a_float_of_8_bits_is_nothing_without_its_scale(folder: Path) -> None:
    scaled = {
        UP: torch.full((40, 32), 416.0).to(torch.float8_e4m3fn),
        f"{UP}_scale_inv": torch.ones(1),
    }
    change(folder, lambda tensors: tensors.update(scaled))
    with pytest.raises(LoadError, match=rf"not stored as floating-point numbers: {UP} \(F8_E4M3"):
        pw.load(folder)


def test_the_masks_of_old_files_are_no_weights(
    tmp_path: Path, recwarn: pytest.WarningsRecorder
) -> None:
    folder = save(random_model("gpt2"), tmp_path)
    before = pw.load(folder).run("w3 w14 w15").logits
    mask = torch.ones(1, 1, 64, 64, dtype=torch.uint8).tril()
    change(folder, lambda tensors: tensors.update({"transformer.h.0.attn.bias": mask}))
    assert_same_logits(pw.load(folder).run("w3 w14 w15").logits, before, ROUNDING)
    change(folder, lambda tensors: tensors.update({"position_ids": torch.arange(9)}))
    assert_same_logits(pw.load(folder).run("w3 w14 w15").logits, before, ROUNDING)
    assert any("position_ids" in str(each.message) for each in recwarn)


def test_what_is_left_unused_is_told(folder: Path, recwarn: pytest.WarningsRecorder) -> None:
    before = pw.load(folder).run("w3 w14 w15").logits
    change(folder, lambda tensors: tensors.update({UP.replace("weight", "bias"): torch.ones(40)}))
    after = pw.load(folder).run("w3 w14 w15").logits
    assert torch.allclose(before, after, atol=1e-5)
    (told,) = [str(each.message) for each in recwarn if each.category is ModelWarning]
    assert "1 tensors of the checkpoint" in told
    assert "up_proj.bias" in told


@pytest.mark.parametrize("case", ["gpt2", "gemma2", "opt", "bloom", "mpt", "gptj", "mixtral"])
def test_tied_weights_and_buffers_are_not_missed(
    case: str, tmp_path: Path, recwarn: pytest.WarningsRecorder
) -> None:
    hf_model = random_model(case)
    expected = pw.wrap(hf_model, toy_tokenizer(VOCABULARY)).run("w3 w14 w15").logits
    loaded = pw.load(save(hf_model, tmp_path))
    stored = dict(hf_model.named_parameters())
    for name, parameter in loaded.hf_model.named_parameters():
        assert torch.equal(parameter, stored[name])
    assert torch.allclose(loaded.run("w3 w14 w15").logits, expected, atol=1e-4)
    assert not [each for each in recwarn if each.category is ModelWarning]


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda f: (f / WEIGHTS).write_bytes((f / WEIGHTS).read_bytes()[:-9]), "SafetensorError"),
        (lambda f: (f / WEIGHTS).write_bytes(b"x" * 99), "SafetensorError"),
        (lambda f: (f / WEIGHTS).unlink(), "Weights are read only from safetensors"),
        (lambda f: (f / CONFIG).write_text("{"), "config.json is missing or broken"),
        (lambda f: (f / CONFIG).write_text("[]"), "config.json is missing or broken"),
        (lambda f: configure(f, hidden_size="x"), "config.json is missing or broken"),
        (lambda f: configure(f, model_type="banana"), "does not recognize this architecture"),
        (lambda f: (f / CONFIG).unlink(), "config.json is missing or broken"),
        (lambda f: (f / "tokenizer.json").unlink(), "Its tokenizer cannot be read"),
        (lambda f: (f / "tokenizer.json").write_text("{}"), "Its tokenizer cannot be read"),
        (lambda f: [each.unlink() for each in f.iterdir()], "config.json is missing or broken"),
    ],
)
def test_a_broken_file_is_told(folder: Path, damage: Callable[[Path], object], words: str) -> None:
    damage(folder)
    with pytest.raises(LoadError, match=rf"holds no causal language model.*{words}"):
        pw.load(folder)


CODE = """
from pathlib import Path
Path({folder!r}, "ran").touch()
from transformers import LlamaConfig, LlamaForCausalLM
class Config(LlamaConfig):
    model_type = "own"
class Own(LlamaForCausalLM):
    config_class = Config
"""


def test_code_that_comes_with_a_model_does_not_run(folder: Path) -> None:
    (folder / "own.py").write_text(CODE.format(folder=str(folder)))
    own = {"AutoConfig": "own.Config", "AutoModelForCausalLM": "own.Own"}
    configure(folder, model_type="own", auto_map=own)
    with pytest.raises(LoadError, match=r"if you trust it, pw\.load.*trust_remote_code=True"):
        pw.load(folder)
    assert not (folder / "ran").exists()
    pw.load(folder, trust_remote_code=True)
    assert (folder / "ran").exists()


def test_weights_in_a_pickle_are_not_read(folder: Path) -> None:
    torch.save(load_file(folder / WEIGHTS), folder / "pytorch_model.bin")
    (folder / WEIGHTS).unlink()
    with pytest.raises(LoadError, match="Weights are read only from safetensors"):
        pw.load(folder)


@pytest.mark.parametrize(
    ("method", "words"),
    [
        ({"quant_method": "gptq", "bits": 4}, "GPTQ"),
        ({"quant_method": "awq", "bits": 4}, "AWQ"),
        ({"quant_method": "aqlm"}, "AQLM|aqlm"),
    ],
)
def test_a_quantised_checkpoint_names_what_it_needs(
    folder: Path, method: dict[str, Any], words: str
) -> None:
    configure(folder, quantization_config=method)
    with pytest.raises(LoadError, match=rf"({words}).*of the same model that is not quantised"):
        pw.load(folder)


@pytest.mark.parametrize("settings", [{"hidden_act": "gelu_"}, {"num_key_value_heads": 3}])
def test_a_config_that_makes_no_model(folder: Path, settings: dict[str, Any]) -> None:
    configure(folder, **settings)
    with pytest.raises((LoadError, ModelError), match=r"holds no causal|does not run|another size"):
        pw.load(folder)


def test_a_model_that_does_not_run_is_told() -> None:
    hf_model = random_model("llama")
    hf_model.model.norm = None
    with pytest.raises(ModelError, match=r"LlamaForCausalLM does not run.*belongs to its weights"):
        pw.wrap(hf_model, toy_tokenizer(VOCABULARY))


SIZES = {
    "vocab_size": VOCABULARY,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 40,
}
T5 = {"vocab_size": VOCABULARY, "d_model": 32, "num_layers": 2, "num_heads": 4, "d_ff": 40}


@pytest.mark.parametrize(
    ("family", "sizes", "words"),
    [
        ("bert", SIZES, "BertLMHeadModel is not causal: its logits at a token change"),
        ("roberta", SIZES, "RobertaForCausalLM is not causal"),
        ("mamba", SIZES, "'mamba'.*State-space and recurrent models.*use a transformer"),
        ("jamba", SIZES | {"num_key_value_heads": 2, "num_experts": 2}, "'jamba'.*State-space"),
        ("t5", T5 | {"d_kv": 8}, "T5Config.*use a decoder, such as GPT-2 or Llama"),
        ("vit", SIZES, "ViTConfig.*use a decoder"),
    ],
)
def test_other_families_are_refused_by_name(
    family: str, sizes: dict[str, int], words: str, tmp_path: Path
) -> None:
    config = AutoConfig.for_model(family, **sizes)
    causal = type(config) in AutoModelForCausalLM._model_mapping
    hf_model = (AutoModelForCausalLM if causal else AutoModel).from_config(config)
    save(hf_model, tmp_path)
    with pytest.raises((LoadError, ModelError), match=words):
        pw.load(tmp_path)


@pytest.mark.parametrize("device", ["cuda:7", "banana", "mps:3", "cpu:x"])
def test_a_device_that_is_not_here(device: str) -> None:
    for where in ({"device": device}, {"device_map": device}, {"device_map": {"": device}}):
        with pytest.raises(LoadError, match=rf"The device '{device}' cannot be used here.*'cpu'"):
            pw.load(**where)


def test_devices_that_make_no_sense() -> None:
    with pytest.raises(LoadError, match="On the device 'meta' weights have no values"):
        pw.load(device="meta")
    with pytest.raises(LoadError, match="Give either device or device_map"):
        pw.load(device="cpu", device_map="auto")
    assert pw.load(device="cpu").device == "cpu"


@pytest.mark.parametrize("dtype", ["int8", "float8_e4m3fn", "banana", "auto", None, torch.int8])
def test_a_dtype_in_which_nothing_can_be_computed(dtype: Any) -> None:
    with pytest.raises(LoadError, match=r"Unknown dtype .*; expected 'float32'.*pw\.wrap"):
        pw.load(dtype=dtype)


def test_a_name_that_is_no_text() -> None:
    with pytest.raises(LoadError, match=r"got 3\. A model that is in memory goes to pw\.wrap"):
        pw.load(3)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("case", "name", "count"),
    [
        ("llama", "num_hidden_layers", 40),
        ("llama", "num_hidden_layers", 10**20),
        ("mixtral", "num_local_experts", 10**20),
    ],
)
def test_counts_that_no_checkpoint_holds(case: str, name: str, count: int, tmp_path: Path) -> None:
    """transformers would make modules until the memory is full."""
    folder = save(random_model(case), tmp_path)
    configure(folder, **{name: count})
    says = rf"asks for {name} = {count}, and its checkpoint has \d+ tensors with"
    with pytest.raises(LoadError, match=says):
        pw.load(folder)
