"""Fields that several kinds of requests have, checked. Costs nothing."""

from typing import Any, Literal

from patchwidgets.directions import Direction
from patchwidgets.errors import ProtocolError, shown
from patchwidgets.experiment.experiment import BaseExperiment

ShownPair = int | Literal["mean"]
"""The number of a pair, or the mean over all."""

LONGEST_TEXT = 1000
"""Characters of a site, of a metric's name or of a map's."""


def checked_list(
    name: str, form: str, given: Any, most: int, at_least: int = 0
) -> list[dict[str, Any]]:
    """A list of objects, of so many; `form` says what each should be.

    Raises
    ------
    ProtocolError
        Anything else.
    """
    expected = f"Expected {name} as a list of {form}"
    if not isinstance(given, list) or not all(isinstance(each, dict) for each in given):
        raise ProtocolError(f"{expected}; got {shown(given)}.")
    if not at_least <= len(given) <= most:
        raise ProtocolError(
            f"{expected}, at least {at_least} and at most {most:,}; got {len(given):,}."
        )
    return given


def checked_text(name: str, value: Any) -> Any:
    """A value that is not too long, if it is a text.

    Raises
    ------
    ProtocolError
        It is.
    """
    if isinstance(value, str) and len(value) > LONGEST_TEXT:
        raise ProtocolError(
            f"Expected a {name} of at most {LONGEST_TEXT:,} characters; got {len(value):,}: {shown(value)}."
        )
    return value


def checked_view(content: dict[str, Any], experiment: BaseExperiment) -> tuple[Direction, str]:
    """The direction and the metric of a message.

    Raises
    ------
    ProtocolError
        One of them is missing or has another form.
    MetricError
        The experiment does not have the metric.
    """
    direction, metric = content.get("direction"), content.get("metric")
    if direction != "denoise" and direction != "noise":
        raise ProtocolError(f"Expected direction 'denoise' or 'noise'; got {shown(direction)}.")
    checked_text("metric", metric)
    if not isinstance(metric, str):
        raise ProtocolError(f"Expected the name of a metric; got {shown(metric)}.")
    experiment.focused(metric)
    return direction, metric


def checked_pair(pair: Any, experiment: BaseExperiment) -> ShownPair:
    """The pair that is shown: ``"mean"`` or its number, from 0.

    Raises
    ------
    ProtocolError
        Anything else, or there is no such pair.
    """
    if pair == "mean":
        return "mean"
    if type(pair) is not int or not 0 <= pair < len(experiment.pairs):
        raise ProtocolError(
            f"Expected pair 'mean' or a number from 0 to {len(experiment.pairs) - 1}; got {shown(pair)}."
        )
    return pair
