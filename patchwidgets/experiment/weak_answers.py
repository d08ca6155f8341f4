"""Whether a model reads and does a task, and whether its answers are what the model says. Costs nothing."""

from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Bool, Float
from torch import Tensor

from patchwidgets.errors import listed, shown
from patchwidgets.tasks import Pair
from patchwidgets.tokens import isolated, visible


def weak_answers(
    pairs: Sequence[Pair],
    clean: Float[Tensor, "pair vocabulary"],
    token_strings: Callable[[Sequence[int]], list[str]],
) -> list[str]:
    """Warnings about answers that are not the clean run's top token, from its logits at the last position."""
    best = clean.argmax(-1).tolist()
    missed = [
        (top, pair) for top, pair in zip(best, pairs, strict=True) if top not in pair.first_tokens
    ]
    if not missed:
        return []
    if len(pairs) > 1:
        return [
            f"On {len(missed)} of {len(pairs)} clean prompts the model prefers another token than the answer."
        ]
    top, pair = missed[0]
    shown, answer = (isolated(visible(name)) for name in token_strings([top, pair.first_tokens[0]]))
    return [f"On the clean prompt the model prefers {shown} to {answer}; effects explain little."]


def unread(pairs: Sequence[Pair], unknown_token: str | None) -> list[str]:
    """Warnings about words of prompts in place of which the model reads the token for unknown words."""
    words = dict.fromkeys(word for pair in pairs for word in pair.unknown)
    if not words:
        return []
    n = sum(bool(pair.unknown) for pair in pairs)
    where = "The prompts have" if len(pairs) == 1 else f"{n} of {len(pairs)} pairs have"
    return [
        f"{where} words that the tokenizer does not know, and the model reads {unknown_token} in their place: "
        f"{listed(list(map(shown, words)), by=', ')}."
    ]


def told_apart(
    clean: Float[np.ndarray, "pair"],
    corrupted: Float[np.ndarray, "pair"],
    foil_expected: bool = True,
) -> Bool[np.ndarray, "pair"]:
    """On which pairs the clean run prefers the answer to the foil, and the corrupted run the foil to the answer.

    Parameters
    ----------
    clean, corrupted
        logit(answer) − logit(foil) of both runs.
    foil_expected
        As for `Task`: whether the corrupted run counts.
    """
    return (clean > 0) & (corrupted < 0) if foil_expected else clean > 0


def not_told_apart(
    clean: Float[np.ndarray, "pair"],
    corrupted: Float[np.ndarray, "pair"],
    foil_expected: bool = True,
) -> list[str]:
    """Warnings about pairs on which the model does not do the task; the parameters are those of `told_apart`."""
    n_wrong = int((~told_apart(clean, corrupted, foil_expected)).sum())
    if not n_wrong:
        return []
    if len(clean) > 1:
        or_corrupted = ", or its corrupted run not the foil to the answer" if foil_expected else ""
        return [
            f"On {n_wrong} of {len(clean)} pairs the model does not do the task: its clean run does not prefer the "
            f"answer to the foil there{or_corrupted}."
        ]
    wrong = [] if clean[0] > 0 else ["its clean run does not prefer the answer to the foil"]
    if foil_expected and not corrupted[0] < 0:
        wrong.append("its corrupted run does not prefer the foil to the answer")
    return [f"The model does not do this task: {', and '.join(wrong)}."]
