"""Packs the rows of a sweep into groups that fit into a memory budget, before anything is patched. Costs nothing."""

from collections.abc import Sequence
from typing import NamedTuple

from jaxtyping import Int
from torch import Tensor

from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.experiment.teacher_forcing import TeacherForced, forced_shape
from patchwidgets.hooks.cancellation import cancellation_check
from patchwidgets.hooks.hooks import Key
from patchwidgets.models.indexing import key_of
from patchwidgets.sweep.cost import Cost
from patchwidgets.sweep.groups import Group, make_groups
from patchwidgets.sweep.rows import Row
from patchwidgets.sweep.savings import Savings

RECORDING_SHARE = 0.4
"""The part of the budget for recordings of the unpatched runs."""

LOGITS_SHARE = 0.2
"""The part of the budget for the logits that metrics read."""

MOST_LOGITS = 256
"""For how many entries whole logits are computed at a time, whatever the budget."""

GROUP_TOKENS = {"cpu": 4096, "other": 65536}
"""The most tokens in one group, whatever the budget: with more, nothing gets faster. So numbers are the same to the
last bit wherever the budget suffices, and a group is a piece of work that another process can take."""


class PairBatch(NamedTuple):
    """Pairs of equal length whose unpatched runs are recorded together, and the groups that patch them."""

    pairs: list[int]
    groups: list[Group]


def forced_prompts(
    experiment: BaseExperiment, pairs: Sequence[int], prompts: Int[Tensor, "pair pos"]
) -> TeacherForced:
    """The host prompts of some pairs, continued by answers of several tokens where metrics read them."""
    chosen = [experiment.pairs[pair] for pair in pairs]
    if experiment.evaluation.needs_joint:
        return TeacherForced.of(chosen, prompts)
    return TeacherForced(chosen, prompts, prompts.shape[1])


class Packing:
    """Packs rows into batches of pairs and groups of rows.

    Parameters
    ----------
    plain
        Run all rows as whole prompts.
    budget
        Bytes in addition to the model, an aim: a batch has at least one pair, a group at least one row.
    max_rows
        The most rows in one group; no limit if None.

    Attributes
    ----------
    host_keys, source_keys
        What has to be recorded of the unpatched runs.
    cost
        The model's cost estimates.
    """

    def __init__(
        self,
        experiment: BaseExperiment,
        rows: Sequence[Row],
        savings: Savings,
        plain: bool,
        budget: int,
        max_rows: int | None,
    ) -> None:
        self._experiment, self._savings, self._plain = experiment, savings, plain
        self._budget, self._max_rows = budget, max_rows
        self.cost = Cost(experiment.model.layout)
        self._by_pair: dict[int, list[Row]] = {}
        self._stop_if_cancelled = cancellation_check()
        for row in rows:
            self._stop_if_cancelled()
            self._by_pair.setdefault(row.pair, []).append(row)
        self.host_keys, self.source_keys = self._keys(rows)
        self._n_keys = len(self.host_keys) + len(self.source_keys)

    @property
    def logits_at_once(self) -> int:
        """For how many entries whole logits are in memory at a time."""
        affordable = int(LOGITS_SHARE * self._budget) // self.cost.logits_bytes()
        return max(1, min(MOST_LOGITS, affordable))

    def forced(self, pairs: Sequence[int], prompts: Int[Tensor, "pair pos"]) -> TeacherForced:
        """See `forced_prompts`."""
        return forced_prompts(self._experiment, pairs, prompts)

    def _forced_shape(self, pairs: Sequence[int]) -> tuple[int, int]:
        """`Group.n_forced` and `Group.n_appended` of some pairs that are recorded together."""
        if not self._experiment.evaluation.needs_joint:
            return 1, 0
        return forced_shape(self._experiment.pairs[pair] for pair in pairs)

    def pair_batches(self) -> list[PairBatch]:
        """All rows, packed; recordings and logits of a batch fit into their parts of the budget."""
        batches = []
        for prompts in self._experiment.host.batches:
            pairs = [pair for pair in prompts.rows if self._by_pair.get(pair)]
            per_pair = self._recording_bytes(prompts.rows) // len(prompts.rows)
            size = min(int(RECORDING_SHARE * self._budget) // per_pair, self.logits_at_once)
            size = max(1, size)
            batches += [pairs[i : i + size] for i in range(0, len(pairs), size)]
        return [PairBatch(pairs, self._groups(pairs)) for pairs in batches]

    def memory(self, batch: PairBatch) -> int:
        """Bytes of a batch: its recordings, and the largest group with the logits that are read of it at a time."""
        largest = max(self._group_bytes(group) for group in batch.groups)
        return largest + self._recording_bytes(batch.pairs)

    def recording_flops(self, pairs: list[int]) -> float:
        """Floating-point operations of recording the unpatched runs of a batch's pairs."""
        pair, host = self._experiment.pairs[pairs[0]], self._experiment.host_name
        n_forced, n_appended = self._forced_shape(pairs)
        length = len(pair.prompt(host)) + n_appended
        flops = self.cost.recording_flops(len(pairs) * n_forced, length)
        if self.source_keys:
            source = len(pair.corrupted if host == "clean" else pair.clean)
            flops += self.cost.recording_flops(len(pairs), source)
        return flops

    def _group_bytes(self, group: Group) -> int:
        positions = self._experiment.evaluation.read_positions.positions
        rows = len(group.rows) + len(group.pairs)
        entries = rows * max(len(positions[pair]) for pair in group.pairs)
        logits = min(entries, self.logits_at_once)
        if group.n_appended or group.n_forced > 1:
            logits = max(logits, group.n_forced * (group.n_appended + 1))
        return rows * self.cost.row_bytes(group) + logits * self.cost.logits_bytes()

    def _recording_bytes(self, pairs: list[int]) -> int:
        pair = self._experiment.pairs[pairs[0]]
        n_forced, n_appended = self._forced_shape(pairs)
        length = max(len(pair.clean), len(pair.corrupted)) + n_appended
        rows = len(pairs) * n_forced
        features = self.cost.dictionary_bytes([*self.host_keys, *self.source_keys], length)
        recorded = self.cost.recording_bytes(self._n_keys, not self._plain, length)
        return rows * (recorded + features)

    def _keys(self, rows: Sequence[Row]) -> tuple[set[Key], set[Key]]:
        """What patches read of the host and the source run, and the residual stream with which a descent begins."""
        host: set[Key] = set()
        source: set[Key] = set()
        sources = self._experiment.sources
        for row in rows:
            self._stop_if_cancelled()
            for patch in row.patches:
                key, run = key_of(patch.patch.site), sources.run_of(patch.patch.source)
                if run is sources.host:
                    host.add(key)
                elif run is sources.source:
                    source.add(key)
        if not self._plain:
            host.add(("resid_pre", 0))
        return host, source

    def _groups(self, pairs: list[int]) -> list[Group]:
        rows = [row for pair in pairs for row in self._by_pair[pair]]
        groups = []
        shape = self._forced_shape(pairs)
        for group in make_groups(rows, self._experiment, self._savings, self._plain, shape):
            self._stop_if_cancelled()
            for block in group.blocks(self._most_at_all(group)):
                groups += block.split(self._most_rows(block, pairs))
        return groups

    def _most_at_all(self, group: Group) -> int:
        """How many rows make `GROUP_TOKENS`."""
        device = self._experiment.model.layout.device.type
        tokens = GROUP_TOKENS.get(device, GROUP_TOKENS["other"])
        return max(1, tokens // (group.n_forced * group.positions))

    def _most_rows(self, group: Group, pairs: list[int]) -> int:
        """How many rows of a group fit into the budget, beside recordings, logits and host rows."""
        free = self._budget - self._recording_bytes(pairs) - int(LOGITS_SHARE * self._budget)
        most = max(1, free // self.cost.row_bytes(group) - len(group.pairs))
        return most if self._max_rows is None else min(most, self._max_rows)
