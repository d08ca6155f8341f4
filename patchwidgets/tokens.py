"""Text to token ids and back, the same way everywhere. Uses the tokenizer that is handed in; imports no torch."""

from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import Any, Protocol

from patchwidgets.errors import AnswerError, TaskError

Tokenizer = Any
"""A transformers tokenizer; it ships no useful types."""


class HasTokenizer(Protocol):
    """Anything with a tokenizer, such as a `Model`."""

    @property
    def tokenizer(self) -> Tokenizer:
        """The tokenizer."""


def encode(
    tokenizer: Tokenizer, text: str, bos: bool | None = None, chat: bool = False
) -> list[int]:
    """The ids of a prompt, beginning token included where it is wanted.

    Parameters
    ----------
    bos
        Put the beginning token first: True or False; None does what the tokenizer does by itself.
    chat
        Wrap the text as one user turn of the tokenizer's chat template (which brings its own beginning token).

    Raises
    ------
    TaskError
        The tokenizer has no beginning token or no chat template, or the prompt has no tokens.
    """
    if chat:
        text = _chat_prompt(tokenizer, text)
    ids = list(tokenizer(text, add_special_tokens=False)["input_ids"])
    wants_bos = adds_bos(tokenizer) if bos is None else bos
    if wants_bos and tokenizer.bos_token_id is None:
        raise TaskError("This tokenizer has no beginning token; use Task(bos=None) or bos=False.")
    if wants_bos and ids[:1] != [tokenizer.bos_token_id]:
        ids.insert(0, tokenizer.bos_token_id)
    if not ids:
        raise TaskError(f"The prompt {text!r} has no tokens; a prompt needs at least one.")
    return ids


def adds_bos(tokenizer: Tokenizer) -> bool:
    """Whether the tokenizer puts its beginning token before a text by itself."""
    return (
        tokenizer.bos_token_id is not None
        and tokenizer("a")["input_ids"][0] == tokenizer.bos_token_id
    )


def _chat_prompt(tokenizer: Tokenizer, text: str) -> str:
    if not getattr(tokenizer, "chat_template", None):
        raise TaskError("This tokenizer has no chat template; use Task(chat=False).")
    message = [{"role": "user", "content": text}]
    prompt: str = tokenizer.apply_chat_template(message, add_generation_prompt=True, tokenize=False)
    return prompt


def answer_ids(
    tokenizer: Tokenizer, prompt: str, answer: str, bos: bool | None, chat: bool
) -> tuple[int, ...]:
    """The ids of an answer as it follows this prompt: ``ids(prompt + answer)[len(ids(prompt)):]``.

    Raises
    ------
    AnswerError
        The answer has no token there, or it changes the tokens of the prompt.
    """
    if chat:
        prompt, chat = _chat_prompt(tokenizer, prompt), False
    before = encode(tokenizer, prompt, bos)
    after = encode(tokenizer, prompt + answer, bos)
    if after[: len(before)] != before:
        raise AnswerError(
            f"The answer {answer!r} changes the tokens of the prompt: it ends in "
            f"{visible(token_strings(tokenizer, before)[-1])!r} alone and in "
            f"{visible(token_strings(tokenizer, after[: len(before)])[-1])!r} with the answer. "
            f"Move the space: end the prompt without one and begin the answer with one, as in ' Mary'."
        )
    ids = after[len(before) :]
    if not ids:
        raise AnswerError(
            f"The answer {answer!r} has no tokens; give the text that follows the prompt."
        )
    return tuple(ids)


def token_strings(tokenizer: Tokenizer, ids: Sequence[int]) -> list[str]:
    """What each id adds to the decoded text, leading spaces kept."""
    return [token_string(tokenizer, token_id) for token_id in ids]


def token_string(tokenizer: Tokenizer, token_id: int) -> str:
    """One token as text, with its leading space where it has one; a piece of a character as its raw token.

    Decoded behind an anchor, since many tokenizers drop the space of a first token.
    """
    anchor = tokenizer("a", add_special_tokens=False)["input_ids"][-1:]
    before = tokenizer.decode(anchor, clean_up_tokenization_spaces=False)
    both = tokenizer.decode([*anchor, token_id], clean_up_tokenization_spaces=False)
    text: str = both[len(before) :] if both.startswith(before) else tokenizer.decode([token_id])
    if text and "\ufffd" not in text:
        return text
    return str(tokenizer.convert_ids_to_tokens(token_id))


def visible(token: str) -> str:
    """A token with its white space made visible."""
    return token.replace(" ", "␣").replace("\n", "⏎").replace("\t", "⇥")


def aligned(clean: Sequence[str], corrupted: Sequence[str]) -> str:
    """Both tokenisations one above the other, column by column, differences marked below."""
    columns = [("clean", "corrupted", "")]
    for tag, a, b, c, d in SequenceMatcher(a=clean, b=corrupted, autojunk=False).get_opcodes():
        for i in range(max(b - a, d - c)):
            above = visible(clean[a + i]) if a + i < b else ""
            below = visible(corrupted[c + i]) if c + i < d else ""
            columns.append((above, below, "" if tag == "equal" else "^"))
    return table(columns)


def table(columns: Sequence[Sequence[str]], width: int = 110) -> str:
    """Columns of texts beside each other, the first one before every line; wider ones go on below."""
    widths = [max(map(len, column)) for column in columns]
    blocks: list[list[int]] = [[]]
    for i in range(1, len(columns)):
        if blocks[-1] and widths[0] + sum(widths[j] + 1 for j in [*blocks[-1], i]) > width:
            blocks.append([])
        blocks[-1].append(i)
    return "\n".join(
        "  " + "|".join(columns[i][row].ljust(widths[i]) for i in (0, *block)).rstrip("| ")
        for block in blocks
        for row in range(len(columns[0]))
    )
