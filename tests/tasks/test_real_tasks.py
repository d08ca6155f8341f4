"""The tasks for real models: one token per word, the right words at the named positions, no pair twice."""

import re
from collections.abc import Callable
from functools import partial
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

import patchwidgets as pw
from patchwidgets import tasks
from patchwidgets.errors import TaskError
from patchwidgets.models.model import Model
from patchwidgets.tasks import Pair, Task, encode_pairs, lexicon
from patchwidgets.tasks.split import part_of
from patchwidgets.tasks.vocabulary import is_one_token, one_token_each
from patchwidgets.tokens import token_strings
from tests.support.toy_tokenizer import toy_tokenizer
from tools.teaching.vocabulary import build_tokenizer

MAKERS: dict[str, Callable[..., Task]] = {
    "agreement": tasks.agreement,
    "agreement with an attractor": partial(tasks.agreement, attractor=True),
    "pronoun": tasks.pronoun,
    "capital": tasks.capital,
    "hypernym": tasks.hypernym,
    "colour": tasks.colour,
    "antonym": tasks.antonym,
    "docstring": tasks.docstring,
}
ONE_WORD = [name for name in MAKERS if name != "docstring"]
"""Those in which one word differs between the prompts."""
TEACHING = SimpleNamespace(tokenizer=build_tokenizer())
each_maker = pytest.mark.parametrize("name", MAKERS)


def word_model(words: str) -> SimpleNamespace:
    """What generators need of a model that knows these words and no others."""
    vocabulary = {word: i for i, word in enumerate(("[UNK]", *dict.fromkeys(words.split())))}
    of_words = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    of_words.pre_tokenizer = pre_tokenizers.Whitespace()
    return SimpleNamespace(
        tokenizer=PreTrainedTokenizerFast(tokenizer_object=of_words, unk_token="[UNK]")
    )


def words_at(pairs: list[Pair], name: str, model: Model) -> list[str]:
    ids = [pair.clean[pair.positions[name]] for pair in pairs]
    return [token.strip() for token in token_strings(model.tokenizer, ids)]


@each_maker
@given(seed=st.integers(0, 10_000))
@settings(max_examples=10, deadline=None)
def test_every_pair_is_one_token_against_another(name: str, seed: int, smollm2: Model) -> None:
    """Equally long, all at the same positions; answer and foil are single tokens, and differ."""
    task = MAKERS[name](n=6, seed=seed)
    assert MAKERS[name](n=6, seed=seed) == task
    pairs = encode_pairs(task, smollm2.tokenizer)
    assert len({len(pair.clean) for pair in pairs} | {len(pair.corrupted) for pair in pairs}) == 1
    assert len({tuple(pair.positions.items()) for pair in pairs}) == 1
    for pair in pairs:
        assert len(pair.answers) == len(pair.foils or ()) == 1
        assert pair.answers != pair.foils
        subject, attractor = (pair.positions.get(each) for each in ("subject", "attractor"))
        expected = (
            (subject,) if name in ONE_WORD else (pair.positions["C_def"], pair.positions["D_def"])
        )
        assert pair.differing() == expected
        assert pair.positions["end"] == len(pair) - 1 not in (subject, attractor)


@each_maker
def test_two_hundred_pairs_are_all_different(name: str) -> None:
    task = MAKERS[name](n=200, seed=3)
    assert len(set(zip(task.clean, task.corrupted, strict=True))) == 200
    assert MAKERS[name](n=200, seed=4) != task
    assert not set(task.clean) <= set(MAKERS[name](n=200, seed=4).clean)


@each_maker
def test_every_word_is_one_token_of_smollm2(name: str, smollm2: Model) -> None:
    assert MAKERS[name](n=50, seed=1, model=smollm2) == MAKERS[name](n=50, seed=1)


@each_maker
def test_answers_and_foils_are_of_the_same_kind(name: str) -> None:
    """Neither way round is more frequent than chance, so that a preference for one word does not help."""
    task = MAKERS[name](n=200)
    assert set(task.answer) & set(task.foil or ())
    common = max(set(task.answer), key=task.answer.count)
    expected = (task.answer.count(common) + (task.foil or ()).count(common)) / 2
    assert abs(task.answer.count(common) - expected) < 4 * expected**0.5


@pytest.mark.parametrize("name", ["pronoun", "capital", "hypernym", "colour", "antonym"])
def test_the_subject_is_the_word_the_fact_is_about(name: str, smollm2: Model) -> None:
    facts = {
        "pronoun": lexicon.PRONOUNS,
        "capital": lexicon.CAPITALS,
        "hypernym": lexicon.HYPERNYMS,
        "colour": lexicon.COLOURS,
        "antonym": lexicon.ANTONYMS,
    }[name]
    answer_of = dict(facts)
    assert len(answer_of) == len(facts), "a word has two answers"
    task = MAKERS[name](n=60, seed=1)
    pairs = encode_pairs(task, smollm2.tokenizer)
    subjects = words_at(pairs, "subject", smollm2)
    assert [answer_of[word] for word in subjects] == [answer.strip() for answer in task.answer]
    for pair, foil in zip(pairs, task.foil, strict=True):
        corrupted = token_strings(smollm2.tokenizer, [pair.corrupted[pair.positions["subject"]]])
        assert answer_of[corrupted[0].strip()] == foil.strip()


def test_no_fact_of_a_pair_holds_a_word_of_the_other() -> None:
    """Otherwise the foil would stand in the clean prompt, as in: up is to down, against: down is to up."""
    task = tasks.antonym(n=2000, seed=1)
    for prompt, answer, foil in zip(task.clean, task.answer, task.foil, strict=True):
        assert not {answer.strip(), foil.strip()} & set(re.findall(r"\w+", prompt))


@pytest.mark.parametrize("attractor", [False, True])
def test_the_verb_agrees_with_the_subject_and_not_with_the_attractor(
    attractor: bool, smollm2: Model
) -> None:
    task = tasks.agreement(n=60, seed=2, attractor=attractor)
    pairs = encode_pairs(task, smollm2.tokenizer)
    subjects = words_at(pairs, "subject", smollm2)
    assert [word.endswith("s") for word in subjects] == [verb == " are" for verb in task.answer]
    assert {" is", " are"} == set(task.answer)
    if not attractor:
        assert list(task.positions) == ["subject", "end"]
        return
    assert list(task.positions) == ["subject", "attractor", "end"]
    others = words_at(pairs, "attractor", smollm2)
    assert [word.endswith("s") for word in others] == [verb == " are" for verb in task.foil]
    assert not {each.removesuffix("s") for each in others} & set(lexicon.NOUNS)


def test_the_next_argument_follows_the_order_of_the_definition(smollm2: Model) -> None:
    task = tasks.docstring(n=40, seed=1)
    pairs = encode_pairs(task, smollm2.tokenizer)
    at = {name: words_at(pairs, name, smollm2) for name in task.positions}
    assert at["C_def"] == [answer.strip() for answer in task.answer]
    assert at["D_def"] == [foil.strip() for foil in task.foil or ()]
    assert (at["A_doc"], at["B_doc"]) == (at["A_def"], at["B_def"])
    assert set(at["end"]) == {"param"}
    for i, (clean, corrupted) in enumerate(zip(task.clean, task.corrupted, strict=True)):
        a, b, c, d = (at[f"{letter}_def"][i] for letter in "ABCD")
        assert len({a, b, c, d}) == 4
        assert re.match(r"def \w+\(self, (.*)\):", clean)[1] == f"{a}, {b}, {c}, {d}"  # type: ignore[index]
        assert re.match(r"def \w+\(self, (.*)\):", corrupted)[1] == f"{a}, {b}, {d}, {c}"  # type: ignore[index]
        assert (
            re.findall(r":param (\w+):", clean) == re.findall(r":param (\w+):", corrupted) == [a, b]
        )
        assert clean.split("\n")[1:] == corrupted.split("\n")[1:]
    assert not set(lexicon.ARGUMENTS) & {*lexicon.DESCRIPTIONS, *lexicon.FUNCTIONS}


@pytest.mark.parametrize("part", ["train", "validation", "test"])
@each_maker
def test_a_part_is_respected(name: str, part: str) -> None:
    task = MAKERS[name](n=40, seed=1, part=part)
    for clean, corrupted, answer, foil in zip(
        task.clean, task.corrupted, task.answer, task.foil, strict=True
    ):
        if name == "docstring":
            words = answer.strip(), foil.strip()
        else:
            (first, second), *more = zip(clean.split(), corrupted.split(), strict=True)
            words = next((a, b) for a, b in [(first, second), *more] if a != b)
        assert part_of(*(word.strip(",") for word in words)) == part


def test_words_that_are_not_one_token_are_left_out(smollm2: Model) -> None:
    words = "the France Paris Italy Rome Spain Germany Berlin The capital of is city called a"
    model = word_model(words)
    task = tasks.capital(n=12, model=model)
    assert set(task.answer) == {" Paris", " Rome", " Berlin"}, "Spain is there, and Madrid is not"
    assert {len(pair.answers) for pair in encode_pairs(task, model.tokenizer)} == {1}
    with pytest.raises(TaskError) as error:
        tasks.capital(n=13, model=model)
    assert str(error.value) == (
        "tasks.capital has 12 different pairs, and n is 13. Words left: 3 (France, Italy, Germany). 33 are not one "
        "token of this tokenizer: Spain, Russia, England, Japan, China, Egypt, Greece, Poland, 25 more. Choose n from "
        "1 to 12."
    )
    assert tasks.capital(n=12, model=smollm2) != task


def test_a_noun_needs_both_numbers_and_a_verb() -> None:
    words = "the key keys cat is are I know that here today She knows They think We"
    task = tasks.agreement(n=16, model=word_model(words))
    assert {prompt.split()[-2] for prompt in task.clean} == {"key", "keys"}
    with pytest.raises(
        TaskError, match=r"0 different pairs, and n is 2\. Words left: 0 \(none\)\. 60 are not"
    ):
        tasks.agreement(n=2, model=word_model(words.replace(" are ", " ")))
    with pytest.raises(
        TaskError, match=r"0 different pairs, and n is 2\. Words left: 1 \(key\)\. 79 are not"
    ):
        tasks.agreement(n=2, attractor=True, model=word_model(words))


@each_maker
def test_the_teaching_model_has_too_few_words(name: str) -> None:
    with pytest.raises(
        TaskError, match=r"0 different pairs.* are not one token of this tokenizer.*another model"
    ):
        MAKERS[name](n=3, model=TEACHING)


@pytest.mark.parametrize(
    ("name", "n_pairs", "of_test"),
    [
        ("agreement", 960, 48),
        ("agreement with an attractor", 76_800, 3_840),
        ("pronoun", 6_272, None),
        ("capital", 2_520, None),
        ("hypernym", 29_532, None),
        ("colour", 1_776, 152),
        ("antonym", 123_624, None),
    ],
)
def test_how_many_pairs_there_are(name: str, n_pairs: int, of_test: int | None) -> None:
    """As the docstrings say; asked for all of them, a generator gives each once."""
    says = rf"has {n_pairs:,} different pairs, and n is {n_pairs + 1}\..*Choose n from 1 to {n_pairs:,}\."
    with pytest.raises(TaskError, match=says):
        MAKERS[name](n=n_pairs + 1)
    if n_pairs < 3000:
        task = MAKERS[name](n=n_pairs)
        assert len(set(zip(task.clean, task.corrupted, strict=True))) == n_pairs
    if of_test is not None:
        with pytest.raises(
            TaskError, match=f"has {of_test:,} different pairs in the part 'test', and"
        ):
            MAKERS[name](n=of_test + 1, part="test")
        assert len(MAKERS[name](n=of_test, part="test")) == of_test


@each_maker
@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"n": 0}, "n is 0; expected a number of pairs, at least 1"),
        ({"part": "tset"}, "Unknown part 'tset'; expected 'train'"),
        ({"model": "gpt2"}, r"model is 'gpt2'; expected a model from pw\.load"),
    ],
)
def test_arguments_that_no_generator_takes(
    name: str, arguments: dict[str, object], says: str
) -> None:
    with pytest.raises(TaskError, match=says):
        MAKERS[name](**arguments)


def test_what_one_token_is(smollm2: Model) -> None:
    """After a space, in one piece, and not the token for unknown words."""
    known = [is_one_token(smollm2.tokenizer, word) for word in ("Paris", "Ankara", "two words")]
    assert known == [True, False, False]
    model = word_model("the cat")
    assert [is_one_token(model.tokenizer, word) for word in ("cat", "dog", "the")] == [
        True,
        False,
        True,
    ]
    pieces = Tokenizer(models.WordLevel({"▁the": 0, "▁Paris": 1, "?": 2}, unk_token="?"))
    pieces.pre_tokenizer, pieces.decoder = pre_tokenizers.Metaspace(), decoders.Metaspace()
    spaced = PreTrainedTokenizerFast(tokenizer_object=pieces, unk_token="?")
    assert [is_one_token(spaced, word) for word in ("Paris", "Rome")] == [True, False]
    toy = SimpleNamespace(tokenizer=toy_tokenizer(9))
    kept, left_out = one_token_each([("w1", "w2"), ("w1", "w9"), "w3", "x"], toy)
    assert (kept, left_out) == ((("w1", "w2"), "w3"), (("w1", "w9"), "x"))
    assert one_token_each(["x"], None) == (("x",), ())


def test_tasks_of_the_teaching_model_leave_words_out_too(smollm2: Model) -> None:
    for model in (TEACHING, smollm2):
        assert tasks.ioi(5, model=model) == tasks.ioi(5)
        assert tasks.induction(5, model=model) == tasks.induction(5)
    names = word_model("the Mary John Tom garden park")
    assert {*tasks.ioi(40, model=names).answer} == {" Mary", " John", " Tom"}
    assert {
        *tasks.induction(
            9, length=5 + 1, model=word_model("the Mary John Tom garden park lake")
        ).answer
    }
    with pytest.raises(
        TaskError, match=r"tasks\.ioi has 0 different pairs.*Words left: 1 \(Mary\)\. 45 are not"
    ):
        tasks.ioi(3, model=word_model("the Mary"))
    with pytest.raises(
        TaskError, match=r"from 6 to 5; got 8\. Words left: 5 \(Mary, John, Tom, garden, park\)"
    ):
        tasks.induction(3, model=names)


@each_maker
def test_a_real_model_does_them(name: str, smollm2: Model) -> None:
    exp = pw.Experiment(smollm2, MAKERS[name](n=3, seed=1))
    assert exp.accuracy == 1
    assert exp.clean.value > 1
    assert exp.corrupted.value < -1
    where = ["subject"] if name in ONE_WORD else ["C_def", "D_def"]
    together = exp.patch(*(f"L0.resid_pre@{pos}" for pos in where))
    assert together.share == pytest.approx(1, abs=1e-4), "the prompts differ elsewhere too"
