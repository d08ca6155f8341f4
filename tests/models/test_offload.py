"""Models whose weights accelerate keeps elsewhere: the same numbers, and each weight brought in once per group."""

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import accelerate
import pytest
import torch
from accelerate import disk_offload
from accelerate.hooks import AlignDevicesHook, ModelHook, SequentialHook

import patchwidgets as pw
from patchwidgets.errors import (
    RefusedError,
)
from patchwidgets.facade import Experiment
from patchwidgets.models.model import Model
from patchwidgets.sweep.grid import make_grid
from patchwidgets.sweep.request import SweepRequest
from patchwidgets.sweep.savings import Savings
from patchwidgets.sweep.sweep import Sweep
from tests.support.families import N_LAYERS, VOCABULARY, random_model
from tests.support.sweeps import APART, every_grid, one_pair, several_pairs, sweep
from tests.support.toy_models import make_model
from tests.support.toy_tokenizer import toy_tokenizer

WAYS = ("cpu", "disk", "some layers on disk")
CASES = ("llama", "gpt2", "gemma2", "mixtral", "gptj", "bloom")


def offloaded(case: str, way: str, folder: Path) -> Model:
    hf_model = random_model(case)
    cpu = torch.device("cpu")
    if way == "cpu":
        accelerate.cpu_offload(hf_model, execution_device=cpu)
    elif way == "disk":
        accelerate.disk_offload(hf_model, str(folder), execution_device=cpu)
    else:
        places = layers_on_disk(hf_model, pw.wrap(hf_model, toy_tokenizer(VOCABULARY)))
        accelerate.dispatch_model(
            hf_model, places, main_device="cpu", offload_dir=str(folder), force_hooks=True
        )
    return Model(hf_model, toy_tokenizer(VOCABULARY), case)


def layers_on_disk(hf_model: Any, model: Model) -> dict[str, str]:
    """All in memory but the blocks behind the first."""
    names = {module: name for name, module in hf_model.named_modules()}
    places = {names[block]: "disk" if i else "cpu" for i, block in enumerate(model.layout.blocks)}
    for name, module in hf_model.named_modules():
        parts = list(module.children())
        if name and not parts and not any(name.startswith(f"{each}.") for each in places):
            places[name] = "cpu"
    return places


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("case", CASES)
def test_the_same_numbers_as_in_memory(case: str, way: str, tmp_path: Path) -> None:
    model = offloaded(case, way, tmp_path)
    assert any(parameter.device.type == "meta" for parameter in model.hf_model.parameters())
    assert model.checks.passed
    assert model.device == "cpu"
    away, here = several_pairs(model), several_pairs(make_model(case))
    assert away.patch("L1.H2").effect == here.patch("L1.H2").effect
    grids = zip(sweep(away, *every_grid(away)), sweep(here, *every_grid(here)), strict=True)
    for one, other in grids:
        assert one.method == other.method
        for name in away.metrics:
            assert (one.effects[name] == other.effects[name]).all()


def count_loads(monkeypatch: pytest.MonkeyPatch) -> Counter[ModelHook]:
    """How often each of accelerate's hooks brings in weights from now on; a module of a view has the same hook."""
    loads: Counter[ModelHook] = Counter()
    before = AlignDevicesHook.pre_forward

    def counted(hook: Any, module: torch.nn.Module, *args: Any, **kwargs: Any) -> Any:
        if hook.offload and list(module.parameters(recurse=False)):
            loads[hook] += 1
        return before(hook, module, *args, **kwargs)

    monkeypatch.setattr(AlignDevicesHook, "pre_forward", counted)
    return loads


def hook_of(module: torch.nn.Module) -> ModelHook | None:
    """The hook that brings a module's weights in."""
    hook = getattr(module, "_hf_hook", None)
    return next((each for each in getattr(hook, "hooks", ()) if each.offload), hook)


@pytest.mark.parametrize("savings", [APART, replace(APART, descent=False, cone=False)])
@pytest.mark.parametrize("case", CASES)
def test_each_weight_is_brought_in_once_per_group(
    case: str, savings: Savings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment = one_pair(offloaded(case, "disk", tmp_path), ["logit_diff"])
    grid = make_grid(experiment, SweepRequest("resid_pre"))
    made = Sweep(experiment, [grid], savings=savings, batch=4)
    plan = made.plan()
    assert plan.groups > 2
    made.compute_next()
    loads = count_loads(monkeypatch)
    list(made.run())
    inside = [hook_of(m) for block in experiment.model.layout.blocks for m in block.modules()]
    assert {loads[hook] for hook in inside if hook in loads} == {plan.groups - 1}
    assert len([hook for hook in inside if hook in loads]) >= 4 * N_LAYERS


def test_one_forward_per_site_would_bring_them_in_for_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment = one_pair(offloaded("llama", "disk", tmp_path))
    experiment.patch("L1.H0")
    loads = count_loads(monkeypatch)
    for head in range(4):
        experiment.patch(f"L1.H{head}")
    assert loads[hook_of(experiment.model.hf_model.model.layers[0].mlp.up_proj)] == 4


def test_the_top_neurons_cannot_be_chosen(tmp_path: Path) -> None:
    experiment = one_pair(offloaded("llama", "disk", tmp_path), ["logit_diff"])
    with pytest.raises(RefusedError, match=r"offloaded, and a backward pass.*sites="):
        experiment.sweep("neuron", top=3, progress=False)
    assert experiment.sweep("neuron", layers=[1], progress=False).effect.shape == (1, 40)


def test_memory_is_measured_where_the_work_is_done(tmp_path: Path) -> None:
    """accelerate's hooks say where; the weights themselves are nowhere."""
    model = offloaded("llama", "disk", tmp_path)
    embedding = model.hf_model.get_input_embeddings()
    assert embedding.weight.device.type == "meta"
    hook = embedding._hf_hook
    for place in ("cuda:0", "cpu", torch.device("cuda", 1)):
        hook.execution_device = place
        assert model.device == str(place)
    embedding._hf_hook = SequentialHook(ModelHook(), hook)
    assert model.device == "cuda:1"


def test_loading_with_a_device_map(monkeypatch: pytest.MonkeyPatch) -> None:
    here = pw.load()
    task = pw.tasks.addition(n=2, seed=0)
    names = {"model.embed_tokens", "model.norm", "model.rotary_emb", "lm_head"}
    layers = {f"model.layers.{i}": "disk" for i in range(here.n_layers)}
    away = pw.load(device_map=dict.fromkeys(names, "cpu") | layers)
    assert away.hf_model.model.layers[0].mlp.up_proj.weight.device.type == "meta"
    one, other = (Experiment(model, task).sweep("z", progress=False) for model in (away, here))
    assert (one.effect.values == other.effect.values).all()


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
