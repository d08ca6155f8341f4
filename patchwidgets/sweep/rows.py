"""From patches to rows: where each begins to change anything, and what is zero for certain.

All of it is known from the tokens alone, before the model runs.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from patchwidgets.errors import CounterpartError
from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.experiment.sources import Sources
from patchwidgets.hooks.cancellation import cancellation_check
from patchwidgets.models.run import Run
from patchwidgets.sites import Patch
from patchwidgets.sweep.savings import Savings
from patchwidgets.tasks import Pair
from patchwidgets.tasks.alignment import Columns

Variant = tuple[Patch, ...]
"""Patches that are made jointly, in one run."""

LEAVES_ITS_POSITION = frozenset({"embed", "resid_pre", "k", "v"})
"""Components that later positions read in their own layer."""


@dataclass(frozen=True)
class PlacedPatch:
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
    placed: tuple[PlacedPatch, ...]


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


def make_rows(experiment: BaseExperiment, variants: Sequence[Variant], savings: Savings) -> Rows:
    """Where each variant begins to act on each pair.

    Raises
    ------
    CounterpartError
        No variant can be patched at all.
    """
    found, stop_if_cancelled = Rows(), cancellation_check()
    for number, variant in enumerate(variants):
        stop_if_cancelled()
        for i, pair in enumerate(experiment.pairs):
            read = experiment.evaluation.read_positions.within(experiment.host_name, i)
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


def _placed(
    experiment: BaseExperiment, variant: Variant, pair: Pair, read: tuple[int, ...], equal: bool
) -> tuple[PlacedPatch, ...]:
    sources = experiment.sources
    placed = [
        PlacedPatch(patch, sources.places(patch, pair), paired_source(sources, patch))
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


def _heard(placed: PlacedPatch, read: tuple[int, ...], n_layers: int) -> PlacedPatch:
    """Without the positions that nothing reads: in the last layer all but those of the metrics."""
    site = placed.patch.site
    if site.layer != n_layers - 1 or site.component in LEAVES_ITS_POSITION:
        return placed
    heard = tuple(place for place in placed.places if place[0] in read)
    if placed.paired is None and heard:
        return placed
    return replace(placed, places=heard)


def _first_change(placed: PlacedPatch, pair: Pair) -> float:
    if placed.paired == "host":
        return math.inf
    if placed.paired is None:
        return min(placed.indices)
    changed = (i for i, read in placed.places if i != read or i >= pair.prefix)
    return min(changed, default=math.inf)


def _from(placed: PlacedPatch, start: float) -> PlacedPatch:
    """Before anything changes, the paired runs' values are what is there already."""
    if placed.paired is None:
        return placed
    return replace(placed, places=tuple(p for p in placed.places if p[0] >= start))
