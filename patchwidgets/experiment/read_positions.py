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
    """The positions of some metrics, resolved in every pair. An entry is a pair and a position in its clean prompt.

    Attributes
    ----------
    spans
        For each position that a metric names (None: the last), its indices in every pair's clean prompt.
    positions
        For each pair the indices at which any metric reads, ascending, in its clean prompt.
    """

    spans: dict[Position, list[range]]
    positions: list[tuple[int, ...]]
    _pairs: Sequence[Pair]

    @classmethod
    def of(cls, metrics: Iterable[Metric], pairs: Sequence[Pair]) -> "ReadPositions":
        """Resolve the positions of all metrics in all pairs.

        Raises
        ------
        SiteError
            An index out of range, an empty range, or a name that the task does not have.
        CounterpartError
            A position without a counterpart, where the two runs cannot be compared.
        MetricError
            Answers have several tokens, and a metric of the answers is not read at the last position.
        """
        spans: dict[Position, list[range]] = {}
        for metric in metrics:
            of_metric = [_span(metric, pairs, i) for i in range(len(pairs))]
            _check_answers(metric, of_metric, pairs)
            spans[metric.pos] = of_metric
        by_pair = zip(*spans.values(), strict=True)
        return cls(spans, [tuple(sorted(set().union(*each))) for each in by_pair], pairs)

    def in_prompt(self, prompt: RunName, pair: int) -> tuple[int, ...]:
        """The indices in one of a pair's prompts at which any metric reads, ascending."""
        return tuple(self.index(prompt, (pair, pos)) for pos in self.positions[pair])

    def index(self, prompt: RunName, entry: Entry) -> int:
        """The index of an entry in one of the prompts: in the corrupted prompt that of the counterpart."""
        pair, pos = entry
        return pos if prompt == "clean" else self._pairs[pair].counterparts[pos]

    def entries(self, pairs: Iterable[int]) -> list[Entry]:
        """All entries of some pairs, one pair after the other."""
        return [(pair, pos) for pair in pairs for pos in self.positions[pair]]

    def is_last(self, pos: Position) -> bool:
        """Whether a position that a metric names is the last of every prompt, where answers have a probability."""
        spans = zip(self.spans[pos], self._pairs, strict=True)
        return all(span == range(len(pair) - 1, len(pair)) for span, pair in spans)

    def chosen(self, pos: Position, entries: Sequence[Entry]) -> list[int]:
        """The indices of those entries that a metric at `pos` reads."""
        span = self.spans[pos]
        return [i for i, (pair, index) in enumerate(entries) if index in span[pair]]


def _span(metric: Metric, pairs: Sequence[Pair], i: int) -> range:
    try:
        columns = pairs[i].columns_at(-1 if metric.pos is None else metric.pos)
    except SiteError as error:
        where = "" if len(pairs) == 1 else f" on pair {i}"
        raise type(error)(f"{metric.name}{where}: {error}") from None
    return range(columns[0][0], columns[-1][0] + 1)


def _check_answers(metric: Metric, spans: Sequence[range], pairs: Sequence[Pair]) -> None:
    """Refuse answers of several tokens elsewhere: their joint probability exists only after the whole prompt."""
    several = any(pair.long_answers for pair in pairs)
    elsewhere = any(span[0] != len(pair) - 1 for span, pair in zip(spans, pairs, strict=True))
    if metric.needs_answer and several and elsewhere:
        raise MetricError(
            f"{metric.name}: an answer of the task has several tokens, whose joint probability is defined only after "
            "the whole prompt, so at its last position. Leave the position out, give answers of one token, or measure "
            "kl."
        )
