"""How far the cells of a sweep moved every component at the last position, filled in group by group.

Costs a few products of each component at one position, and both unpatched runs' activations there, recorded once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.experiment.reach_sums import REACH_COMPONENTS, ReachBaseline
from patchwidgets.hooks.hooks import Edit, Key
from patchwidgets.sweep.draws import Draws
from patchwidgets.sweep.groups import Group
from patchwidgets.sweep.passes import chained
from patchwidgets.sweep.pieces import Arrays
from patchwidgets.sweep.rows import Rows

Moved = Float[np.ndarray, "cell pair 2 layer *head"]


@dataclass(frozen=True, eq=False)
class GridReach:
    """The sums of the cells of a grid, by component; what `patchwidgets.experiment.reach` divides.

    Attributes
    ----------
    moved
        ⟨Δp,Δs⟩ and ⟨Δp,Δp⟩ of each cell on each pair; NaN where not computed.
    apart
        ⟨Δs,Δs⟩, and what of it is rounding, of each pair; NaN where not recorded.
    """

    moved: dict[str, Moved]
    apart: dict[str, Float[np.ndarray, "pair 2 layer *head"]]


class CellReach:
    """The sums of a sweep so far.

    Parameters
    ----------
    rows
        What each draw of each cell is on each pair.
    n_cells
        How many draws of cells there are.
    """

    def __init__(self, experiment: BaseExperiment, rows: Rows, n_cells: int) -> None:
        self._experiment, self._rows, self._n_cells = experiment, rows, n_cells
        self._moved: dict[str, Moved] = {}
        self._apart: dict[str, Float[np.ndarray, "pair 2 layer *head"]] = {}
        self._baselines: dict[int, ReachBaseline] = {}
        self._seen: dict[Key, Float[Tensor, "2 row *head"]] = {}

    def observing(self, group: Group, edits: Mapping[Key, Edit]) -> dict[Key, Edit]:
        """Edits of a pass that do the same and see where its rows move."""
        self._seen = {}
        observed = dict(edits)
        for component in REACH_COMPONENTS:
            for layer in range(self._experiment.model.n_layers):
                key = (component, layer)
                observer = self._observer(group, key)
                observed[key] = chained(observed[key], observer) if key in observed else observer
        return observed

    def add(self, group: Group) -> None:
        """Add what the last pass has seen; a row that joined after a component has not moved it."""
        cells, pairs = zip(*((row.cell, row.pair) for row in group.rows), strict=True)
        for moved in self._moved.values():
            moved[list(cells), list(pairs)] = 0
        for (component, layer), sums in self._seen.items():
            n = sums.shape[1]
            of_rows = sums.movedim(0, 1).numpy()
            self._moved[component][cells[:n], pairs[:n], :, layer] = of_rows
        self._seen = {}

    def taken(self, cells: Sequence[int], pairs: Sequence[int]) -> Arrays:
        """Return the sums of some rows, as `put` takes them."""
        return {f"moved {name}": moved[cells, pairs] for name, moved in self._moved.items()}

    def put(self, cells: Sequence[int], pairs: Sequence[int], arrays: Arrays) -> None:
        """Take the sums of some rows that were computed elsewhere."""
        for component in REACH_COMPONENTS:
            sums = arrays[f"moved {component}"]
            self._begin(component, sums.shape[2:])
            self._moved[component][cells, pairs] = sums

    def sums(self, draws: Draws, cells: slice) -> GridReach:
        """The sums so far of some cells: means over their draws."""
        for number in range(len(self._experiment.host.batches)):
            self._baseline(number)
        moved = {}
        for component, array in self._moved.items():
            means = draws.mean(array.reshape(len(array), -1), cells)
            moved[component] = means.reshape(len(means), *array.shape[1:])
        return GridReach(moved, dict(self._apart))

    def _observer(self, group: Group, key: Key) -> Edit:
        number, in_batch = self._in_batch(group)
        baseline, (component, layer) = self._baseline(number), key
        assert layer is not None
        towards = baseline.towards[component][layer][in_batch]
        columns = [baseline.columns[i] - group.start for i in in_batch]
        rows = [group.pass_rows(i).start for i in range(len(group.rows))]
        hosts = [group.recorded_rows_of(row.pair).start for row in group.rows]

        def observe(activation: Float[Tensor, "row pos *unit"]) -> Float[Tensor, "row pos *unit"]:
            n = sum(row < len(activation) for row in rows)  # they join in the order of their layers
            patched = activation[rows[:n], columns[:n]].cpu().double()
            delta = patched - activation[hosts[:n], columns[:n]].cpu().double()
            products = torch.stack([delta * towards[:n], delta**2])
            self._seen[key] = products.sum(-1)
            return activation

        return observe

    def _in_batch(self, group: Group) -> tuple[int, Sequence[int]]:
        """The batch of the host run that has a group's pairs, and where in it each row's pair is."""
        for number, batch in enumerate(self._experiment.host.batches):
            if group.pairs[0] in batch.rows:
                return number, [batch.rows.index(row.pair) for row in group.rows]
        raise AssertionError("every pair is in a batch")

    def _baseline(self, number: int) -> ReachBaseline:
        """The unpatched runs of a batch; recorded once, with the sums that no patch changes."""
        if number not in self._baselines:
            batch = self._experiment.host.batches[number]
            baseline = ReachBaseline.of(self._experiment, batch, -1)
            self._baselines[number] = baseline
            for component, fixed in baseline.fixed.items():
                self._begin(component, fixed.shape[1:-1])
                self._apart[component][batch.rows] = fixed.movedim(-1, 0).numpy()
        return self._baselines[number]

    def _begin(self, component: str, units: Sequence[int]) -> None:
        """Room for a component: nothing computed, and nothing moved where a cell certainly changes nothing."""
        if component in self._moved:
            return
        n_pairs = len(self._experiment.pairs)
        moved = np.full((self._n_cells, n_pairs, 2, *units), np.nan, dtype=np.float32)
        cells, pairs = np.array(self._rows.zero, dtype=np.int64).reshape(-1, 2).T
        moved[cells, pairs] = 0
        self._moved[component] = moved
        self._apart[component] = np.full((n_pairs, 2, *units), np.nan)
