"""Prompts as tokens of real tokenizers, and tokens as text."""

import pytest

from patchwidgets.models.model import Model
from patchwidgets.tokens import encode, side_by_side, table, token_strings, visible


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
    strings = token_strings(smollm2.tokenizer, ids)
    assert len(strings) == len(ids)
    assert all(strings)
    if text.isascii():
        assert "".join(strings) == text


def test_white_space_is_made_visible() -> None:
    assert visible(" a\n\tb") == "␣a⏎⇥b"


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
