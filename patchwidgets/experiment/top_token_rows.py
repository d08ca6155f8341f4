"""The next tokens that are most probable in any of the three runs. Costs a softmax of each."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from patchwidgets.models.top_tokens import select_pair


@dataclass(frozen=True)
class TokenScore:
    """A token's logit and probability in one run: of one pair, or the means over pairs."""

    logit: float
    prob: float


@dataclass(frozen=True)
class TopTokenRow:
    """One next token, as each of the three runs scores it."""

    token: str
    id: int
    clean: TokenScore
    patched: TokenScore
    corrupted: TokenScore


def top_token_rows(
    token_strings: Callable[[Sequence[int]], list[str]],
    logits: Mapping[str, Float[Tensor, "pair vocabulary"]],
    k: int,
    pair: int | None,
) -> list[TopTokenRow]:
    """Return the `k` tokens, with their scores in each run; see `PatchResult.top_tokens`.

    Parameters
    ----------
    logits
        Of each run: ``clean``, ``patched`` and ``corrupted``.
    """
    means = {name: select_pair(run, pair).mean(0) for name, run in logits.items()}
    probs = {name: select_pair(run, pair).softmax(-1).mean(0) for name, run in logits.items()}
    largest = probs["clean"].maximum(probs["patched"]).maximum(probs["corrupted"])
    ids = largest.topk(k).indices.tolist()
    rows = []
    for token, i in zip(token_strings(ids), ids, strict=True):
        scores = {run: TokenScore(float(means[run][i]), float(probs[run][i])) for run in logits}
        rows.append(TopTokenRow(token, i, **scores))
    return rows
