"""Metrics as data, for files: their names and labels. A function of the user's is no data, and is asked for again."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal, NoReturn

from pydantic import Field

from patchwidgets.errors import MetricError, SiteError
from patchwidgets.files.schema import Label, Name, Strict
from patchwidgets.metrics.metric import Metric, MetricSpec, Readout
from patchwidgets.metrics.named import METRICS, find_metric
from patchwidgets.sites import parse_pos, print_pos


class MetricSchema(Strict):
    """A metric as a file has it.

    Attributes
    ----------
    named
        Whether its name says all; then the rest is for people alone.
    pos
        As it is written after an ``@``.
    """

    name: Name
    named: bool
    label: Label
    unit: Literal["logits", "nats", "probability", "rank", ""]
    lower_is_better: bool
    median: bool
    needs_foil: bool
    one_token: bool
    needs_answer: bool
    pos: Annotated[str, Field(max_length=200)] | None

    def metric(self, given: Mapping[str, MetricSpec] | None = None) -> Metric:
        """Return the metric; one of the user's with the function that is given by its name, if there is one.

        Raises
        ------
        MetricError, SiteError
            No metric has this name; or what is given is no metric.
        """
        if self.named:
            return find_metric(self.name)
        given = given or {}
        name = self.name if self.name in given else self.name.partition("@")[0]
        function = find_metric(given[name]).function if name in given else missing(self.name)
        fields = self.model_dump(exclude={"named", "pos"})
        pos = None if self.pos is None else parse_pos(self.pos, self.name)
        return Metric(function=function, pos=pos, **fields)


def described(metric: Metric) -> dict[str, Any]:
    """Return a metric as `MetricSchema` reads it."""
    rest = {name: getattr(metric, name) for name in MetricSchema.model_fields if name != "named"}
    pos = None if metric.pos is None else print_pos(metric.pos)
    return rest | {"named": _says_all(metric), "pos": pos}


def missing(name: str) -> Callable[[Readout], NoReturn]:
    """Return what stands for the function of a metric of the user's, which a file cannot hold."""

    def ask(_readout: Readout) -> NoReturn:
        raise MetricError(
            f"The function of the metric {name!r} is not in the file, which holds its numbers alone. Pass it where you "
            f"open the file: pw.open(path, model, metrics={{{name!r}: function}})."
        )

    return ask


def is_missing(metric: Metric) -> bool:
    """Return whether the function of a metric is still to be given."""
    return getattr(metric.function, "__qualname__", "").startswith(f"{missing.__qualname__}.")


def _says_all(metric: Metric) -> bool:
    if metric.name.partition("@")[0] not in METRICS:
        return False
    try:
        return find_metric(metric.name) == metric
    except (MetricError, SiteError):
        return False
