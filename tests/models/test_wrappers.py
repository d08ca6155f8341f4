"""Models inside a wrapper: the adapters of PEFT and `torch.compile` give the numbers of the wrapper itself."""

from contextlib import ExitStack
from itertools import pairwise
from typing import Any

import peft
import pytest
import torch

import patchwidgets as pw
from patchwidgets.errors import ModelError, PatchError, WeightsChangedError
from patchwidgets.facade import Experiment
from patchwidgets.models.model import Model
from tests.support.families import VOCABULARY, random_model
from tests.support.toy_tokenizer import toy_tokenizer

PROMPT, OTHER = "w3 w14 w15 w9 w26", "w3 w14 w42 w9 w26"
IDS, OTHER_IDS = torch.tensor([[3, 14, 15, 9, 26]]), torch.tensor([[3, 14, 42, 9, 26]])
LINEAR = ["q_proj", "o_proj", "up_proj", "down_proj"]
ADAPTERS: dict[str, Any] = {
    "lora": peft.LoraConfig(
        task_type="CAUSAL_LM", target_modules=LINEAR, lora_dropout=0.4, init_lora_weights=False
    ),
    "lora, without a task": peft.LoraConfig(target_modules="all-linear", init_lora_weights=False),
    "lora, head and embedding": peft.LoraConfig(
        target_modules=["lm_head", "embed_tokens", "v_proj"],
        lora_dropout=0.4,
        init_lora_weights=False,
    ),
    "lora, own head": peft.LoraConfig(
        target_modules=LINEAR, modules_to_save=["lm_head"], init_lora_weights=False
    ),
    "dora": peft.LoraConfig(target_modules=LINEAR, use_dora=True, init_lora_weights=False),
    "ia3": peft.IA3Config(
        target_modules=["k_proj", "down_proj"],
        feedforward_modules=["down_proj"],
        init_ia3_weights=False,
    ),
    "loha": peft.LoHaConfig(target_modules=LINEAR, init_weights=False),
    "layer norms": peft.LNTuningConfig(target_modules=["input_layernorm"]),
}


def adapted(config: Any, case: str = "llama") -> Any:
    hf_model = random_model(case)
    torch.manual_seed(1)
    return peft.get_peft_model(hf_model, config)


def wrap(hf_model: Any) -> Model:
    return pw.wrap(hf_model, toy_tokenizer(VOCABULARY))


def logits(hf_model: Any, ids: torch.Tensor = IDS) -> torch.Tensor:
    """Logits of a plain forward pass, without our help."""
    with torch.no_grad():
        return hf_model(input_ids=ids, use_cache=False, logits_to_keep=1).logits[:, -1]


@pytest.mark.parametrize("name", ADAPTERS)
def test_an_adapter_gives_the_numbers_of_its_wrapper(name: str) -> None:
    peft_model = adapted(ADAPTERS[name])
    model = wrap(peft_model)
    assert model.hf_model is peft_model
    assert model.checks.passed
    peft_model.eval()
    assert torch.equal(model.run(PROMPT).logits, logits(peft_model))


@pytest.mark.parametrize("name", ["lora", "lora, head and embedding"])
def test_dropout_of_an_adapter_stays_off(name: str) -> None:
    peft_model = adapted(ADAPTERS[name]).eval()
    task = pw.Task(PROMPT, OTHER, " w8", " w9")
    eval_mode = Experiment(wrap(peft_model), task).sweep("z", progress=False).effect.values
    peft_model.train()
    flags = [module.training for module in peft_model.modules()]
    train_mode = Experiment(wrap(peft_model), task).sweep("z", progress=False).effect.values
    assert (eval_mode == train_mode).all()
    assert [module.training for module in peft_model.modules()] == flags


@pytest.mark.parametrize("name", ["lora", "lora, head and embedding", "lora, own head", "ia3"])
def test_sweeps_of_an_adapted_model_are_its_patches(name: str) -> None:
    """Also where the output embedding itself has an adapter, which its weight alone does not show."""
    experiment = Experiment(wrap(adapted(ADAPTERS[name])), pw.Task(PROMPT, OTHER, " w8", " w9"))
    effects = experiment.sweep("z", progress=False).effect.values
    for layer, head in ((0, 1), (1, 2), (2, 3)):
        expected = experiment.patch(f"L{layer}.H{head}").effect
        assert effects[layer, head] == pytest.approx(expected, abs=1e-5)


def test_a_patch_of_an_adapted_model_by_hand() -> None:
    """The patched head of the wrapper, with a hook of torch on the adapter's layer."""
    peft_model = adapted(ADAPTERS["lora"]).eval()
    projection = peft_model.get_base_model().model.layers[1].self_attn.o_proj
    seen: list[torch.Tensor] = []
    handle = projection.register_forward_pre_hook(lambda _m, args: seen.append(args[0].clone()))
    logits(peft_model, OTHER_IDS)
    handle.remove()

    def write(_module: Any, args: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
        changed = args[0].clone()
        changed[..., 16:24] = seen[0][..., 16:24]
        return (changed, *args[1:])

    handle = projection.register_forward_pre_hook(write)
    expected = logits(peft_model)
    handle.remove()
    model = wrap(peft_model)
    with model.patching(pw.Patch("L1.H2", source=model.run(OTHER))):
        assert torch.equal(logits(peft_model), expected)
    assert not torch.equal(logits(peft_model), expected)


def test_adapters_are_switched_off_exchanged_and_merged() -> None:
    """Every state is the one that the user chose, also after the model was wrapped."""
    plain = logits(random_model("llama"))
    peft_model = adapted(ADAPTERS["lora"])
    torch.manual_seed(2)
    peft_model.add_adapter("second", ADAPTERS["lora"])
    peft_model.eval()
    model = wrap(peft_model)
    seen = [plain]
    for name in ("default", "second"):
        peft_model.set_adapter(name)
        peft_model.eval()
        assert torch.equal(model.run(PROMPT).logits, logits(peft_model))
        seen.append(model.run(PROMPT).logits)
    with peft_model.disable_adapter():
        assert torch.equal(model.run(PROMPT).logits, plain)
    assert torch.equal(model.run(PROMPT).logits, seen[-1])
    peft_model.merge_adapter()
    assert torch.equal(model.run(PROMPT).logits, logits(peft_model))
    assert torch.allclose(model.run(PROMPT).logits, seen[-1], atol=1e-4)
    peft_model.unmerge_adapter()
    merged = wrap(peft_model.merge_and_unload())
    assert torch.allclose(merged.run(PROMPT).logits, seen[-1], atol=1e-4)
    assert all(not torch.allclose(a, b, atol=1e-2) for a, b in pairwise(seen))


def test_generate_of_an_adapted_model_is_patched() -> None:
    peft_model = adapted(ADAPTERS["lora"]).eval()
    model = wrap(peft_model)
    patch = pw.Patch("L2.resid_post@-1", source=model.run(OTHER))
    with model.patching(patch):
        patched = peft_model.generate(input_ids=IDS, max_new_tokens=1, do_sample=False)
    assert int(patched[0, -1]) == int(logits(peft_model, OTHER_IDS).argmax())


@pytest.mark.parametrize(
    ("config", "why"),
    [
        (
            peft.PromptTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=3),
            "PROMPT_TUNING of PEFT puts tokens of its own in front of the prompt",
        ),
        (
            peft.PrefixTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=3),
            "PREFIX_TUNING of PEFT puts tokens of its own in front of the prompt",
        ),
        (
            peft.AdaptionPromptConfig(task_type="CAUSAL_LM", adapter_len=3, adapter_layers=2),
            "ADAPTION_PROMPT of PEFT puts tokens",
        ),
        (
            peft.PolyConfig(task_type="CAUSAL_LM", target_modules=LINEAR, n_tasks=2),
            "POLY of PEFT needs task_ids",
        ),
        (
            peft.LoraConfig(
                task_type="CAUSAL_LM", target_modules=LINEAR, alora_invocation_tokens=[3]
            ),
            "LORA of PEFT acts only after invocation tokens",
        ),
    ],
)
def test_an_adapter_outside_of_the_layers_is_refused(config: Any, why: str) -> None:
    with pytest.raises(ModelError, match=rf"{why}.*Use an adapter inside the layers"):
        wrap(adapted(config))


def test_a_wrapper_that_does_more_than_its_adapters_is_refused() -> None:
    peft_model = adapted(ADAPTERS["lora"]).eval()
    handle = peft_model.register_forward_hook(
        lambda _m, _a, output: type(output)(logits=output.logits * 2)
    )
    with pytest.raises(ModelError, match="LORA of PEFT changes the logits outside of the model's"):
        wrap(peft_model)
    handle.remove()
    wrap(peft_model)


def compiled(way: str) -> tuple[Any, Any]:
    """A model of which something is compiled, and the object that the user calls."""
    hf_model = random_model("llama")
    options: dict[str, Any] = {"backend": "eager"}
    if way == "whole":
        return hf_model, torch.compile(hf_model, **options)
    if way == "in place":
        hf_model.compile(**options)
    elif way == "forward":
        hf_model.forward = torch.compile(hf_model.forward, **options)
    else:
        layers = hf_model.model.layers
        for i, layer in enumerate(layers):
            layers[i] = torch.compile(layer, **options)
    return hf_model, hf_model


@pytest.mark.parametrize("way", ["whole", "in place", "forward", "layers"])
def test_a_compiled_model(way: str) -> None:
    plain = wrap(random_model("llama"))
    patch = pw.Patch("L1.resid_post@2", source=plain.run(OTHER))
    with plain.patching(patch):
        patched = logits(plain.hf_model)
    _, called = compiled(way)
    before = logits(called)  # compiles it
    model = wrap(called)
    assert model.hf_model is called
    assert torch.equal(model.run(PROMPT).logits, plain.run(PROMPT).logits)
    with model.patching(patch):
        assert torch.equal(logits(called), patched)
    assert torch.equal(logits(called), before)


def test_torchs_stance_is_restored() -> None:
    from torch._dynamo import eval_frame

    _, called = compiled("whole")
    logits(called)
    model = wrap(called)
    patch = pw.Patch("L1.mlp_out", torch.zeros(1))
    with model.patching(patch), model.patching(patch):
        logits(called)
        assert eval_frame._stance.stance == "force_eager"
    assert eval_frame._stance.stance == "default"
    with pytest.raises(PatchError, match="never reached"), model.patching(patch):
        pass
    assert eval_frame._stance.stance == "default"


def test_what_is_no_model_is_named() -> None:
    hf_model, tokenizer = random_model("llama"), toy_tokenizer(VOCABULARY)
    for given, words in (
        (None, "got NoneType. Load one with pw.load"),
        ("gpt2", r"got the text 'gpt2'. Use pw.load\('gpt2'\)"),
        (torch.nn.Linear(2, 2), "got Linear"),
        (torch.nn.DataParallel(hf_model), "give the model inside it, DataParallel.module"),
    ):
        with pytest.raises(ModelError, match=words):
            pw.wrap(given, tokenizer)
    for given, words in ((None, "got NoneType"), (hf_model, "got LlamaForCausalLM")):
        with pytest.raises(ModelError, match=f"Expected the tokenizer of the model.*{words}"):
            pw.wrap(hf_model, given)


def test_weights_without_values_are_refused() -> None:
    with pytest.raises(ModelError, match=r"on the meta device.*: lm_head\.weight.*, 29 more"):
        wrap(random_model("llama").to("meta"))
    hf_model = random_model("llama")
    hf_model.model.layers[1].mlp.to("meta")
    with pytest.raises(ModelError, match=r"no values: model\.layers\.1\.mlp\.down_proj\.weight"):
        wrap(hf_model)


def test_a_dtype_for_storage_is_refused() -> None:
    with pytest.raises(ModelError, match=r"are float8_e4m3fn, in which torch cannot run a model"):
        wrap(random_model("llama").to(torch.float8_e4m3fn))


@pytest.mark.parametrize("change", ["switched", "disabled", "merged", "trained", "nothing"])
def test_an_experiment_notices_that_adapters_changed(change: str) -> None:
    peft_model = adapted(ADAPTERS["lora"])
    peft_model.add_adapter("second", ADAPTERS["lora"])
    experiment = Experiment(wrap(peft_model), pw.Task(PROMPT, OTHER, " w8", " w9"))
    effect = experiment.patch("L1.H2").effect
    with ExitStack() as stack:
        if change == "switched":
            peft_model.set_adapter("second")
        elif change == "disabled":
            stack.enter_context(peft_model.disable_adapter())
        elif change == "merged":
            peft_model.merge_adapter()
        elif change == "trained":
            peft_model.train()(input_ids=IDS).logits.sum().backward()
            weights = [each for each in peft_model.parameters() if each.grad is not None]
            torch.optim.SGD(weights, lr=0.1).step()
        else:
            assert experiment.patch("L1.H2").effect == effect
            return
        with pytest.raises(WeightsChangedError):
            experiment.patch("L1.H2")
