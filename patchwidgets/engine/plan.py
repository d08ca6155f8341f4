"""From patches to rows: where each begins to change anything, what is zero for certain, who runs together.

All of it is known from the tokens alone, before the model runs.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from patchwidgets.errors import CounterpartError
from patchwidgets.experiment import Experiment
from patchwidgets.hooks import stopper
from patchwidgets.reads import Entry, Reads
from patchwidgets.run import Run
from patchwidgets.sites import NEURON_COMPONENTS, Patch
from patchwidgets.sources import Sources
from patchwidgets.tasks import Pair
from patchwidgets.tasks.alignment import Columns
from patchwidgets.tasks.pairs import Prompt

Variant = tuple[Patch, ...]
"""Patches that are made jointly, in one run."""

LEAVES_ITS_POSITION = frozenset({"embed", "resid_pre", "k", "v"})
"""Components that later positions read in their own layer."""

CONTINUED = frozenset(
    {"resid_pre", "resid_mid", "resid_post", "attn_out", "mlp_out", "z"} | NEURON_COMPONENTS
)
"""Components that are patched in a pass which goes on from the host's keys and values; others in whole prompts."""

SMALL = 32
"""A pass costs about as much as this many tokens, however few it has: the weights have to be read."""


@dataclass(frozen=True)
class Savings:
    """What is left out because it is known; each can be switched off, and no result changes.

    Parameters
    ----------
    equal
        Activations of the paired run where both prompts begin alike are the host's: nothing to do.
    cone
        A patch changes no earlier position: these come from the host's keys and values.
    descent
        A patch changes no earlier layer: rows join the batch where they begin.
    unembed
        Of the unembedding only the rows that the metrics read.
    """

    equal: bool = True
    cone: bool = True
    descent: bool = True
    unembed: bool = True


@dataclass(frozen=True)
class Placed:
    """A patch with the positions at which it acts on one pair.

    Attributes
    ----------
    places
        Positions of the host prompt, each with the one of the source prompt it is read from.
    paired
        Which run it comes from, ``"host"`` or ``"source"``, if it is that run's own value; else None.
    """

    patch: Patch
    places: Columns
    paired: str | None

    @property
    def indices(self) -> tuple[int, ...]:
        """Positions of the host prompt."""
        return tuple(host for host, _ in self.places)

    @property
    def read(self) -> tuple[int, ...]:
        """Positions of the source prompt."""
        return tuple(source for _, source in self.places)


@dataclass(frozen=True)
class Row:
    """One run of one pair with the patches of one variant."""

    variant: int
    pair: int
    start: int
    layer: int
    placed: tuple[Placed, ...]


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

    def reading(self, reads: Reads, host: Prompt) -> list[list[Entry]]:
        """What is read of each row, the host's first; before a row is patched it is the host's own and not read."""
        starts = [(pair, self.start) for pair in self.pairs]
        starts += [(row.pair, row.start) for row in self.rows]
        return [
            [entry for entry in reads.entries([pair]) if reads.index(host, entry) >= start]
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


@dataclass(frozen=True, eq=False)
class Plan:
    """What a sweep will do.

    Attributes
    ----------
    sites
        How many cells are asked for.
    zero
        How many of them change nothing for certain, on any pair.
    unpatchable
        How many have no counterpart to be patched with, on some pair.
    runs
        Rows that are computed: cells times pairs, without those that are zero or unpatchable.
    groups
        Passes of the model.
    flops
        Arithmetic of the blocks, recordings included, in floating-point operations.
    memory
        Of the largest group and the recorded runs, in bytes above the model.
    seconds
        Estimated from the rate of a matrix product of the model's width.
    method
        ``"descent"``, or ``"plain"`` where the model cannot continue from a cache.
    """

    sites: int
    zero: int
    unpatchable: int
    runs: int
    groups: int
    flops: float
    memory: int
    budget: int
    seconds: float
    method: str

    def __repr__(self) -> str:
        lone = f", {self.unpatchable:,} without a counterpart" if self.unpatchable else ""
        return (
            f"Plan: {self.sites:,} sites, {self.zero:,} of them exactly 0 for certain{lone}; "
            f"{self.runs:,} runs in {self.groups} group{'s' * (self.groups != 1)} ({self.method}), "
            f"{self.flops / 1e9:,.1f} GFLOP, {self.memory / 2**20:,.0f} MiB "
            f"of {self.budget / 2**20:,.0f}, about {_duration(self.seconds)}"
        )


def _duration(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 90 else f"{seconds / 60:.0f} min"


@dataclass(eq=False)
class Rows:
    """Every row of some variants, and which of them are zero.

    Attributes
    ----------
    rows
        Those that have to be computed.
    zero
        Pairs of variant and pair that change nothing for certain.
    unpatchable
        Pairs of variant and pair that have no counterpart there.
    """

    rows: list[Row] = field(default_factory=list)
    zero: list[tuple[int, int]] = field(default_factory=list)
    unpatchable: list[tuple[int, int]] = field(default_factory=list)


def make_rows(experiment: Experiment, variants: Sequence[Variant], savings: Savings) -> Rows:
    """Where each variant begins to act on each pair.

    Raises
    ------
    CounterpartError
        No variant can be patched at all.
    """
    found, stop_if_unwanted = Rows(), stopper()
    for number, variant in enumerate(variants):
        stop_if_unwanted()
        for i, pair in enumerate(experiment.pairs):
            read = experiment.scores.reads.within(experiment.host_name, i)
            try:
                placed = _placed(experiment, variant, pair, read, savings.equal)
            except CounterpartError:
                found.unpatchable.append((number, i))
                if len(found.unpatchable) == len(variants) * len(experiment.pairs):
                    raise
                continue
            start = min((index for each in placed for index in each.indices), default=read[-1] + 1)
            if start <= read[-1]:
                layer = min(each.patch.site.layer or 0 for each in placed)
                found.rows.append(Row(number, i, start, layer, placed))
            else:
                found.zero.append((number, i))
    return found


def make_groups(
    rows: Sequence[Row], experiment: Experiment, savings: Savings, plain: bool
) -> list[Group]:
    """Rows by length and first position, the most telling positions first."""
    by_place: dict[tuple[int, int, bool], list[Row]] = {}
    stop_if_unwanted = stopper()
    for row in rows:
        stop_if_unwanted()
        length = len(experiment.pairs[row.pair].prompt(experiment.host_name))
        whole = plain or not _continues(row)
        start = row.start if savings.cone and not whole else 0
        joining = row if savings.descent and not whole else replace(row, layer=0)
        by_place.setdefault((length, start, whole), []).append(joining)
    _join_small(by_place, experiment.model.n_layers)
    groups = [
        Group.of(part, length, start, whole) for (length, start, whole), part in by_place.items()
    ]
    return sorted(groups, key=lambda group: _telling(group, experiment))


def _join_small(by_place: dict[tuple[int, int, bool], list[Row]], n_layers: int) -> None:
    """Let a few rows begin earlier than they need to, where that costs less than another pass."""
    for place in sorted(by_place, reverse=True):
        length, start, whole = place
        earlier = [s for (n, s, w) in by_place if (n, w) == (length, whole) and s < start]
        if earlier:
            more = sum(n_layers - row.layer for row in by_place[place]) * (start - max(earlier))
            if more <= SMALL * n_layers:
                by_place[(length, max(earlier), whole)] += by_place.pop(place)


def _continues(row: Row) -> bool:
    """Whether all of a row's patches can be made in a pass that goes on from a cache."""
    return all(placed.patch.site.component in CONTINUED for placed in row.placed)


def _telling(group: Group, experiment: Experiment) -> tuple[int, int]:
    host, reads = experiment.host_name, experiment.scores.reads
    differs = any(group.start in experiment.pairs[i].differing(host) for i in group.pairs)
    read = any(group.start in reads.within(host, i) for i in group.pairs)
    return (0 if differs else 1 if read else 2), group.start


def _placed(
    experiment: Experiment, variant: Variant, pair: Pair, read: tuple[int, ...], equal: bool
) -> tuple[Placed, ...]:
    sources = experiment.sources
    placed = [
        Placed(patch, sources.places(patch, pair), paired_source(sources, patch))
        for patch in variant
    ]
    if not equal:
        return tuple(placed)
    heard = [_heard(each, read, experiment.model.n_layers) for each in placed]
    start = min((_first_change(each, pair) for each in heard if each.places), default=math.inf)
    if start == math.inf:
        return ()
    return tuple(each for each in (_from(each, start) for each in heard) if each.places)


def paired_source(sources: Sources, patch: Patch) -> str | None:
    """``"host"`` or ``"source"`` if the patch writes that run's own value; None for anything else."""
    if patch.fn is not None or not isinstance(patch.source, str | Run):
        return None
    run = sources.run_of(patch.source)
    return "host" if run is sources.host else "source" if run is sources.source else None


def _heard(placed: Placed, read: tuple[int, ...], n_layers: int) -> Placed:
    """Without the positions that nothing reads: in the last layer all but those of the metrics."""
    site = placed.patch.site
    if site.layer != n_layers - 1 or site.component in LEAVES_ITS_POSITION:
        return placed
    heard = tuple(place for place in placed.places if place[0] in read)
    if placed.paired is None and heard:
        return placed
    return replace(placed, places=heard)


def _first_change(placed: Placed, pair: Pair) -> float:
    if placed.paired == "host":
        return math.inf
    if placed.paired is None:
        return min(placed.indices)
    changed = (i for i, read in placed.places if i != read or i >= pair.prefix)
    return min(changed, default=math.inf)


def _from(placed: Placed, start: float) -> Placed:
    """Before anything changes, the paired runs' values are what is there already."""
    if placed.paired is None:
        return placed
    return replace(placed, places=tuple(p for p in placed.places if p[0] >= start))
