"""The forms in which people write an answer: a head, a component, a position, a number, a word."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

_HEAD = re.compile(
    r"(?:layer|l|a)?\s*(\d+)(?:\s*[.,:/]\s*(?:head|h)?|\s+(?:head|h)?|(?:head|h))\s*[.,:/]?\s*(\d+)"
)
_SEPARATOR = re.compile(r"\s*[+;&]\s*|\)\s*,?\s*\(|[\s,]+(?=[lL]\d)")
_RECEIVER = re.compile(r"(?:layer|l)?\s*(\d+)[\s.]*(h|kv)(\d+)(?:[\s.]*([qkv])[a-z]*)?")
_MLP = re.compile(r"(?:l(?:ayer)?\s*(\d+)[. ]*mlp(?:_in|_out)?|(?:m|mlp)\s*\.?(\d+))")
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?")


class UnreadableAnswer(ValueError):
    """An answer of which nothing can be made; the message says how to write it."""


def is_missing(answer: Any) -> bool:
    """Whether there is no answer yet."""
    return answer is ... or answer is None or (isinstance(answer, str) and not answer.strip())


def as_head(answer: Any) -> tuple[int, int]:
    """A head as layer and head, of ``"L9.H6"``, ``" l9h6"``, ``"9.6"``, ``(9, 6)`` or a `Site`.

    Examples
    --------
    >>> from patchwidgets.course.answers import as_head
    >>> [as_head(answer) for answer in ("L9.H6", " l9 h6", "9.6", (9, 6), [9, 6], "layer 9, head 6", "L9.H6@-1")]
    [(9, 6), (9, 6), (9, 6), (9, 6), (9, 6), (9, 6), (9, 6)]
    """
    if isinstance(answer, Sequence) and not isinstance(answer, str) and len(answer) == 1:
        return as_head(answer[0])
    if isinstance(answer, tuple | list | np.ndarray) and len(answer) == 2:
        return as_head(".".join(str(part) for part in answer))
    text = str(answer).strip().lower().split("@")[0].strip("()[] ")
    if found := _HEAD.fullmatch(text):
        return int(found[1]), int(found[2])
    raise UnreadableAnswer(
        f'Write a head as "L9.H6" or (9, 6): first the layer, then the head; got {_shown(answer)}.'
    )


def as_heads(answer: Any) -> tuple[tuple[int, int], ...]:
    """A set of heads, in order, of a list of heads or of one text.

    Examples
    --------
    >>> from patchwidgets.course.answers import as_heads
    >>> [as_heads(answer) for answer in (["L1.H2", (1, 0)], "l1.h0 + L1.H2", "(1, 0), (1, 2)", "L1.H2")]
    [((1, 0), (1, 2)), ((1, 0), (1, 2)), ((1, 0), (1, 2)), ((1, 2),)]
    """
    if isinstance(answer, set | frozenset):
        answer = list(answer)
    if isinstance(answer, str):
        parts: list[Any] = _SEPARATOR.split(answer.strip(" \n()[]"))
    elif isinstance(answer, list | tuple) and not all(
        isinstance(part, int | np.integer) for part in answer
    ):
        parts = list(answer)
    else:
        parts = [answer]
    try:
        return tuple(sorted({as_head(part) for part in parts}))
    except UnreadableAnswer:
        raise UnreadableAnswer(
            f'Write the heads as a list, ["L9.H6", "L9.H7"]; got {_shown(answer)}.'
        ) from None


def as_component(answer: Any) -> str:
    """A component as patchwidgets writes it, such as ``"L3.mlp_out"`` or ``"L9.H6"``; without a position.

    Examples
    --------
    >>> from patchwidgets.course.answers import as_component
    >>> [as_component(answer) for answer in (" l3.mlp_out", "L3.MLP", "m3", (9, 6), "9.6", "embed")]
    ['L3.mlp_out', 'L3.mlp_out', 'L3.mlp_out', 'L9.H6', 'L9.H6', 'embed']
    """
    text = str(answer).strip().lower().split("@")[0]
    if found := _MLP.fullmatch(text):
        return f"L{found[1] or found[2]}.mlp_out"
    if found := re.fullmatch(r"l(\d+)[. ]*attn(?:_out)?", text):
        return f"L{found[1]}.attn_out"
    if text in ("embed", "embedding", "embeddings"):
        return "embed"
    try:
        layer, head = as_head(answer)
    except UnreadableAnswer:
        raise UnreadableAnswer(
            f'Write a head as "L9.H6" or (9, 6), and an MLP as "L3.mlp_out"; got {_shown(answer)}.'
        ) from None
    return f"L{layer}.H{head}"


def as_receiver(answer: Any) -> str:
    """What reads the stream, such as ``"L9.H6.q"``, ``"L9.mlp_in"`` or ``"logits"``; a head perhaps without its input.

    Examples
    --------
    >>> from patchwidgets.course.answers import as_receiver
    >>> [as_receiver(answer) for answer in ("l9h6 query", "L2.H1->L9.H6.q", (9, 6, "q"), "L9.KV2.v", "MLP 9", "L9.H6")]
    ['L9.H6.q', 'L9.H6.q', 'L9.H6.q', 'L9.KV2.v', 'L9.mlp_in', 'L9.H6']
    """
    if isinstance(answer, list | tuple) and len(answer) in (2, 3):
        answer = f"L{answer[0]}.H{'.'.join(str(part) for part in answer[1:])}"
    text = (
        re.split(r"->|\N{RIGHTWARDS ARROW}", str(answer))[-1].strip(" '\"`").lower().split("@")[0]
    )
    if text == "logits":
        return text
    if found := _MLP.fullmatch(text):
        return f"L{found[1] or found[2]}.mlp_in"
    if found := _RECEIVER.fullmatch(text):
        return f"L{found[1]}.{found[2].upper()}{found[3]}" + (f".{found[4]}" if found[4] else "")
    raise UnreadableAnswer(
        f'Write what reads as "L9.H6.q", "L9.KV2.v", "L9.mlp_in" or "logits"; got {_shown(answer)}.'
    )


def as_some_of(*names: str) -> Any:
    """Return what makes a set of `names` of an answer: of a list, or of one text with commas.

    Examples
    --------
    >>> from patchwidgets.course.answers import as_some_of
    >>> sorted(as_some_of("L2.H1->logits", "L3.H0->logits")("l2.h1 -> logits, L3.H0->logits"))
    ['L2.H1->logits', 'L3.H0->logits']
    """

    def plain(text: Any) -> str:
        return re.sub(r"[\s'\"`]", "", str(text)).replace("\N{RIGHTWARDS ARROW}", "->").lower()

    known = {plain(name): name for name in names}

    def read(answer: Any) -> frozenset[str]:
        if isinstance(answer, str):
            answer = re.split("[,;\n]", answer.strip(" \n()[]"))
        parts = list(answer) if isinstance(answer, Iterable) else [answer]
        unknown = [part for part in parts if plain(part) not in known]
        if unknown:
            raise UnreadableAnswer(
                f"Choose among {', '.join(names)}, and write a list of them; got {_shown(unknown[0])}."
            )
        return frozenset(known[plain(part)] for part in parts)

    return read


def as_number(answer: Any) -> float:
    """A number, of a number or of text, also as a percentage.

    Examples
    --------
    >>> from patchwidgets.course.answers import as_number
    >>> [as_number(answer) for answer in (0.58, "0.58", " .58 ", "58%", "58 %", "\N{MINUS SIGN}2")]
    [0.58, 0.58, 0.58, 0.58, 0.58, -2.0]
    """
    if isinstance(answer, bool):
        raise UnreadableAnswer(f"Write a number, such as 0.58; got {answer}.")
    if isinstance(answer, int | float | np.number):
        return float(answer)
    text = str(answer).strip().replace("\N{MINUS SIGN}", "-").replace("\N{EN DASH}", "-")
    percent = text.endswith("%")
    text = text.rstrip("% ").replace(",", ".")
    if not _NUMBER.fullmatch(text):
        raise UnreadableAnswer(f"Write a number, such as 0.58 or 58%; got {_shown(answer)}.")
    return float(text) / 100 if percent else float(text)


def as_word(*words: str) -> Any:
    """Return what makes one of `words` of an answer: in any case, with spaces or quotes around it.

    Examples
    --------
    >>> from patchwidgets.course.answers import as_word
    >>> as_word("AND", "OR", "neither")(" and ")
    'AND'
    """

    def read(answer: Any) -> str:
        text = str(answer).strip().strip("'\"`").strip().lower()
        for word in words:
            if text == word.lower():
                return word
        raise UnreadableAnswer(f"Answer with one of: {', '.join(words)}; got {_shown(answer)}.")

    return read


def _shown(answer: Any) -> str:
    text = repr(answer)
    return text if len(text) <= 60 else f"{text[:57]}..."
