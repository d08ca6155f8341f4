"""Properties of any model, prompt and site: what must be nothing, or everything, or an error, and no wrong answer."""

import copy

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from patchwidgets.errors import PatchwidgetsError, TaskError
from patchwidgets.facade import Experiment
from patchwidgets.models.model import Model
from patchwidgets.sites import COMPONENTS as ALL_COMPONENTS
from patchwidgets.sites import Patch
from patchwidgets.tasks import Task
from patchwidgets.tokens import adds_bos
from tests.support.families import N_LAYERS, VOCABULARY, random_model
from tests.support.prompts import words
from tests.support.toy_models import assert_same_logits, count_hooks
from tests.support.toy_tokenizer import toy_tokenizer

COMPONENTS = [each for each in ALL_COMPONENTS if each != "embed"]
LAST = N_LAYERS - 1
tokens = st.integers(0, VOCABULARY - 1)
quick = settings(max_examples=12, deadline=None)


@pytest.fixture(scope="module", params=["llama", "gpt2", "gptj", "gemma2"])
def toy(request: pytest.FixtureRequest) -> Model:
    return Model(random_model(request.param), toy_tokenizer(VOCABULARY))


@st.composite
def prompts(draw: st.DrawFn) -> tuple[str, str, int]:
    """Two prompts that differ at one position or at several, repeated tokens included; and the first such position."""
    clean = draw(
        st.lists(tokens, min_size=1, max_size=9) | st.integers(1, 9).map(lambda n: [5] * n)
    )
    changed = draw(st.sets(st.integers(0, len(clean) - 1), min_size=1))
    shift = draw(st.integers(1, VOCABULARY - 1))
    corrupted = [(t + shift) % VOCABULARY if i in changed else t for i, t in enumerate(clean)]
    return words(clean), words(corrupted), min(changed)


def experiment_of(model: Model, pair: tuple[str, str, int], direction: str) -> Experiment:
    task = Task(pair[0], pair[1], " w1", " w2", {"first": pair[2]})
    return Experiment(model, task, direction=direction)  # type: ignore[arg-type]


# ---- what must be nothing, and what must be everything ---------------------------------------


@quick
@given(pair=prompts(), direction=st.sampled_from(["denoise", "noise"]), layer=st.integers(0, LAST))
def test_properties_of_patches(
    toy: Model, pair: tuple[str, str, int], direction: str, layer: int
) -> None:
    experiment = experiment_of(toy, pair, direction)
    swapped = experiment_of(
        toy, (pair[1], pair[0], pair[2]), "noise" if direction == "denoise" else "denoise"
    )
    host, source, n = experiment.host, experiment.source, len(experiment.pairs[0])
    for component in (each for each in COMPONENTS if each in toy.components):
        site = f"L{layer}.{component}"
        assert_same_logits(experiment.patch(Patch(site, "host")).logits, host.logits, 1e-6)
        assert torch.equal(experiment.patch(site).logits, swapped.patch(site).logits)
        if pair[2] > 0:  # before the first difference the runs are the same
            assert_same_logits(experiment.patch(f"{site}@:{pair[2]}").logits, host.logits, 1e-6)
    assert_same_logits(experiment.patch("L0.resid_pre").logits, source.logits, 1e-6)
    if n > 1:
        last = experiment.patch(f"L{LAST}.resid_post@:-1").logits
        assert torch.equal(last, experiment.patch().logits)
    added = [f"L{i}.{part}" for i in range(LAST) for part in ("attn_out", "mlp_out")]
    entering = experiment.patch("L0.resid_pre", *added).logits
    assert_same_logits(entering, source.logits, 1e-5)
    assert_same_logits(experiment.patch(f"L{LAST}.resid_pre").logits, source.logits, 1e-6)


def test_a_prompt_of_a_thousand_tokens() -> None:
    model = Model(random_model("llama", max_position_embeddings=2048), toy_tokenizer(VOCABULARY))
    clean = [(7 * i * i + i) % VOCABULARY for i in range(1000)]
    corrupted = [*clean[:990], (clean[990] + 1) % VOCABULARY, *clean[991:]]
    experiment = Experiment(model, Task(words(clean), words(corrupted), " w1", " w2"))
    assert experiment.pairs[0].differing() == (990,)
    assert_same_logits(experiment.patch("L0.resid_pre@990").logits, experiment.source.logits)
    assert_same_logits(experiment.patch("L1.pattern@989").logits, experiment.host.logits, 1e-6)
    together = experiment.patch("L1.q", "L1.k", "L1.v").logits
    assert_same_logits(together, experiment.patch("L1.z").logits)
    with pytest.raises(PatchwidgetsError, match=r"1000 tokens \(0 to 999"):
        experiment.patch("L1.H0@1000")


# ---- prompts in any script, by tokenizers of any kind ----------------------------------------

TEXTS = [
    "When Mary and John went to the store, John gave a drink to Mary",
    "naïve café 日本語 👩‍🚀 12+34",
]


def metaspace_tokenizer(prefix: bool, bos: bool) -> PreTrainedTokenizerFast:
    """Like Llama's: a space is a visible character, put before the text or not; a beginning token or none."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    scheme = "always" if prefix else "never"
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme=scheme)
    tokenizer.decoder = decoders.Metaspace(prepend_scheme=scheme)
    trainer = trainers.BpeTrainer(
        vocab_size=200, special_tokens=["<unk>", "<s>"], show_progress=False
    )
    tokenizer.train_from_iterator(TEXTS * 3, trainer)
    if bos:
        tokenizer.post_processor = processors.TemplateProcessing(
            single="<s> $A", special_tokens=[("<s>", 1)]
        )
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>", unk_token="<unk>")


@pytest.fixture(
    scope="module", params=["byte level", "prefix, bos", "prefix", "bos", "neither of them"]
)
def reader(request: pytest.FixtureRequest, smollm2: Model) -> Model:
    """A small random model behind a tokenizer of one kind."""
    tokenizer = smollm2.tokenizer
    if request.param != "byte level":
        tokenizer = metaspace_tokenizer("prefix" in request.param, "bos" in request.param)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=16,
        intermediate_size=20,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=256,
    )
    torch.manual_seed(0)
    return Model(LlamaForCausalLM(config).eval(), tokenizer)


texts = st.one_of(
    st.text(max_size=25),
    st.text(alphabet="ab 👩‍🚀日本é\n\t<s>|🏳️‍🌈", max_size=25),
    st.sampled_from([*TEXTS, "", " ", "a", "the the the the", "\n\n", "<s>", "<s> a", " Mary "]),
)


words_in_place = st.sampled_from(["a", " a", "John", " Mary", "é", "日", " 👩‍🚀", "12", "the"])
text_pairs = st.tuples(texts, words_in_place, words_in_place, texts).map(
    lambda parts: (f"{parts[0]}{parts[1]}{parts[3]}", f"{parts[0]}{parts[2]}{parts[3]}")
) | st.tuples(texts, texts)


@settings(max_examples=60, deadline=None)
@given(pair=text_pairs, answer=texts, bos=st.sampled_from([None, True, False]))
def test_a_prompt_is_scored_right_or_refused(
    reader: Model, pair: tuple[str, str], answer: str, bos: bool | None
) -> None:
    """Whatever is accepted is what the tokenizer itself says, and the model's own probability of it."""
    clean, corrupted = pair
    try:
        experiment = Experiment(reader, Task(clean, corrupted, answer, bos=bos), "answer_logprob")
    except TaskError:
        return
    tokenizer, pair = reader.tokenizer, experiment.pairs[0]
    first = [tokenizer.bos_token_id]
    wanted = adds_bos(tokenizer) if bos is None else bos
    for text, ids in ((clean, pair.clean), (corrupted, pair.corrupted)):
        plain = tokenizer(text, add_special_tokens=False)["input_ids"]
        assert list(ids) == (first + plain if wanted and plain[:1] != first else plain)
        assert len(reader.token_strings(ids)) == len(ids)
    whole = tokenizer(clean + answer, add_special_tokens=False)["input_ids"]
    whole = first + whole if wanted and whole[:1] != first else whole
    assert whole[: len(pair.clean)] == list(pair.clean)
    with torch.no_grad():
        logprobs = reader.hf_model(torch.tensor([whole])).logits[0].log_softmax(-1)
    steps = range(len(pair.clean) - 1, len(whole) - 1)
    expected = sum(float(logprobs[i, whole[i + 1]]) for i in steps)
    assert experiment.clean.value == pytest.approx(expected, abs=1e-4)
    assert experiment.patch("L0.resid_pre")["answer_logprob"].value == pytest.approx(
        expected, abs=1e-4
    )


@settings(max_examples=30, deadline=None)
@given(before=texts, name=st.sampled_from(["Mary", "é", "日本", "🚀", "a b"]), after=texts)
def test_a_position_named_by_a_text_is_the_token_that_ends_it(
    reader: Model, before: str, name: str, after: str
) -> None:
    clean = f"{before} {name} {after}"
    assume(name not in after)
    try:
        task = Task(clean, clean.replace(name, "John", 1), " a", positions={"X": name})
        experiment = Experiment(reader, task, "answer_logprob")
    except TaskError:
        return
    pair = experiment.pairs[0]
    encoded = reader.tokenizer(clean, add_special_tokens=False, return_offsets_mapping=True)
    end = clean.rfind(name) + len(name)
    shift = len(pair.clean) - len(encoded["input_ids"])
    found = pair.positions["X"] - shift
    assert encoded["offset_mapping"][found][0] < end
    assert all(start >= end for start, _ in encoded["offset_mapping"][found + 1 :])


def test_enough_prompts_are_scored(reader: Model) -> None:
    """The property above would hold of a package that refuses everything."""
    scored = 0
    for before in ("", "a", "the the", "日本é ", "👩‍🚀"):
        for there, instead in (("a", "é"), (" a", " the"), ("日", "é"), ("1", "2")):
            try:
                task = Task(f"{before}{there}.", f"{before}{instead}.", " a")
                Experiment(reader, task, "answer_logprob")
            except TaskError:
                continue
            scored += 1
    assert scored >= 8


# ---- the model object -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "error", [ValueError, KeyboardInterrupt, torch.OutOfMemoryError, SystemExit, MemoryError]
)
def test_the_model_is_left_as_it_was_by_whatever_ends_a_run(
    toy: Model, error: type[BaseException]
) -> None:
    hf_model = toy.hf_model
    experiment = experiment_of(toy, ("w3 w14 w15", "w3 w42 w15", 1), "denoise")
    weights, config = copy.deepcopy(hf_model.state_dict()), hf_model.config.to_dict()
    implementation = hf_model.config._attn_implementation
    hf_model.transformer.h[1].train() if hasattr(hf_model, "transformer") else None
    flags = [module.training for module in hf_model.modules()]

    def fails(_host: torch.Tensor, _source: torch.Tensor) -> torch.Tensor:
        raise error("in the middle")

    for component in (each for each in COMPONENTS if each in toy.components):
        with pytest.raises(error, match="in the middle"):
            experiment.patch("L0.z", Patch(f"L1.{component}", fn=fails))
    assert count_hooks(hf_model) == 0
    assert hf_model.config._attn_implementation == implementation
    assert hf_model.config.to_dict() == config
    assert [module.training for module in hf_model.modules()] == flags
    assert all(torch.equal(weights[name], held) for name, held in hf_model.state_dict().items())
    assert torch.equal(experiment.patch().logits, experiment.host.logits)
    hf_model.eval()
