"""From text to token ids and back, in one way for the whole package.

Works with the tokenizer of the caller; imports no torch. A prompt costs up to two calls of the tokenizer, an
answer up to four, and each token as text a few.
"""

import re
from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import Any, Protocol

from patchwidgets.errors import AnswerError, TaskError, listed, shown

Tokenizer = Any
"""A transformers tokenizer, which has no useful types."""


class HasTokenizer(Protocol):
    """An object with a tokenizer, such as a `Model`."""

    @property
    def tokenizer(self) -> Tokenizer:
        """The tokenizer."""


def encode(
    tokenizer: Tokenizer, text: str, bos: bool | None = None, chat: bool = False
) -> list[int]:
    """Return the token ids of a prompt, including a beginning token if there is to be one.

    Parameters
    ----------
    bos
        Whether the prompt begins with the beginning token. None follows the tokenizer's default.
    chat
        Wrap the text as one user turn of the tokenizer's chat template, which may add a beginning token itself.

    Raises
    ------
    TaskError
        The tokenizer has no beginning token or no chat template, or the prompt has no tokens.
    """
    if not isinstance(text, str):
        raise TaskError(
            f"A prompt is {shown(text)}; expected a text. Token ids become one with model.tokenizer.decode(ids)."
        )
    if chat:
        text = _chat_prompt(tokenizer, text)
    ids = list(tokenizer(text, add_special_tokens=False)["input_ids"])
    with_bos = adds_bos(tokenizer) if bos is None else bos
    if with_bos and tokenizer.bos_token_id is None:
        raise TaskError("This tokenizer has no beginning token; use bos=None or bos=False.")
    if with_bos and ids[:1] != [tokenizer.bos_token_id]:
        ids.insert(0, tokenizer.bos_token_id)
    if not ids:
        raise TaskError(f"The prompt {shown(text)} has no tokens; give a text with at least one.")
    return ids


def adds_bos(tokenizer: Tokenizer) -> bool:
    """Whether the tokenizer puts its beginning token before a text by default."""
    return tokenizer.bos_token_id is not None and tokenizer("a")["input_ids"][:1] == [
        tokenizer.bos_token_id
    ]


def _chat_prompt(tokenizer: Tokenizer, text: str) -> str:
    if not getattr(tokenizer, "chat_template", None):
        raise TaskError("This tokenizer has no chat template; use chat=False.")
    message = [{"role": "user", "content": text}]
    prompt: str = tokenizer.apply_chat_template(message, add_generation_prompt=True, tokenize=False)
    return prompt


def answer_ids(
    tokenizer: Tokenizer, prompt: str, answer: str, bos: bool | None, chat: bool
) -> tuple[int, ...]:
    """Return the token ids of an answer that follows a prompt: ``ids(prompt + answer)[len(ids(prompt)):]``.

    Raises
    ------
    AnswerError
        The answer has no tokens, it changes the tokens of the prompt, or the tokenizer does not know it.
    """
    if chat:
        prompt, chat = _chat_prompt(tokenizer, prompt), False
    before = encode(tokenizer, prompt, bos)
    after = encode(tokenizer, prompt + answer, bos)
    if after[: len(before)] != before:
        raise AnswerError(
            f"The answer or foil {shown(answer)} changes the tokens of the prompt: the prompt ends in "
            f"'{isolated(visible(token_string(tokenizer, before[-1])))}' alone and in "
            f"'{isolated(visible(token_string(tokenizer, after[: len(before)][-1])))}' with the answer. "
            f"Move the space: end the prompt without one and begin the answer with one, as in ' Mary'."
        )
    ids = after[len(before) :]
    if not ids:
        raise AnswerError(
            f"The answer or foil {shown(answer)} has no tokens; give the text that should follow the prompt."
        )
    if tokenizer.unk_token_id in ids and (unknown := unknown_words(tokenizer, answer)):
        raise AnswerError(
            f"The answer or foil {shown(answer)} is unknown to this tokenizer of {len(tokenizer):,} tokens: its token "
            f"{tokenizer.unk_token} would be scored in place of {listed(list(map(shown, unknown)), by=', ')}. Give "
            "words that it knows; the generators of pw.tasks leave out all others with model=model."
        )
    return tuple(ids)


def unknown_words(tokenizer: Tokenizer, text: str) -> tuple[str, ...]:
    """Return the words of a text, each once, for which the tokenizer's token for unknown words would stand.

    That token itself, written in the text, is no unknown word.
    """
    unknown = tokenizer.unk_token_id
    if unknown is None or tokenizer.unk_token in text:
        return ()
    encoded = tokenizer(text, add_special_tokens=False, return_offsets_mapping=tokenizer.is_fast)
    ids = encoded["input_ids"]
    places = encoded["offset_mapping"] if tokenizer.is_fast else [(0, len(text))] * len(ids)
    found = (place for token, place in zip(ids, places, strict=True) if token == unknown)
    return tuple(dict.fromkeys(text[start:stop].strip() for start, stop in found))


def token_strings(tokenizer: Tokenizer, ids: Sequence[int]) -> list[str]:
    """Return the text of each id by itself, including leading spaces."""
    return [token_string(tokenizer, token_id) for token_id in ids]


def token_string(tokenizer: Tokenizer, token_id: int) -> str:
    """Return one token as text, including its leading space.

    Parts of a character come as their bytes, as in ``‹E6 97›``, and an id that the tokenizer does not know as ``<id>``.

    The token is decoded after another one, because many tokenizers drop the leading space of a first token.
    """
    first = tokenizer("a", add_special_tokens=False)["input_ids"][-1:]
    before = tokenizer.decode(first, clean_up_tokenization_spaces=False)
    both = tokenizer.decode([*first, token_id], clean_up_tokenization_spaces=False)
    text: str = both[len(before) :] if both.startswith(before) else tokenizer.decode([token_id])
    if text and "\ufffd" not in text:
        return text
    data = _token_bytes(tokenizer, token_id)
    if data is not None:
        whole, rest = _decoded(data)
        return whole + _as_bytes(rest)
    raw = tokenizer.convert_ids_to_tokens(token_id)
    return f"<{token_id}>" if raw is None else str(raw)


def sequence_strings(tokenizer: Tokenizer, ids: Sequence[int]) -> list[str]:
    """Return the text that each id adds to a sequence.

    A character of several tokens stands at the last of them; the others come as their bytes, as in ``‹E6›``.
    """
    strings, unfinished = [], b""
    for token_id, alone in zip(ids, token_strings(tokenizer, ids), strict=True):
        data = _token_bytes(tokenizer, token_id) if unfinished or _BYTES.search(alone) else None
        if data is None:
            strings.append(alone)
            unfinished = b""
            continue
        text, rest = _decoded(unfinished + data)
        if unfinished and text.startswith(
            _BYTES_START
        ):  # these bytes do not go on with that character
            text, rest = _decoded(data)
        strings.append(text + _as_bytes(rest if text else data))
        unfinished = rest
    return strings


def _token_bytes(tokenizer: Tokenizer, token_id: int) -> bytes | None:
    """The bytes of a token of a byte-level tokenizer, or of a single byte; None for any other."""
    raw = tokenizer.convert_ids_to_tokens(token_id)
    if isinstance(raw, bytes):
        return raw
    if raw is None:
        return None
    if single := re.fullmatch(r"<0x([0-9A-Fa-f]{2})>", raw):
        return bytes.fromhex(single[1])
    known = [_BYTE_OF.get(character) for character in raw]
    return None if None in known else bytes(byte for byte in known if byte is not None)


def _byte_alphabet() -> dict[str, int]:
    """The characters that byte-level tokenizers write for bytes, from GPT-2's ``bytes_to_unicode``."""
    printed = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(0x100) if byte not in printed]
    return {chr(byte): byte for byte in printed} | {
        chr(0x100 + i): byte for i, byte in enumerate(others)
    }


_BYTE_OF = _byte_alphabet()
_BYTES = re.compile("‹[0-9A-F]{2}( [0-9A-F]{2})*›")
_BYTES_START = "‹"


def _as_bytes(data: bytes) -> str:
    return f"‹{data.hex(' ').upper()}›" if data else ""


def _decoded(data: bytes) -> tuple[str, bytes]:
    """The characters of some bytes, with those that belong to none as bytes, and the beginning of an unfinished one."""
    text = ""
    while data:
        try:
            return text + data.decode(), b""
        except UnicodeDecodeError as error:
            text += data[: error.start].decode()
            if error.reason == "unexpected end of data":
                return text, data[error.start :]
            text += _as_bytes(data[error.start : error.end])
            data = data[error.end :]
    return text, b""


def _characters(ranges: str) -> re.Pattern[str]:
    """A pattern of characters, from ranges such as ``"0-8 b-c"`` in hexadecimal."""
    return re.compile(
        "[" + re.sub("[0-9a-f]+", lambda code: rf"\U{code[0]:0>8}", ranges).replace(" ", "") + "]"
    )


# js/src/model/printable.ts has the same two lists.
_INVISIBLE = _characters(
    "0-8 b-c e-1f 7f-a0 ad 34f 61c 115f-1160 1680 17b4-17b5 180b-180f 2000-200f 2028-202f 205f-206f 2800 3000 3164 "
    "d800-dfff fe00-fe0f feff ffa0 fff0-fffb 1bca0-1bca3 1d159 1d173-1d17a e0000-e0fff"
)
_RIGHT_TO_LEFT = _characters("590-8ff fb1d-fdff fe70-fefe 10800-10fff 1e800-1efff")
_ISOLATE, _END_ISOLATE = "\u2068", "\u2069"
_WHITE_SPACE = str.maketrans({" ": "␣", "\n": "⏎", "\r": "␍", "\t": "⇥"})


def printable(text: str) -> str:
    """Return a text in which characters that show nothing or turn its direction are seen, as in ‹U+202E›."""
    return _INVISIBLE.sub(lambda found: f"‹U+{ord(found[0]):04X}›", text)


def visible(token: str) -> str:
    """Return a token with its white space and its invisible characters made visible; ∅ for an empty one."""
    return printable(token).translate(_WHITE_SPACE) or "∅"


def isolated(text: str) -> str:
    """Return a piece of a line so that right-to-left text in it does not turn what follows.

    The two characters that do it show nothing. Figures do without: matplotlib draws letters in the order in which they
    stand.
    """
    return f"{_ISOLATE}{text}{_END_ISOLATE}" if _RIGHT_TO_LEFT.search(text) else text


def side_by_side(clean: Sequence[str], corrupted: Sequence[str]) -> str:
    """Return both tokenisations as text, one above the other, with a third line that marks the differences."""
    columns = [("clean", "corrupted", "")]
    for tag, a, b, c, d in SequenceMatcher(a=clean, b=corrupted, autojunk=False).get_opcodes():
        for i in range(max(b - a, d - c)):
            clean_token = isolated(visible(clean[a + i])) if a + i < b else ""
            corrupted_token = isolated(visible(corrupted[c + i])) if c + i < d else ""
            columns.append((clean_token, corrupted_token, "" if tag == "equal" else "^"))
    return table(columns)


def table(columns: Sequence[Sequence[str]], width: int = 110) -> str:
    """Return columns of text side by side. Columns beyond `width` continue below, again after the first column."""
    widths = [max(map(_width, column)) for column in columns]
    blocks: list[list[int]] = [[]]
    for i in range(1, len(columns)):
        if blocks[-1] and widths[0] + sum(widths[j] + 1 for j in [*blocks[-1], i]) > width:
            blocks.append([])
        blocks[-1].append(i)
    return "\n".join(
        "  " + _table_row([columns[i][row] for i in (0, *block)], [widths[i] for i in (0, *block)])
        for block in blocks
        for row in range(len(columns[0]))
    )


def _width(cell: str) -> int:
    """The number of characters that are seen."""
    return len(cell) - cell.count(_ISOLATE) - cell.count(_END_ISOLATE)


def _table_row(cells: Sequence[str], widths: Sequence[int]) -> str:
    """Return the cells in columns, without empty cells and spaces at the end."""
    n_shown = max((i + 1 for i, cell in enumerate(cells) if cell), default=0)
    padded = [
        cell + " " * (width - _width(cell)) for cell, width in zip(cells, widths, strict=True)
    ]
    return "|".join(padded[:n_shown]).rstrip()
