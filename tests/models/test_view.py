"""Our passes run a view: what they see of the user's model, and that they change nothing of it."""

from functools import partial
from types import MethodType
from typing import Any

import pytest
import torch
from torch import nn

from patchwidgets.errors import ModelError
from patchwidgets.facade import Experiment
from patchwidgets.models.model import Model
from patchwidgets.models.view import View
from patchwidgets.sites import Patch
from patchwidgets.tasks import Task
from tests.support.families import VOCABULARY, random_model
from tests.support.toy_tokenizer import toy_tokenizer

PROMPT = "w3 w14 w42"
TASK = Task("w3 w14 w15", "w3 w14 w42", " w8", " w9")


def wrap(hf_model: Any) -> Model:
    return Model(hf_model, toy_tokenizer(VOCABULARY))


def attributes(hf_model: nn.Module) -> list[dict[str, object]]:
    """Everything that the modules hold; what can be changed in place as it is now."""
    return [
        {
            name: list(value.items()) if isinstance(value, dict) else value
            for name, value in module.__dict__.items()
        }
        for module in hf_model.modules()
    ]


def test_a_pass_changes_no_attribute_and_no_config() -> None:
    hf_model = random_model("gpt2", resid_pdrop=0.5).train()
    model = wrap(hf_model)
    before, config = attributes(hf_model), dict(hf_model.config.__dict__)
    during = []

    def look(host: torch.Tensor, _source: torch.Tensor) -> torch.Tensor:
        during.append((attributes(hf_model) == before, dict(hf_model.config.__dict__) == config))
        return host

    experiment = Experiment(model, TASK)
    experiment.patch(Patch("L1.pattern", fn=look), Patch("L1.mlp_out", fn=look))
    assert during == [(True, True)] * 2


def test_users_hooks_act_and_get_the_copy() -> None:
    model = wrap(random_model("llama"))
    mlp, seen = model.hf_model.model.layers[1].mlp, []
    names, address = {mlp: "mlp of layer 1"}, id(mlp)

    def double(module: nn.Module, _args: Any, output: torch.Tensor) -> torch.Tensor:
        seen.append((names[module], module is mlp, id(module) == address, module.training))
        return 2 * output

    mlp.train()
    handle = mlp.register_forward_hook(double)
    hooked = model.run(PROMPT).logits
    handle.remove()
    assert seen == [("mlp of layer 1", True, False, False)]
    assert mlp.training
    plain = model.run(PROMPT)
    patched = Experiment(model, TASK).patch(Patch("L1.mlp_out", fn=lambda host, _: 2 * host))
    assert not torch.equal(hooked, plain.logits)
    assert torch.equal(hooked, patched.logits)
    assert len(seen) == 1


@pytest.mark.parametrize("way", ["data", "parameter", "module's attribute", "lambda", "method"])
def test_edits_by_the_user_are_seen(way: str) -> None:
    model = wrap(random_model("llama"))
    block = model.hf_model.model.layers[1]
    before = model.run(PROMPT).logits
    linear = block.mlp.down_proj
    if way == "data":
        linear.weight.data *= 2
    elif way == "parameter":
        linear.weight = nn.Parameter(2 * linear.weight.detach())
    elif way == "module's attribute":
        linear.forward = partial(
            lambda module, x: 2 * nn.functional.linear(x, module.weight), linear
        )
    elif way == "lambda":
        former = linear.forward
        linear.forward = lambda x: 2 * former(x)
    else:
        linear.forward = MethodType(
            lambda self, x: 2 * nn.functional.linear(x, self.weight), linear
        )
    doubled = model.run(PROMPT, record=["L1.mlp_out"])
    assert not torch.equal(before, doubled.logits)
    with torch.no_grad():
        own = model.hf_model(torch.tensor([[3, 14, 42]]), logits_to_keep=1).logits[:, -1]
    assert torch.equal(own, doubled.logits)


def test_functions_that_close_over_modules_run_in_the_view() -> None:
    """A replaced ``forward`` calls the copy of its module: in eval mode, and with our hooks inside."""
    hf_model = random_model("gpt2", resid_pdrop=0.5)
    model = wrap(hf_model)
    expected = Experiment(model, TASK).patch("L1.neuron").logits
    block = hf_model.transformer.h[1]
    former, parts, calls = block.forward, [block.mlp], []

    def forward(*args: Any, extra: Any = None, **kwargs: Any) -> Any:
        calls.append(parts[0].training)
        return former(*args, **kwargs)

    block.forward = forward
    hf_model.train()
    experiment = Experiment(model, TASK)
    assert torch.equal(experiment.patch("L1.neuron").logits, expected)
    assert set(calls) == {False}
    assert block.mlp.training


def test_modules_in_lists_dicts_and_partials_lead_to_their_copies() -> None:
    hf_model = random_model("llama")
    first, last = hf_model.model.layers[0], hf_model.model.layers[2]
    numbers = [1, 2, 3]
    hf_model.parts = {"some": [first, (last, 5)], "call": partial(last.forward, use_cache=False)}
    hf_model.numbers = numbers
    hf_model.circle = circle = [first]
    circle.append(circle)
    view = View(hf_model)
    copy_of_first, copy_of_last = view.copy_of(first), view.copy_of(last)
    parts: Any = view.model.parts
    assert parts["some"] == [copy_of_first, (copy_of_last, 5)]
    assert parts["call"].func.__self__ is copy_of_last
    assert parts["call"].keywords == {"use_cache": False}
    assert view.model.numbers is numbers
    assert hf_model.parts["some"][0] is first
    assert copy_of_first.mlp.up_proj.weight is first.mlp.up_proj.weight


def test_configs_are_copied_once_and_their_parts_too() -> None:
    hf_model = random_model("gemma3")
    view = View(hf_model)
    attention = hf_model.model.language_model.layers[0].self_attn
    copy: Any = view.copy_of(attention)
    assert copy.config is view.model.config.text_config
    assert copy.config is not attention.config
    assert copy.config.to_dict() == attention.config.to_dict()
    assert view.model.config.vision_config is not hf_model.config.vision_config


def test_a_compiled_model_runs_uncompiled() -> None:
    hf_model = random_model("llama")
    expected = wrap(hf_model).run(PROMPT).logits
    assert torch.equal(wrap(torch.compile(hf_model)).run(PROMPT).logits, expected)
    hf_model.compile()
    hf_model.model.layers[1].forward = torch.compile(hf_model.model.layers[1].forward)
    model = wrap(hf_model)
    assert torch.equal(model.run(PROMPT).logits, expected)
    assert hf_model._compiled_call_impl is not None


def test_a_replaced_module_has_to_be_wrapped_again() -> None:
    model = wrap(random_model("llama"))
    block = model.hf_model.model.layers[1]
    block.mlp.down_proj = nn.Sequential(block.mlp.down_proj)
    with pytest.raises(ModelError, match=r"modules of the model's layers have changed.*pw\.wrap"):
        model.run(PROMPT)


def test_a_module_beside_the_layers_changes_nothing() -> None:
    model = wrap(random_model("llama"))
    expected = model.run(PROMPT).logits
    model.hf_model.probe = nn.Linear(2, 2)
    assert torch.equal(model.run(PROMPT).logits, expected)


def test_an_embedding_of_another_size_has_to_be_wrapped_again() -> None:
    model = wrap(random_model("llama"))
    model.hf_model.set_input_embeddings(nn.Embedding(VOCABULARY, 32))
    with pytest.raises(ModelError, match=r"Embedding that was part.*pw\.wrap"):
        model.run(PROMPT, record=["embed"])


def test_torchscript_in_training_mode_is_refused() -> None:
    model = wrap(random_model("llama"))
    model.hf_model.probe = torch.jit.script(nn.Linear(2, 2))
    model.hf_model.train()
    with pytest.raises(ModelError, match=r"TorchScript in training mode; call hf_model\.eval"):
        model.run(PROMPT)
    model.hf_model.probe.eval()
    assert torch.isfinite(model.run(PROMPT).logits).all()
