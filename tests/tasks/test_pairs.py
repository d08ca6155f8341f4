"""Tasks as pairs of token ids, and every way in which a pair cannot be scored."""

import pytest

from patchwidgets.errors import AnswerError, SiteError, TaskError
from patchwidgets.models.model import Model
from patchwidgets.tasks import Task, encode_pairs, pairs
from patchwidgets.tokens import token_strings
from tests.support.prompts import CLEAN, CORRUPTED


def pair_of(model: Model, **changes: object):  # type: ignore[no-untyped-def]
    task = {"clean": CLEAN, "corrupted": CORRUPTED, "answer": " Mary", "foil": " John"} | changes
    return encode_pairs(Task(**task), model.tokenizer)[0]  # type: ignore[arg-type]


def test_the_names_prompts(smollm2: Model) -> None:
    pair = pair_of(smollm2, positions={"S2": 9, "end": -1, "also S2": "John"})
    assert len(pair) == 14
    assert pair.differing() == (9,)
    assert pair.positions == {"S2": 9, "end": 13, "also S2": 9}
    assert token_strings(smollm2.tokenizer, pair.answers) == [" Mary"]
    words = "When| Mary| and| John| went| to| the| store|,| John| gave| a| drink| to"
    assert token_strings(smollm2.tokenizer, pair.clean) == words.split("|")


def test_alternatives_are_all_scored_once(smollm2: Model) -> None:
    pair = pair_of(smollm2, answer=(" Mary", " her", " Mary"))
    assert token_strings(smollm2.tokenizer, pair.answers) == [" Mary", " her"]


def test_the_beginning_token_moves_positions_from_the_start_and_none_from_the_end(
    smollm2: Model,
) -> None:
    pair = pair_of(smollm2, bos=True, positions={"S2": "John", "end": -1, "first": 0})
    assert pair.clean[0] == smollm2.tokenizer.bos_token_id
    assert pair.positions == {"S2": 10, "end": 14, "first": 0}


def test_a_chat_prompt_ends_where_the_answer_begins(smollm2: Model) -> None:
    pair = pair_of(smollm2, chat=True, answer="Mary", foil="John")
    text = smollm2.tokenizer.decode(pair.clean)
    assert CLEAN in text
    assert text.endswith("<|im_start|>assistant\n")
    with pytest.raises(TaskError, match="not found in chat prompts"):
        pair_of(smollm2, chat=True, answer="Mary", foil="John", positions={"S2": "John"})


def test_unequal_counts_are_shown_aligned(smollm2: Model) -> None:
    with pytest.raises(TaskError, match="14 and 15 tokens; patching needs equal counts") as error:
        pair_of(smollm2, corrupted=CORRUPTED.replace(", Mary", ", Marybeth"))
    lines = str(error.value).splitlines()[1:]
    assert [line.split("|")[0].strip() for line in lines] == ["clean", "corrupted", ""]
    assert "␣John" in lines[0]
    assert "^" in lines[2]


def test_identical_prompts(smollm2: Model) -> None:
    with pytest.raises(TaskError, match="identical"):
        pair_of(smollm2, corrupted=CLEAN)


def test_an_answer_of_several_tokens_is_kept_whole(smollm2: Model) -> None:
    pair = pair_of(smollm2, answer=(" Marybeth", " her"))
    assert (pair.answers, pair.foils) == ((), ())
    strings = [token_strings(smollm2.tokenizer, ids) for ids in pair.long_answers]
    assert strings == [[" Mary", "beth"], [" her"]]
    assert token_strings(smollm2.tokenizer, pair.first_tokens) == [" Mary", " her"]
    for side in ("answer", "foil"):
        with pytest.raises(AnswerError, match="The answer or foil '' has no tokens"):
            pair_of(smollm2, **{side: ""})
    with pytest.raises(
        AnswerError, match="one is the beginning of another, so that its probability"
    ):
        pair_of(smollm2, answer=(" Mary", " Marybeth"))


def test_an_answer_that_changes_the_prompt(smollm2: Model) -> None:
    with pytest.raises(AnswerError, match="changes the tokens of the prompt"):
        pair_of(smollm2, clean=f"{CLEAN} ", corrupted=f"{CORRUPTED} ", answer="Mary", foil="John")


def test_an_empty_prompt(smollm2: Model) -> None:
    with pytest.raises(TaskError, match="has no tokens"):
        pair_of(smollm2, clean="")


def test_a_position_that_is_not_there(smollm2: Model) -> None:
    with pytest.raises(TaskError, match="'Peter' does not occur"):
        pair_of(smollm2, positions={"S2": "Peter"})
    with pytest.raises(
        SiteError, match=r"Position 14 is out of range: the prompt has 14 tokens \(0 to 13"
    ):
        pair_of(smollm2, positions={"S2": 14})


def test_a_pair_of_a_dataset_is_named(smollm2: Model) -> None:
    task = Task([CLEAN, CLEAN], [CORRUPTED, CLEAN], [" Mary", " Mary"], " John")
    with pytest.raises(TaskError, match=r"^Pair 1: .*identical"):
        encode_pairs(task, smollm2.tokenizer)


def test_a_position_that_does_not_fit_is_named(smollm2: Model) -> None:
    with pytest.raises(TaskError, match=r"^positions\['S2'\]: 'Peter' does not occur"):
        pair_of(smollm2, positions={"S2": "Peter"})
    with pytest.raises(SiteError, match=r"^positions\['S2'\]: Position 14 is out of range"):
        pair_of(smollm2, positions={"S2": 14})
    chat = {"chat": True, "answer": "Mary", "foil": "John"}
    with pytest.raises(TaskError, match=r"^positions\['S2'\] is the text 'Peter'.*{'S2': 9}"):
        pair_of(smollm2, **chat, positions={"S2": "Peter"})


def test_tokens_become_text_only_for_messages(
    smollm2: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pairs, "token_strings", lambda *_: pytest.fail("tokens became text"))
    assert pair_of(smollm2).differing() == (9,)
