"""Answers of a run as token ids, one token each. Costs what `patchwidgets.tokens.answer_ids` costs."""

from collections.abc import Sequence

from patchwidgets.errors import AnswerError, MetricError, TaskError, shown
from patchwidgets.tokens import Tokenizer, answer_ids

Alternatives = str | int | tuple[str | int, ...]
AnswerSpec = Alternatives | Sequence[Alternatives]
"""A text or a token id, a tuple of alternatives, or a list of these: one for each prompt."""


def answer_tokens(
    tokenizer: Tokenizer, spec: AnswerSpec, prompts: Sequence[Sequence[int]], n_tokens: int
) -> list[tuple[int, ...]]:
    """Return the token ids of the alternatives that may follow each prompt.

    Parameters
    ----------
    spec
        A text begins with its space, as in ``" Mary"``.
    prompts
        Token ids, up to the position that the answer follows.
    n_tokens
        The size of the vocabulary.

    Raises
    ------
    MetricError
        An answer has several tokens, which have no common logit.
    AnswerError
        It has none, it changes the tokens of the prompt, the tokenizer does not know it, or its id is not in the
        vocabulary.
    TaskError
        A list has another length than the prompts, or an answer is something else.
    """
    of_prompts = list(spec) if isinstance(spec, list) else [spec] * len(prompts)
    if len(of_prompts) != len(prompts):
        raise TaskError(
            f"Got {len(of_prompts)} answers or foils for {len(prompts)} prompts; give one for each, or one for all. "
            "Alternatives of one answer go into a tuple."
        )
    return [
        _alternatives(tokenizer, each, prompt, n_tokens)
        for each, prompt in zip(of_prompts, prompts, strict=True)
    ]


def _alternatives(
    tokenizer: Tokenizer, spec: object, prompt: Sequence[int], n_tokens: int
) -> tuple[int, ...]:
    each = spec if isinstance(spec, tuple) else (spec,)
    if not each:
        raise TaskError("An answer or foil is an empty tuple; give at least one alternative.")
    return tuple(dict.fromkeys(_token(tokenizer, one, prompt, n_tokens) for one in each))


def _token(tokenizer: Tokenizer, spec: object, prompt: Sequence[int], n_tokens: int) -> int:
    if isinstance(spec, int) and not isinstance(spec, bool):
        if not 0 <= spec < n_tokens:
            raise AnswerError(
                f"There is no token {shown(spec)}; the model has logits of the tokens 0 to {n_tokens - 1}."
            )
        return spec
    if not isinstance(spec, str):
        raise TaskError(
            f"An answer or foil is a text, a token id, a tuple of alternatives or a list of these; got {shown(spec)}."
        )
    text = tokenizer.decode(list(prompt), clean_up_tokenization_spaces=False)
    ids = answer_ids(tokenizer, text, spec, bos=False, chat=False)
    if len(ids) > 1:
        raise MetricError(several_tokens(f"{shown(spec)} has {len(ids)} tokens"))
    return ids[0]


def several_tokens(found: str) -> str:
    """Return what to say where a logit is asked for and an answer has several tokens."""
    return (
        f"{found}, which have no common logit that could be split or read by layer. Give answer and foil of one token "
        "each, such as the first tokens in which they differ."
    )
