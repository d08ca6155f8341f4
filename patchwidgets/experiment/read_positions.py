"""Where metrics read the logits of a task's pairs. Plain data over token counts; costs nothing."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from patchwidgets.directions import RunName
from patchwidgets.errors import MetricError, SiteError
from patchwidgets.metrics import Metric
from patchwidgets.sites import Entry, Position
from patchwidgets.tasks import Pair


@dataclass(frozen=True, eq=False)
class ReadPositions:
    """What the positions of some metrics are in every pair.

    Attributes
    ----------
    spans
        By position, as a metric has it (None: the last), the indices in each pair's clean prompt.
    positions
        For each pair all that is read, as ascending indices in its clean prompt.
    """

    spans: dict[Position, list[range]]
    positions: list[tuple[int, ...]]
    _pairs: Sequence[Pair]

    @classmethod
    def of(cls, metrics: Iterable[Metric], pairs: Sequence[Pair]) -> "ReadPositions":
        """Find the positions of all metrics in all pairs.

        Raises
        ------
        SiteError
            An index out of range, an empty range, or a name that the task does not have.
        CounterpartError
            A position at which the two runs cannot be compared.
        MetricError
            Answers have several tokens, and a metric of them is read at another position than the last.
        """
        spans: dict[Position, list[range]] = {}
        for metric in metrics:
            found = [_span(metric, pairs, i) for i in range(len(pairs))]
            _check_answers(metric, found, pairs)
            spans[metric.pos] = found
        of_pairs = zip(*spans.values(), strict=True)
        return cls(spans, [tuple(sorted(set().union(*each))) for each in of_pairs], pairs)

    def within(self, prompt: RunName, pair: int) -> tuple[int, ...]:
        """All that is read of a pair, as ascending indices in one of its prompts."""
        return tuple(self.index(prompt, (pair, pos)) for pos in self.positions[pair])

    def index(self, prompt: RunName, entry: Entry) -> int:
        """The index in one of the prompts at which an entry is read: its position, or the counterpart of that."""
        pair, pos = entry
        return pos if prompt == "clean" else self._pairs[pair].counterparts[pos]

    def entries(self, pairs: Iterable[int]) -> list[Entry]:
        """All that is read of some pairs, one pair after the other."""
        return [(pair, pos) for pair in pairs for pos in self.positions[pair]]

    def chosen(self, pos: Position, entries: Sequence[Entry]) -> list[int]:
        """Which of some entries a metric at `pos` reads."""
        span = self.spans[pos]
        return [i for i, (pair, index) in enumerate(entries) if index in span[pair]]


def _span(metric: Metric, pairs: Sequence[Pair], i: int) -> range:
    try:
        found = pairs[i].columns_at(-1 if metric.pos is None else metric.pos)
    except SiteError as error:
        where = "" if len(pairs) == 1 else f" on pair {i}"
        raise type(error)(f"{metric.name}{where}: {error}") from None
    return range(found[0][0], found[-1][0] + 1)


def _check_answers(metric: Metric, spans: Sequence[range], pairs: Sequence[Pair]) -> None:
    """Of several tokens there is a probability behind the prompt alone."""
    several = any(pair.long_answers for pair in pairs)
    elsewhere = any(span[0] != len(pair) - 1 for span, pair in zip(spans, pairs, strict=True))
    if metric.needs_answer and several and elsewhere:
        raise MetricError(
            f"{metric.name}: an answer of the task has several tokens, whose joint probability is defined only behind "
            "the prompt, so at its last position; leave the position out, give answers of one token, or measure kl."
        )
