"""At which token a text ends: named positions that are given as texts. Costs up to two calls of the tokenizer."""

from patchwidgets.tokens import Tokenizer


def last_token_of(beginning: str, prompt: str, tokenizer: Tokenizer, n_tokens: int) -> int:
    """Return the index of the token that the last character of a beginning of the prompt is in.

    Tokens are counted from the end of the prompt, because a beginning token may come before its text. If the beginning
    has the prompt's first tokens, the last of them is meant. Only else the tokenizer is asked in which characters a
    token is: one that puts spaces beside a sign says that of the sign's neighbours.
    """
    if beginning == prompt:
        return n_tokens - 1
    encoded = tokenizer(prompt, add_special_tokens=False, return_offsets_mapping=True)
    ids, first = encoded["input_ids"], tokenizer(beginning, add_special_tokens=False)["input_ids"]
    if beginning == beginning.rstrip() and first and ids[: len(first)] == first:
        return n_tokens - len(ids) + len(first) - 1
    n_after = sum(1 for start, _ in encoded["offset_mapping"] if start >= len(beginning))
    return n_tokens - 1 - n_after
