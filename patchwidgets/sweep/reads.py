"""Where a pass is read: the entries of metrics, and the places that predict answers of several tokens. Plain data."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from jaxtyping import Int

from patchwidgets.arrays import NDArray
from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.sites import Entry
from patchwidgets.sweep.groups import Group

RowPositions = Sequence[Sequence[int]]
"""For each row of a pass, host rows first, the positions at which it is read."""


@dataclass(frozen=True, eq=False)
class Reads:
    """Where the rows of a pass are read; `FinalStates` has the hidden states at these places, row by row.

    Attributes
    ----------
    row_positions
        For each row of the pass, the positions of the prompt (and the answer after it) at which it is read.
    entries
        For each host row, then for each row of the group, its entries.
    of_entries
        Where each entry, one row after the other, is among all places.
    of_answers
        Where the answers' tokens are predicted; None where all answers are single tokens, or no metric reads them.
    of_ends
        Where the last position of each run's prompt is; None where it was not asked for, and is not read for sure.
    pairs
        For each host row and each row of the group, its pair.
    """

    row_positions: RowPositions
    entries: list[list[Entry]]
    of_entries: Int[NDArray[np.int64], "entry"]
    of_answers: Int[NDArray[np.int64], "run n_forced pos"] | None
    pairs: list[int]
    of_ends: Int[NDArray[np.int64], "run"] | None = None

    @classmethod
    def of(cls, experiment: BaseExperiment, group: Group, ends: bool = False) -> "Reads":
        """Where a pass of a group is read; with `ends`, the last position of each prompt too."""
        read_positions, host = experiment.evaluation.read_positions, experiment.host_name
        entries = group.entries(read_positions, host)
        pairs = [*group.host_pairs, *(row.pair for row in group.rows)]
        read = [[read_positions.index(host, entry) for entry in each] for each in entries]
        joint = experiment.evaluation.needs_joint
        if not joint and not ends:
            return cls(read, entries, np.arange(sum(map(len, read))), None, pairs)
        answers = range(group.length - 1, group.length + group.n_appended)
        # The first of the forced rows of each run is read at its entries as well.
        row_positions = [
            sorted({*each, *answers} if i == 0 else answers)
            for each in read
            for i in range(group.n_forced)
        ]
        starts = np.cumsum([0, *map(len, row_positions)])
        first_rows = range(0, len(row_positions), group.n_forced)
        of_entries = [
            starts[i] + row_positions[i].index(pos)
            for i, each in zip(first_rows, read, strict=True)
            for pos in each
        ]
        of_answers = (starts[1:, None] - len(answers)) + np.arange(len(answers))
        of_answers = of_answers.reshape(len(read), group.n_forced, len(answers))
        return cls(
            row_positions,
            entries,
            np.array(of_entries, dtype=np.int64),
            of_answers if joint else None,
            pairs,
            of_answers[:, 0, 0],
        )

    @property
    def all_entries(self) -> list[Entry]:
        """The entries of all rows, one row after the other."""
        return list(chain(*self.entries))

    @property
    def rows_of_entries(self) -> list[int]:
        """For each entry the number of its row, host rows first."""
        return [i for i, each in enumerate(self.entries) for _ in each]
