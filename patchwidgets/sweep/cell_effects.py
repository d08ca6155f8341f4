"""The effects of a sweep's cells on every pair, filled in group by group. Costs nothing beside the passes."""

from collections.abc import Mapping, Sequence
from itertools import chain

import numpy as np
from jaxtyping import Bool, Float

from patchwidgets.arrays import NDArray
from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.sites import Entry
from patchwidgets.sweep.groups import Group
from patchwidgets.sweep.pieces import Arrays
from patchwidgets.sweep.rows import Rows

CellFlags = Bool[NDArray[np.bool_], "cell"]


class CellEffects:
    """What a sweep knows of its cells so far.

    Attributes
    ----------
    effects
        By metric; NaN where not computed yet, or unpatchable. An effect is the difference to the host's row of the
        same pass.
    zero
        Cells that certainly change nothing on any pair, so that nothing is computed.
    unpatchable
        Cells whose positions have no counterpart on some pair.
    """

    def __init__(self, experiment: BaseExperiment, rows: Rows, n_cells: int) -> None:
        self._experiment = experiment
        self._rows_left = np.bincount([row.cell for row in rows.rows], minlength=n_cells)
        self._measured_noise = dict.fromkeys(experiment.metrics, 0.0)
        self.unpatchable: CellFlags = np.zeros(n_cells, dtype=np.bool_)
        self.unpatchable[[cell for cell, _ in rows.unpatchable]] = True
        self.zero: CellFlags = (self._rows_left == 0) & ~self.unpatchable
        self.effects: dict[str, Float[np.ndarray, "cell pair"]] = {}
        zero_cells, zero_pairs = np.array(rows.zero, dtype=np.int64).reshape(-1, 2).T
        for metric in experiment.metrics:
            self.effects[metric] = np.full((n_cells, len(experiment.pairs)), np.nan)
            self.effects[metric][zero_cells, zero_pairs] = 0.0

    @property
    def done(self) -> CellFlags:
        """Which cells are computed, or need not be."""
        return np.asarray(self._rows_left == 0)

    @property
    def noise_floor(self) -> dict[str, float]:
        """By metric: the experiment's, or more if the host rows of this sweep were off by more."""
        known = self._experiment.noise_floor
        return {name: max(noise, known[name]) for name, noise in self._measured_noise.items()}

    def forget_noise(self) -> None:
        """Measure anew by how much host rows are off."""
        self._measured_noise = dict.fromkeys(self._measured_noise, 0.0)

    def taken(self, cells: Sequence[int], pairs: Sequence[int]) -> Arrays:
        """Return the effects of some rows, and how much host rows were off, as `put` takes them."""
        effects = {f"effect {name}": each[cells, pairs] for name, each in self.effects.items()}
        noise = {f"noise {name}": np.array(each) for name, each in self._measured_noise.items()}
        return effects | noise

    def put(self, cells: Sequence[int], pairs: Sequence[int], arrays: Arrays) -> None:
        """Take the effects of some rows that were computed elsewhere."""
        for name, effects in self.effects.items():
            effects[cells, pairs] = arrays[f"effect {name}"]
            noise = float(arrays[f"noise {name}"])
            self._measured_noise[name] = max(self._measured_noise[name], noise)
        np.subtract.at(self._rows_left, cells, 1)

    def add(
        self,
        group: Group,
        entries: Sequence[Sequence[Entry]],
        measured: Mapping[str, Float[np.ndarray, "entry"]],
    ) -> None:
        """Add what a pass of a group measured, by metric, at the entries of each of its rows, host rows first."""
        for name, values in measured.items():
            self._add_metric(name, values, group, entries)
        np.subtract.at(self._rows_left, [row.cell for row in group.rows], 1)

    def _add_metric(
        self,
        name: str,
        values: Float[np.ndarray, "entry"],
        group: Group,
        entries: Sequence[Sequence[Entry]],
    ) -> None:
        """Take effects against the host's rows of the same pass; how far these are from the host run is noise.

        A metric over several positions is a mean. Entries before a row is patched were not read; their effect is 0.
        """
        evaluation, n_hosts = self._experiment.evaluation, len(group.pairs)
        of_hosts = list(chain(*entries[:n_hosts]))
        hosts, patched = values[: len(of_hosts)], values[len(of_hosts) :]
        known = evaluation.unpatched_values(self._experiment.host_name, name, of_hosts)
        noise = float(np.nan_to_num(np.abs(hosts - known)).max(initial=0.0))
        self._measured_noise[name] = max(self._measured_noise[name], noise)
        host_value = dict(zip(of_hosts, hosts, strict=True))
        changes = patched - np.array([host_value[entry] for entry in chain(*entries[n_hosts:])])
        number = [i for i, of_row in enumerate(entries[n_hosts:]) for _ in of_row]
        sums = np.bincount(number, np.nan_to_num(changes), minlength=len(group.rows))
        spans = evaluation.read_positions.spans[evaluation.metrics[name].pos]
        cells, pairs = zip(*((row.cell, row.pair) for row in group.rows), strict=True)
        self.effects[name][cells, pairs] = sums / [len(spans[pair]) for pair in pairs]
