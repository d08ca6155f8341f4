"""What a metric is: a function from a `Readout` to one number per row, with a name, a unit and a position.

Plain data; imports torch only when a metric is evaluated.
"""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
from jaxtyping import Float

from patchwidgets.errors import MetricError, PatchwidgetsError, in_one_line
from patchwidgets.sites import Position, print_pos

if TYPE_CHECKING:
    from torch import Tensor

Unit = Literal["logits", "nats", "probability", "rank", ""]
Values = Float[np.ndarray, "..."]
"""What metrics return, float64; the axes are named where a value is annotated."""


@dataclass(frozen=True, eq=False)
class Readout:
    """What a metric may read: a batch of rows, each of them a run of one pair of prompts, read at one position.

    Attributes
    ----------
    logits, clean_logits
        float32 ``[row, vocabulary]`` at the metric's position, by default the last of the prompt: those of the run,
        and those of the pair's clean run.
    answer_ids, foil_ids
        For each row the token ids of the alternatives. `foil_ids` is None for a task without a foil. The lists are
        empty if an answer or foil of the task has several tokens.
    pair
        For each row the index of its pair in the task. A metric over a range has one row for each position.
    answer_logprobs, foil_logprobs
        If an answer or foil of the task has several tokens, for each row the log of the summed joint probabilities of
        the alternatives, in nats. They are defined only at the last position of the prompt; elsewhere they are None.

    Examples
    --------
    A metric of your own takes a `Readout` and returns one number per row:

    >>> def entropy(readout):
    ...     logprobs = readout.logits.log_softmax(-1)
    ...     return -(logprobs.exp() * logprobs).sum(-1)
    >>> round(pw.Experiment(model, task, metric=entropy).clean.value, 2)
    0.02
    """

    logits: "Float[Tensor, 'row vocabulary']"
    clean_logits: "Float[Tensor, 'row vocabulary']"
    answer_ids: list[list[int]]
    foil_ids: list[list[int]] | None
    pair: list[int]
    answer_logprobs: "Float[Tensor, 'row'] | None" = None
    foil_logprobs: "Float[Tensor, 'row'] | None" = None

    def copy(self) -> "Readout":
        """Return the same readout in memory of its own, for a function that may write into it."""
        values = (getattr(self, field.name) for field in fields(self))
        # deepcopy refuses tensors through which a gradient flows.
        return Readout(*(v.clone() if hasattr(v, "clone") else deepcopy(v) for v in values))


MetricFunction = Callable[[Readout], "Float[Tensor, 'row']"]


@dataclass(frozen=True)
class Metric:
    """A metric with its name: how to compute it, where to read it, its unit and how to average it.

    Attributes
    ----------
    name
        Identifies the metric. It includes the position, as in ``kl@S2``.
    function
        From a `Readout` to one number per row.
    label, unit
        What charts show.
    lower_is_better
        Whether a smaller number means a better answer.
    median
        Whether a dataset reports the median of its pairs; otherwise it reports the mean.
    needs_foil
        Whether the metric is undefined for a task without a foil.
    one_token
        Whether the metric is undefined for answers of several tokens.
    needs_answer
        Whether the metric reads the answer; one that does not is defined for several tokens at any position. A callable
        of the user's counts as one that does not, since patchwidgets cannot know.
    pos
        Where the logits are read, as in a `Site`: an index, a name, or a range (the mean over its positions, also for
        a rank). None is the last position of the prompt.

    Examples
    --------
    A function with a name and a unit for charts:

    >>> def top_logit(readout):
    ...     return readout.logits.max(-1).values
    >>> metric = pw.metrics.Metric("top_logit", top_logit, "largest logit", "logits", needs_answer=False)
    >>> round(pw.Experiment(model, task, metric).clean.value, 2)
    14.9
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
        """Return the same metric read at another position; its name, such as ``kl@S2``, is also its label."""
        name = f"{self.name}@{print_pos(pos)}"
        return replace(self, name=name, label=name, pos=pos)

    def mean(self, values: Float[np.ndarray, "pair"]) -> float:
        """Return the number of a dataset: the mean over its pairs, or the median if the metric asks for it."""
        return float(np.median(values) if self.median else np.mean(values))

    def refusal(self, has_foil: bool, several_tokens: bool) -> str | None:
        """Return why the metric is undefined for a task, as a message; None if it is defined.

        Parameters
        ----------
        has_foil
            Whether the task has a foil.
        several_tokens
            Whether an answer or foil of the task has several tokens.
        """
        if self.needs_foil and not has_foil:
            return f"{self.name} needs a foil and the task has none; give Task(foil=...)."
        if self.one_token and several_tokens:
            return (
                f"{self.name} is defined for one token and an answer of the task has several; "
                "use answer_logprob, answer_prob, logit_diff or prob_diff, which take their joint probability."
            )
        return None


@dataclass(frozen=True)
class At:
    """A metric and the position where it is read.

    Parameters
    ----------
    metric
        A callable over a `Readout`, or the name of a metric.
    pos
        An index into the full prompt (negative counts from its end), a half-open range ``(3, 7)``, a name from the
        task, or any of these as text, in the form that follows an ``@``.

    Examples
    --------
    >>> at_s2 = pw.Experiment(model, task, metric=["kl@S2", pw.At("rank", -3)])
    >>> list(at_s2.metrics)
    ['kl@S2', 'rank@-3']
    """

    metric: str | MetricFunction
    pos: int | tuple[int | None, int | None] | str


MetricSpec = str | MetricFunction | At | Metric
"""How a metric can be given: by its name, as a callable over a `Readout`, as an `At`, or as a `Metric`."""


def computed(metric: Metric, readout: Readout) -> "Float[Tensor, 'row']":
    """Return what the function of a metric computes, as a tensor through which gradients flow.

    Parameters
    ----------
    metric
        From `find_metric`.
    readout
        What the function gets.

    Raises
    ------
    MetricError
        The function failed; the message says what it gets.

    Examples
    --------
    >>> import torch
    >>> logits = torch.tensor([[1.0, 3.0]], requires_grad=True)
    >>> readout = pw.metrics.Readout(logits, logits, answer_ids=[[1]], foil_ids=[[0]], pair=[0])
    >>> pw.metrics.computed(pw.metrics.find_metric("logit_diff"), readout).backward()
    >>> logits.grad
    tensor([[-1.,  1.]])
    """
    import torch

    try:
        return torch.as_tensor(metric.function(readout))
    except (PatchwidgetsError, torch.OutOfMemoryError, RecursionError):
        raise
    except (
        ArithmeticError,
        AttributeError,
        LookupError,
        RuntimeError,
        TypeError,
        ValueError,
    ) as error:
        raise MetricError(
            f"Metric {metric.name!r} failed: {in_one_line(error)}. A metric of your own gets a "
            "pw.metrics.Readout, with logits and clean_logits [row, vocabulary], answer_ids, foil_ids and pair, and "
            "returns one number per row, as in lambda readout: readout.logits.max(-1).values."
        ) from error


def evaluate(metric: Metric, readout: Readout) -> Float[np.ndarray, "row"]:
    """Return the metric's number for each row, as float64.

    Parameters
    ----------
    metric
        From `find_metric`.
    readout
        What its function gets.

    Raises
    ------
    MetricError
        A callable failed, or did not return one finite number per row.

    Examples
    --------
    >>> import torch
    >>> logits = torch.tensor([[1.0, 3.0], [2.0, 2.0]])
    >>> readout = pw.metrics.Readout(logits, logits, answer_ids=[[1], [1]], foil_ids=[[0], [0]], pair=[0, 1])
    >>> pw.metrics.evaluate(pw.metrics.find_metric("logit_diff"), readout)
    array([2., 0.])
    """
    import torch

    values = computed(metric, readout).detach().to("cpu", torch.float64)
    n_rows = len(readout.logits)
    if values.shape != (n_rows,):
        raise MetricError(
            f"Metric {metric.name!r} returned shape {tuple(values.shape)} for {n_rows} rows; expected ({n_rows},)."
        )
    if not torch.isfinite(values).all():
        raise MetricError(
            f"Metric {metric.name!r} returned a number that is not finite: {values.tolist()}. "
            "Return one finite number per row."
        )
    array: Values = values.numpy()
    return array
