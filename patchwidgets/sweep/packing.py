"""What of a sweep runs together, so that it stays inside a memory budget. Known beforehand, and costs nothing."""

from collections.abc import Sequence

from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.hooks.cancellation import cancellation_check
from patchwidgets.hooks.hooks import Key
from patchwidgets.models.run import key_of
from patchwidgets.sweep.cost import Cost
from patchwidgets.sweep.groups import Group, make_groups
from patchwidgets.sweep.rows import Row
from patchwidgets.sweep.savings import Savings

RECORDING_SHARE = 0.4
"""Of the budget, for what is kept of the unpatched runs."""

LOGITS_SHARE = 0.2
"""Of the budget, for the logits that metrics read."""


class Packing:
    """Rows as groups, and pairs as chunks, that fit into a budget.

    Parameters
    ----------
    plain
        All rows run as whole prompts.
    batch
        At most so many runs in one group.

    Attributes
    ----------
    host_keys, source_keys
        What is recorded of the unpatched runs.
    """

    def __init__(
        self,
        experiment: BaseExperiment,
        rows: Sequence[Row],
        savings: Savings,
        plain: bool,
        budget: int,
        batch: int | None,
    ) -> None:
        self._experiment, self._savings, self._plain = experiment, savings, plain
        self._budget, self._batch = budget, batch
        self.sizes = Cost(experiment.model.layout)
        self._by_pair: dict[int, list[Row]] = {}
        self._stop_if_cancelled = cancellation_check()
        for row in rows:
            self._stop_if_cancelled()
            self._by_pair.setdefault(row.pair, []).append(row)
        self.host_keys, self.source_keys = self._keys(rows)
        self._n_keys = len(self.host_keys) + len(self.source_keys)

    def planned(self) -> list[tuple[list[int], list[Group]]]:
        """Chunks of pairs whose unpatched runs are kept at the same time, each with its groups."""
        return [(chunk, self._groups(chunk)) for chunk in self._chunks()]

    def memory(self, chunk: list[int], groups: Sequence[Group]) -> int:
        """Bytes of what is recorded of a chunk, of its largest group and of the logits that are read of it."""
        largest = max(self._size(group) for group in groups)
        return largest + self._recorded(chunk)

    def _size(self, group: Group) -> int:
        """Bytes of a group and of the logits that are read of it at a time."""
        rows, read_positions = (
            len(group.rows) + len(group.pairs),
            self._experiment.evaluation.read_positions.positions,
        )
        entries = rows * max(len(read_positions[pair]) for pair in group.pairs)
        logits = min(entries, self.logits_at_once) * self.sizes.logits()
        return rows * self.sizes.row(group) + logits

    def recording_flops(self, chunk: list[int]) -> float:
        """Arithmetic of a chunk's unpatched runs."""
        pair, host = self._experiment.pairs[chunk[0]], self._experiment.host_name
        runs = [pair.clean, pair.corrupted] if self.source_keys else [pair.prompt(host)]
        return sum(self.sizes.recording_flops(len(chunk), len(run)) for run in runs)

    @property
    def logits_at_once(self) -> int:
        """How many rows of whole logits are read at a time."""
        return max(1, int(LOGITS_SHARE * self._budget) // self.sizes.logits())

    def _keys(self, rows: Sequence[Row]) -> tuple[set[Key], set[Key]]:
        host: set[Key] = set()
        source: set[Key] = set()
        sources = self._experiment.sources
        for row in rows:
            self._stop_if_cancelled()
            for placed in row.placed:
                key, run = key_of(placed.patch.site), sources.run_of(placed.patch.source)
                if run is sources.host:
                    host.add(key)
                elif run is sources.source:
                    source.add(key)
        if not self._plain:
            layers = {row.layer for row in rows} if self._savings.descent else set()
            host |= {("resid_pre", layer) for layer in {0, *layers}}
        return host, source

    def _chunks(self) -> list[list[int]]:
        """Pairs of equal length whose unpatched runs, and their logits, fit into their shares of the budget."""
        chunks = []
        for batch in self._experiment.host.batches:
            pairs = [pair for pair in batch.rows if self._by_pair.get(pair)]
            one = self._recorded(batch.rows[:1])
            size = max(1, min(int(RECORDING_SHARE * self._budget) // one, self.logits_at_once))
            chunks += [pairs[i : i + size] for i in range(0, len(pairs), size)]
        return chunks

    def _recorded(self, chunk: list[int]) -> int:
        pair = self._experiment.pairs[chunk[0]]
        length = max(len(pair.clean), len(pair.corrupted))
        return len(chunk) * self.sizes.recording(self._n_keys, not self._plain, length)

    def _groups(self, chunk: list[int]) -> list[Group]:
        rows = [row for pair in chunk for row in self._by_pair[pair]]
        groups = make_groups(rows, self._experiment, self._savings, self._plain)
        parts = []
        for group in groups:
            self._stop_if_cancelled()
            parts += group.parts(self._most_rows(group, chunk))
        return parts

    def _most_rows(self, group: Group, chunk: list[int]) -> int:
        free = self._budget - self._recorded(chunk) - int(LOGITS_SHARE * self._budget)
        most = max(1, free // self.sizes.row(group) - len(group.pairs))
        return most if self._batch is None else min(most, self._batch)
