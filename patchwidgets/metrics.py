"""Numbers read from the logits at the last prompt position or at chosen ones, and what they say about a patch.

A metric takes a `Readout` and returns one number per row. A position is written as in sites: ``kl@-3``, ``kl@S2``,
``kl@3:7`` (the mean over these positions). Costs: a softmax over the vocabulary per row.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from patchwidgets.errors import MetricError
from patchwidgets.sites import Position, parse_pos, print_pos

if TYPE_CHECKING:
    from torch import Tensor

Unit = Literal["logits", "nats", "probability", "rank", ""]
Values = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Readout:
    """What a metric may read: a batch of rows, each a run of one pair at one position.

    Attributes
    ----------
    logits, clean_logits
        float32 ``[row, vocabulary]`` at the metric's position, by default the last of the prompt: of the run, and of
        the pair's clean run.
    answer_ids, foil_ids
        For each row the ids of the alternatives; foil_ids is None for a task without a foil. Empty where an answer
        has several tokens.
    pair
        For each row the index of its pair in the task; a metric over a range has a row for each of its positions.
    answer_logprobs, foil_logprobs
        ``[row]`` in nats, where an answer has several tokens: log Σ over the alternatives of their joint probability.
        None at another position than the last, behind which alone it is defined.
    """

    logits: "Tensor"
    clean_logits: "Tensor"
    answer_ids: list[list[int]]
    foil_ids: list[list[int]] | None
    pair: list[int]
    answer_logprobs: "Tensor | None" = None
    foil_logprobs: "Tensor | None" = None


MetricFunction = Callable[[Readout], "Tensor"]


@dataclass(frozen=True)
class Metric:
    """A named metric: how to compute it, where, its unit, and how a dataset is summed up.

    Attributes
    ----------
    pos
        Where the logits are read, as in a `Site`: an index, a range (the mean over its positions, also of a rank) or a
        name; None is the last position of the prompt. It is part of the name: ``kl@S2``.
    """

    name: str
    function: MetricFunction
    label: str
    unit: Unit = ""
    lower_is_better: bool = False
    median: bool = False
    needs_foil: bool = False
    one_token: bool = False
    needs_answer: bool = True
    pos: Position = None

    def at(self, pos: Position) -> "Metric":
        """The same metric, read elsewhere; its label is its name, which is short and what a person writes."""
        name = f"{self.name}@{print_pos(pos)}"
        return replace(self, name=name, label=name, pos=pos)

    def mean(self, values: Values) -> float:
        """One number for a dataset ``[pair]``: the mean, or the median for a rank."""
        return float(np.median(values) if self.median else np.mean(values))


@dataclass(frozen=True)
class At:
    """A metric and where it is read, as in ``metric=["kl@S2", pw.At(mine, "S2")]``.

    Parameters
    ----------
    metric
        A callable over a `Readout`, or a name.
    pos
        An index into the full prompt (negative: from its end), a half-open range ``(3, 7)``, a name from the task, or
        any of these as text, as it stands behind an ``@``.
    """

    metric: str | MetricFunction
    pos: int | tuple[int | None, int | None] | str


MetricSpec = str | MetricFunction | At | Metric


def _gather(scores: "Tensor", ids: list[list[int]]) -> "Tensor":
    """Log-sum-exp of `scores` ``[row, vocabulary]`` over each row's alternatives; of one token, its score."""
    import torch

    if len({len(alternatives) for alternatives in ids}) == 1:
        return scores.gather(1, torch.tensor(ids, device=scores.device)).logsumexp(-1)
    return torch.stack(
        [
            row[torch.tensor(alternatives)].logsumexp(0)
            for row, alternatives in zip(scores, ids, strict=True)
        ]
    )


def _foils(readout: Readout) -> list[list[int]]:
    if readout.foil_ids is None:
        raise MetricError(
            "This metric compares the answer with a foil and the task has none; give Task(foil=...)."
        )
    return readout.foil_ids


def logit_diff(readout: Readout) -> "Tensor":
    """logit(answer) − logit(foil); of alternatives the log-sum-exp, so it is log(ΣP(answers) / ΣP(foils)).

    Of answers of several tokens that same logarithm, with joint probabilities.
    """
    if readout.answer_logprobs is not None:
        return readout.answer_logprobs - _foil_logprobs(readout)
    return _gather(readout.logits, readout.answer_ids) - _gather(readout.logits, _foils(readout))


def answer_logit(readout: Readout) -> "Tensor":
    """logit(answer); of alternatives the log-sum-exp. Several tokens have no one logit."""
    return _gather(readout.logits, readout.answer_ids)


def answer_logprob(readout: Readout) -> "Tensor":
    """log ΣP(answers) in nats; P of several tokens is their joint probability."""
    if readout.answer_logprobs is not None:
        return readout.answer_logprobs
    return _gather(readout.logits.log_softmax(-1), readout.answer_ids)


def answer_prob(readout: Readout) -> "Tensor":
    """ΣP(answers)."""
    return answer_logprob(readout).exp()


def prob_diff(readout: Readout) -> "Tensor":
    """ΣP(answers) − ΣP(foils)."""
    return answer_prob(readout) - _foil_logprobs(readout).exp()


def _foil_logprobs(readout: Readout) -> "Tensor":
    """log ΣP(foils) in nats."""
    foils = _foils(readout)
    if readout.foil_logprobs is not None:
        return readout.foil_logprobs
    return _gather(readout.logits.log_softmax(-1), foils)


def rank(readout: Readout) -> "Tensor":
    """1 + the number of tokens strictly above the best answer; 1 is the top."""
    import torch

    best = torch.stack(
        [
            row[torch.tensor(ids)].max()
            for row, ids in zip(readout.logits, readout.answer_ids, strict=True)
        ]
    )
    return 1.0 + (readout.logits > best[:, None]).sum(-1)


def kl(readout: Readout) -> "Tensor":
    """KL(clean ‖ run) in nats, over the whole vocabulary."""
    clean, run = readout.clean_logits.log_softmax(-1), readout.logits.log_softmax(-1)
    return (clean.exp() * (clean - run)).sum(-1)


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("logit_diff", logit_diff, "logit diff", "logits", needs_foil=True),
        Metric("answer_logit", answer_logit, "answer logit", "logits", one_token=True),
        Metric("answer_logprob", answer_logprob, "answer log-prob", "nats"),
        Metric("answer_prob", answer_prob, "answer probability", "probability"),
        Metric("prob_diff", prob_diff, "probability diff", "probability", needs_foil=True),
        Metric(
            "rank", rank, "answer rank", "rank", lower_is_better=True, median=True, one_token=True
        ),
        Metric("kl", kl, "KL from clean", "nats", lower_is_better=True, needs_answer=False),
    )
}


def find_metric(metric: MetricSpec) -> Metric:
    """A metric by name, or a callable over a `Readout` as a metric of its own name; each perhaps at a position.

    Raises
    ------
    MetricError
        The name is unknown, or it is neither a name nor a callable.
    SiteError
        What stands behind the ``@`` is no position.
    """
    if isinstance(metric, Metric):
        return metric
    if isinstance(metric, At):
        return _found_at(metric)
    if isinstance(metric, str):
        name, at, pos = metric.partition("@")
        if name in METRICS:
            return METRICS[name].at(parse_pos(pos, metric)) if at else METRICS[name]
    if callable(metric):
        name = getattr(metric, "__name__", type(metric).__name__)
        return Metric(name, metric, name, needs_answer=False)
    raise MetricError(
        f"Unknown metric {metric!r}; expected one of {', '.join(METRICS)}, perhaps with a position as in 'kl@-3', "
        "or a callable over a Readout."
    )


def _found_at(at: At) -> Metric:
    found = find_metric(at.metric)
    if found.pos is not None:
        raise MetricError(
            f"{found.name} has a position already; give pw.At the metric without one, as in pw.At('kl', 'S2')."
        )
    written = print_pos(at.pos)
    return found.at(parse_pos(written, f"{found.name}@{written}"))


def find_metrics(
    metric: MetricSpec | Sequence[MetricSpec], has_foil: bool, several_tokens: bool = False
) -> dict[str, Metric]:
    """One or several metrics by name, in their order.

    Raises
    ------
    MetricError
        An unknown one, none at all, one that needs a foil where there is none, or one that is defined for one token
        where an answer has several.
    """
    specs = [metric] if isinstance(metric, str | At | Metric) or callable(metric) else list(metric)
    if not specs:
        raise MetricError("The list of metrics is empty; name at least one.")
    found = [find_metric(spec) for spec in specs]
    for each in found:
        if each.needs_foil and not has_foil:
            raise MetricError(
                f"{each.name} needs a foil and the task has none; give Task(foil=...)."
            )
        if each.one_token and several_tokens:
            raise MetricError(
                f"{each.name} is defined for one token and an answer of the task has several; "
                "use answer_logprob, answer_prob, logit_diff or prob_diff, which take their joint probability."
            )
    return {each.name: each for each in found}


def evaluate(metric: Metric, readout: Readout) -> Values:
    """One number per row, ``[row]`` float64.

    Raises
    ------
    MetricError
        A callable returned something else than one finite number per row.
    """
    import torch

    values = torch.as_tensor(metric.function(readout)).detach().to("cpu", torch.float64)
    rows = len(readout.logits)
    if values.shape != (rows,):
        raise MetricError(
            f"Metric {metric.name!r} returned shape {tuple(values.shape)} for {rows} rows; expected ({rows},)."
        )
    if not torch.isfinite(values).all():
        raise MetricError(
            f"Metric {metric.name!r} returned a number that is not finite: {values.tolist()}."
        )
    array: Values = values.numpy()
    return array
