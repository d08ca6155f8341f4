"""Which words are one token of the tokenizer at hand. Costs about three calls of the tokenizer per word."""

from collections.abc import Iterable, Sequence
from typing import TypeVar

from patchwidgets.errors import AnswerError, TaskError, shown
from patchwidgets.tokens import HasTokenizer, Tokenizer, answer_ids, token_string

Words = TypeVar("Words", bound=str | tuple[str, ...])


def one_token_each(
    words: Iterable[Words], model: HasTokenizer | None
) -> tuple[tuple[Words, ...], tuple[Words, ...]]:
    """Divide words into those that are one token after a space, and the others.

    Parameters
    ----------
    words
        Words, or tuples of words that are kept only together.
    model
        Whose tokenizer decides. None keeps all of them.

    Returns
    -------
    tuple of tuple
        The words that are kept, and those that are left out, in order.

    Raises
    ------
    TaskError
        The model has no tokenizer.
    """
    together = tuple(words)
    if model is None:
        return together, ()
    if not hasattr(model, "tokenizer"):
        raise TaskError(
            f"model is {shown(model)}; expected a model from pw.load(...) or pw.wrap(hf_model, tokenizer)."
        )
    every = dict.fromkeys(word for each in together for word in _each(each))
    known = {word for word in every if is_one_token(model.tokenizer, word)}
    kept = tuple(each for each in together if known.issuperset(_each(each)))
    return kept, tuple(each for each in together if not known.issuperset(_each(each)))


def is_one_token(tokenizer: Tokenizer, word: str) -> bool:
    """Return whether a word is one token after a space, and not the one that stands for unknown words."""
    try:
        ids = answer_ids(tokenizer, "the", f" {word}", bos=False, chat=False)
    except AnswerError:
        return False
    return len(ids) == 1 and token_string(tokenizer, ids[0]).strip().lower() == word.lower()


def _each(words: str | tuple[str, ...]) -> Sequence[str]:
    return (words,) if isinstance(words, str) else words
