"""From rows to groups: who runs together, in one pass of the model. Known before the model runs."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from patchwidgets.directions import RunName
from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.experiment.read_positions import ReadPositions
from patchwidgets.hooks.cancellation import cancellation_check
from patchwidgets.sites import NEURON_COMPONENTS, Entry
from patchwidgets.sweep.rows import Row
from patchwidgets.sweep.savings import Savings

CONTINUED = frozenset(
    {"resid_pre", "resid_mid", "resid_post", "attn_out", "mlp_out", "z"} | NEURON_COMPONENTS
)
"""Components that are patched in a pass which goes on from the host's keys and values; others in whole prompts."""


@dataclass(frozen=True, eq=False)
class Group:
    """Rows that run together: pairs of equal length, from one position on.

    Attributes
    ----------
    pairs
        The pairs of the task that occur, in the order of their host rows.
    start
        The first position that is run.
    plain
        Run as whole prompts in one batch, since the model or a component cannot be continued from a cache.
    """

    pairs: tuple[int, ...]
    start: int
    length: int
    rows: tuple[Row, ...]
    plain: bool = False

    @classmethod
    def of(cls, rows: Sequence[Row], length: int, start: int, plain: bool = False) -> "Group":
        """Rows of pairs of equal length, in the order in which they join."""
        ordered = tuple(sorted(rows, key=lambda row: row.layer))
        return cls(tuple(sorted({row.pair for row in rows})), start, length, ordered, plain)

    @property
    def positions(self) -> int:
        """How many positions each row has."""
        return self.length - self.start

    @property
    def hosts(self) -> list[int]:
        """For each row of a pass, the host's first, the number of its pair in the group."""
        return [*range(len(self.pairs)), *(self.pairs.index(row.pair) for row in self.rows)]

    def reading(self, read_positions: ReadPositions, host: RunName) -> list[list[Entry]]:
        """What is read of each row, the host's first; before a row is patched it is the host's own and not read."""
        starts = [(pair, self.start) for pair in self.pairs]
        starts += [(row.pair, row.start) for row in self.rows]
        return [
            [
                entry
                for entry in read_positions.entries([pair])
                if read_positions.index(host, entry) >= start
            ]
            for pair, start in starts
        ]

    def halves(self) -> tuple["Group", "Group"]:
        """Two groups of half as many rows."""
        middle = len(self.rows) // 2
        return (
            Group.of(self.rows[:middle], self.length, self.start, self.plain),
            Group.of(self.rows[middle:], self.length, self.start, self.plain),
        )

    def parts(self, most: int) -> list["Group"]:
        """Groups of at most so many rows, about equally large."""
        n = math.ceil(len(self.rows) / max(1, most))
        size = math.ceil(len(self.rows) / n)
        return [
            Group.of(self.rows[i : i + size], self.length, self.start, self.plain)
            for i in range(0, len(self.rows), size)
        ]


def make_groups(
    rows: Sequence[Row], experiment: BaseExperiment, savings: Savings, plain: bool
) -> list[Group]:
    """Rows by length and first position, the most telling positions first."""
    by_place: dict[tuple[int, int, bool], list[Row]] = {}
    stop_if_cancelled = cancellation_check()
    for row in rows:
        stop_if_cancelled()
        length = len(experiment.pairs[row.pair].prompt(experiment.host_name))
        whole = plain or not _continues(row)
        start = row.start if savings.cone and not whole else 0
        joining = row if savings.descent and not whole else replace(row, layer=0)
        by_place.setdefault((length, start, whole), []).append(joining)
    _join_small(by_place, experiment.model.n_layers, savings.join_below)
    groups = [
        Group.of(part, length, start, whole) for (length, start, whole), part in by_place.items()
    ]
    return sorted(groups, key=lambda group: _telling(group, experiment))


def _join_small(
    by_place: dict[tuple[int, int, bool], list[Row]], n_layers: int, below: int
) -> None:
    """Let a few rows begin earlier than they need to, where that costs less than another pass."""
    for place in sorted(by_place, reverse=True):
        length, start, whole = place
        earlier = [s for (n, s, w) in by_place if (n, w) == (length, whole) and s < start]
        if earlier:
            more = sum(n_layers - row.layer for row in by_place[place]) * (start - max(earlier))
            if more <= below * n_layers:
                by_place[(length, max(earlier), whole)] += by_place.pop(place)


def _continues(row: Row) -> bool:
    """Whether all of a row's patches can be made in a pass that goes on from a cache."""
    return all(placed.patch.site.component in CONTINUED for placed in row.placed)


def _telling(group: Group, experiment: BaseExperiment) -> tuple[int, int]:
    host, read_positions = experiment.host_name, experiment.evaluation.read_positions
    differs = any(group.start in experiment.pairs[i].differing(host) for i in group.pairs)
    read = any(group.start in read_positions.within(host, i) for i in group.pairs)
    return (0 if differs else 1 if read else 2), group.start
