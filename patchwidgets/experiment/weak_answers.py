"""Whether a task's answers are what the model says. Costs nothing."""

from collections.abc import Callable, Sequence

from jaxtyping import Float
from torch import Tensor

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
