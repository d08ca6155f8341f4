"""The most probable next tokens of one prompt, or of several by their mean probability. Costs a softmax."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from patchwidgets.errors import TaskError
from patchwidgets.tokens import Tokenizer, token_strings


@dataclass(frozen=True)
class TopToken:
    """A token with its logit and its probability: those of one prompt, or the means over several prompts."""

    token: str
    id: int
    logit: float
    prob: float


def top_tokens(
    tokenizer: Tokenizer, logits: Float[Tensor, "prompt vocabulary"], k: int
) -> list[TopToken]:
    """Return the `k` next tokens of highest mean probability."""
    probs, mean_logits = logits.softmax(-1).mean(0), logits.mean(0)
    ids = probs.topk(k).indices.tolist()
    return [
        TopToken(token, i, float(mean_logits[i]), float(probs[i]))
        for token, i in zip(token_strings(tokenizer, ids), ids, strict=True)
    ]


def select_pair(
    logits: Float[Tensor, "pair vocabulary"], pair: int | None
) -> Float[Tensor, "selected vocabulary"]:
    """Return the logits of one pair, or of all pairs for None.

    Raises
    ------
    TaskError
        There is no such pair.
    """
    check_pair(pair, len(logits))
    return logits if pair is None else logits[pair][None]


def check_pair(pair: int | None, n_pairs: int) -> None:
    """Refuse the number of a pair that there is not.

    Raises
    ------
    TaskError
        There is no such pair.
    """
    if pair is not None and not -n_pairs <= pair < n_pairs:
        raise TaskError(f"There is no pair {pair}; expected 0 to {n_pairs - 1}, or None for all.")
