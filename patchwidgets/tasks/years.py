"""How a tokenizer divides the years of `tasks.greater_than`: into pairs of digits, or single ones. A few ms."""

from typing import Literal

from patchwidgets.errors import AnswerError, TaskError, shown
from patchwidgets.tasks import words
from patchwidgets.tokens import HasTokenizer, Tokenizer, answer_ids

Digits = Literal[1, 2]


def digits_per_token(asked: Digits | None, model: HasTokenizer | None) -> Digits:
    """Return how many digits of a year are one token.

    Parameters
    ----------
    asked
        What has to be so; None for whatever there is.
    model
        Whose tokenizer decides. Without one it is as asked, or 2.

    Raises
    ------
    TaskError
        The model has no tokenizer, or one that divides years otherwise.
    """
    if model is None:
        return asked or 2
    if not hasattr(model, "tokenizer"):
        raise TaskError(
            f"model is {shown(model)}; expected a model from pw.load(...) or pw.wrap(hf_model, tokenizer)."
        )
    tried: tuple[Digits, ...] = (2, 1) if asked is None else (asked,)
    for digits in tried:
        if _are_tokens(model.tokenizer, digits):
            return digits
    expected = " or ".join(f"{digits} digit{'s' * (digits > 1)}" for digits in tried)
    raise TaskError(
        f"Years such as 1741 do not end in tokens of {expected} with this tokenizer, so no single token says which "
        "year is later. Use another model, or leave out digits=."
    )


def _are_tokens(tokenizer: Tokenizer, digits: Digits) -> bool:
    """Whether so many digits are one token after the century of each year."""
    return all(
        _is_one_token(tokenizer, century, f"{number:0{digits}d}")
        for century in words.CENTURIES
        for number in range(10**digits)
    )


def _is_one_token(tokenizer: Tokenizer, century: int, end: str) -> bool:
    event = words.EVENTS[0]
    prompt = words.YEAR_TEMPLATE.format(event=event, century=century, year="41")
    try:
        return len(answer_ids(tokenizer, prompt, end, bos=None, chat=False)) == 1
    except AnswerError:
        return False
