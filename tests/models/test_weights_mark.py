"""Weights that change after a run was recorded are noticed, by the name of the first tensor; nothing else is."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import accelerate
import pytest
import torch
from torch import nn

from patchwidgets.errors import WeightsChangedError
from patchwidgets.facade import Experiment
from patchwidgets.models.model import Model
from patchwidgets.models.weights_mark import WeightsMark
from patchwidgets.sites import Patch
from patchwidgets.tasks import Task
from tests.support.families import CASES, VOCABULARY, random_model
from tests.support.toy_tokenizer import toy_tokenizer

TASK = Task("w3 w14 w15 w9", "w3 w14 w42 w9", " w8", " w9")
UP, OUT = "model.layers.1.mlp.up_proj.weight", "model.layers.2.self_attn.o_proj.weight"


def optimizer_step(hf_model: Any) -> None:
    hf_model(torch.tensor([[1, 2]])).logits.sum().backward()
    torch.optim.SGD([hf_model.get_parameter(UP)], lr=0.1).step()


def one_number(hf_model: Any) -> None:
    with torch.no_grad():
        hf_model.get_parameter(UP)[7, 3] += 1


def data(hf_model: Any) -> None:
    hf_model.get_parameter(UP).data *= 1.001


def data_replaced(hf_model: Any) -> None:
    hf_model.get_parameter(UP).data = torch.zeros(40, 32)


def column_of_data(hf_model: Any) -> None:
    hf_model.get_parameter(OUT).data[:, 5] = 0


def rows_of_data(hf_model: Any) -> None:
    hf_model.get_parameter(UP).data[3:20] = 0


def row_of_a_new_parameter(hf_model: Any) -> None:
    changed = hf_model.get_parameter(UP).detach().clone()
    changed[3] += 1
    hf_model.model.layers[1].mlp.up_proj.weight = nn.Parameter(changed)


def parameter_replaced(hf_model: Any) -> None:
    hf_model.model.layers[1].mlp.up_proj.weight = nn.Parameter(torch.zeros(40, 32))


def state_dict(hf_model: Any) -> None:
    hf_model.load_state_dict({UP: torch.zeros(40, 32)}, strict=False)


def not_a_number(hf_model: Any) -> None:
    hf_model.get_parameter(UP).data.fill_(float("nan"))


CHANGES: dict[str, Callable[[Any], None]] = {
    each.__name__: each
    for each in (
        *(optimizer_step, one_number, data, data_replaced, column_of_data, rows_of_data),
        *(row_of_a_new_parameter, parameter_replaced, state_dict, not_a_number),
    )
}


@pytest.fixture
def experiment() -> Experiment:
    return Experiment(Model(random_model("llama"), toy_tokenizer(VOCABULARY)), TASK)


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_noticed_wherever_old_recordings_would_be_used(
    experiment: Experiment, change: str
) -> None:
    hf_model = experiment.model.hf_model
    run = experiment.model.run("w3 w14", record=["L1.mlp_out"])
    result, mark = experiment.patch("L1.H2"), WeightsMark(hf_model)
    light = result.without_logits()
    clean = experiment.clean.value
    CHANGES[change](hf_model)
    name = OUT if change == "column_of_data" else UP
    with pytest.raises(WeightsChangedError, match=f"The weights {name} changed since"):
        mark.check()
    if change == "not_a_number":
        return
    uses: list[Callable[[], object]] = [
        lambda: experiment.patch("L1.H2"),
        lambda: experiment.flip().patch(),
        lambda: experiment.reach("L1.H2"),
        lambda: experiment.sweep("z", progress=False),
        lambda: list(experiment.iter_sweep("v")),
        lambda: experiment.measuring("logit_diff@-2"),
        lambda: experiment.clean["L0.H1"],
        lambda: experiment.clean["L1.H2"],
        lambda: experiment.clean.logits_at([(0, 0)]),
        result.reach,
        lambda: light.logits,
        light.top_tokens,
        lambda: run["L1.mlp_out"],
        lambda: run["L0.z"],
        lambda: Experiment(experiment.model, TASK).patch(Patch("L1.mlp_out@0:2", source=run)),
        lambda: experiment.model.patching(Patch("L1.mlp_out", source=run)),
    ]
    for use in uses:
        with pytest.raises(WeightsChangedError, match=r"Make the run or the experiment again"):
            use()
    assert experiment.clean.value == clean
    anew = Experiment(experiment.model, TASK)
    assert anew.clean.value != clean
    assert torch.equal(anew.patch().logits, anew.host.logits)


def test_a_value_that_was_read_before_stays_a_source(experiment: Experiment) -> None:
    value = experiment.clean["L1.mlp_out"]
    one_number(experiment.model.hf_model)
    anew = Experiment(experiment.model, TASK)
    assert anew.patch(Patch("L1.mlp_out", source=value)).effect != 0


def test_the_run_of_another_model_is_none_of_this_ones_changes(experiment: Experiment) -> None:
    other = Model(random_model("llama"), toy_tokenizer(VOCABULARY))
    run = other.run("w3 w14 w15 w9")
    one_number(experiment.model.hf_model)
    anew = Experiment(experiment.model, TASK)
    assert anew.patch(Patch("L1.mlp_out", source=run)).effect != 0
    one_number(other.hf_model)
    with pytest.raises(WeightsChangedError, match=UP):
        anew.patch(Patch("L1.mlp_out", source=run))


@pytest.mark.parametrize("case", CASES)
def test_runs_modes_and_gradients_are_no_change(case: str) -> None:
    hf_model = random_model(case)
    model = Model(hf_model, toy_tokenizer(VOCABULARY))
    experiment = Experiment(model, TASK)
    hf_model.train()
    hf_model(torch.tensor([[1, 2, 3]])).logits.sum().backward()
    hf_model.eval().requires_grad_(False)
    hf_model.generate(torch.tensor([[1, 2, 3]]), max_new_tokens=2, do_sample=False, pad_token_id=0)
    if model.components.count("pattern"):
        experiment.patch("L1.pattern")
    assert torch.equal(experiment.patch().logits, experiment.host.logits)


@pytest.mark.parametrize("way", ["cpu", "disk"])
def test_weights_that_come_and_go_are_no_change(way: str, tmp_path: Path) -> None:
    hf_model = random_model("llama")
    if way == "cpu":
        accelerate.cpu_offload(hf_model, execution_device=torch.device("cpu"))
    else:
        accelerate.disk_offload(hf_model, str(tmp_path), execution_device=torch.device("cpu"))
    experiment = Experiment(Model(hf_model, toy_tokenizer(VOCABULARY)), TASK)
    hf_model(torch.tensor([[1, 2, 3]]))
    assert torch.equal(experiment.patch().logits, experiment.host.logits)
    before, during, within = experiment.patch("L1.H2").effect, [], []

    def patch_once(_module: nn.Module, _output: object) -> None:
        """While the user's own pass has brought a weight in, and again in the view."""
        if not within:
            within.append(True)
            during.append(experiment.patch("L1.H2").effect)

    hook = hf_model.model.layers[1].mlp.up_proj._hf_hook
    post_forward = hook.post_forward
    hook.post_forward = lambda module, output: (
        patch_once(module, output),
        post_forward(module, output),
    )[1]
    hf_model(torch.tensor([[1, 2, 3]]))
    assert during == [before]


def test_moving_a_tensor_to_other_memory_is_no_change(experiment: Experiment) -> None:
    for parameter in experiment.model.hf_model.parameters():
        parameter.data = parameter.data.clone()
    assert torch.equal(experiment.patch().logits, experiment.host.logits)


def test_weights_that_are_not_numbers_equal_themselves() -> None:
    linear = nn.Linear(3, 5)
    linear.weight.data[0] = float("nan")
    mark = WeightsMark(linear)
    mark.check()
    linear.weight.data[:, 1] = 0
    with pytest.raises(WeightsChangedError, match="The weights weight changed"):
        mark.check()


def test_buffers_count_if_they_are_saved() -> None:
    module = nn.Module()
    module.register_buffer("passing", torch.zeros(3), persistent=False)
    module.register_buffer("lasting", torch.zeros(3))
    mark = WeightsMark(module)
    module.passing += 1
    mark.check()
    module.lasting += 1
    with pytest.raises(WeightsChangedError, match="The weights lasting changed"):
        mark.check()


def test_another_number_of_tensors() -> None:
    linear = nn.Linear(3, 5)
    mark = WeightsMark(linear)
    linear.bias = None
    with pytest.raises(
        WeightsChangedError, match=r"number of weight tensors \(it was 2, now it is 1\)"
    ):
        mark.check()


def test_inference_tensors_have_no_version() -> None:
    with torch.inference_mode():
        linear = nn.Linear(3, 5)
    mark = WeightsMark(linear)
    mark.check()
    with torch.inference_mode():
        linear.weight[:, 1] = 9
    with pytest.raises(WeightsChangedError, match="weight"):
        mark.check()


@pytest.mark.parametrize("part", [slice(None), (slice(None), 5), slice(3, 20)])
@pytest.mark.parametrize(
    "weight",
    [
        torch.rand(40, 32).T,
        torch.rand(80, 64)[::2, ::2],
        torch.rand(3, 40, 32).transpose(1, 2),
        torch.rand(64)[::2],
    ],
    ids=lambda weight: str(tuple(weight.shape)),
)
def test_a_weight_that_does_not_lie_in_one_piece(weight: torch.Tensor, part: Any) -> None:
    module = nn.Module()
    module.weight = nn.Parameter(weight)
    if weight.ndim != 2:
        part = slice(None)
    assert not module.weight.is_contiguous()
    mark = WeightsMark(module)
    mark.check()
    module.weight.data[part] += 2
    with pytest.raises(WeightsChangedError, match="The weights weight changed"):
        mark.check()


@pytest.mark.parametrize("expert", range(5))
def test_a_column_of_one_of_many_stacked_experts(expert: int) -> None:
    module = nn.Module()
    module.experts = nn.Parameter(torch.rand(5, 40, 32))
    mark = WeightsMark(module)
    module.experts.data[expert, :, 7] = 0
    with pytest.raises(WeightsChangedError, match="The weights experts changed"):
        mark.check()
