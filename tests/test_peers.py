"""The same patches by TransformerLens (its bridge) and nnsight, on the same weights: two peers with code of their own.

The largest differences that are allowed are those of float32 kernels that differ.
"""

import copy
from collections.abc import Callable
from typing import Any

import nnsight
import pytest
import torch
from nnsight._c import unmount
from torch import Tensor
from transformer_lens import model_bridge, patching

from patchwidgets.facade import Experiment
from patchwidgets.models.model import Model
from patchwidgets.models.run import Run
from patchwidgets.tasks import Task
from tests.support.families import VOCABULARY, random_model
from tests.support.prompts import CLEAN, CORRUPTED
from tests.support.toy_tokenizer import toy_tokenizer

# Or every object of this process has a method save, which other tests do not expect.
unmount("save")

HOOKS = {
    "resid_pre": "hook_resid_pre",
    "resid_mid": "hook_resid_mid",
    "resid_post": "hook_resid_post",
    "attn_out": "hook_attn_out",
    "mlp_out": "hook_mlp_out",
    "q": "attn.hook_rot_q",
    "k": "attn.hook_rot_k",
    "v": "attn.hook_v",
    "z": "attn.hook_z",
    "pattern": "attn.hook_pattern",
    "neuron_pre": "mlp.hook_pre",
    "neuron_up": "mlp.hook_pre_linear",
    "neuron": "mlp.hook_post",
}
NOT_SHARED = {("gpt2", "neuron_up"), ("gpt2", "q"), ("gpt2", "k")}
"""A plain MLP has no second projection, and the bridge rotates no queries and keys where there is no rotation."""

TASK = Task("w3 w14 w15 w9 w26 w5 w35", "w3 w14 w42 w9 w26 w7 w35", " w8", " w9")
CLOSE = 5e-6
"""Two float32 kernels on logits of at most a few."""

FLOOR = 5e-4
"""The same on SmolLM2, whose logits are a few dozen."""


class Lens:
    """TransformerLens over a copy of a model: it puts its own modules into the one it is given."""

    def __init__(self, experiment: Experiment) -> None:
        model = experiment.model
        self.bridge = model_bridge.TransformerBridge.boot_transformers(
            "HuggingFaceTB/SmolLM2-135M-Instruct" if model.n_layers > 3 else "gpt2",
            hf_model=copy.deepcopy(model.hf_model),
            tokenizer=model.tokenizer,
        )
        self.cache = {
            run.prompts[0]: self.bridge.run_with_cache(run.batches[0].ids)[1]
            for run in (experiment.clean, experiment.corrupted)
        }

    def run(self, ids: Tensor, edits: dict[str, Callable[[Tensor], Tensor]]) -> Tensor:
        """Logits at the last position."""
        hooks = [(name, lambda v, hook, edit=edit: edit(v)) for name, edit in edits.items()]
        with torch.no_grad():
            return self.bridge.run_with_hooks(ids, fwd_hooks=hooks)[:, -1].float()  # type: ignore[no-any-return]

    def patch(self, experiment: Experiment, *names: str) -> Tensor:
        """The host with whole activations of the source."""
        source = self.cache[experiment.source.prompts[0]]
        edits = {name: (lambda _, held=source[name]: held) for name in names}
        return self.run(experiment.host.batches[0].ids, edits)


@pytest.fixture(scope="module", params=["llama", "gpt2", "qwen2", "gemma2"])
def pair(request: pytest.FixtureRequest) -> tuple[Experiment, Lens]:
    model = Model(random_model(request.param), toy_tokenizer(VOCABULARY))
    experiment = Experiment(model, TASK)
    return experiment, Lens(experiment)


# ---- TransformerLens ------------------------------------------------------------------------


@pytest.mark.parametrize("component", HOOKS)
def test_each_component_by_transformer_lens(pair: tuple[Experiment, Lens], component: str) -> None:
    experiment, lens = pair
    name = f"blocks.1.{HOOKS[component]}"
    shared = component in experiment.model.components and name in lens.bridge.hook_dict
    assert shared == ((experiment.model.layout.model_type, component) not in NOT_SHARED)
    if not shared:
        return
    for turned in (experiment, experiment.flip()):
        theirs = lens.cache[turned.source.prompts[0]][name]
        assert_close(turned.source[f"L1.{component}"], theirs)
        names = [name]
        if (
            component == "resid_mid"
        ):  # theirs is the second norm's input alone: write what it is the sum of
            names = ["blocks.1.hook_resid_pre", "blocks.1.hook_attn_out"]
        patched = turned.patch(f"L1.{component}")
        assert_close(patched.logits, lens.patch(turned, *names))
        assert (patched.logits - turned.host.logits).abs().max() > 100 * CLOSE


def assert_close(ours: Tensor, theirs: Tensor, allowed: float = CLOSE) -> None:
    assert ours.shape == theirs.shape
    assert (ours - theirs).abs().max() < allowed * max(1.0, float(theirs.abs().max()))


@pytest.fixture(scope="module")
def names_pair(smollm2: Model) -> tuple[Experiment, Lens]:
    experiment = Experiment(smollm2, Task(CLEAN, CORRUPTED, " Mary", " John"))
    return experiment, Lens(experiment)


@pytest.mark.parametrize("direction", ["denoise", "noise"])
def test_all_heads_of_smollm2_by_transformer_lens(
    names_pair: tuple[Experiment, Lens], direction: Any
) -> None:
    """By our sweep and by theirs, one forward pass each for nine heads."""
    experiment, lens = names_pair
    turned = experiment.turned(direction).measuring(["logit_diff", "answer_logprob", "kl"])
    ours = turned.sweep("z", progress=False).to_xarray()["value"].mean("pair")
    n_heads = experiment.model.n_heads
    ids = turned.host.batches[0].ids.expand(n_heads, -1)
    source = lens.cache[turned.source.prompts[0]]
    for layer in range(experiment.model.n_layers):
        name = f"blocks.{layer}.attn.hook_z"
        logits = lens.run(ids, {name: one_head_a_row(source[name])})
        theirs = turned.evaluation.measure(logits, n_heads * [0])
        for metric, values in theirs.items():
            gap = abs(ours.sel(metric=metric, layer=layer).to_numpy() - values).max()
            assert gap < FLOOR, (metric, layer)


def one_head_a_row(source: Tensor) -> Callable[[Tensor], Tensor]:
    def edit(z: Tensor) -> Tensor:
        changed = z.clone()
        for head in range(len(z)):
            changed[head, :, head] = source[0, :, head]
        return changed

    return edit


@pytest.mark.parametrize("component", HOOKS)
def test_components_of_smollm2_by_transformer_lens(
    names_pair: tuple[Experiment, Lens], component: str
) -> None:
    experiment, lens = names_pair
    names = [f"blocks.20.{HOOKS[component]}"]
    if component == "resid_mid":
        names = ["blocks.20.hook_resid_pre", "blocks.20.hook_attn_out"]
    for turned in (experiment, experiment.flip()):
        ours = turned.patch(f"L20.{component}").logits
        assert (ours - lens.patch(turned, *names)).abs().max() < FLOOR


def direct_by_transformer_lens(lens: Lens, run: Run, answer: int, foil: int) -> dict[str, float]:
    """Each part of the logit difference at the last position: their stack of components, their scale, raw weights.

    Their ``logit_attrs`` expects the final norm's weight to be folded into the unembedding; here it is not.
    """
    cache = lens.cache[run.prompts[0]]
    heads = cache.stack_head_results(layer=-1, pos_slice=-1)
    n_layers, n_heads = lens.bridge.cfg.n_layers, lens.bridge.cfg.n_heads
    writers = {
        **{f"L{i // n_heads}.H{i % n_heads}": heads[i] for i in range(n_layers * n_heads)},
        **{f"L{i}.mlp_out": cache[f"blocks.{i}.hook_mlp_out"][:, -1] for i in range(n_layers)},
        "all": cache[f"blocks.{n_layers - 1}.hook_resid_post"][:, -1],
    }
    normed = cache.apply_ln_to_stack(torch.stack([*writers.values()]), layer=-1, pos_slice=-1)
    words = lens.bridge.W_U.detach()
    onto = lens.bridge.ln_final.weight.detach() * (words[:, answer] - words[:, foil])
    return dict(zip(writers, (normed @ onto)[:, 0].tolist(), strict=True))


def test_logit_attribution_of_smollm2_by_transformer_lens(
    names_pair: tuple[Experiment, Lens],
) -> None:
    experiment, lens = names_pair
    ((answer,), (foil,)) = experiment.pairs[0].answers, experiment.pairs[0].foils or ()
    for run in (experiment.clean, experiment.corrupted):
        ours, theirs = run.logit_attribution(), direct_by_transformer_lens(lens, run, answer, foil)
        assert theirs.pop("all") == pytest.approx(ours.logit_diff, abs=FLOOR)
        assert len(theirs) == 270 + 30
        gaps = {name: abs(ours[name] - value) for name, value in theirs.items()}
        assert max(gaps.values()) < FLOOR / 10, max(gaps, key=lambda name: gaps[name])


def edges_by_transformer_lens(
    lens: Lens, experiment: Experiment, sender: tuple[int, int], into: str
) -> dict[str, float]:
    """The logit difference with the direct path from one head into each later head's query, key or value."""
    ids = experiment.host.batches[0].ids
    source, host = (
        lens.bridge.run_with_cache(run.batches[0].ids)[1]
        for run in (experiment.source, experiment.host)
    )

    def logit_diff(logits: Tensor) -> Tensor:
        return experiment.evaluation.measure(logits[:, -1], [0])["logit_diff"][0]

    with torch.no_grad():
        values = patching.get_act_patch_direct_path(
            lens.bridge, ids, source, host, logit_diff, *sender, into, verbose=False
        )
    layer, head = sender
    return {
        f"L{layer}.H{head}->L{later}.H{i}.{into}": float(values[later, i])
        for later in range(layer + 1, values.shape[0])
        for i in range(values.shape[1])
    }


def assert_same_edges(experiment: Experiment, theirs: dict[str, float], allowed: float) -> None:
    ours = experiment.sweep_paths(paths=list(theirs), frozen=("attn", "mlp"), progress=False)
    values = ours.to_xarray()["value"].sel(metric="logit_diff").mean("pair").values
    gaps = abs(values - [*theirs.values()])
    assert gaps.max() < allowed, [*theirs][gaps.argmax()]
    assert abs(ours.effect.values).max() > 20 * allowed


@pytest.mark.parametrize("direction", ["denoise", "noise"])
def test_edges_into_queries_of_smollm2_by_transformer_lens(
    names_pair: tuple[Experiment, Lens], direction: Any
) -> None:
    """From L20.H0 into L23.H3.q and 80 others."""
    turned = names_pair[0].turned(direction)
    theirs = edges_by_transformer_lens(names_pair[1], turned, (20, 0), "q")
    assert_same_edges(turned, theirs, FLOOR)


@pytest.mark.parametrize("into", ["q", "k", "v"])
def test_edges_of_gpt2_by_transformer_lens(into: str) -> None:
    model = Model(random_model("gpt2"), toy_tokenizer(VOCABULARY))
    experiment = Experiment(model, TASK)
    theirs = edges_by_transformer_lens(Lens(experiment), experiment, (0, 1), into)
    assert_same_edges(experiment, theirs, CLOSE)


# ---- nnsight --------------------------------------------------------------------------------


PLACES = {
    "resid_pre": ("", "input"),
    "resid_post": ("", "output"),
    "attn_out": ("self_attn.o_proj", "output"),
    "mlp_out": ("mlp", "output"),
    "z": ("self_attn.o_proj", "input"),
    "neuron_pre": ("mlp.gate_proj", "output"),
    "neuron_up": ("mlp.up_proj", "output"),
    "neuron": ("mlp.down_proj", "input"),
}


CALL = {"q": 1, "k": 2, "v": 3}
"""Which argument of the attention function each of them is; the first is the module."""


class Sight:
    """nnsight over a copy of a model, looking at one layer."""

    def __init__(self, model: Model, layer: int) -> None:
        self.model = nnsight.NNsight(copy.deepcopy(model.hf_model))
        self.layer = layer

    def read(self, ids: Tensor, component: str) -> Tensor:
        """The component as this model holds it, heads in one axis or before the positions."""
        with torch.no_grad(), self.model.trace(ids):
            if component in CALL:
                held = nnsight.save(self._attention.inputs[0][CALL[component]])
            else:
                held = nnsight.save(getattr(self._module(component), PLACES[component][1]))
        return held  # type: ignore[no-any-return]

    def write(self, ids: Tensor, component: str, value: Tensor) -> Tensor:
        """Logits at the last position."""
        with torch.no_grad(), self.model.trace(ids):
            if component in CALL:
                args, kwargs = self._attention.inputs
                i = CALL[component]
                self._attention.inputs = ((*args[:i], value, *args[i + 1 :]), kwargs)
            else:
                setattr(self._module(component), PLACES[component][1], value)
            logits = nnsight.save(self.model.lm_head.output)
        return logits[:, -1].float()  # type: ignore[no-any-return]

    @property
    def _attention(self) -> Any:
        return self.model.model.layers[self.layer].self_attn.source.attention_interface_1

    def _module(self, component: str) -> Any:
        place = self.model.model.layers[self.layer]
        for name in filter(None, PLACES[component][0].split(".")):
            place = getattr(place, name)
        return place


def assert_agree(experiment: Experiment, sight: Sight, component: str, allowed: float) -> None:
    """The component is the same in both, and so is what it does where it is written."""
    name = f"L{sight.layer}.{component}"
    for turned in (experiment, experiment.flip()):
        theirs = sight.read(turned.source.batches[0].ids, component)
        ours = turned.source[name]
        assert_close(
            ours.transpose(1, 2) if component in CALL else ours.flatten(2), theirs, allowed
        )
        logits = sight.write(turned.host.batches[0].ids, component, theirs)
        patched = turned.patch(name).logits
        assert_close(patched, logits, allowed)
        assert (patched - turned.host.logits).abs().max() > 100 * allowed


@pytest.mark.parametrize("component", [*PLACES, *CALL])
@pytest.mark.parametrize("family", ["llama", "qwen2", "mistral"])
def test_each_component_by_nnsight(family: str, component: str) -> None:
    experiment = Experiment(Model(random_model(family), toy_tokenizer(VOCABULARY)), TASK)
    assert_agree(experiment, Sight(experiment.model, 1), component, CLOSE)


@pytest.fixture(scope="module")
def names_sight(smollm2: Model) -> Sight:
    return Sight(smollm2, 20)


@pytest.mark.parametrize("component", [*PLACES, *CALL])
def test_components_of_smollm2_by_nnsight(
    names_pair: tuple[Experiment, Lens], names_sight: Sight, component: str
) -> None:
    assert_agree(names_pair[0], names_sight, component, CLOSE)
