"""The named metrics as functions: each takes a `Readout` and returns one number per row.

An answer or a foil may have alternatives. Their logits are combined by log-sum-exp, their probabilities by a sum. The
probability of several tokens is their joint probability. Each costs at most two softmaxes over the
vocabulary per row.
"""

from typing import TYPE_CHECKING

from patchwidgets.errors import MetricError
from patchwidgets.metrics.metric import Readout

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor


def logit_diff(readout: Readout) -> "Float[Tensor, 'row']":
    """Return logit(answer) − logit(foil) = log(P(answer) / P(foil)), of which several tokens have only the latter.

    Raises
    ------
    MetricError
        The task has no foil.

    Examples
    --------
    >>> round(pw.Experiment(model, task, metric="logit_diff").clean.value, 1)
    6.6
    """
    if readout.answer_logprobs is not None:
        return readout.answer_logprobs - _foil_logprob(readout)
    return _log_sum_exp(readout.logits, readout.answer_ids) - _log_sum_exp(
        readout.logits, _foil_ids(readout)
    )


def answer_logit(readout: Readout) -> "Float[Tensor, 'row']":
    """Return logit(answer). It is undefined for several tokens, which have no common logit.

    Examples
    --------
    >>> round(pw.Experiment(model, task, metric="answer_logit").clean.value, 1)
    14.9
    """
    return _log_sum_exp(readout.logits, readout.answer_ids)


def answer_logprob(readout: Readout) -> "Float[Tensor, 'row']":
    """Return log P(answer) in nats.

    Examples
    --------
    >>> round(pw.Experiment(model, task, metric="answer_logprob").clean.value, 3)
    -0.003
    """
    if readout.answer_logprobs is not None:
        return readout.answer_logprobs
    return _log_sum_exp(readout.logits.log_softmax(-1), readout.answer_ids)


def answer_prob(readout: Readout) -> "Float[Tensor, 'row']":
    """Return P(answer).

    Examples
    --------
    >>> round(pw.Experiment(model, task, metric="answer_prob").clean.value, 3)
    0.997
    """
    return answer_logprob(readout).exp()


def prob_diff(readout: Readout) -> "Float[Tensor, 'row']":
    """Return P(answer) − P(foil).

    Raises
    ------
    MetricError
        The task has no foil.

    Examples
    --------
    >>> round(pw.Experiment(model, task, metric="prob_diff").corrupted.value, 2)
    -0.99
    """
    return answer_prob(readout) - _foil_logprob(readout).exp()


def rank(readout: Readout) -> "Float[Tensor, 'row']":
    """Return 1 + the number of tokens strictly above the answer; of alternatives, above the best one.

    Examples
    --------
    >>> pw.Experiment(model, task, metric="rank").corrupted.value
    2.0
    """
    best = _of_alternatives(readout.logits, readout.answer_ids).amax(-1, keepdim=True)
    return 1.0 + (readout.logits > best).sum(-1)


def kl(readout: Readout) -> "Float[Tensor, 'row']":
    """Return KL(clean ‖ run) in nats, over the whole vocabulary.

    Examples
    --------
    >>> round(pw.Experiment(model, task, metric="kl").corrupted.value, 1)
    6.1
    """
    clean, run = readout.clean_logits.log_softmax(-1), readout.logits.log_softmax(-1)
    never = clean == -float("inf")  # 0 · log 0 = 0
    return (clean.exp() * (clean - run).masked_fill(never, 0)).sum(-1)


def _log_sum_exp(
    scores: "Float[Tensor, 'row vocabulary']", ids: list[list[int]]
) -> "Float[Tensor, 'row']":
    """Return the log-sum-exp of `scores` over each row's alternatives; for one alternative, its score."""
    return _of_alternatives(scores, ids).logsumexp(-1)


def _of_alternatives(
    scores: "Float[Tensor, 'row vocabulary']", ids: list[list[int]]
) -> "Float[Tensor, 'row alternative']":
    """Return the scores of each row's alternatives, and −inf in the place of those that other rows have more of.

    One transfer to the scores' device, however many rows there are.
    """
    import torch

    most = max(map(len, ids), default=0)
    padded = torch.tensor([[*row, *row[:1] * (most - len(row))] for row in ids], dtype=torch.long)
    found = scores.gather(1, padded.view(len(ids), most).to(scores.device))
    if all(len(row) == most for row in ids):
        return found
    beyond = torch.tensor([[i >= len(row) for i in range(most)] for row in ids])
    return found.masked_fill(beyond.to(scores.device), -float("inf"))


def _foil_ids(readout: Readout) -> list[list[int]]:
    if readout.foil_ids is None:
        raise MetricError(
            "This metric compares the answer with a foil and the task has none; give Task(foil=...)."
        )
    return readout.foil_ids


def _foil_logprob(readout: Readout) -> "Float[Tensor, 'row']":
    foil_ids = _foil_ids(readout)
    if readout.foil_logprobs is not None:
        return readout.foil_logprobs
    return _log_sum_exp(readout.logits.log_softmax(-1), foil_ids)
