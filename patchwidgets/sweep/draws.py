"""Cells whose sources are drawn at random, once for each draw, and means over their draws. Costs nothing."""

from collections.abc import Sequence
from itertools import chain

import numpy as np
from jaxtyping import Bool, Float

from patchwidgets.arrays import NDArray
from patchwidgets.sources.source import draws_of
from patchwidgets.sweep.rows import JointPatches

ALL = slice(None)


class Draws:
    """The cells of a sweep, each repeated for every draw of its sources; most have one.

    Attributes
    ----------
    n_cells, n_draws
        How many cells, and how many draws of all cells together.
    cells
        The patches of each draw of each cell, one cell after the other.
    """

    def __init__(self, cells: Sequence[JointPatches]) -> None:
        of_cells = [draws_of(cell) for cell in cells]
        self.cells: list[JointPatches] = [tuple(drawn) for drawn in chain(*of_cells)]
        self.n_cells, self.n_draws = len(cells), len(self.cells)
        self._n = np.array([len(draws) for draws in of_cells], dtype=np.int64)
        self._first = np.cumsum(self._n) - self._n

    @classmethod
    def single(cls, n_cells: int) -> "Draws":
        """Cells without patches, of one draw each."""
        return cls([()] * n_cells)

    def mean(
        self, values: Float[np.ndarray, "draw pair"], cells: slice = ALL
    ) -> Float[np.ndarray, "cell pair"]:
        """Return means over the draws of some cells; NaN where one of them is."""
        sums = np.add.reduceat(values, self._first, axis=0)
        return np.asarray(sums[cells] / self._n[cells, None])

    def every(
        self, flags: Bool[NDArray[np.bool_], "draw"], cells: slice = ALL
    ) -> Bool[NDArray[np.bool_], "cell"]:
        """Return for some cells whether all of their draws have a flag."""
        return np.asarray(np.logical_and.reduceat(flags, self._first)[cells])

    def by_draw(
        self, values: Float[np.ndarray, "draw pair"], cells: slice = ALL
    ) -> Float[np.ndarray, "draw cell pair"] | None:
        """Return the draws of some cells, NaN beyond the last of a cell with fewer; None where all have one."""
        n, first = self._n[cells], self._first[cells]
        if len(n) == 0 or n.max() == 1:
            return None
        by_draw = np.full((n.max(), len(n), values.shape[1]), np.nan)
        for draw in range(n.max()):
            by_draw[draw, n > draw] = values[first[n > draw] + draw]
        return by_draw
