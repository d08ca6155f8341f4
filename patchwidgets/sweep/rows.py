"""From patches to rows: for each cell and pair, where the patches begin to change anything, if they do.

All of it is known from the tokens alone, before the model runs.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from patchwidgets.errors import CounterpartError
from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.experiment.places import Places
from patchwidgets.experiment.sources import Sources
from patchwidgets.hooks.cancellation import cancellation_check
from patchwidgets.models.run import Run
from patchwidgets.sites import Patch, stream_of
from patchwidgets.sources.moved import SteerDifference
from patchwidgets.sweep.savings import Savings
from patchwidgets.tasks import Pair

JointPatches = tuple[Patch, ...]
"""The patches of one cell, which act together in one run."""

RunRole = Literal["host", "source"]
"""One of the two unpatched runs of an experiment, by its part in the patch."""

READ_BY_LATER_POSITIONS = frozenset({"embed", "resid_pre", "k", "v"})
"""Components that attention of their own layer carries to later positions."""


@dataclass(frozen=True)
class PairPatch:
    """A patch on one pair.

    Attributes
    ----------
    places
        The positions of the host prompt that it writes, each with the position of the source prompt that it reads.
    copies
        The unpatched run whose activations it copies unchanged; None where it computes or brings its own values.
    """

    patch: Patch
    places: Places
    copies: RunRole | None

    @property
    def host_positions(self) -> tuple[int, ...]:
        """The positions that it writes."""
        return tuple(host for host, _ in self.places)

    @property
    def source_positions(self) -> tuple[int, ...]:
        """The positions that it reads."""
        return tuple(source for _, source in self.places)


@dataclass(frozen=True)
class Row:
    """One run of the host prompt of one pair, with the patches of one cell.

    Attributes
    ----------
    cell, pair
        Their numbers.
    start, layer
        The first position and the first layer that are patched.
    patches
        The patches, on this pair.
    """

    cell: int
    pair: int
    start: int
    layer: int
    patches: tuple[PairPatch, ...]


@dataclass(eq=False)
class Rows:
    """All combinations of a cell and a pair, by what is to be done about them.

    Attributes
    ----------
    rows
        Those that have to be computed.
    zero
        (cell, pair) where the patches certainly change nothing.
    unpatchable
        (cell, pair) where a patch's position has no counterpart.
    """

    rows: list[Row] = field(default_factory=list)
    zero: list[tuple[int, int]] = field(default_factory=list)
    unpatchable: list[tuple[int, int]] = field(default_factory=list)


def make_rows(
    experiment: BaseExperiment,
    cells: Sequence[JointPatches],
    savings: Savings,
    ends: bool = False,
) -> Rows:
    """Find where the patches of each cell begin to act on each pair.

    Parameters
    ----------
    ends
        The last position of each prompt is read too, whether or not a metric reads there.

    Raises
    ------
    CounterpartError
        No cell can be patched on any pair.
    """
    rows, stop_if_cancelled = Rows(), cancellation_check()
    for cell, patches in enumerate(cells):
        stop_if_cancelled()
        for i in range(len(experiment.pairs)):
            read = _read(experiment, i, ends)
            try:
                patches_here = on_pair(experiment, patches, i, savings.equal, ends)
            except CounterpartError:
                rows.unpatchable.append((cell, i))
                if len(rows.unpatchable) == len(cells) * len(experiment.pairs):
                    raise
                continue
            written = [pos for patch in patches_here for pos in patch.host_positions]
            start = min(written, default=read[-1] + 1)
            if start <= read[-1]:
                layer = min(patch.patch.site.layer or 0 for patch in patches_here)
                rows.rows.append(Row(cell, i, start, layer, patches_here))
            else:
                rows.zero.append((cell, i))
    return rows


def on_pair(
    experiment: BaseExperiment,
    patches: JointPatches,
    number: int,
    only_changes: bool = True,
    ends: bool = False,
) -> tuple[PairPatch, ...]:
    """Joint patches on one pair; with `only_changes`, without the places where they certainly change nothing read.

    Raises
    ------
    CounterpartError
        A patch's position has no counterpart.
    """
    sources, pair = experiment.sources, experiment.pairs[number]
    made = [
        PairPatch(patch, sources.places(patch, pair), copied_run(sources, patch))
        for patch in patches
    ]
    if not only_changes:
        return tuple(made)
    read = _read(experiment, number, ends)
    made = [_drop_unread(patch, read, experiment.model.n_layers) for patch in made]
    start = min((_first_change(patch, pair) for patch in made if patch.places), default=math.inf)
    if start == math.inf:
        return ()
    made = [_drop_before(patch, start) for patch in made]
    return tuple(patch for patch in made if patch.places)


def _read(experiment: BaseExperiment, number: int, ends: bool) -> tuple[int, ...]:
    """Where the host prompt of a pair is read, in order."""
    host = experiment.host_name
    read = experiment.evaluation.read_positions.in_prompt(host, number)
    last = len(experiment.pairs[number].prompt(host)) - 1
    return (*read, last) if ends and last not in read else read


def copied_run(sources: Sources, patch: Patch) -> RunRole | None:
    """The unpatched run whose activations a patch copies unchanged; None for any other patch."""
    if patch.fn is not None or not isinstance(patch.source, str | Run):
        return None
    run = sources.run_of(patch.source)
    return "host" if run is sources.host else "source" if run is sources.source else None


def _drop_unread(patch: PairPatch, read: tuple[int, ...], n_layers: int) -> PairPatch:
    """In the last layer, leave out positions at which no metric reads: nothing else can see them."""
    site = patch.patch.site
    if site.layer != n_layers - 1 or stream_of(site.component) in READ_BY_LATER_POSITIONS:
        return patch
    places = tuple(place for place in patch.places if place[0] in read)
    if patch.copies is None and places:
        return patch  # its function or tensor expects all positions at once
    return replace(patch, places=places)


def _first_change(patch: PairPatch, pair: Pair) -> float:
    """The first position at which a patch alone can write something new; infinity if there is none."""
    if patch.copies == "host":
        return math.inf
    if patch.copies is None and not isinstance(patch.patch.source, SteerDifference):
        return min(patch.host_positions)
    changed = (host for host, source in patch.places if host != source or host >= pair.prefix)
    return min(changed, default=math.inf)


def _drop_before(patch: PairPatch, start: float) -> PairPatch:
    """Leave out copies before the first change: there the host holds the same values already."""
    if patch.copies is None:
        return patch
    return replace(patch, places=tuple(place for place in patch.places if place[0] >= start))
