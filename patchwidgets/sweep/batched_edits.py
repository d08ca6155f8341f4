"""Many patches of one group as few writes: patches of the same positions in one assignment.

Costs one copy of each component that is patched.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.hooks.hooks import Edit, Key
from patchwidgets.models.edits import patch_step
from patchwidgets.models.run import key_of, read_site
from patchwidgets.sweep.groups import Group
from patchwidgets.sweep.rows import PlacedPatch, Row

Held = Callable[[str, Key], Tensor]
"""The recorded activation ``[pair of the group, pos, ...]`` of the ``"host"`` or the ``"source"`` run."""

Write = Callable[[Tensor], None]
"""Changes the rows of one group in place, ``[row, pos from the start on, ...]``."""


@dataclass(eq=False)
class _Bucket:
    """Rows into which the same positions of the same run are written."""

    placed: PlacedPatch
    rows: list[int] = field(default_factory=list)
    pairs: list[int] = field(default_factory=list)
    units: list[int | None] = field(default_factory=list)

    def write(self, changed: Tensor, held: Tensor, start: int) -> None:
        if len(self.rows) == len(self.placed.indices) == 1 and self.units[0] is None:
            # One position of one row, as in every cell of a map: a view costs a tenth of four tensors of indices.
            value = held[self.pairs[0], self.placed.read[0]]
            changed[self.rows[0], self.placed.indices[0] - start] = value.to(changed.device)
            return
        rows, pairs = torch.tensor(self.rows)[:, None], torch.tensor(self.pairs)[:, None]
        behind, read = torch.tensor(self.placed.indices) - start, torch.tensor(self.placed.read)
        if self.units[0] is None:
            changed[rows, behind] = held[pairs, read].to(changed.device)
            return
        units = torch.tensor(self.units)[:, None]
        changed[rows, behind, units] = held[pairs, read, units].to(changed.device)


def batched_edits(experiment: BaseExperiment, group: Group, held: Held) -> dict[Key, Edit]:
    """What is written into each component, rows counted behind one host row per pair."""
    buckets: dict[Key, dict[object, _Bucket]] = {}
    others: dict[Key, list[tuple[int, Row, PlacedPatch]]] = {}
    for number, row in enumerate(group.rows, len(group.pairs)):
        turns: dict[Key, int] = {}
        for placed in row.placed:
            key = key_of(placed.patch.site)
            turns[key] = turns.get(key, -1) + 1
            if placed.paired is None or key[0] == "pattern" or turns[key]:
                others.setdefault(key, []).append((number, row, placed))
            else:
                _add(buckets.setdefault(key, {}), number, group, row, placed)
    return {
        key: _edit(
            [
                *(_bucket_write(b, key, held, group.start) for b in buckets.get(key, {}).values()),
                *(_other_write(experiment, group, held, *each) for each in others.get(key, [])),
            ]
        )
        for key in buckets.keys() | others.keys()
    }


def _add(
    buckets: dict[object, _Bucket], number: int, group: Group, row: Row, placed: PlacedPatch
) -> None:
    unit = placed.patch.site.index
    alike = (placed.places, placed.paired, unit is None)
    bucket = buckets.setdefault(alike, _Bucket(placed))
    bucket.rows.append(number)
    bucket.pairs.append(group.pairs.index(row.pair))
    bucket.units.append(unit)


def _edit(writes: Sequence[Write]) -> Edit:
    def edit(activation: Tensor) -> Tensor:
        changed = activation.clone()
        for write in writes:
            write(changed)
        return changed

    return edit


def _bucket_write(bucket: _Bucket, key: Key, held: Held, start: int) -> Write:
    paired = bucket.placed.paired
    assert paired is not None
    return lambda changed: bucket.write(changed, held(paired, key), start)


def _other_write(
    experiment: BaseExperiment, group: Group, held: Held, number: int, row: Row, placed: PlacedPatch
) -> Write:
    """Any other patch, on its one row: from another run, from a tensor, or through a function."""
    indices = [[i - group.start for i in placed.indices]]

    def write(changed: Tensor) -> None:
        source = _source(experiment, placed, row.pair, group, held)
        step = patch_step(placed.patch, indices, source)
        changed[number : number + 1] = step(changed[number : number + 1])

    return write


def _source(
    experiment: BaseExperiment, placed: PlacedPatch, pair: int, group: Group, held: Held
) -> Tensor:
    """What a patch writes on one pair; of the experiment's own runs what was recorded for this sweep."""
    patch, read, sources = placed.patch, [list(placed.read)], experiment.sources
    run = sources.run_of(patch.source)
    if run is not sources.host and run is not sources.source:
        return sources.values(patch, [pair], read)
    whole = held("host" if run is sources.host else "source", key_of(patch.site))
    return read_site(whole[[group.pairs.index(pair)]], patch.site, read)
