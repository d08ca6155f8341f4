"""Words that the tokenizer does not know: none is scored, and none is read in silence."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

import patchwidgets as pw
from patchwidgets.errors import AnswerError, TaskError
from patchwidgets.models.model import Model
from patchwidgets.tasks import Task, encode_pairs
from patchwidgets.tokens import unknown_words
from tests.support.prompts import CLEAN, CORRUPTED

NAMES = Task(CLEAN, CORRUPTED, " Mary", " John")


@pytest.fixture(scope="module")
def model() -> Model:
    return pw.load()


@pytest.mark.parametrize("field", ["answer", "foil"])
@pytest.mark.parametrize("unknown", [" banana", " Mary banana", (" Mary", " banana")])
def test_an_unknown_answer_is_not_scored(
    field: str, unknown: str | tuple[str, ...], model: Model
) -> None:
    text = unknown if isinstance(unknown, str) else unknown[-1]
    says = (
        f"The answer or foil '{text}' is unknown to this tokenizer of 448 tokens: its token <unk> would be scored in "
        "place of 'banana'. Give words that it knows; the generators of pw.tasks leave out all others with model=model."
    )
    with pytest.raises(AnswerError) as error:
        pw.Experiment(model, replace(NAMES, **{field: unknown}))
    assert str(error.value) == says


def test_an_unknown_answer_of_a_run(model: Model) -> None:
    run = pw.Experiment(model, NAMES).clean
    with pytest.raises(AnswerError, match="' banana' is unknown to this tokenizer of 448 tokens"):
        run.logit_attribution(answer=" banana")


def test_unknown_words_of_prompts_are_a_warning(model: Model) -> None:
    strange = [text.replace("store", "bazaar") for text in (CLEAN, CORRUPTED)]
    says = "words that the tokenizer does not know, and the model reads <unk> in their place: 'bazaar'."
    one = pw.Experiment(model, replace(NAMES, clean=strange[0], corrupted=strange[1]))
    assert one.warnings[0] == f"The prompts have {says}"
    both = replace(NAMES, clean=[CLEAN, strange[0]], corrupted=[CORRUPTED, strange[1]])
    assert pw.Experiment(model, both).warnings[0] == f"1 of 2 pairs have {says}"
    assert pw.Experiment(model, NAMES).warnings == []


def test_prompts_that_are_identical_because_of_unknown_words(model: Model) -> None:
    with pytest.raises(TaskError) as error:
        pw.Experiment(model, pw.tasks.capital(n=20))
    assert str(error.value) == (
        "Pair 0: The clean and the corrupted prompt differ in words that this tokenizer of 448 tokens does not know "
        "('Greece', 'Germany'): it reads both as <unk>, so that no patch can change anything. Choose words that it "
        "knows; the generators of pw.tasks leave out all others with model=model."
    )
    with pytest.raises(TaskError, match="are identical, so no patch can"):
        encode_pairs(Task("to banana", "to banana", " Mary"), model.tokenizer)


def test_the_token_for_unknown_words_can_be_meant(model: Model, smollm2: Model) -> None:
    """Written out it is a token like others; for SmolLM2 it is also the one that ends a text."""
    assert unknown_words(model.tokenizer, "to <unk>") == ()
    assert unknown_words(smollm2.tokenizer, "to 買物 \U0001f34c") == ()
    (pair,) = encode_pairs(replace(NAMES, answer="<|endoftext|>"), smollm2.tokenizer)
    assert pair.answers == (smollm2.tokenizer.unk_token_id,)


def test_a_tokenizer_without_offsets_names_the_whole_text(model: Model) -> None:
    def slow(text: str, **_: object) -> dict[str, list[int]]:
        return {"input_ids": model.tokenizer(text, add_special_tokens=False)["input_ids"]}

    tokenizer = SimpleNamespace(unk_token="<unk>", unk_token_id=1, is_fast=False)
    without_offsets = type("Slow", (SimpleNamespace,), {"__call__": staticmethod(slow)})
    assert unknown_words(without_offsets(**vars(tokenizer)), "to bazaar") == ("to bazaar",)
    assert unknown_words(without_offsets(**vars(tokenizer)), "to Mary") == ()
    assert unknown_words(SimpleNamespace(unk_token_id=None), "bazaar") == ()
