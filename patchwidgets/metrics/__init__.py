"""Metrics: numbers read from the logits of a run, at the last position of the prompt or at chosen ones."""

from typing import TYPE_CHECKING

from patchwidgets.guesses import names
from patchwidgets.guesses.answering import module_answering
from patchwidgets.metrics.functions import (
    answer_logit,
    answer_logprob,
    answer_prob,
    kl,
    logit_diff,
    prob_diff,
    rank,
)
from patchwidgets.metrics.metric import (
    At,
    Metric,
    MetricFunction,
    MetricSpec,
    Readout,
    Values,
    computed,
    evaluate,
)
from patchwidgets.metrics.named import (
    METRICS,
    MetricName,
    available_metrics,
    find_metric,
    find_metrics,
    is_named,
)

__all__ = [
    "METRICS",
    "At",
    "Metric",
    "MetricFunction",
    "MetricName",
    "MetricSpec",
    "Readout",
    "Values",
    "answer_logit",
    "answer_logprob",
    "answer_prob",
    "available_metrics",
    "computed",
    "evaluate",
    "find_metric",
    "find_metrics",
    "is_named",
    "kl",
    "logit_diff",
    "prob_diff",
    "rank",
]

if not TYPE_CHECKING:  # a type checker has to find a misspelt name
    __getattr__ = module_answering("pw.metrics", __all__, names.METRICS)
