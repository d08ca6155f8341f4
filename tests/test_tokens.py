"""Prompts as tokens of real tokenizers, and tokens as text."""

import json
from pathlib import Path

import pytest

from patchwidgets.models.model import Model
from patchwidgets.tokens import encode, isolated, side_by_side, table, token_strings, visible

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
    strings = token_strings(smollm2.tokenizer, ids)
    assert len(strings) == len(ids)
    assert all(strings)
    if text.isascii():
        assert "".join(strings) == text


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
