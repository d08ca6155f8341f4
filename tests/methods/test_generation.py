"""Generation: equal to ``hf_model.generate`` in every family, and to slow loops written out here."""

import signal
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor

from patchwidgets.errors import PatchError, SiteError, TaskError, WeightsChangedError
from patchwidgets.facade import Experiment
from patchwidgets.hooks.cancellation import Cancelled, cancellable
from patchwidgets.methods.generation import api as generation_module
from patchwidgets.methods.generation.continuations import (
    Continuation,
    FirstDifference,
    GeneratedPair,
    Generation,
)
from patchwidgets.methods.generation.continued_run import Choice
from patchwidgets.models.forward import model_lock
from patchwidgets.models.model import Model
from patchwidgets.sites import Patch
from patchwidgets.tasks import Task
from tests.support.families import CASES, D_MODEL, VOCABULARY, random_model
from tests.support.toy_models import count_hooks, has, make_model
from tests.support.toy_tokenizer import toy_tokenizer
from tests.support.unequal_prompts import PAIRS, unequal_pairs

CLEAN, CORRUPTED = "w3 w14 w15 w9 w26", "w3 w14 w42 w9 w26"
N = 8


def ids(text: str) -> list[int]:
    return [int(word[1:]) for word in text.split()]


def huggingface(hf_model: Any, prompt: list[int], n: int = N) -> tuple[int, ...]:
    """What transformers generates itself, up to and with the end token."""
    tokens = torch.tensor([prompt])
    out = hf_model.generate(
        tokens,
        attention_mask=torch.ones_like(tokens),
        max_new_tokens=n,
        do_sample=False,
        use_cache=True,
        pad_token_id=0,
    )
    made = out[0, len(prompt) :].tolist()
    end = hf_model.generation_config.eos_token_id
    return tuple(made[: made.index(end) + 1] if end in made else made)


def slowly(model: Model, prompt: list[int], patches: list[Patch], n: int = N) -> tuple[int, ...]:
    """Greedy tokens by whole passes over all that is there so far, with patches at positions of the whole."""
    sequence, end = list(prompt), model.hf_model.generation_config.eos_token_id
    for _ in range(n):
        with torch.no_grad(), model.patching(*patches):
            logits = model.hf_model(torch.tensor([sequence]), use_cache=False).logits[0, -1]
        sequence.append(int(logits.argmax()))
        if sequence[-1] == end:
            break
    return tuple(sequence[len(prompt) :])


@pytest.fixture(scope="module", params=CASES)
def experiment(request: pytest.FixtureRequest) -> Experiment:
    """Models that do not repeat the last token, as they do where the two embeddings are one."""
    hf_model = random_model(request.param)
    head = hf_model.get_output_embeddings()
    head.weight = torch.nn.Parameter(torch.randn_like(head.weight))
    model = Model(hf_model, toy_tokenizer(VOCABULARY), request.param)
    return Experiment(model, Task(CLEAN, CORRUPTED, " w8", " w9", {"X": 2}))


def test_it_is_what_transformers_generates(experiment: Experiment) -> None:
    model = experiment.model
    generator = torch.Generator().manual_seed(1)
    sites, noise = ["L1.mlp_out@2", "L0.attn_out@-1"], torch.randn(2, D_MODEL, generator=generator)
    tensors = [
        Patch("L0.resid_post@1:", source=20 * noise[0]),
        Patch("L1.resid_post@-1", source=20 * noise[1]),
    ]
    if has(experiment, "v"):
        sites.append(f"{model.sites('v')[1].name}@2")
    found = experiment.generate(*sites, *tensors, max_new_tokens=N)[0]
    assert found.host.ids == huggingface(model.hf_model, ids(CORRUPTED))
    source = model.run(CLEAN)
    with model.patching(*(Patch(site, source=source) for site in sites), *tensors):
        assert found.patched.ids == huggingface(model.hf_model, ids(CORRUPTED))
    assert found.patched.ids != found.host.ids  # so that the last assertion could have failed


def test_every_step_is_patching_all_positions_from_the_last_one_of_the_prompt_on(
    experiment: Experiment,
) -> None:
    model, vector = experiment.model, torch.randn(D_MODEL)
    last = len(ids(CORRUPTED)) - 1

    def steered(host: Tensor, _source: Tensor) -> Tensor:
        return host + vector

    def slow(site: str, source: Any, fn: Any = None) -> Patch:
        return Patch(f"{site}@{last}:", source, fn)

    sites = ["L1.resid_post", "L0.H1", "L2.mlp_out"]
    sources = [("host", steered), (torch.zeros(1), None), (vector[None, None], None)]
    asked = [Patch(f"{s}@-1", *how) for s, how in zip(sites, sources, strict=True)]
    slower = [slow(s, *how) for s, how in zip(sites, sources, strict=True)]
    if has(experiment, "k"):
        key = model.sites("k")[1].name
        asked.append(Patch(f"{key}@-1", "host", lambda host, _: -host))
        slower.append(slow(key, "host", lambda host, _: -host))
    every = experiment.generate(*asked, max_new_tokens=N, every_step=True)[0]
    assert every.patched.ids == slowly(model, ids(CORRUPTED), slower)
    once = experiment.generate(*asked, max_new_tokens=N)[0]
    assert once.host.ids == every.host.ids
    with model.patching(*asked):
        assert once.patched.ids == huggingface(model.hf_model, ids(CORRUPTED))


def test_every_step_by_hooks_written_out(toy_experiment: Experiment) -> None:
    """All positions of the prompt and each token after it."""
    hf_model, vector = toy_experiment.model.hf_model, 3 * torch.randn(D_MODEL)
    patch = Patch("L1.resid_post", "host", lambda host, _: host + vector)
    found = toy_experiment.generate(patch, max_new_tokens=N, every_step=True)[0]
    layer = hf_model.model.layers[1]
    handle = layer.register_forward_hook(lambda _module, _args, out: out + vector)
    with torch.no_grad():
        sequence = ids(CORRUPTED)
        for _ in found.patched.ids:
            sequence.append(int(hf_model(torch.tensor([sequence])).logits[0, -1].argmax()))
    handle.remove()
    assert found.patched.ids == tuple(sequence[5:])
    assert found.patched.ids != found.host.ids
    assert toy_experiment.generate(patch, max_new_tokens=N)[0].patched.ids != found.patched.ids


def test_a_pattern_cut_at_every_step(toy: Model, toy_experiment: Experiment) -> None:
    def without_first(host: Tensor, _source: Tensor) -> Tensor:
        cut = host.clone()
        cut[..., 0] = 0
        return cut

    patch = Patch("L1.H2.pattern@-1", "host", without_first)
    found = toy_experiment.generate(patch, max_new_tokens=4, every_step=True)[0]
    slow = [Patch("L1.H2.pattern@4:", "host", without_first)]
    assert found.patched.ids == slowly(toy, ids(CORRUPTED), slow, 4)


def test_smollm2_says_what_transformers_says(names_experiment: Experiment) -> None:
    model = names_experiment.model
    prompt = list(names_experiment.pairs[0].corrupted)
    sites = ["L23.H3", "L20.H0"]
    generation = names_experiment.generate(*sites, max_new_tokens=12)
    assert generation[0].host.ids == huggingface(model.hf_model, prompt, 12)
    source = model.run(names_experiment.task.clean, bos=False)
    with model.patching(*(Patch(site, source=source) for site in sites)):
        assert generation[0].patched.ids == huggingface(model.hf_model, prompt, 12)
    first = generation[0].first_difference
    assert first is not None
    assert (first.index, first.host, first.patched) == (0, " John", " Mary")
    # Margins at the last prompt position are the logit differences of DESIGN.md.
    assert first.host_margin == pytest.approx(5.4853, abs=2e-3)
    assert first.patched_margin == pytest.approx(5.9437, abs=2e-3)
    assert not generation.is_rounding()
    assert generation.noise_floor < 1e-3


def test_flipped(toy_experiment: Experiment) -> None:
    found = toy_experiment.flip().generate("L0.resid_pre", max_new_tokens=4)
    host = toy_experiment.generate(max_new_tokens=4)
    assert found[0].prompt == CLEAN
    assert (found.host_name, host.host_name) == ("clean", "corrupted")
    # All that enters the first layer is copied, so later tokens see the source's keys and values.
    assert found[0].patched.ids == host[0].host.ids


def test_pairs_of_unequal_lengths(toy: Model) -> None:
    task = unequal_pairs()
    together = Experiment(toy, task).generate("L1.mlp_out", "L0.KV1.v@-1", max_new_tokens=5)
    assert len(together) == len(PAIRS) == 5
    for i, pair in enumerate(together):
        clean, corrupted, align = PAIRS[i]
        single = Experiment(toy, Task(clean, corrupted, " w8", " w9", align=align))
        alone = single.generate("L1.mlp_out", "L0.KV1.v@-1", max_new_tokens=5)[0]
        assert (pair.prompt, pair.host.ids, pair.patched.ids) == (
            alone.prompt,
            alone.host.ids,
            alone.patched.ids,
        )
        assert pair.host.ids == slowly(toy, ids(pair.prompt), [], 5)
    vectors = torch.randn(5, 1, D_MODEL)
    own = Experiment(toy, task)
    steer = Patch("L1.resid_post@-1", source=vectors)
    found = own.generate(steer, max_new_tokens=5, every_step=True)
    for i, pair in enumerate(found):
        n = len(ids(pair.prompt))
        slow = [Patch(f"L1.resid_post@{n - 1}:", source=vectors[i])]
        assert pair.patched.ids == slowly(toy, ids(pair.prompt), slow, 5)


def test_a_named_position_that_is_the_end_of_some_prompts_only(toy: Model) -> None:
    task = Task([CLEAN, "w3 w14 w15 w9"], [CORRUPTED, "w3 w14 w42 w9"], " w8", " w9", {"X": [4, 2]})
    patch = Patch("L1.resid_post@X", source=torch.randn(D_MODEL))
    found = Experiment(toy, task).generate(patch, max_new_tokens=4, every_step=True)
    at = [Patch("L1.resid_post@4:", patch.source), Patch("L1.resid_post@2", patch.source)]
    for pair, slow in zip(found, at, strict=True):
        assert pair.patched.ids == slowly(toy, ids(pair.prompt), [slow], 4)


def test_the_last_of_several_values_is_repeated(toy: Model, toy_experiment: Experiment) -> None:
    values = torch.randn(1, 2, D_MODEL)
    patch = Patch("L1.resid_post@3:", source=values)
    found = toy_experiment.generate(patch, max_new_tokens=4, every_step=True)[0]
    slow = [Patch("L1.resid_post@3", values[:, :1]), Patch("L1.resid_post@4:", values[:, 1:])]
    assert found.patched.ids == slowly(toy, ids(CORRUPTED), slow, 4)


def test_without_a_cache_it_is_the_same(
    toy_experiment: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    patches = ["L1.mlp_out@2", "L0.H1.pattern@-1", Patch("L1.resid_post@-1", torch.ones(1))]
    asked = [(patches, False), (patches[2:], True)]
    fast = [toy_experiment.generate(*each, every_step=every) for each, every in asked]
    monkeypatch.setattr(generation_module, "can_continue", lambda _experiment: False)
    slow = [toy_experiment.generate(*each, every_step=every) for each, every in asked]
    for one, other in zip(fast, slow, strict=True):
        assert (one[0].host.ids, one[0].patched.ids) == (other[0].host.ids, other[0].patched.ids)


def test_end_tokens_end_it(toy_experiment: Experiment) -> None:
    config = toy_experiment.model.hf_model.generation_config
    long = toy_experiment.generate(max_new_tokens=6)[0].host
    assert not long.ended
    before, end = config.eos_token_id, long.ids[2]
    try:
        for ends in (end, [end, 60]):
            config.eos_token_id = ends
            short = toy_experiment.generate("L1.H2@-1", max_new_tokens=6)
            assert short[0].host.ended
            assert short[0].host.ids == long.ids[: long.ids.index(end) + 1]
        config.eos_token_id = None
        model_ends = toy_experiment.model.hf_model.config.eos_token_id
        assert model_ends not in long.ids
        assert toy_experiment.generate(max_new_tokens=6)[0].host.ids == long.ids
    finally:
        config.eos_token_id = before


def test_a_pair_that_has_ended_waits_for_the_others(toy: Model) -> None:
    clean, corrupted = [CLEAN, "w5 w6 w15 w9 w26"], [CORRUPTED, "w5 w6 w42 w9 w26"]
    tasks = [Task(*pair, " w8", " w9") for pair in zip(clean, corrupted, strict=True)]
    alone = [Experiment(toy, task).generate(max_new_tokens=6)[0].host.ids for task in tasks]
    end = next(token for token in alone[0] if token not in alone[1])
    config = toy.hf_model.generation_config
    before, config.eos_token_id = config.eos_token_id, end
    try:
        both = Experiment(toy, Task(clean, corrupted, " w8", " w9")).generate(
            "L0.resid_post@0", max_new_tokens=6
        )
    finally:
        config.eos_token_id = before
    assert both[0].host.ids == alone[0][: alone[0].index(end) + 1]
    assert both[1].host.ids == alone[1]
    # Nothing differs between the prompts at position 0, so the patch does nothing.
    assert [pair.first_difference for pair in both] == [None, None]


def test_sampling_is_reproducible_and_shares_its_noise(toy_experiment: Experiment) -> None:
    def sample(*patches: str, seed: int = 0) -> GeneratedPair:
        return toy_experiment.generate(*patches, max_new_tokens=6, temperature=5.0, seed=seed)[0]

    assert sample("L1.H2") == sample("L1.H2")
    assert sample("L0.resid_post@0").first_difference is None
    assert len({sample(seed=seed).host.ids for seed in range(5)}) == 5
    cold = toy_experiment.generate(max_new_tokens=6, temperature=1e-6, seed=0)[0]
    assert cold.host.ids == toy_experiment.generate(max_new_tokens=6)[0].host.ids


def test_sampled_tokens_have_their_probabilities() -> None:
    logits, choice, n = torch.tensor([[0.0, 1.0, 2.0, -1.0]]), Choice(2.0, 0), 4000
    drawn = [int(choice.tokens(logits, choice.noise([0], step, 4))) for step in range(n)]
    expected = (logits[0] / 2).softmax(-1)
    found = torch.bincount(torch.tensor(drawn), minlength=4) / n
    assert (found - expected).abs().max() < 3.5 * (0.25 / n) ** 0.5


def test_the_users_model_is_not_touched(toy_experiment: Experiment) -> None:
    hf_model = toy_experiment.model.hf_model
    before = {name: each.clone() for name, each in hf_model.state_dict().items()}
    settings = hf_model.generation_config.to_dict()
    hf_model.train()
    try:
        toy_experiment.generate("L1.H2.pattern", max_new_tokens=3)
        assert hf_model.training
    finally:
        hf_model.eval()
    assert count_hooks(hf_model) == 0
    assert hf_model.generation_config.to_dict() == settings
    assert hf_model.config._attn_implementation == "sdpa"
    assert all(torch.equal(each, before[name]) for name, each in hf_model.state_dict().items())


@pytest.fixture
def _ctrl_c() -> Iterator[None]:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("_ctrl_c")
def test_ctrl_c_ends_it_before_the_next_layer(toy_experiment: Experiment) -> None:
    layers, passes, after = toy_experiment.model.layout.blocks, [], []

    def at_the_third_pass(*_: Any) -> None:
        passes.append(0)
        if len(passes) == 3:
            signal.raise_signal(signal.SIGINT)

    handles = [
        layers[0].mlp.register_forward_hook(at_the_third_pass),
        layers[1].mlp.register_forward_hook(lambda *_: after.append(0)),
    ]
    try:
        with pytest.raises(KeyboardInterrupt):
            toy_experiment.generate("L1.H2", max_new_tokens=10)
    finally:
        for handle in handles:
            handle.remove()
    assert (len(passes), len(after)) == (3, 2)
    assert model_lock(toy_experiment.model.hf_model).acquire(blocking=False)
    model_lock(toy_experiment.model.hf_model).release()


def test_it_can_be_cancelled(toy_experiment: Experiment) -> None:
    unwanted, passes = threading.Event(), []

    def in_the_fourth_pass(*_: Any) -> None:
        passes.append(0)
        if len(passes) == 4:
            unwanted.set()

    handle = toy_experiment.model.layout.blocks[0].mlp.register_forward_hook(in_the_fourth_pass)
    with cancellable(unwanted), pytest.raises(Cancelled):
        toy_experiment.generate("L1.H2", max_new_tokens=10)
    handle.remove()
    assert len(passes) == 4


def test_weights_that_changed(toy: Model) -> None:
    model = make_model("llama")
    experiment = Experiment(model, Task(CLEAN, CORRUPTED, " w8", " w9"))
    with torch.no_grad():
        model.hf_model.model.layers[1].mlp.down_proj.weight.mul_(2)
    with pytest.raises(WeightsChangedError, match="Make the run or the experiment again"):
        experiment.generate("L1.H2", max_new_tokens=2)


def test_near_the_end_of_the_models_positions() -> None:
    model = make_model("gpt2")
    prompt = " ".join(["w3"] * 60)
    experiment = Experiment(model, Task(f"{prompt} w4 w5", f"{prompt} w6 w5", " w8", " w9"))
    assert len(experiment.generate("L0.H1", max_new_tokens=3)[0].host.ids) == 3
    with pytest.raises(TaskError, match=r"62 tokens and gpt2 positions for 64, so it can write 3"):
        experiment.generate("L0.H1", max_new_tokens=4)


def test_rotary_positions_go_on() -> None:
    model = make_model("llama")  # made for 64, without a table
    prompt = " ".join(["w3"] * 60)
    experiment = Experiment(model, Task(f"{prompt} w4 w5", f"{prompt} w6 w5", " w8", " w9"))
    assert len(experiment.generate("L0.H1", max_new_tokens=5)[0].host.tokens) == 5


@pytest.mark.parametrize(
    ("patches", "says"),
    [
        (["L1.H2@-1"], "L1.H2@-1: every_step=True cannot copy from a run"),
        ([Patch("L1.H2", fn=lambda host, source: host)], "Give the value itself"),
        ([Patch("L1.H2@-1", "clean")], "no counterpart of a generated token"),
        ([Patch("L1.H2", "host")], "source='host' keeps what the unpatched run computes"),
        ([Patch("L1.H2@1", torch.zeros(1))], r"got L1.H2@1. Leave the position out, or write @-1"),
        ([], "got no patch"),
    ],
)
def test_patches_without_a_value_at_generated_tokens(
    patches: list[Any], says: str, toy_experiment: Experiment
) -> None:
    with pytest.raises(PatchError, match=says):
        toy_experiment.generate(*patches, every_step=True)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"max_new_tokens": 0}, "max_new_tokens is 0; expected a number of tokens, at least 1"),
        ({"max_new_tokens": 2.5}, "max_new_tokens is 2.5"),
        ({"max_new_tokens": True}, "max_new_tokens is True"),
        ({"temperature": 1.0}, "without a seed nobody gets the same ones again"),
        ({"temperature": -1.0, "seed": 0}, "expected 0, for the largest logit"),
        ({"temperature": "hot", "seed": 0}, "temperature is 'hot'; expected a number"),
        ({"temperature": 1.0, "seed": -1}, "seed is -1; expected a whole number from 0 on"),
    ],
)
def test_arguments(arguments: dict[str, Any], says: str, toy_experiment: Experiment) -> None:
    with pytest.raises(PatchError, match=says):
        toy_experiment.generate("L1.H2", **arguments)


def test_sites_and_patches_are_checked(toy_experiment: Experiment) -> None:
    with pytest.raises(SiteError, match="layer 9 is out of range"):
        toy_experiment.generate("L9.H0")
    with pytest.raises(PatchError, match="is patched twice"):
        toy_experiment.generate("L1.H2", "L1.H2")
    with pytest.raises(PatchError, match="Expected sites or patches one by one"):
        toy_experiment.generate(["L1.H2"])  # type: ignore[arg-type]


def made_by_hand(host: str, patched: str, margin: float = 1.0) -> Generation:
    """One pair, a character for each token."""
    index = next((i for i, (a, b) in enumerate(zip(host, patched, strict=False)) if a != b), None)
    first = (
        index if index is None else FirstDifference(index, host[index], patched[index], 2.0, margin)
    )
    said = [
        Continuation(tuple(map(ord, text)), tuple(text), text, False) for text in (host, patched)
    ]
    pair = GeneratedPair("<b>&\u202eprompt", *said, first)
    patches = (Patch("L0.H1"),)
    return Generation((pair,) * 6, patches, "denoise", False, 9, 0.0, None, 1e-3, 0.5)


def test_html_is_escaped_and_the_difference_marked() -> None:
    html = made_by_hand("ab<i>", "ab&i>")._repr_html_()
    assert "<td>ab<mark>&lt;</mark>i&gt;</td><td>ab<mark>&amp;</mark>i&gt;</td>" in html
    assert "&lt;b&gt;&amp;‹U+202E›prompt" in html
    assert "<b>" not in html
    assert "<i>" not in html


def test_text_and_table() -> None:
    generation = made_by_hand("abc", "abd", 5e-4)
    text = repr(generation)
    assert text.splitlines()[1:5] == [
        "corrupted prompt: '<b>&‹U+202E›prompt'",
        "  host     'abc'",
        "  patched  'abd'",
        "  differs from token 2 on: 'c' and 'd' (within the noise floor)",
    ]
    assert text.endswith("… 2 more pairs; 6 of 6 differ. See to_frame().")
    assert generation.is_rounding()
    assert generation.n_different == 6
    frame = generation.to_frame()
    assert frame.shape == (6, 10)
    assert frame.loc[0, ["first_difference", "host_token", "patched_token"]].tolist() == [
        2,
        "c",
        "d",
    ]
    same = made_by_hand("abc", "abc")
    assert "the same for 3 tokens" in repr(same)
    assert same.to_frame()["first_difference"].isna().all()
    assert not same.is_rounding()
    assert "sampled at temperature 0.5 with seed 3" in repr(
        Generation(same.pairs, (), "noise", True, 9, 0.5, 3, 0.0, 0.0)
    )


def test_an_answer_of_several_tokens(toy: Model) -> None:
    experiment = Experiment(toy, Task(CLEAN, CORRUPTED, " w8 w3", " w9 w4"))
    found = experiment.generate("L1.mlp_out@2", max_new_tokens=3)[0]
    assert found.host.ids == slowly(toy, ids(CORRUPTED), [], 3)
