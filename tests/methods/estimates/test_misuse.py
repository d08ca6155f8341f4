"""What estimates refuse, and that they leave the model and its lock as they were."""

import threading
from pathlib import Path
from typing import Any

import pytest
import torch

import patchwidgets as pw
from benchmarks.memory import peak_above
from patchwidgets.errors import (
    MetricError,
    PatchError,
    RefusedError,
    SiteError,
    WeightsChangedError,
)
from patchwidgets.facade import Experiment
from patchwidgets.hooks.cancellation import Cancelled, cancellable
from patchwidgets.models.forward import model_lock
from tests.support.own_process import alone, needs_linux
from tests.support.sweeps import several_pairs
from tests.support.toy_models import count_hooks, make_model


@pytest.fixture(scope="module")
def llama() -> Experiment:
    return several_pairs(make_model("llama"), ["logit_diff"])


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        (
            {"method": "eap"},
            r"Unknown method 'eap'; expected 'atp' or 'ig'\. EAP estimates edges, as in exp\.estimate_edges",
        ),
        ({"method": "atp*"}, r"Unknown method 'atp\*'; expected 'atp' or 'ig'\.$"),
        (
            {"method": "atp", "steps": 5},
            r"'atp' takes one gradient.*leave steps=5 out, or use method='ig'",
        ),
        ({"method": "ig", "steps": 0}, r"steps is 0; expected a number of points, at least 1"),
        ({"method": "ig", "steps": 2.5}, r"steps is 2\.5; expected a number"),
        ({"direction": "backwards"}, r"Unknown direction 'backwards'"),
        ({"layers": 3}, r"layers is 3; expected a list"),
    ],
)
def test_wrong_arguments(llama: Experiment, asked: dict[str, Any], says: str) -> None:
    with pytest.raises(PatchError, match=says):
        llama.estimate("z", progress=False, **asked)


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        (
            {"method": "atp"},
            r"Unknown method 'atp'; expected 'eap' or 'eap-ig'\. AtP estimates sites, as in exp\.estimate\(",
        ),
        ({"method": "eap", "steps": 2}, r"'eap' takes one gradient.*use method='eap-ig'"),
        ({"method": "eap-ig", "steps": -1}, r"steps is -1"),
    ],
)
def test_wrong_arguments_of_edges(llama: Experiment, asked: dict[str, Any], says: str) -> None:
    with pytest.raises(PatchError, match=says):
        llama.estimate_edges(progress=False, **asked)


def test_methods_are_known_in_any_case(llama: Experiment) -> None:
    """As they are written in papers."""
    exact = llama.estimate("z", method="ig", steps=1, progress=False)
    named = llama.estimate("z", method="IG", steps=1, progress=False)  # type: ignore[arg-type]
    assert named.attrs["method"] == "ig"
    assert (named.effect.values == exact.effect.values).all()
    edges = llama.estimate_edges(method="EAP-IG", steps=1, progress=False)  # type: ignore[arg-type]
    assert edges.attrs["method"] == "eap-ig"
    with pytest.raises(PatchError, match=r"Unknown method 'EAP'; .* EAP estimates edges"):
        llama.estimate("z", method="EAP", progress=False)  # type: ignore[arg-type]
    with pytest.raises(PatchError, match=r"Unknown method 3; expected 'atp' or 'ig'\.$"):
        llama.estimate("z", method=3, progress=False)  # type: ignore[arg-type]


def test_what_the_model_does_not_have(llama: Experiment) -> None:
    with pytest.raises(SiteError, match=r"layer 7 is out of range"):
        llama.estimate("z", layers=[7], progress=False)
    with pytest.raises(SiteError, match=r"Cannot sweep z over \('layer', 'neuron'\)"):
        llama.estimate("z", ("layer", "neuron"), progress=False)
    with pytest.raises(SiteError, match="nonsense"):
        llama.estimate("nonsense", progress=False)  # type: ignore[arg-type]
    with pytest.raises(RefusedError, match="rotates queries and keys"):
        several_pairs(make_model("gptj")).estimate("q", progress=False)


@pytest.mark.parametrize("metrics", ["rank", ["logit_diff", "rank"]])
def test_metrics_without_a_gradient_are_refused(llama: Experiment, metrics: Any) -> None:
    says = r"rank has no gradient.*exp\.measuring\('logit_diff'\); exact effects"
    with pytest.raises(MetricError, match=says):
        llama.measuring(metrics).estimate("z", progress=False)
    with pytest.raises(MetricError, match=says):
        llama.measuring(metrics).estimate_edges(progress=False)


def test_kl_has_no_slope_in_the_clean_run(llama: Experiment) -> None:
    experiment = llama.measuring(["logit_diff", "kl"])
    for estimate, method in (
        (lambda **options: experiment.estimate("z", **options), "ig"),
        (experiment.estimate_edges, "eap-ig"),
    ):
        with pytest.raises(
            MetricError, match=rf"kl is 0, and so is its gradient.*method='{method}'"
        ):
            estimate(method={"ig": "atp"}.get(method, "eap"), direction="noise", progress=False)
        along = estimate(method=method, steps=3, direction="noise", progress=False)
        assert abs(along.over_pairs("kl")["effect"]).max() > 1e-3
    assert abs(experiment.estimate("z", progress=False).over_pairs("kl")["effect"]).max() > 1e-3


def test_a_metric_that_does_not_move_is_refused(llama: Experiment) -> None:
    def nothing(readout: Any) -> torch.Tensor:
        return 0 * readout.logits[:, 0]

    with pytest.raises(MetricError, match="The gradient of nothing is 0 at every site"):
        llama.measuring(nothing).estimate("z", progress=False)
    with pytest.raises(MetricError, match="The gradient of nothing is 0"):
        llama.measuring(nothing).estimate_edges(progress=False)


def test_models_without_gradients_are_refused(
    llama: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(llama.model.hf_model, "is_quantized", True, raising=False)
    with pytest.raises(
        RefusedError, match=r"no gradients: its weights are quantised.*exact effects"
    ):
        llama.estimate("z", progress=False)
    with pytest.raises(RefusedError, match="quantised"):
        llama.estimate_edges(progress=False)


def test_heads_with_something_unknown_behind_them_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    experiment = several_pairs(make_model("gemma2"), ["logit_diff"])
    norms = [block.post_attention_layernorm for block in experiment.model.layout.blocks]
    hook = norms[1].register_forward_hook(lambda _m, args, out: out + 0.1 * (args[0].shape[1] == 5))
    assert len(experiment.estimate_edges(method="eap", progress=False).effect)
    hook.remove()
    calls: list[int] = []

    def otherwise(_module: Any, _args: Any, output: torch.Tensor) -> torch.Tensor:
        calls.append(1)
        return output * (1 + len(calls))

    hook = norms[1].register_forward_hook(otherwise)
    with pytest.raises(
        RefusedError, match="No edges from heads here: more than the output projection and a norm"
    ):
        experiment.estimate_edges(method="eap", progress=False)
    hook.remove()


def test_weights_that_changed_are_noticed() -> None:
    experiment = several_pairs(make_model("llama"), ["logit_diff"])
    next(iter(experiment.model.hf_model.parameters())).data.add_(1)
    for estimate in (
        lambda: experiment.estimate("z", progress=False),
        lambda: experiment.estimate_edges(progress=False),
    ):
        with pytest.raises(WeightsChangedError):
            estimate()


@pytest.mark.parametrize("inference", [False, True])
@pytest.mark.parametrize("frozen", [False, True])
def test_the_model_is_left_as_it_was(inference: bool, frozen: bool) -> None:
    experiment = several_pairs(make_model("llama"), ["logit_diff"])
    hf_model = experiment.model.hf_model
    hf_model.requires_grad_(not frozen)
    before = hf_model.config._attn_implementation, count_hooks(hf_model), hf_model.training
    expected = experiment.estimate("q", progress=False), experiment.estimate_edges(progress=False)
    with torch.inference_mode(inference), torch.no_grad():
        found = experiment.estimate("q", progress=False), experiment.estimate_edges(progress=False)
    for one, other in zip(found, expected, strict=True):
        assert one.effect.values == pytest.approx(other.effect.values, abs=1e-6)
    assert (
        hf_model.config._attn_implementation,
        count_hooks(hf_model),
        hf_model.training,
    ) == before
    assert all(each.grad is None and each.requires_grad != frozen for each in hf_model.parameters())


def test_after_an_error_the_lock_is_free_and_gradients_are_as_they_were(llama: Experiment) -> None:
    with pytest.raises(MetricError) as _kept, torch.no_grad():
        llama.measuring("rank").estimate_edges(progress=False)
    assert torch.is_grad_enabled()
    got: list[bool] = []

    def acquire() -> None:
        lock = model_lock(llama.model.hf_model)
        got.append(lock.acquire(blocking=False))
        if got[0]:
            lock.release()

    thread = threading.Thread(target=acquire)
    thread.start()
    thread.join()
    assert got == [True]


def test_cancelled_on_the_way(llama: Experiment) -> None:
    unwanted = threading.Event()
    block = llama.model.layout.blocks[1]
    hook = block.register_forward_hook(
        lambda _m, _a, out: unwanted.set() if out.requires_grad else None
    )
    with cancellable(unwanted), pytest.raises(Cancelled):
        llama.estimate_edges(progress=False)
    hook.remove()


@pytest.mark.parametrize("kind", ["z", "edges"])
def test_files_keep_that_it_is_an_estimate(llama: Experiment, tmp_path: Path, kind: str) -> None:
    found = (
        llama.estimate_edges(method="eap-ig", steps=2, progress=False)
        if kind == "edges"
        else llama.estimate("z", progress=False)
    )
    found.save(tmp_path / "estimate.nc")
    again = pw.SweepResult.load(tmp_path / "estimate.nc")
    assert again.to_xarray().identical(found.to_xarray())
    assert again.approximate
    words = "EAP-IG in 2 steps" if kind == "edges" else "AtP"
    assert repr(again).endswith(f"an estimate ({words}))")
    assert again.attrs["method"] == {"edges": "eap-ig", "z": "atp"}[kind]
    assert again.sel(pair=0).approximate
    assert not llama.sweep("z", progress=False).approximate
    assert "estimate" not in repr(llama.sweep("z", progress=False))
    assert len(found.to_frame()) == found.effect.size


def peak_of_estimate(kind: Any, budget: int) -> int:
    """Above the memory in use before it, in bytes, of the second time."""
    experiment = Experiment(pw.load("smollm2"), pw.tasks.ioi(n=4, seed=0))

    def estimate() -> None:
        if kind == "edges":
            experiment.estimate_edges(method="eap", progress=False, budget=budget)
        else:
            experiment.estimate(kind, progress=False, budget=budget)

    estimate()
    return peak_above(estimate)


@needs_linux
@pytest.mark.parametrize("kind", ["edges", "neuron"])
def test_memory_stays_inside_the_budget(kind: str) -> None:
    budget = 160 * 2**20
    assert alone(peak_of_estimate, kind, budget) <= budget
