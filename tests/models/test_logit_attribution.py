"""Direct logit attribution: parts by hand, sums in every family, several prompts, and what is refused."""

import re
from typing import Any

import accelerate
import numpy as np
import pytest
import torch
from torch import Tensor

from patchwidgets.errors import (
    AnswerError,
    MetricError,
    RefusedError,
    SiteError,
    TaskError,
    WeightsChangedError,
)
from patchwidgets.facade import Experiment
from patchwidgets.models.model import Model
from patchwidgets.models.run import Run
from patchwidgets.sites import Patch
from patchwidgets.tasks import Task
from tests.support.families import CASES, N_HEADS, VOCABULARY, random_model
from tests.support.norms import frozen_norm_by_hand
from tests.support.toy_models import make_model
from tests.support.toy_tokenizer import toy_tokenizer

PROMPT, OTHER = "w3 w14 w15 w9 w26", "w7 w1 w30"
ANSWER, FOIL = 8, 9
NORM_AFTER = (
    "gemma2",
    "gemma3",
    "gemma3_text",
    "gemma3_text, narrow window",
    "olmo2",
    "olmo3",
    "glm4",
)
POSITIONS = (
    "gpt2",
    "gpt_bigcode",
    "gpt_bigcode, a head each",
    "gpt_neo",
    "gpt_neo, narrow window",
    "opt",
)
CLOSE = 1e-4


def attribution_gap(attribution: Any) -> float:
    """The largest difference between the sum of the parts and the logit difference, of any pair."""
    numbers = attribution.to_xarray()
    return float(abs(numbers["total"] - numbers["logit_diff"]).max())


def final_norm(model: Model) -> Any:
    """The last module with a norm's name that stands outside the blocks."""
    inside = {module for block in model.layout.blocks for module in block.modules()}
    outer = [m for m in model.hf_model.modules() if m not in inside and not [*m.children()]]
    return [module for module in outer if "Norm" in type(module).__name__][-1]


def part_by_hand(model: Model, run: Run, written: Tensor) -> float:
    """What a change of the last stream does to the logit difference, with the norm's scale held."""
    host = run[f"L{model.n_layers - 1}.resid_post@-1"][0, 0]
    words = model.hf_model.get_output_embeddings().weight
    config = model.hf_model.config.get_text_config()
    factor = getattr(config, "logit_scale", None) or 1.0
    factor = factor if isinstance(factor, float) else 1.0
    factor /= getattr(config, "logits_scaling", 1.0)
    with torch.no_grad():
        normed = frozen_norm_by_hand(final_norm(model), host, written)
        return factor * float(normed @ (words[ANSWER] - words[FOIL]))


# ---- every family ---------------------------------------------------------------------------


@pytest.mark.parametrize("case", CASES)
def test_every_part_by_hand_and_their_sum(case: str) -> None:
    model = make_model(case)
    run = model.run(PROMPT)
    parts = run.logit_attribution(ANSWER, FOIL)
    capped = model.hf_model.config.get_text_config()
    if not getattr(capped, "final_logit_softcapping", None):
        expected = float(run.logits[0, ANSWER] - run.logits[0, FOIL])
        assert parts.logit_diff == pytest.approx(expected, abs=CLOSE)
    assert attribution_gap(parts) < CLOSE
    components = set(parts.to_frame()["component"])
    assert ("pos_embed" in components) == (case in POSITIONS)
    for layer in range(model.n_layers):
        for component in ("mlp_out", "attn_out"):
            written = run[f"L{layer}.{component}@-1"][0, 0]
            expected = part_by_hand(model, run, written)
            assert whole(parts, layer, component) == pytest.approx(expected, abs=CLOSE)
    embed = part_by_hand(model, run, run["L0.resid_pre@-1"][0, 0])
    both = sum(parts[name] for name in ("embed", "pos_embed") if name in components)
    assert both == pytest.approx(embed, abs=CLOSE)
    if "pos_embed" in components:
        assert parts["embed"] == pytest.approx(
            part_by_hand(model, run, run["embed@-1"][0, 0]), abs=CLOSE
        )


def whole(parts: Any, layer: int, component: str) -> float:
    """The part of a component, or the sum over its heads and their bias."""
    frame = parts.to_frame()
    names = {"attn_out": ("attn_out", "z", "attn_bias"), "mlp_out": ("mlp_out",)}[component]
    chosen = frame[(frame["layer"] == layer) & frame["component"].isin(names)]
    return float(chosen["contribution"].sum())


@pytest.mark.parametrize("case", CASES)
def test_each_head_by_hand_or_the_reason(case: str) -> None:
    model = make_model(case)
    run = model.run(PROMPT)
    parts = run.logit_attribution(ANSWER, FOIL)
    components = set(parts.to_frame()["component"])
    if model.layout.output_projection("z", 1) is None:
        assert case in NORM_AFTER
        assert "attn_out" in components
        assert "z" not in components
        assert parts.notes[0] == (
            "attn_out of L0, L1, L2 is one part and not split into heads: the model applies a norm to the output of "
            "its attention before it adds it, which is not linear."
        )
        return
    assert case not in NORM_AFTER
    assert "attn_out" not in components
    z = run["L1.z@-1"][0, 0]
    projection = model.layout.output_projection("z", 1)
    assert projection is not None
    with torch.no_grad():
        nothing = projection(torch.zeros(1, 1, z.numel()))[0, 0] * model.layout.scale
        for head in range(N_HEADS):
            alone = torch.zeros_like(z)
            alone[head] = z[head]
            written = projection(alone.reshape(1, 1, -1))[0, 0] * model.layout.scale - nothing
            expected = part_by_hand(model, run, written)
            assert parts[f"L1.H{head}"] == pytest.approx(expected, abs=CLOSE)
    assert ("attn_bias" in components) == bool(nothing.any())
    if nothing.any():
        assert parts["L1.attn_bias"] == pytest.approx(part_by_hand(model, run, nothing), abs=CLOSE)


@pytest.mark.parametrize("case", ["llama", "gpt2", "gemma2", "granite", "bloom", "gptj"])
def test_in_float64_parts_sum_to_the_logit_difference(case: str) -> None:
    model = make_model(case, torch.float64)
    parts = model.run([PROMPT, OTHER, PROMPT]).logit_attribution(ANSWER, FOIL)
    assert attribution_gap(parts) < 2e-5  # logits are compared in float32
    assert abs(parts.logit_diff) > 1e-2


@pytest.mark.parametrize("case", ["llama", "gemma", "gpt2", "granite", "gemma2"])
def test_half_precision_says_how_far_the_sum_is_off(case: str) -> None:
    model = make_model(case, torch.bfloat16)
    parts = model.run(PROMPT).logit_attribution(ANSWER, FOIL)
    sizes = parts.to_frame()["contribution"].abs().sum()
    assert attribution_gap(parts) < 4 * torch.finfo(torch.bfloat16).eps * sizes
    assert f"{parts.total:+.4f}" in repr(parts)


@pytest.mark.parametrize("case", ["llama", "gpt2", "granite", "gptj", "phi3"])
def test_neurons_sum_to_their_mlp(case: str) -> None:
    model = make_model(case)
    run = model.run(PROMPT)
    plain, split = (run.logit_attribution(ANSWER, FOIL, neurons=n) for n in ((), [1]))
    assert attribution_gap(split) < CLOSE
    frame = split.to_frame()
    of_layer = frame[frame["component"].isin(["neuron", "mlp_bias"])]
    assert set(of_layer["layer"]) == {1}
    assert of_layer["contribution"].sum() == pytest.approx(plain["L1.mlp_out"], abs=CLOSE)
    assert split.to_xarray()["neurons"].sizes == {"layer": 3, "neuron": model.d_mlp, "pair": 1}
    projection = model.layout.output_projection("neuron", 1)
    assert projection is not None
    neurons, nothing = run["L1.neuron@-1"], torch.zeros(1, 1, model.d_mlp or 0)
    alone = nothing.clone()
    alone[..., 7] = neurons[..., 7]
    with torch.no_grad():
        written = (projection(alone) - projection(nothing))[0, 0] * model.layout.scale
    assert split["L1.N7"] == pytest.approx(part_by_hand(model, run, written), abs=CLOSE)
    with pytest.raises(
        SiteError, match=r"There is no part 'L1\.mlp_out'\. Parts are named embed, "
    ):
        split["L1.mlp_out"]


def test_all_by_hand() -> None:
    """A GPT-2 of two dimensions that adds constants: the last stream is (6, 5), and so its norm is (1, −1) + bias."""
    model = tiny_gpt2()
    parts = model.run("w3").logit_attribution(ANSWER, FOIL)
    # A stream (x, y) is normed to 2 · ((x − y) / 2, (y − x) / 2), and that is read along W_U[8] − W_U[9] = (1, −2).
    expected = {"embed": -3.0, "pos_embed": 3.0, "L0.H0": 0.0, "L0.attn_bias": -6.0}
    expected |= {"L0.mlp_out": 9.0, "norm_bias": 0.5}
    frame = parts.to_frame()
    assert frame["part"].tolist() == list(expected)
    np.testing.assert_allclose(frame["contribution"], list(expected.values()), atol=1e-3)
    assert parts.total == pytest.approx(3.5, abs=1e-3)
    assert parts.top(2)["part"].tolist() == ["L0.mlp_out", "L0.attn_bias"]
    assert repr(parts) == (
        f"LogitAttribution(6 parts sum to {parts.total:+.4f}; logit difference of the run {parts.total:+.4f}; largest: "
        "L0.mlp_out +9.00, L0.attn_bias -6.00, embed -3.00)"
    )


def tiny_gpt2() -> Model:
    sizes = {"n_embd": 2, "n_inner": 4, "n_layer": 1, "n_head": 1, "tie_word_embeddings": False}
    hf_model = random_model("gpt2", **sizes)
    for parameter in hf_model.parameters():
        parameter.data.zero_()
    body, block = hf_model.transformer, hf_model.transformer.h[0]
    for norm in (block.ln_1, block.ln_2, body.ln_f):
        norm.weight.data.fill_(1)
    values = [
        (body.wte.weight[3], [3.0, 4.0]),
        (body.wpe.weight[0], [1.0, 0.0]),
        (block.attn.c_proj.bias, [0.0, 2.0]),
        (block.mlp.c_proj.bias, [2.0, -1.0]),
        (body.ln_f.bias, [0.5, 0.0]),
        (hf_model.lm_head.weight[ANSWER], [1.0, 0.0]),
        (hf_model.lm_head.weight[FOIL], [0.0, 2.0]),
    ]
    for tensor, numbers in values:
        tensor.data.copy_(torch.tensor(numbers))
    return Model(hf_model, toy_tokenizer(VOCABULARY), "tiny", verify="off")


# ---- logits after the output embedding ------------------------------------------------------


def test_parts_of_capped_logits_are_those_before_the_cap() -> None:
    model = make_model("gemma2")
    run = model.run(PROMPT)
    parts = run.logit_attribution(ANSWER, FOIL)
    cap = 30.0
    uncapped = cap * torch.atanh(run.logits[0, [ANSWER, FOIL]] / cap)
    assert parts.logit_diff == pytest.approx(float(uncapped[0] - uncapped[1]), abs=1e-3)
    assert parts.notes[-1] == (
        "The model caps its logits, as 30 · tanh(logit / 30). The parts, total and logit_diff are of logits before "
        "that."
    )


@pytest.mark.parametrize(("case", "factor"), [("cohere", "0.0625"), ("granite", "0.3333")])
def test_multiplied_logits(case: str, factor: str) -> None:
    parts = make_model(case).run(PROMPT).logit_attribution(ANSWER, FOIL)
    assert parts.notes == (
        f"The model multiplies its logits by {factor}; the parts are of logits after that.",
    )
    assert attribution_gap(parts) < CLOSE


def test_other_logits_are_refused() -> None:
    model = make_model("llama")
    model.hf_model.lm_head.register_forward_hook(lambda *args: args[-1].sin())
    with pytest.raises(
        RefusedError,
        match="The logits of llama are not what its output embedding makes of the normed",
    ):
        model.run(PROMPT).logit_attribution(ANSWER, FOIL)


def test_an_output_embedding_with_a_bias() -> None:
    model = make_model("phi")
    parts = model.run(PROMPT).logit_attribution(ANSWER, FOIL)
    bias = model.hf_model.lm_head.bias.detach()
    assert parts["unembed_bias"] == pytest.approx(float(bias[ANSWER] - bias[FOIL]), abs=1e-6)


def test_hooks_of_the_user_count() -> None:
    """On an output projection, they make more of it than its weight says."""
    model = make_model("gpt2")
    before = model.run(PROMPT).logit_attribution(ANSWER, FOIL)
    attention = model.hf_model.transformer.h[2].attn.c_proj
    attention.register_forward_hook(lambda *args: 2 * args[-1])
    after = model.run(PROMPT).logit_attribution(ANSWER, FOIL)
    assert attribution_gap(after) < CLOSE
    assert after["L2.H1"] != pytest.approx(before["L2.H1"], abs=1e-3)


def test_offloaded_weights() -> None:
    expected = make_model("gpt2").run(PROMPT).logit_attribution(ANSWER, FOIL).to_frame()
    hf_model = random_model("gpt2")
    accelerate.cpu_offload(hf_model, execution_device=torch.device("cpu"))
    model = Model(hf_model, toy_tokenizer(VOCABULARY))
    found = model.run(PROMPT).logit_attribution(ANSWER, FOIL).to_frame()
    assert found["part"].tolist() == expected["part"].tolist()
    np.testing.assert_allclose(found["contribution"], expected["contribution"], atol=CLOSE)


# ---- answers, positions, prompts ------------------------------------------------------------


def test_the_logit_of_one_answer(toy: Model) -> None:
    run = toy.run(PROMPT)
    answer, foil = (run.logit_attribution(token) for token in (" w8", 9))
    assert answer.logit_diff == pytest.approx(float(run.logits[0, 8]), abs=1e-6)
    assert attribution_gap(answer) < CLOSE
    both = run.logit_attribution(" w8", " w9").to_frame()["contribution"]
    apart = answer.to_frame()["contribution"] - foil.to_frame()["contribution"]
    np.testing.assert_allclose(both, apart, atol=CLOSE)
    assert "; logit of the run" in repr(answer)


def test_alternatives_are_the_metric() -> None:
    model = make_model("qwen2")
    task = Task(PROMPT, "w3 w14 w42 w9 w26", (" w8", " w20"), (" w9", " w1", " w2"))
    experiment = Experiment(model, task)
    parts = experiment.clean.logit_attribution()
    assert parts.logit_diff == pytest.approx(experiment.clean.value, abs=1e-5)
    assert attribution_gap(parts) < CLOSE
    logits = experiment.clean.logits[0].double()
    entropy = [
        float(torch.distributions.Categorical(logits=logits[ids]).entropy())
        for ids in ([8, 20], [9, 1, 2])
    ]
    assert parts["alternatives"] == pytest.approx(entropy[0] - entropy[1], abs=1e-5)
    same = model.run(PROMPT).logit_attribution((" w8", 20), (" w9", " w1", " w2"))
    np.testing.assert_allclose(same.to_frame()["contribution"], parts.to_frame()["contribution"])


@pytest.mark.parametrize("case", ["llama", "gpt2", "bloom"])
def test_prompts_of_unequal_lengths_as_alone(case: str) -> None:
    model = make_model(case)
    prompts, answers, foils = (
        [PROMPT, OTHER, "w5 w6 w2 w1 w4"],
        [" w8", " w3", (" w1", " w2")],
        [" w9", " w4", " w7"],
    )
    together = model.run(prompts).logit_attribution(answers, foils)
    assert attribution_gap(together) < CLOSE
    for i, prompt in enumerate(prompts):
        alone = model.run(prompt).logit_attribution(answers[i], foils[i]).to_xarray()
        for name, values in alone.items():
            np.testing.assert_allclose(
                together.to_xarray()[name].isel(pair=i), values.isel(pair=0), atol=CLOSE
            )
    assert together.to_frame()["low"].isna().all()


def test_intervals_from_five_prompts_on(toy: Model) -> None:
    parts = toy.run([PROMPT, OTHER, "w1 w2", "w5", "w9 w9 w1"]).logit_attribution(" w8", " w9")
    row = parts.to_frame().set_index("part").loc["L1.mlp_out"]
    values = parts.to_xarray()["mlp_out"].sel(layer=1).values
    assert row["contribution"] == pytest.approx(values.mean())
    half = 2.776445 * values.std(ddof=1) / 5**0.5
    assert (row["low"], row["high"]) == pytest.approx(
        (values.mean() - half, values.mean() + half), rel=1e-5
    )
    assert "mean of 5" in repr(parts)


@pytest.mark.parametrize("pos", [0, 2, -2])
def test_another_position(toy: Model, pos: int) -> None:
    run = toy.run(PROMPT)
    parts = run.logit_attribution(" w8", " w9", pos=pos)
    logits = run.logits_at([(0, pos % 5)])[0]
    assert parts.logit_diff == pytest.approx(float(logits[8] - logits[9]), abs=1e-5)
    assert attribution_gap(parts) < CLOSE
    assert parts.to_xarray()["pos"].values.tolist() == [pos % 5]


def test_a_named_position_is_at_its_counterpart(toy: Model) -> None:
    task = Task(
        "w3 w14 w15 w9 w26", "w3 w42 w9 w26", " w8", " w9", {"X": 3}, align=((0, 0), (3, 2), (4, 3))
    )
    experiment = Experiment(toy, task)
    for run, index in ((experiment.clean, 3), (experiment.corrupted, 2)):
        named, indexed = (run.logit_attribution(pos=pos) for pos in ("X", index))
        assert named.total == pytest.approx(indexed.total)
        assert attribution_gap(named) < CLOSE
    scaled = experiment.clean.logit_attribution(pos="X", scale_of=experiment.corrupted)
    assert scaled.attrs["scale"] == "of another run"


@pytest.mark.parametrize("case", ["llama", "gpt2", "gemma2", "cohere"])
def test_with_the_hosts_scale_differences_add_up_and_are_linear(case: str) -> None:
    """They sum to what the host's frozen norm makes of the difference of the last streams."""
    model = make_model(case)
    experiment = Experiment(model, Task(PROMPT, "w3 w14 w42 w9 w26", " w8", " w9"))
    host = experiment.corrupted.logit_attribution()
    source = experiment.clean.logit_attribution(scale_of=experiment.corrupted)
    last = f"L{model.n_layers - 1}.resid_post@-1"
    change = (experiment.clean[last] - experiment.corrupted[last])[0, 0]
    expected = part_by_hand(model, experiment.corrupted, change)
    assert source.total - host.total == pytest.approx(expected, abs=CLOSE)


def test_the_sum_of_frozen_direct_effects_on_smollm2(names_experiment: Experiment) -> None:
    """Embedding, 270 heads and 30 MLPs; all numbers by hand-written hooks."""
    clean, corrupted = names_experiment.clean, names_experiment.corrupted
    host = corrupted.logit_attribution()
    source = clean.logit_attribution(scale_of=corrupted)
    direct = source.to_frame()["contribution"] - host.to_frame()["contribution"]
    assert len(direct) == 1 + 270 + 30
    assert direct.sum() == pytest.approx(11.2530, abs=1e-4)
    assert (
        host.total == pytest.approx(corrupted.value, abs=1e-5) == pytest.approx(-5.4853, abs=2e-4)
    )
    assert clean.logit_attribution().total == pytest.approx(6.1196, abs=2e-4)


# ---- patched runs ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sites",
    [
        [],
        ["L1.H2", "L0.mlp_out@2"],
        ["L1.resid_post@-1"],
        ["L2.resid_post"],
        ["L0.resid_pre", "L1.attn_out", "embed"],
        ["L2.resid_mid@-1", "L1.N3@-1", "L2.H0.q", "L1.KV1.v"],
    ],
)
def test_a_patched_run(toy_experiment: Experiment, sites: list[str]) -> None:
    result = toy_experiment.patch(*sites)
    parts = result.logit_attribution(neurons=1)
    assert parts.logit_diff == pytest.approx(result.value, abs=1e-5)
    assert attribution_gap(parts) < CLOSE
    patched = {name for name in parts.to_frame()["part"] if "patch of" in name}
    streams = {"L1.resid_post", "L2.resid_post", "L1.attn_out", "L2.resid_mid"}
    assert patched == {
        f"patch of {site.split('@')[0]}" for site in sites if site.split("@")[0] in streams
    }


def test_a_patch_of_the_last_stream_in_a_model_with_norms_after() -> None:
    experiment = Experiment(make_model("gemma2"), Task(PROMPT, "w3 w14 w42 w9 w26", " w8", " w9"))
    for site in (
        "L1.attn_out",
        "L0.resid_mid@-1",
        Patch("L2.resid_post", fn=lambda host, _: 2 * host),
    ):
        assert attribution_gap(experiment.patch(site).logit_attribution()) < CLOSE


def test_a_patched_dataset_of_unequal_lengths(toy: Model) -> None:
    task = Task([PROMPT, OTHER], ["w3 w14 w42 w9 w26", "w7 w2 w30"], [" w8", " w3"], [" w9", " w4"])
    experiment = Experiment(toy, task)
    result = experiment.patch("L1.H2", "L1.resid_post@-1")
    numbers = result.logit_attribution().to_xarray()
    np.testing.assert_allclose(numbers["total"], result.per_pair.value, atol=CLOSE)
    for run in (experiment.clean, experiment.corrupted):
        assert run.logit_attribution().total == pytest.approx(run.value, abs=CLOSE)


# ---- misuse ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        (
            (" w8 w9",),
            MetricError,
            "' w8 w9' has 2 tokens, which have no common logit that could be split or read by layer.",
        ),
        (
            (" w8", ()),
            TaskError,
            "An answer or foil is an empty tuple; give at least one alternative.",
        ),
        (
            ([" w8", " w9"],),
            TaskError,
            "Got 2 answers or foils for 1 prompts; give one for each, or one for all.",
        ),
        (
            (8.5,),
            TaskError,
            "An answer or foil is a text, a token id, a tuple of alternatives or a list of these; got",
        ),
        ((61,), AnswerError, "There is no token 61; the model has logits of the tokens 0 to 60."),
        (("",), AnswerError, "The answer or foil '' has no tokens"),
        ((" w8", " w9", 7), SiteError, "Position 7 is out of range: the prompt has 5 tokens"),
        (
            (" w8", " w9", "X"),
            SiteError,
            "A run has no named positions; got pos='X'. Give an index, such as -1.",
        ),
        (
            (" w8", " w9", -1, [3]),
            SiteError,
            "neurons=3: toy has layers 0 to 2; give a list of them.",
        ),
        (
            (" w8", " w9", -1, "L1"),
            SiteError,
            "neurons='L': toy has layers 0 to 2; give a list of them.",
        ),
        (
            (" w8", " w9", -1, True),
            SiteError,
            "neurons=True: expected the layers whose MLP is split into neurons, as in neurons=[2], or neurons=range(3) "
            "for all of toy.",
        ),
        ((None,), TaskError, "This run belongs to no experiment, so it has no answer; give one."),
    ],
)
def test_misuse(toy: Model, arguments: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=re.escape(text)):
        toy.run(PROMPT).logit_attribution(*arguments)


def test_the_scale_of_another_number_of_prompts(toy: Model) -> None:
    run = toy.run(PROMPT)
    for other in (toy.run([PROMPT, OTHER]), make_model("llama").run(PROMPT)):
        with pytest.raises(
            SiteError, match=r"scale_of needs a run of the same model with 1 prompts; got Run\("
        ):
            run.logit_attribution(" w8", scale_of=other)


def test_an_answer_of_several_tokens_in_a_task(toy: Model) -> None:
    experiment = Experiment(toy, Task(PROMPT, "w3 w14 w42 w9 w26", " w8 w1", " w9"))
    for each in (experiment.clean, experiment.patch("L1.H1")):
        with pytest.raises(
            MetricError,
            match="An answer or foil of the task has several tokens, which have no common",
        ):
            each.logit_attribution()
    assert attribution_gap(experiment.clean.logit_attribution(" w8", " w9")) < CLOSE


def test_a_foil_without_an_answer(toy_experiment: Experiment) -> None:
    with pytest.raises(TaskError, match="A foil without an answer: give both, or neither"):
        toy_experiment.clean.logit_attribution(foil=" w3")


def test_a_model_without_neurons_or_with_a_norm_after_them() -> None:
    with pytest.raises(RefusedError, match="No neurons here: the MLP is a mixture of experts"):
        make_model("mixtral").run(PROMPT).logit_attribution(" w8", neurons=0)
    with pytest.raises(
        RefusedError,
        match=r"Neurons of layer 0 have no parts: the model applies a norm .* Use mlp_out",
    ):
        make_model("gemma2").run(PROMPT).logit_attribution(" w8", neurons=0)


def test_changed_weights() -> None:
    model = make_model("llama")
    run = model.run(PROMPT)
    with torch.no_grad():
        model.hf_model.lm_head.weight[3] += 1
    with pytest.raises(WeightsChangedError):
        run.logit_attribution(" w8", " w9")


def test_nothing_of_the_result_can_be_changed(toy: Model) -> None:
    parts = toy.run(PROMPT).logit_attribution(" w8", " w9")
    total = parts.total
    parts.to_xarray()["total"].values[:] = 7
    assert parts.total == total
    assert parts.attrs["model"] == "toy"


def test_a_token_whose_logit_is_near_zero_is_attributed_like_any_other() -> None:
    torch.manual_seed(0)
    run = Model(random_model("diffllama"), toy_tokenizer(VOCABULARY), "toy").run(PROMPT)
    for token in run.logits[0].abs().argsort().tolist():
        assert attribution_gap(run.logit_attribution(token)) < CLOSE
