"""The top n neurons: chosen to first order, which is said; shown exactly; the model as it was."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import patchwidgets as pw
from benchmarks.memory import peak_above
from patchwidgets.errors import MetricError, PatchError, RefusedError, SiteError
from patchwidgets.facade import Experiment
from patchwidgets.sites import Site
from patchwidgets.sweep.attribution import POINTS
from patchwidgets.sweep.cost import Cost
from patchwidgets.sweep.gradients import first_order_effects
from patchwidgets.sweep.grid import make_grid
from patchwidgets.sweep.request import SweepRequest, Top
from patchwidgets.tasks import Task
from tests.support.families import D_MLP, N_LAYERS
from tests.support.own_process import alone, needs_linux
from tests.support.sweeps import one_pair, several_pairs
from tests.support.toy_models import count_hooks, make_model


@pytest.fixture(scope="module")
def llama() -> Experiment:
    return several_pairs(make_model("llama"), ["logit_diff", "kl"])


def small_steps(experiment: Experiment, site: str, pair: int, point: float = 0.0) -> float:
    """The first-order effect by finite differences: a thousandth of the way, times a thousand.

    The other neurons of the layer are `point` of the way to the source.
    """

    def effect(step: float) -> float:
        whole = Site(Site.parse(site).component, Site.parse(site).layer)
        moved = [pw.Patch(whole, fn=lambda host, source: host + point * (source - host))]
        # The second patch sees what the first one wrote.
        part = step / (1 - point)
        little = pw.Patch(site, fn=lambda host, source: host + part * (source - host))
        return float(experiment.patch(*(moved if point else []), little).per_pair.value[pair])

    return 1e3 * (effect(1e-3) - effect(0))


def criterion(experiment: Experiment, component: Any, axes: Any, point: float = 0.0) -> np.ndarray:
    """First-order effects over the axes, at one point of the way."""
    return first_order_effects(experiment, component, axes, [point])[0]


GATED = [
    (case, component)
    for case in ("llama", "gemma2", "phi3")
    for component in ("neuron", "neuron_pre", "neuron_up")
]
PLAIN = [(case, component) for case in ("gpt2", "phi") for component in ("neuron", "neuron_pre")]


@pytest.mark.parametrize(("case", "component"), GATED + PLAIN)
@pytest.mark.parametrize("point", [0.0, 0.25])
def test_the_criterion_by_finite_differences(case: str, component: Any, point: float) -> None:
    experiment = several_pairs(make_model(case, torch.float64), ["logit_diff"])
    axes: dict[str, Any] = {"layer": [0, 2], "neuron": list(range(D_MLP))}
    found = criterion(experiment, component, axes, point)
    largest = np.argsort(-np.abs(found), axis=None)[:5]
    for i, neuron in zip(*np.unravel_index(largest, found.shape), strict=True):
        site = f"L{axes['layer'][i]}.N{neuron}.{component}"
        expected = np.mean([small_steps(experiment, site, pair, point) for pair in range(3)])
        assert found[i, neuron] == pytest.approx(expected, rel=0.02, abs=1e-5), site


def test_the_criterion_at_positions(llama: Experiment) -> None:
    everything: dict[str, Any] = {"layer": [1], "neuron": list(range(D_MLP))}
    one = one_pair(llama.model)
    everywhere = criterion(one, "neuron", everything)[0, 3]
    parts = criterion(one, "neuron", everything | {"pos": list(range(7))})[0, 3]
    assert parts[:2].tolist() == [0, 0]
    assert sum(parts) == pytest.approx(everywhere, rel=1e-4)
    named = criterion(llama, "neuron", everything | {"pos_name": ["end", "subject"]})[0, 3]
    expected = np.mean([small_steps(llama, "L1.N3@subject", pair) for pair in range(3)])
    assert named[1] == pytest.approx(expected, rel=0.05, abs=1e-3)


@pytest.mark.parametrize("metric", ["kl@subject", "logit_diff@1:4"])
def test_the_criterion_of_a_metric_that_is_read_elsewhere(metric: str) -> None:
    experiment = several_pairs(make_model("llama", torch.float64), [metric])
    found = criterion(experiment, "neuron", {"layer": [1], "neuron": list(range(D_MLP))})[0]
    for neuron in np.argsort(-np.abs(found))[:3]:
        expected = np.mean([small_steps(experiment, f"L1.N{neuron}", pair) for pair in range(3)])
        assert found[neuron] == pytest.approx(expected, rel=0.05, abs=2e-4)  # logits are float32


@pytest.mark.parametrize("point", [0.0, 0.25])
def test_the_criterion_of_answers_of_several_tokens(point: float) -> None:
    clean, corrupted = ["w3 w14 w15 w9 w26", "w7 w5 w9 w33"], ["w3 w16 w15 w9 w26", "w7 w5 w9 w34"]
    answers = [(" w8 w9 w10", " w7", " w8 w11"), " w10"]
    task = Task(clean, corrupted, answers, [" w9", (" w12 w13", " w12 w1")])
    experiment = Experiment(make_model("llama", torch.float64), task)
    found = criterion(experiment, "neuron", {"layer": [0, 1], "neuron": list(range(D_MLP))}, point)
    for neuron in np.argsort(-np.abs(found[1]))[:3]:
        steps = [small_steps(experiment, f"L1.N{neuron}", pair, point) for pair in range(2)]
        assert found[1, neuron] == pytest.approx(np.mean(steps), rel=0.05, abs=2e-4)


@pytest.mark.parametrize("direction", ["denoise", "noise"])
def test_the_criterion_between_prompts_of_unequal_length(direction: Any) -> None:
    """What has no counterpart, position 2 of the clean prompt, counts as nothing; the rest is shifted."""
    align = [(0, 0), (1, 1), (3, 4), (4, 5), (5, 6)]
    clean, corrupted = "w3 w14 w15 w9 w26 w5", "w3 w14 w42 w43 w9 w26 w5"
    task = Task(clean, corrupted, " w8", " w9", {"X": 3, "lone": 2}, align=align)
    experiment = Experiment(make_model("llama", torch.float64), task, direction=direction)
    layer: dict[str, Any] = {"layer": [1], "neuron": list(range(D_MLP))}
    for axes, at, lone, place in (
        ({}, (), (), ""),
        ({"pos": list(range(6))}, (4,), (2,), "@4"),
        ({"pos_name": ["lone", "X"]}, (1,), (0,), "@X"),
    ):
        found = criterion(experiment, "neuron", layer | axes)[0, 7]
        expected = small_steps(experiment, f"L1.N7{place}", 0)
        assert found[at] == pytest.approx(expected, rel=0.05, abs=2e-4)
        if lone:
            assert found[lone] == 0


@pytest.mark.parametrize("direction", ["denoise", "noise"])
def test_the_gradient_in_the_source_run_is_that_of_the_other_direction(direction: Any) -> None:
    """There it is the gradient in the host run, and source and host change places."""
    align = [(0, 0), (1, 1), (3, 4), (4, 5), (5, 6)]
    clean, corrupted = "w3 w14 w15 w9 w26 w5", "w3 w14 w42 w43 w9 w26 w5"
    task = Task(clean, corrupted, (" w8 w9", " w8 w3 w4"), " w9", align=align)
    experiment = Experiment(make_model("llama"), task, ["logit_diff", "kl@3"], direction)
    axes: dict[str, Any] = {"layer": [0, 1], "neuron": list(range(D_MLP)), "pos": list(range(6))}
    found = first_order_effects(experiment, "neuron", axes, ["source"])
    assert np.abs(found).max() > 0.01
    expected = first_order_effects(experiment.flip(), "neuron", axes, [0.0])
    assert -found == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("budget", [1.0, 3e6, None])
def test_the_criterion_in_parts_of_any_size(llama: Experiment, budget: float | None) -> None:
    axes: dict[str, Any] = {"layer": [0, 1, 2], "neuron": list(range(D_MLP))}
    whole = first_order_effects(llama, "neuron", axes, POINTS, 1e12)
    parts = first_order_effects(llama, "neuron", axes, POINTS, budget)
    assert parts == pytest.approx(whole, abs=1e-3)


def test_what_is_shown_is_exact_and_says_how_it_was_chosen(
    llama: Experiment, tmp_path: Path
) -> None:
    s = llama.sweep("neuron", top=6, progress=False)
    assert s.axes == ("site",)
    data = s.to_xarray()
    sizes = np.abs(data["first_order"].values)
    assert (np.diff(sizes) <= 0).all()
    assert s.site_names()[0] == f"L{int(data['layer'][0])}.N{int(data['neuron'][0])}"
    for i, site in enumerate(s.site_names()):
        assert float(s.effect[i]) == pytest.approx(llama.patch(site).effect, abs=1e-3)
    says = (
        f"the 6 of {N_LAYERS * D_MLP} with the largest AtP estimate |gradient · (source − host)| of logit_diff, "
        "at 0, 0.25, 1 of the way or in the source run"
    )
    assert s.attrs["chosen"] == says
    assert repr(s).endswith(f"; {says})")
    assert {"site", "layer", "neuron", "first_order", "effect"} <= set(s.to_frame())
    largest = s.site_names()[int(np.abs(s.effect.values).argmax())]
    assert s.top_sites(1) == [largest]
    s.save(tmp_path / "neurons.nc")
    again = pw.SweepResult.load(tmp_path / "neurons.nc")
    assert again.to_xarray().identical(s.to_xarray())
    assert repr(again) == repr(s)


def test_other_ways_to_ask(llama: Experiment) -> None:
    s = llama.sweep(
        "neuron_pre", ("pos_name", "neuron", "layer"), top=4, layers=[1], progress=False
    )
    assert s.attrs["chosen"].startswith(f"the 4 of {2 * D_MLP}")
    data = s.to_xarray()
    name, neuron = str(data["pos_name"][0].item()), int(data["neuron"][0])
    assert s.site_names()[0] == f"L1.N{neuron}.neuron_pre@{name}"
    assert llama.plan("neuron", top=4).sites == 4 + N_LAYERS * D_MLP - 4
    assert llama.plan("neuron", top=Top(4, sampled=0)).sites == 4
    assert llama.plan("neuron", top=Top(4, sampled=7)).sites == 4 + 7
    *_, last = llama.iter_sweep("neuron", top=4, direction="noise")
    flipped = llama.flip().sweep("neuron", top=4, progress=False)
    assert last.result.site_names() == flipped.site_names()
    assert len(llama.sweep("neuron", top=10**6, layers=[2], progress=False).effect) == D_MLP
    assert llama.sweep("z", progress=False).attrs["chosen"] == ""


@pytest.mark.parametrize(
    ("asked", "error", "says"),
    [
        ({"component": "z", "top": 3}, PatchError, "among single neurons"),
        ({"component": "neuron", "top": 3, "window": 2}, PatchError, "window="),
        ({"component": "neuron", "top": 3, "over": ("layer",)}, SiteError, "add 'neuron'"),
    ],
)
def test_wrong_requests(
    llama: Experiment, asked: dict[str, Any], error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        make_grid(llama, SweepRequest(**asked))


def test_numbers_of_neurons_that_cannot_be() -> None:
    with pytest.raises(PatchError, match="top is 0; expected a number of neurons, at least 1"):
        Top(0)
    with pytest.raises(PatchError, match="sampled is -1"):
        Top(1, sampled=-1)


def test_metrics_without_a_gradient_are_refused(llama: Experiment) -> None:
    with pytest.raises(MetricError, match=r"no gradient.*logit_diff"):
        llama.measuring("rank").sweep("neuron", top=3, progress=False)
    assert llama.measuring("kl").sweep("neuron", top=3, progress=False).axes == ("site",)
    # In the clean run the gradient of kl is 0; further on the way it is not.
    flipped = llama.measuring("kl").flip()
    chosen = flipped.sweep("neuron", top=20, progress=False).site_names()
    assert set(flipped.sweep("neuron", progress=False).top_sites(3)) <= set(chosen)

    def nothing(readout: Any) -> torch.Tensor:
        return 0 * readout.logits[:, 0]

    with pytest.raises(MetricError, match="0 for all of them"):
        llama.measuring(nothing).sweep("neuron", top=3, progress=False)


def state(hf_model: Any) -> tuple[Any, ...]:
    return (
        [p.requires_grad for p in hf_model.parameters()],
        [p.grad is None for p in hf_model.parameters()],
        [m.training for m in hf_model.modules()],
        hf_model.config._attn_implementation,
        count_hooks(hf_model),
        torch.is_grad_enabled(),
    )


@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize("inference", [False, True])
def test_the_model_is_left_as_it_was(fails: bool, inference: bool) -> None:
    hf_model = make_model("llama").hf_model
    hf_model.train()
    parameters = list(hf_model.parameters())
    parameters[3].requires_grad_(False)
    parameters[5].grad = torch.ones_like(parameters[5])
    experiment = several_pairs(
        make_model("llama").__class__(hf_model, make_model("llama").tokenizer)
    )
    before, calls = state(hf_model), []

    def breaks(gradient: torch.Tensor) -> None:
        calls.append(1)
        if fails:
            raise KeyboardInterrupt

    hook = hf_model.model.norm.register_forward_hook(
        lambda _m, _a, output: (
            output.register_hook(breaks) and None if output.requires_grad else None
        )
    )
    hooked_state = state(hf_model)
    with torch.inference_mode(inference):
        if fails:
            with pytest.raises(KeyboardInterrupt):
                experiment.sweep("neuron", top=3, progress=False)
        else:
            experiment.sweep("neuron", top=3, progress=False)
    assert state(hf_model) == hooked_state
    hook.remove()
    assert calls
    assert state(hf_model) == before
    assert (parameters[5].grad == 1).all()


def test_quantised_weights_are_refused(llama: Experiment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(llama.model.hf_model, "is_quantized", True, raising=False)
    with pytest.raises(RefusedError, match=r"quantised.*layers="):
        llama.sweep("neuron", top=3, progress=False)


def test_cancelled_in_the_backward_pass(llama: Experiment) -> None:
    import threading

    from patchwidgets.hooks.cancellation import Cancelled, cancellable

    unwanted, seen = threading.Event(), []
    block = llama.model.layout.blocks[0]

    def arriving(_module: Any, _args: Any, output: torch.Tensor) -> None:
        if output.requires_grad:
            output.register_hook(lambda _gradient: seen.append(1))

    last = llama.model.layout.blocks[2].register_forward_hook(
        lambda _m, _a, output: unwanted.set() if output.requires_grad else None
    )
    first = block.register_forward_hook(arriving)
    with cancellable(unwanted), pytest.raises(Cancelled):
        llama.sweep("neuron", top=3, progress=False)
    last.remove()
    first.remove()
    assert seen == []


@pytest.mark.parametrize("layer", [20, 26])
def test_the_choice_holds_the_true_top_of_a_layer_of_smollm2(
    names_experiment: Experiment, layer: int
) -> None:
    """All ten are among the first 30 of 1,536."""
    assert names_experiment.model.d_mlp == 1536
    exact = names_experiment.measuring("logit_diff").sweep("neuron", layers=[layer], progress=False)
    chosen = names_experiment.sweep("neuron", layers=[layer], top=30, progress=False)
    assert set(exact.top_sites(10)) <= set(chosen.site_names())
    assert chosen.top_sites(5) == exact.top_sites(5)


def test_the_choice_holds_the_true_top_of_the_teaching_model() -> None:
    experiment = Experiment(pw.load(), pw.tasks.addition(n=8, seed=0))
    exact = experiment.sweep("neuron", progress=False)
    chosen = experiment.sweep("neuron", top=100, progress=False)
    found = set(exact.top_sites(10)) & set(chosen.site_names())
    assert len(found) >= 9


def peak_of_choice(budget: int) -> tuple[int, int]:
    """How many pairs a backward pass takes within the budget, and the peak of the choice in bytes."""
    experiment = Experiment(pw.load("smollm2"), pw.tasks.ioi(n=6, seed=0))
    request = SweepRequest("neuron", layers=[0, 10, 20, 29], top=10)
    pairs = budget // Cost(experiment.model.layout).backward_bytes(len(experiment.pairs[0]))
    make_grid(experiment, request, budget)
    return pairs, peak_above(lambda: make_grid(experiment, request, budget))


@needs_linux
def test_the_backward_pass_stays_inside_the_budget() -> None:
    budget = 250 * 2**20
    pairs, peak = alone(peak_of_choice, budget)
    assert 2 <= pairs <= 8
    assert peak <= budget
