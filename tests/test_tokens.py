"""Prompts as tokens of real tokenizers, and tokens as text."""

import json
import re
from pathlib import Path

import pytest
from tokenizers import Tokenizer as ByteTokenizer
from tokenizers import decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from patchwidgets.models.model import Model
from patchwidgets.tokens import (
    _byte_alphabet,
    encode,
    isolated,
    sequence_strings,
    side_by_side,
    table,
    token_strings,
    visible,
)

VISIBLE = json.loads((Path(__file__).parents[1] / "js/test/fixtures/visible.json").read_text())
"""The table that the front end's tests use too: both sides show tokens in one way."""


def test_the_beginning_token_is_never_doubled(smollm2: Model) -> None:
    bos = smollm2.tokenizer.bos_token
    assert encode(smollm2.tokenizer, f"{bos}Hello", bos=True) == encode(
        smollm2.tokenizer, "Hello", bos=True
    )


@pytest.mark.parametrize(
    "text", ["naïve café", "日本語のテキスト", "👩‍🚀 to the moon", "a\n\n\tb", "<b>bold</b> &amp;"]
)
def test_token_strings_show_every_token_and_whole_characters_join_to_the_text(
    smollm2: Model, text: str
) -> None:
    ids = encode(smollm2.tokenizer, text)
    strings = sequence_strings(smollm2.tokenizer, ids)
    assert len(strings) == len(ids)
    assert all(strings)
    assert re.sub("‹[0-9A-F ]+›", "", "".join(strings)) == text
    assert [len(each) for each in token_strings(smollm2.tokenizer, ids)]


@pytest.fixture(scope="module")
def bytes_tokenizer() -> PreTrainedTokenizerFast:
    """A byte-level tokenizer that knows the 256 bytes, and one pair of them: the last two of 日."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {character: i for i, character in enumerate(alphabet)}
    a, b = (_BYTE_LETTERS[byte] for byte in "日".encode()[1:])
    model = models.BPE(vocabulary | {a + b: len(vocabulary)}, [(a, b)])
    tokenizer = ByteTokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer)


_BYTE_LETTERS = {byte: letter for letter, byte in _byte_alphabet().items()}


@pytest.mark.parametrize(
    ("text", "strings"),
    [
        ("é", ["‹C3›", "é"]),
        ("日", ["‹E6›", "日"]),
        ("本a", ["‹E6›", "‹9C›", "本", "a"]),
        ("🚀", ["‹F0›", "‹9F›", "‹9A›", "🚀"]),
        ("شم", ["‹D8›", "ش", "‹D9›", "م"]),
    ],
)
def test_a_character_of_several_tokens_stands_at_the_last_of_them(
    bytes_tokenizer: PreTrainedTokenizerFast, text: str, strings: list[str]
) -> None:
    assert sequence_strings(bytes_tokenizer, encode(bytes_tokenizer, text)) == strings


def test_bytes_that_make_no_character_are_seen(bytes_tokenizer: PreTrainedTokenizerFast) -> None:
    ids = [bytes_tokenizer.convert_tokens_to_ids(_BYTE_LETTERS[byte]) for byte in b"\xe6a\x97\xe6"]
    assert sequence_strings(bytes_tokenizer, ids) == ["‹E6›", "a", "‹97›", "‹E6›"]
    assert token_strings(bytes_tokenizer, ids) == ["‹E6›", "a", "‹97›", "‹E6›"]


def test_single_bytes_of_a_sentencepiece_tokenizer_are_bytes() -> None:
    class Fallback:
        """As Llama 2's tokenizer: `<0xE6>` is a token."""

        tokens = ("a", "<0xE6>", "<0x97>", "<0xA5>")

        def __call__(self, _text: str, **_options: object) -> dict[str, list[int]]:
            return {"input_ids": [0]}

        def convert_ids_to_tokens(self, token_id: int) -> str:
            return self.tokens[token_id]

        def decode(self, ids: list[int], **_options: object) -> str:
            return "".join("\ufffd" if i else "a" for i in ids)

    assert sequence_strings(Fallback(), [0, 1, 2, 3]) == ["a", "‹E6›", "‹97›", "日"]


def test_white_space_is_made_visible() -> None:
    assert visible(" a\n\tb") == "␣a⏎⇥b"


@pytest.mark.parametrize("row", VISIBLE, ids=lambda row: ascii(row["token"]))
def test_invisible_characters_are_seen_and_right_to_left_text_turns_nothing_else(
    row: dict[str, str],
) -> None:
    assert visible(row["token"]) == row["visible"]
    apart = f"\u2068{row['visible']}\u2069" if "right_to_left" in row else row["visible"]
    assert isolated(row["visible"]) == apart


def test_half_a_character_is_seen_too() -> None:
    assert visible("x\ud800y") == "x‹U+D800›y"


def test_columns_are_as_wide_as_what_is_seen() -> None:
    shown = side_by_side(["\u05d0\u05d1", "c", "d\u202e"], ["e", "c", "f"])
    assert shown.splitlines() == [
        "  clean    |\u2068\u05d0\u05d1\u2069|c|d‹U+202E›",
        "  corrupted|e |c|f",
        "           |^ | |^",
    ]


def test_alignment_puts_a_gap_where_a_token_is_missing() -> None:
    assert side_by_side(["a", " b", " c"], ["a", " c"]).splitlines() == [
        "  clean    |a|␣b|␣c",
        "  corrupted|a|  |␣c",
        "           | |^",
    ]


def test_a_last_token_that_is_a_bar_is_shown() -> None:
    assert table([("clean", "other"), ("a", "b"), ("|", "")]).splitlines() == [
        "  clean|a||",
        "  other|b",
    ]


def test_a_tokenizer_that_makes_nothing_of_a_letter() -> None:
    """Whether it begins with a beginning token is asked with one letter, which a vocabulary may not have."""

    class Words:
        bos_token_id = 1

        def __call__(self, text: str, **_options: object) -> dict[str, list[int]]:
            return {"input_ids": [2] if text == "w2" else []}

    assert encode(Words(), "w2") == [2]
