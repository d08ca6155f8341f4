"""Attribution patching: the gradient by hand-written hooks, by small steps, and exact where the model is linear."""

from typing import Any

import numpy as np
import pytest
import torch

import patchwidgets as pw
from patchwidgets.errors import CounterpartError
from patchwidgets.facade import Experiment
from patchwidgets.sites import Site
from patchwidgets.tasks import Task
from tests.support.families import CASES, N_LAYERS
from tests.support.linear_model import linear_model
from tests.support.sweeps import one_pair, several_pairs
from tests.support.toy_models import has, make_model

EXPERTS = ("mixtral", "qwen3_moe", "gpt_oss")
"""Their experts run in float32 and below."""


def by_hand(experiment: Experiment, module: Any, side: str, prompt: Any) -> tuple[Any, Any]:
    """A tensor of a module, and the gradient of the logit difference there, by a hook on the user's model."""
    kept = []

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        kept.append(tensor.detach().clone().requires_grad_())
        return kept[0].clone()

    def before(_module: Any, args: Any, kwargs: Any) -> Any:
        if args:
            return (keep(args[0]), *args[1:]), kwargs
        return args, kwargs | {"hidden_states": keep(kwargs["hidden_states"])}

    def after(_module: Any, _args: Any, output: Any) -> Any:
        return (keep(output[0]), *output[1:]) if isinstance(output, tuple) else keep(output)

    handle = (
        module.register_forward_pre_hook(before, with_kwargs=True)
        if side == "input"
        else module.register_forward_hook(after)
    )
    logits = experiment.model.hf_model(torch.tensor([prompt])).logits[0, -1].float()
    handle.remove()
    (answer,), (foil,) = experiment.pairs[0].answers, experiment.pairs[0].foils or ()
    gradient = torch.autograd.grad(logits[answer] - logits[foil], kept[0])[0]
    return kept[0].detach(), gradient


@pytest.mark.parametrize("case", CASES)
def test_every_family_against_hooks_by_hand(case: str) -> None:
    """Heads, MLPs and the stream; source − host and the gradient are those of the hooks."""
    experiment = one_pair(make_model(case, torch.float32 if case in EXPERTS else torch.float64))
    pair, points = experiment.pairs[0], experiment.model.layout.hook_points
    for component, n_parts in (("z", experiment.model.n_heads), ("mlp_out", 1), ("resid_pre", 1)):
        over = ("layer", "head") if component == "z" else ("layer",)
        found = experiment.estimate(component, over, progress=False).effect.values
        for layer in range(N_LAYERS):
            point: Any = points[component, layer]
            host, gradient = by_hand(experiment, point.module, point.side, pair.corrupted)
            source, _ = by_hand(experiment, point.module, point.side, pair.clean)
            by_part = ((source - host) * gradient).reshape(len(pair), n_parts, -1).sum((0, 2))
            expected = by_part.squeeze().numpy()
            assert found[layer] == pytest.approx(expected, rel=1e-3, abs=1e-4)


def small_steps(experiment: Experiment, site: str, step: float = 5e-3) -> np.ndarray:
    """By central differences of patches a small part of the way, for each pair."""

    def value(part: float) -> np.ndarray:
        patch = pw.Patch(site, fn=lambda host, source: host + part * (source - host))
        return np.asarray(experiment.patch(patch).per_pair.value)

    return np.asarray((value(step) - value(-step)) / (2 * step))


COMPONENTS = (
    *("resid_pre", "resid_mid", "resid_post", "attn_out", "mlp_out", "z", "q", "k", "v", "pattern"),
    *("neuron", "neuron_pre", "neuron_up"),
)


@pytest.mark.parametrize("case", ["llama", "gemma2", "gpt2", "bloom", "phi", "granite"])
@pytest.mark.parametrize("component", COMPONENTS)
def test_every_component_by_small_steps(case: str, component: Any) -> None:
    experiment = several_pairs(make_model(case, torch.float64), ["logit_diff"])
    if not has(experiment, component):
        pytest.skip(f"{case} has no {component}")
    over = ("layer", "pos_name") if component.startswith("resid") else None
    found = experiment.estimate(component, over, progress=False)
    per_pair = found.to_xarray()["effect"].values[0].reshape(-1, 3)
    names = found.site_names()
    for i in np.argsort(-np.abs(per_pair).sum(-1))[:2]:
        assert per_pair[i] == pytest.approx(small_steps(experiment, names[i]), rel=0.02, abs=4e-4)


@pytest.mark.parametrize("direction", ["denoise", "noise"])
@pytest.mark.parametrize("method", ["atp", "ig"])
def test_it_is_exact_on_a_linear_model(direction: Any, method: Any) -> None:
    experiment = one_pair(linear_model(), ["logit_diff"])
    asked: list[tuple[Any, Any]] = [
        *(("z", None), ("mlp_out", None), ("attn_out", ("layer", "pos")), ("resid_pre", None)),
        *(("v", ("layer", "head", "pos_name")), ("neuron", ("layer",)), ("embed", None)),
    ]
    for component, over in asked:
        if component == "v":
            over = ("layer", "kv_head", "pos_name")
        exact = experiment.sweep(component, over, direction=direction, progress=False)
        found = experiment.estimate(
            component, over, method=method, direction=direction, progress=False
        )
        size = float(np.abs(exact.effect).max())
        assert found.effect.values == pytest.approx(exact.effect.values, abs=1e-4 * size)
        assert found.recovery.values == pytest.approx(exact.recovery.values, abs=1e-4 * size)
        comparison = found.compare(exact)
        assert comparison.rank_correlation > 0.999
        assert comparison.signs_wrong == 0
        assert set(comparison.found) == set(comparison.found.values())


@pytest.mark.parametrize("component", ["z", "resid_pre", "q", "pattern", "mlp_out"])
@pytest.mark.parametrize("over", [("layer",), ("layer", "pos_name"), ("pos_name", "layer")])
def test_axes_flags_and_coordinates_are_those_of_the_sweep(component: Any, over: Any) -> None:
    """Also with pairs on which a position cannot be patched: a token without a counterpart."""
    clean = ["w3 w14 w15 w9 w26", "w7 w5 w9 w33 w6 w8"]
    corrupted = ["w3 w16 w15 w9 w26", "w7 w5 w9 w6 w8"]
    places = {"subject": [1, 3], "end": [4, 5]}
    align = [None, [(0, 0), (1, 1), (2, 2), (4, 3), (5, 4)]]
    task = Task(clean, corrupted, [" w8", " w10"], [" w9", " w12"], places, align=align)
    experiment = Experiment(make_model("llama"), task, ["logit_diff", "kl"])
    exact = experiment.sweep(component, over, progress=False)
    found = experiment.estimate(component, over, progress=False)
    both = exact.to_xarray(), found.to_xarray()
    assert both[0].sizes == both[1].sizes
    for name in ("zero", "unpatchable", "clean", "corrupted", *both[0].coords):
        assert both[0][name].equals(both[1][name]), name
    assert (np.isnan(both[0]["effect"]) == np.isnan(both[1]["effect"])).all()
    assert found.metrics == exact.metrics
    assert found.site_names() == exact.site_names()
    assert found.attrs.keys() == exact.attrs.keys()


def test_no_place_at_all_is_refused_as_in_a_sweep() -> None:
    task = Task(
        "w3 w14 w15 w9 w26 w5",
        "w3 w14 w42 w43 w9 w26 w5",
        " w8",
        " w9",
        {"lone": 2},
        align=[(0, 0), (1, 1), (3, 4), (4, 5), (5, 6)],
    )
    experiment = Experiment(make_model("llama"), task)
    with pytest.raises(CounterpartError, match="Position 2 of the clean prompt has no counterpart"):
        experiment.estimate("z", ("layer", "pos_name"), progress=False)
    with pytest.raises(CounterpartError, match="q and k carry the position"):
        experiment.estimate("q", progress=False)


@pytest.mark.parametrize(
    "over", [("layer", "head", "pos"), ("pos", "head", "layer"), ("head", "layer")]
)
def test_axes_in_any_order(over: Any) -> None:
    experiment = one_pair(make_model("llama"), ["logit_diff"])
    found = experiment.estimate("z", over, progress=False)
    usual = experiment.estimate(
        "z", tuple(a for a in ("layer", "head", "pos") if a in over), progress=False
    )
    assert found.axes == over
    assert found.effect.transpose(*usual.axes).values == pytest.approx(
        usual.effect.values, abs=1e-6
    )


def test_positions_add_up_and_layers_can_be_chosen() -> None:
    experiment = one_pair(make_model("llama"), ["logit_diff"])
    whole = experiment.estimate("neuron", progress=False)
    parts = experiment.estimate("neuron", ("layer", "neuron", "pos"), layers=[2, 0], progress=False)
    assert parts.effect.sel(layer=2).sum("pos").values == pytest.approx(
        whole.effect.sel(layer=2).values, abs=1e-5
    )
    assert parts.to_xarray()["layer"].values.tolist() == [2, 0]
    assert float(np.abs(parts.effect.sel(pos=[0, 1])).max()) == 0
    assert parts.to_xarray()["zero"].sel(pos=[0, 1]).all()


def test_integrated_gradients_of_the_embedding_add_up_to_the_whole_difference() -> None:
    """Completeness: with many steps, the sum over positions is metric(source) − metric(host)."""
    experiment = one_pair(make_model("llama", torch.float64), ["logit_diff", "kl"])
    off = []
    for steps in (40, 80):
        found = experiment.estimate("embed", method="ig", steps=steps, progress=False)
        whole = found.to_xarray()["effect"].sum("pos").values[:, 0]
        true = [experiment.clean.values[m] - experiment.corrupted.values[m] for m in found.metrics]
        off.append(np.abs(whole - true))
    assert (off[1] < 0.6 * off[0]).all()  # the left ends of parts: half as wide, half as wrong
    assert off[1] == pytest.approx(0, abs=0.05)


def test_one_step_is_attribution_patching() -> None:
    experiment = several_pairs(make_model("gpt2"), ["logit_diff"])
    one = experiment.estimate("z", method="ig", steps=1, progress=False)
    assert one.effect.values == pytest.approx(
        experiment.estimate("z", progress=False).effect.values, abs=1e-6
    )


def test_several_metrics_directions_and_any_budget() -> None:
    metrics = ["logit_diff", "kl@subject", "answer_prob", "prob_diff"]
    experiment = several_pairs(make_model("llama"), metrics)
    found = experiment.estimate("mlp_out", progress=False)
    for metric in metrics:
        alone = experiment.measuring(metric).estimate("mlp_out", progress=False, budget=1)
        assert found.over_pairs(metric)["effect"].values == pytest.approx(
            alone.effect.values, rel=1e-3, abs=1e-5
        )
    flipped = experiment.measuring("logit_diff").flip()
    there = flipped.estimate("mlp_out", progress=False)
    back = experiment.measuring("logit_diff").estimate("mlp_out", direction="noise", progress=False)
    assert there.effect.values.tolist() == back.effect.values.tolist()
    assert not np.allclose(there.effect.values, -found.effect.values)


def test_answers_of_several_tokens() -> None:
    clean, corrupted = ["w3 w14 w15 w9 w26", "w7 w5 w9 w33"], ["w3 w16 w15 w9 w26", "w7 w5 w9 w34"]
    answers = [(" w8 w9 w10", " w7", " w8 w11"), " w10"]
    task = Task(clean, corrupted, answers, [" w9", (" w12 w13", " w12 w1")])
    experiment = Experiment(make_model("llama", torch.float64), task)
    for component in ("z", "pattern", "resid_mid"):
        over = ("layer",) if component == "resid_mid" else None
        found = experiment.estimate(component, over, progress=False)
        per_pair = found.to_xarray()["effect"].values[0].reshape(-1, 2)
        best = int(np.argmax(np.abs(per_pair).sum(-1)))
        steps = small_steps(experiment, found.site_names()[best])
        assert per_pair[best] == pytest.approx(steps, rel=0.02, abs=2e-4)


def test_a_metric_of_several_positions_in_unequal_prompts() -> None:
    task = Task(
        "w3 w14 w15 w9 w26 w5",
        "w3 w14 w42 w43 w9 w26 w5",
        " w8",
        " w9",
        align=[(0, 0), (1, 1), (3, 4), (4, 5), (5, 6)],
    )
    experiment = Experiment(make_model("llama", torch.float64), task, ["logit_diff@3:6"])
    for direction in ("denoise", "noise"):
        turned = experiment.turned(direction)
        found = turned.estimate("z", progress=False)
        site = found.top_sites(1)[0]
        expected = small_steps(turned, site)[0]
        assert float(found.effect.values.ravel()[found.site_names().index(site)]) == pytest.approx(
            expected, rel=0.01
        )


def test_the_names_task_of_smollm2(names_experiment: Experiment) -> None:
    """The ten heads of largest effect are found, none with a wrong sign; integrated gradients do worse here."""
    experiment = names_experiment.measuring("logit_diff")
    exact = experiment.sweep("z", progress=False)
    comparison = experiment.estimate("z", progress=False).compare(exact, k=[5, 10])
    assert comparison.found == {5: 4, 10: 10}
    assert comparison.signs_wrong_in_top == {5: 0, 10: 0}
    assert comparison.rank_correlation == pytest.approx(0.945, abs=0.01)
    assert comparison.signs_wrong < 0.06
    along = experiment.estimate("z", method="ig", progress=False).compare(exact)
    assert along.rank_correlation < comparison.rank_correlation


def test_sites_are_named() -> None:
    experiment = one_pair(make_model("llama"), ["logit_diff"])
    assert experiment.estimate("v", progress=False).site_names()[3] == str(Site("v", 1, 1, kv=True))
