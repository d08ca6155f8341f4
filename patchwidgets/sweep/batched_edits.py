"""The patches of one group as edits: copies into the same positions become one assignment.

Costs one copy of each component that is patched.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor

from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.experiment.teacher_forcing import of_prompt
from patchwidgets.hooks.hooks import Edit, Key
from patchwidgets.models.edits import patch_step
from patchwidgets.models.indexing import key_of, read_site
from patchwidgets.sweep.groups import Group
from patchwidgets.sweep.passes import Recording
from patchwidgets.sweep.rows import PairPatch, Row

Write = Callable[[Tensor], None]
"""Changes a component of one pass in place: ``[row, pos from the group's start on, ...]``."""


@dataclass(eq=False)
class _Copies:
    """Copies from one run into the same positions of several rows.

    Attributes
    ----------
    patch
        One of the patches; all of them have its places and copy from its run.
    rows
        The rows of the pass that are written.
    pairs
        For each row, the index of its pair in the recording.
    units
        For each row the head or neuron that is copied; None for the whole component, in all rows or in none.
    """

    patch: PairPatch
    rows: list[int] = field(default_factory=list)
    pairs: list[int] = field(default_factory=list)
    units: list[int | None] = field(default_factory=list)

    def write(
        self,
        changed: Float[Tensor, "row pos *unit"],
        recorded: Float[Tensor, "pair pos *unit"],
        start: int,
    ) -> None:
        """Copy; `start` is the position of the prompt at which the pass begins."""
        host, source = self.patch.host_positions, self.patch.source_positions
        if len(self.rows) == len(host) == 1 and self.units[0] is None:
            # One position of one row, as in every cell of a map: a view costs a tenth of four tensors of indices.
            value = recorded[self.pairs[0], source[0]]
            changed[self.rows[0], host[0] - start] = value.to(changed.device)
            return
        rows, pairs = torch.tensor(self.rows)[:, None], torch.tensor(self.pairs)[:, None]
        written, read = torch.tensor(host) - start, torch.tensor(source)
        if self.units[0] is None:
            changed[rows, written] = recorded[pairs, read].to(changed.device)
            return
        units = torch.tensor(self.units)[:, None]
        changed[rows, written, units] = recorded[pairs, read, units].to(changed.device)


def batched_edits(
    experiment: BaseExperiment, group: Group, recording: Recording
) -> dict[Key, Edit]:
    """What a pass of a group writes into each component; the group's rows come after one host row for each pair.

    Parameters
    ----------
    recording
        Of exactly the pairs of the group.
    """
    copies: dict[Key, dict[object, _Copies]] = {}
    others: dict[Key, list[tuple[range, Row, PairPatch]]] = {}
    for i, row in enumerate(group.rows):
        rows, seen = group.pass_rows(i), set[Key]()
        for patch in row.patches:
            key = key_of(patch.patch.site)
            # A second patch of the same component must be written after the first one.
            if patch.copies is None or key[0] == "pattern" or key in seen:
                others.setdefault(key, []).append((rows, row, patch))
            else:
                _add(copies.setdefault(key, {}), rows, group.pairs.index(row.pair), patch)
            seen.add(key)
    return {
        key: _edit(
            [
                *(
                    _copy_write(each, key, recording, group.start)
                    for each in copies.get(key, {}).values()
                ),
                *(
                    _other_write(experiment, group, recording, *each)
                    for each in others.get(key, [])
                ),
            ]
        )
        for key in copies.keys() | others.keys()
    }


def _add(copies: dict[object, _Copies], rows: range, pair: int, patch: PairPatch) -> None:
    unit = patch.patch.site.index
    alike = (patch.places, patch.copies, unit is None)
    batch = copies.setdefault(alike, _Copies(patch))
    batch.rows += rows
    batch.pairs += [pair] * len(rows)
    batch.units += [unit] * len(rows)


def _edit(writes: Sequence[Write]) -> Edit:
    def edit(activation: Tensor) -> Tensor:
        changed = activation.clone()
        for write in writes:
            write(changed)
        return changed

    return edit


def _copy_write(copies: _Copies, key: Key, recording: Recording, start: int) -> Write:
    run = copies.patch.copies
    assert run is not None
    return lambda changed: copies.write(changed, recording.activation(run, key), start)


def _other_write(
    experiment: BaseExperiment,
    group: Group,
    recording: Recording,
    rows: range,
    row: Row,
    patch: PairPatch,
) -> Write:
    """Any other patch: from another run, from a tensor, or through a function; the same in each of its forced rows."""
    positions = [[pos - group.start for pos in patch.host_positions]]
    key, n_tokens = key_of(patch.patch.site), group.length - group.start

    def write(changed: Float[Tensor, "row pos *unit"]) -> None:
        source = _source(experiment, patch, row.pair, recording)
        prompt = of_prompt(key, changed[rows.start : rows.stop], n_tokens)
        patch_step(patch.patch, positions, source)(prompt[:1])
        prompt[1:] = prompt[:1]

    return write


def _source(
    experiment: BaseExperiment, patch: PairPatch, pair: int, recording: Recording
) -> Float[Tensor, "..."]:
    """What a patch reads on one pair; of the experiment's own runs, what was recorded for this sweep."""
    site, read, sources = patch.patch.site, [list(patch.source_positions)], experiment.sources
    run = sources.run_of(patch.patch.source)
    if run is not sources.host and run is not sources.source:
        return sources.values(patch.patch, [pair], read)
    recorded = recording.activation("host" if run is sources.host else "source", key_of(site))
    return read_site(recorded[[recording.pairs.index(pair)]], site, read)
