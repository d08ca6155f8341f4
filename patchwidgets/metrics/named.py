"""The metrics that have a name, and how a metric is looked up: ``kl``, ``kl@-3``, ``kl@S2``, ``kl@3:7``, a callable."""

from collections.abc import Sequence
from typing import Literal

from patchwidgets.entry_points import Group, added, load_added, package_of
from patchwidgets.errors import ExtensionError, MetricError
from patchwidgets.guesses import names
from patchwidgets.guesses.answering import did_you_mean
from patchwidgets.metrics.functions import (
    answer_logit,
    answer_logprob,
    answer_prob,
    kl,
    logit_diff,
    prob_diff,
    rank,
)
from patchwidgets.metrics.metric import At, Metric, MetricSpec
from patchwidgets.sites import parse_pos, print_pos

GROUP: Group = "patchwidgets.metrics"
"""The entry points by which other packages add metrics, by their names."""
MetricName = Literal[
    "logit_diff", "answer_logit", "answer_logprob", "answer_prob", "prob_diff", "rank", "kl"
]
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


def available_metrics(has_foil: bool, several_tokens: bool = False) -> dict[str, Metric]:
    """Return the named metrics that are defined for a task, by name.

    Parameters
    ----------
    has_foil
        Whether the task has a foil.
    several_tokens
        Whether an answer or foil of the task has several tokens.

    Examples
    --------
    >>> list(pw.metrics.available_metrics(has_foil=False, several_tokens=True))
    ['answer_logprob', 'answer_prob', 'kl']
    """
    return {
        name: metric
        for name, metric in METRICS.items()
        if metric.refusal(has_foil, several_tokens) is None
    }


def find_metric(metric: MetricSpec) -> Metric:
    """Return the metric that a name, a callable or an `At` stands for; a `Metric` is returned unchanged.

    A callable over a `Readout` becomes a metric with the name of the function. It is allowed at every position, also
    for answers of several tokens.

    Raises
    ------
    MetricError
        The name is unknown, or the argument is none of these; or an `At` has a metric that has a position already.
    ExtensionError
        Another package adds a metric of this name, and it cannot be used.
    SiteError
        The text after the ``@`` is not a position.

    Examples
    --------
    >>> pw.metrics.find_metric("rank@3:7").pos
    (3, 7)
    """
    if isinstance(metric, Metric):
        return metric
    if isinstance(metric, At):
        return _find_at(metric)
    if isinstance(metric, str):
        name, at, pos = metric.partition("@")
        if (named := find_named(name)) is not None:
            return named.at(parse_pos(pos, metric)) if at else named
    if callable(metric):
        name = getattr(metric, "__name__", type(metric).__name__)
        return Metric(name, metric, name, needs_answer=False)
    asked = metric.partition("@")[0] if isinstance(metric, str) else metric
    known = [*METRICS, *added(GROUP, METRICS)]
    meant = did_you_mean(asked, known, names.METRICS)
    raise MetricError(
        f"Unknown metric {metric!r}.{meant} Expected one of {', '.join(known)}, perhaps with a position as in "
        "'kl@-3', a callable over a Readout, a pw.At or a Metric."
    )


def find_named(name: str) -> Metric | None:
    """Return the metric of a name without a position: one of `METRICS`, or one that another package adds.

    Raises
    ------
    ExtensionError
        Another package adds it, and it cannot be used.
    """
    if name in METRICS:
        return METRICS[name]
    entries = added(GROUP, METRICS).get(name)
    if entries is None:
        return None
    loaded = load_added(GROUP, entries, Metric, or_function=True)
    if not isinstance(loaded, Metric):
        return Metric(name, loaded, name, needs_answer=False)
    if (loaded.name, loaded.pos) != (name, None):
        raise ExtensionError(
            f"The metric {name!r} of the package {package_of(entries[0])!r} has the name {loaded.name!r}; expected "
            f"{name!r}, without a position. Tell its authors."
        )
    return loaded


def is_named(metric: Metric) -> bool:
    """Return whether a metric computes what one of the names stands for; another one's function is the user's.

    Examples
    --------
    >>> pw.metrics.is_named(pw.metrics.find_metric("kl@S2"))
    True
    """
    return any(metric.function is each.function for each in METRICS.values())


def _find_at(at: At) -> Metric:
    metric = find_metric(at.metric)
    if metric.pos is not None:
        raise MetricError(
            f"{metric.name} has a position already; give pw.At the metric without one, as in pw.At('kl', 'S2')."
        )
    pos = print_pos(at.pos)
    return metric.at(parse_pos(pos, f"{metric.name}@{pos}"))


def find_metrics(
    metric: MetricSpec | Sequence[MetricSpec], has_foil: bool, several_tokens: bool = False
) -> dict[str, Metric]:
    """Return one or several metrics by name, in the order given.

    Parameters
    ----------
    metric
        One metric or a list of them.
    has_foil, several_tokens
        As for `available_metrics`.

    Raises
    ------
    MetricError
        The list is empty, a metric is unknown or undefined for such a task, or two share a name.
    SiteError
        The text after an ``@`` is not a position.

    Examples
    --------
    >>> list(pw.metrics.find_metrics(["kl@S2", "rank"], has_foil=True))
    ['kl@S2', 'rank']
    """
    specs = [metric] if isinstance(metric, str | At | Metric) or callable(metric) else list(metric)
    if not specs:
        raise MetricError("The list of metrics is empty; name at least one.")
    metrics = [find_metric(spec) for spec in specs]
    for each in metrics:
        if reason := each.refusal(has_foil, several_tokens):
            raise MetricError(reason)
    return _by_name(metrics)


def _by_name(metrics: Sequence[Metric]) -> dict[str, Metric]:
    by_name: dict[str, Metric] = {}
    for metric in metrics:
        if by_name.setdefault(metric.name, metric) != metric:
            raise MetricError(
                f"Two different metrics have the name {metric.name!r}; give each function a name of its own."
            )
    return by_name
