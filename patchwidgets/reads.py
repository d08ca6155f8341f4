"""Where metrics read the logits of a task's pairs. Plain data over token counts; costs nothing."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from patchwidgets.errors import MetricError, SiteError
from patchwidgets.metrics import Metric
from patchwidgets.sites import Position
from patchwidgets.tasks import Pair

Entry = tuple[int, int]
"""A pair (or a prompt) and a position in it."""


@dataclass(frozen=True, eq=False)
class Reads:
    """What the positions of some metrics are in every pair.

    Attributes
    ----------
    spans
        By position, as a metric has it (None: the last), the indices in each pair.
    positions
        For each pair all that is read, ascending.
    """

    spans: dict[Position, list[range]]
    positions: list[tuple[int, ...]]

    @classmethod
    def of(cls, metrics: Iterable[Metric], pairs: Sequence[Pair]) -> "Reads":
        """Find the positions of all metrics in all pairs.

        Raises
        ------
        SiteError
            An index out of range, an empty range, or a name that the task does not have.
        MetricError
            Answers have several tokens, and a metric of them is read at another position than the last.
        """
        spans: dict[Position, list[range]] = {}
        for metric in metrics:
            found = [_span(metric, pairs, i) for i in range(len(pairs))]
            _check_answers(metric, found, pairs)
            spans[metric.pos] = found
        of_pairs = zip(*spans.values(), strict=True)
        return cls(spans, [tuple(sorted(set().union(*each))) for each in of_pairs])

    def entries(self, pairs: Iterable[int]) -> list[Entry]:
        """All that is read of some pairs, one pair after the other."""
        return [(pair, pos) for pair in pairs for pos in self.positions[pair]]

    def chosen(self, pos: Position, entries: Sequence[Entry]) -> list[int]:
        """Which of some entries a metric at `pos` reads."""
        span = self.spans[pos]
        return [i for i, (pair, index) in enumerate(entries) if index in span[pair]]


def _span(metric: Metric, pairs: Sequence[Pair], i: int) -> range:
    try:
        found = pairs[i].indices(-1 if metric.pos is None else metric.pos)
    except SiteError as error:
        where = "" if len(pairs) == 1 else f" on pair {i}"
        raise SiteError(f"{metric.name}{where}: {error}") from None
    return range(found[0], found[-1] + 1)


def _check_answers(metric: Metric, spans: Sequence[range], pairs: Sequence[Pair]) -> None:
    """Of several tokens there is a probability behind the prompt alone."""
    several = any(pair.long_answers for pair in pairs)
    elsewhere = any(span[0] != len(pair) - 1 for span, pair in zip(spans, pairs, strict=True))
    if metric.needs_answer and several and elsewhere:
        raise MetricError(
            f"{metric.name}: an answer of the task has several tokens, whose joint probability is defined only behind "
            "the prompt, so at its last position; leave the position out, give answers of one token, or measure kl."
        )
