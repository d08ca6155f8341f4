"""From rows to groups: which rows run together in one pass of the model. Known before the model runs; costs nothing."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest

from patchwidgets.directions import RunName
from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.experiment.read_positions import ReadPositions
from patchwidgets.hooks.cancellation import cancellation_check
from patchwidgets.sites import NEURON_COMPONENTS, Entry, stream_of
from patchwidgets.sweep.rows import Row
from patchwidgets.sweep.savings import Savings

CONTINUABLE = frozenset(
    {"resid_pre", "resid_mid", "resid_post", "attn_out", "mlp_out", "q", "k", "v", "z"}
    | NEURON_COMPONENTS
)
"""Components that can be patched in a pass which continues the host's cache; others need whole prompts."""

ROWS_PER_HOST = 64
"""In a group that is cut, how many patched rows there are for each unpatched one, or more."""


@dataclass(frozen=True, eq=False)
class Group:
    """Rows that run in one pass: of pairs of equal length, from the same position on.

    A pass has one unpatched host row for each pair in front, if it has any, then these rows. For answers of several
    tokens each row is repeated `n_forced` times, with other tokens after the prompt (`teacher_forcing.TeacherForced`).

    Attributes
    ----------
    pairs
        The numbers of the pairs that occur, in the order of their host rows.
    start
        The first position that is computed; earlier ones come from the host's recorded keys and values.
    length
        The number of tokens of the whole host prompts.
    rows
        By layer, the order in which they join.
    n_forced, n_appended
        How often each row is repeated, and how many tokens follow the prompts.
    plain
        Run whole prompts in one batch, because the model or a component cannot continue from a cache.
    has_hosts
        Whether the pass has host rows in front.
    """

    pairs: tuple[int, ...]
    start: int
    length: int
    rows: tuple[Row, ...]
    plain: bool = False
    n_forced: int = 1
    n_appended: int = 0
    has_hosts: bool = True

    @classmethod
    def of(
        cls,
        rows: Sequence[Row],
        length: int,
        start: int,
        plain: bool = False,
        forced_shape: tuple[int, int] = (1, 0),
        has_hosts: bool = True,
    ) -> "Group":
        """A group of rows of pairs of equal length."""
        ordered = tuple(sorted(rows, key=lambda row: row.layer))
        pairs = tuple(sorted({row.pair for row in rows}))
        return cls(pairs, start, length, ordered, plain, *forced_shape, has_hosts)

    @property
    def host_pairs(self) -> tuple[int, ...]:
        """The pairs of the host rows in front."""
        return self.pairs if self.has_hosts else ()

    @property
    def positions(self) -> int:
        """How many positions of each row are computed."""
        return self.length + self.n_appended - self.start

    @property
    def recorded_rows(self) -> list[int]:
        """For each row of the pass, host rows first, the row of the recording that it is a copy of."""
        pairs = [*self.host_pairs, *(row.pair for row in self.rows)]
        return [i for pair in pairs for i in self.recorded_rows_of(pair)]

    def recorded_rows_of(self, pair: int) -> range:
        """The rows of a pair in the recording."""
        first = self.pairs.index(pair) * self.n_forced
        return range(first, first + self.n_forced)

    def pass_rows(self, i: int) -> range:
        """The rows of the pass that belong to row `i` of this group."""
        first = (len(self.host_pairs) + i) * self.n_forced
        return range(first, first + self.n_forced)

    def entries(self, read_positions: ReadPositions, host: RunName) -> list[list[Entry]]:
        """For each host row, then for each row, the entries at which metrics read it.

        Entries before a row is patched are left out: there it equals the host.
        """
        starts = [(pair, self.start) for pair in self.host_pairs]
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
        """Two groups with half of the rows each."""
        middle = len(self.rows) // 2
        return self._with(self.rows[:middle]), self._with(self.rows[middle:])

    def split(self, max_rows: int) -> list["Group"]:
        """Groups of at most `max_rows` rows, about equally large."""
        n = math.ceil(len(self.rows) / max(1, max_rows))
        size = math.ceil(len(self.rows) / n)
        return [self._with(self.rows[i : i + size]) for i in range(0, len(self.rows), size)]

    def blocks(self, max_rows: int) -> list["Group"]:
        """Groups of at most `max_rows` rows, each of few pairs, so that host rows cost little.

        The first layers on all pairs come first, so that cells are done early.
        """
        if len(self.rows) <= max_rows:
            return [self]
        size = max(1, max_rows // ROWS_PER_HOST)
        blocks = [set(self.pairs[i : i + size]) for i in range(0, len(self.pairs), size)]
        parts = [
            self._with([row for row in self.rows if row.pair in block]).split(max_rows)
            for block in blocks
        ]
        return [part for each in zip_longest(*parts) for part in each if part is not None]

    def _with(self, rows: Sequence[Row]) -> "Group":
        forced_shape = (self.n_forced, self.n_appended)
        return Group.of(rows, self.length, self.start, self.plain, forced_shape, self.has_hosts)


def make_groups(
    rows: Sequence[Row],
    experiment: BaseExperiment,
    savings: Savings,
    plain: bool,
    forced_shape: tuple[int, int] = (1, 0),
) -> list[Group]:
    """Group rows by length and first position, the most informative positions first.

    Parameters
    ----------
    plain
        Run all rows as whole prompts.
    forced_shape
        `Group.n_forced` and `Group.n_appended`.
    """
    by_shape: dict[tuple[int, int, bool], list[Row]] = {}
    stop_if_cancelled = cancellation_check()
    for row in rows:
        stop_if_cancelled()
        length = len(experiment.pairs[row.pair].prompt(experiment.host_name))
        whole = plain or not continues(row)
        start = row.start if savings.cone and not whole else 0
        joining = row if savings.descent and not whole else replace(row, layer=0)
        by_shape.setdefault((length, start, whole), []).append(joining)
    _join_small(by_shape, experiment.model.n_layers, savings.join_below)
    groups = [
        Group.of(of_shape, length, start, whole, forced_shape)
        for (length, start, whole), of_shape in by_shape.items()
    ]
    return sorted(groups, key=lambda group: _priority(group, experiment))


def _join_small(
    by_shape: dict[tuple[int, int, bool], list[Row]], n_layers: int, below: int
) -> None:
    """Move a few rows to an earlier start than they need, where that costs less than a pass of their own."""
    for shape in sorted(by_shape, reverse=True):
        length, start, whole = shape
        earlier = [s for (n, s, w) in by_shape if (n, w) == (length, whole) and s < start]
        if earlier:
            more = sum(n_layers - row.layer for row in by_shape[shape]) * (start - max(earlier))
            if more <= below * n_layers:
                by_shape[(length, max(earlier), whole)] += by_shape.pop(shape)


def continues(row: Row) -> bool:
    """Whether all of a row's patches can act in a pass that continues from a cache."""
    return all(stream_of(patch.patch.site.component) in CONTINUABLE for patch in row.patches)


def _priority(group: Group, experiment: BaseExperiment) -> tuple[int, int]:
    """Smaller comes first: positions where the prompts differ, then where metrics read, then the others."""
    host, read_positions = experiment.host_name, experiment.evaluation.read_positions
    differs = any(group.start in experiment.pairs[i].differing(host) for i in group.pairs)
    read = any(group.start in read_positions.in_prompt(host, i) for i in group.pairs)
    return (0 if differs else 1 if read else 2), group.start
