"""Packs the rows of paths into passes within the memory budget, the most telling receivers first. Costs nothing."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from patchwidgets.edges import Path, Receiver
from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.experiment.teacher_forcing import forced_shape
from patchwidgets.hooks.hooks import Key
from patchwidgets.methods.paths.path_rows import PathRows
from patchwidgets.methods.paths.steps import Step, reads_key, step_of
from patchwidgets.models.layout import Layout
from patchwidgets.sweep.cost import Cost
from patchwidgets.sweep.groups import Group
from patchwidgets.sweep.packing import MOST_LOGITS
from patchwidgets.sweep.rows import Row

ROWS = 512
"""The most rows in one pass: with more, results come less often, and nothing gets faster."""

HELD_SHARE = 0.4
"""The part of the budget for recordings and differences."""

LOGITS_SHARE = 0.2
"""The part of the budget for the logits that metrics read."""

BLOCKS = 8
"""Where pairs do not run all together: in how many parts receivers come, so that early parts are soon done on all."""


@dataclass(frozen=True, eq=False)
class PathBatch:
    """Pairs of equal length and paths, whose differences are measured together.

    Attributes
    ----------
    pairs
        Their numbers in the task.
    steps
        What all these paths need, by the number of receivers on the way.
    wanted
        The activations whose differences are kept, likewise.
    """

    pairs: list[int]
    steps: list[list[Step]]
    wanted: list[set[Key]]

    @classmethod
    def of(cls, layout: Layout, pairs: list[int], paths: Iterable[Path]) -> "PathBatch":
        """The batch of some pairs and paths."""
        steps: list[dict[Step, None]] = []
        wanted: list[set[Key]] = []

        def add(step: Step, receiver: Receiver) -> None:
            depth = len(step.receivers)
            while len(steps) <= depth:
                steps.append({})
                wanted.append(set())
            steps[depth][step] = None
            wanted[depth].add(reads_key(layout, receiver))
            if step.receivers:
                add(step.before, step.receivers[-1])

        for path in paths:
            add(step_of(path), path.receiver)
        ordered = [sorted(each, key=lambda step: step.half) for each in steps]
        return cls(pairs, ordered, wanted)


@dataclass(eq=False)
class PathPacking:
    """Packs the rows of paths.

    Parameters
    ----------
    experiment, paths, made
        What is computed.
    order
        The cells, the most telling first.
    plain
        Run whole prompts.
    budget
        Bytes in addition to the model.
    max_rows
        The most rows in one pass.
    """

    experiment: BaseExperiment
    paths: Sequence[Path]
    made: PathRows
    order: Sequence[int]
    plain: bool
    budget: int
    max_rows: int

    def __post_init__(self) -> None:
        self.cost = Cost(self.experiment.model.layout)
        self._rows: dict[int, dict[int, Row]] = {}
        for row in self.made.rows.rows:
            self._rows.setdefault(row.pair, {})[row.cell] = row

    @property
    def logits_at_once(self) -> int:
        """For how many entries whole logits are in memory at a time."""
        affordable = int(LOGITS_SHARE * self.budget) // self.cost.logits_bytes()
        return max(1, min(MOST_LOGITS, affordable))

    def forced_shape(self, pairs: Sequence[int]) -> tuple[int, int]:
        """`Group.n_forced` and `Group.n_appended` of some pairs that are recorded together."""
        if not self.experiment.evaluation.needs_joint:
            return 1, 0
        return forced_shape(self.experiment.pairs[pair] for pair in pairs)

    def queue(self) -> list[tuple[Group, PathBatch]]:
        """All groups, in the order in which they are to run."""
        pair_batches = list(self._pair_batches())
        blocks = list(self._blocks(BLOCKS if len(pair_batches) > 1 else 1))
        return [
            (group, batch)
            for block in blocks
            for pairs in pair_batches
            for batch in [self._batch(pairs, block)]
            for group in self._groups(batch, block)
        ]

    def most_rows(self, pairs: Sequence[int], start: int) -> int:
        """How many rows fit into a pass from a position on, beside one host row for each pair."""
        shape = self.forced_shape(pairs)
        group = Group((), start, self._length(pairs), (), self.plain, *shape)
        free = int((1 - HELD_SHARE - LOGITS_SHARE) * self.budget)
        return max(1, min(self.max_rows, free // self.cost.row_bytes(group) - len(pairs)))

    def measuring_flops(self, batch: PathBatch) -> float:
        """Floating-point operations of recording some pairs, and of measuring what each step changes."""
        length = self._length(batch.pairs)
        flops = self.cost.recording_flops(2 * len(batch.pairs), length)
        for steps in batch.steps:
            for step in steps:
                starts = [
                    changed[0]
                    for pair in batch.pairs
                    if (changed := self.made.changed.get((step, pair)))
                ]
                rows = [Row(0, 0, 0, max(0, step.half[0]), ())]
                flops += sum(
                    self.cost.flops(Group((), start, length, tuple(rows), self.plain))
                    for start in starts
                )
        return flops

    def memory(self, group: Group, batch: PathBatch) -> int:
        """Bytes of a pass, with the recordings and differences that are held beside it."""
        wanted = [(depth, key) for depth, keys in enumerate(batch.wanted) for key in keys]
        rows = len(group.rows) + len(group.pairs)
        logits = min(rows, self.logits_at_once) * self.cost.logits_bytes()
        return rows * self.cost.row_bytes(group) + logits + self.held_bytes(batch.pairs, wanted)

    def held_bytes(self, pairs: Sequence[int], wanted: Iterable[tuple[int, Key]]) -> int:
        """Bytes of the recordings of some pairs, and of differences by number of receivers and activation."""
        length = self._length(pairs)
        recording = self.cost.recording_bytes(2 * self._n_keys, not self.plain, length)
        return len(pairs) * (recording + sum(self._bytes(*each, length) for each in wanted))

    def _batch(self, pairs: list[int], block: Sequence[int]) -> PathBatch:
        layout = self.experiment.model.layout
        return PathBatch.of(layout, pairs, (self.paths[cell] for cell in block))

    @cached_property
    def _everything(self) -> PathBatch:
        return self._batch([], range(len(self.paths)))

    @property
    def _n_keys(self) -> int:
        """From how many activations senders copy."""
        return len(
            {(step.sender.component, step.sender.layer) for step in self._everything.steps[0]}
        )

    def _bytes(self, depth: int, key: Key, length: int) -> int:
        """Bytes of the differences of one activation on one pair."""
        component, layer = key
        assert layer is not None
        half = (layer, component in ("mlp_out", "resid_post"))
        n_steps = sum(step.half <= half for step in self._everything.steps[depth])
        return n_steps * self.cost.activation_bytes(component, length)

    def _all_wanted(self) -> list[tuple[int, Key]]:
        return [(depth, key) for depth, keys in enumerate(self._everything.wanted) for key in keys]

    def _pair_batches(self) -> Iterator[list[int]]:
        """Pairs of equal length, as many as fit with all their differences; at least one."""
        for batch in self.experiment.host.batches:
            pairs = [pair for pair in batch.rows if pair in self._rows]
            if not pairs:
                continue
            per_pair = self.held_bytes(pairs[:1], self._all_wanted())
            size = min(int(HELD_SHARE * self.budget) // per_pair, self.logits_at_once)
            size = max(1, size)
            yield from (pairs[i : i + size] for i in range(0, len(pairs), size))

    def _blocks(self, n_blocks: int) -> Iterator[list[int]]:
        """Cells in the order given, with differences that fit into the memory on one pair; at least one receiver's."""
        pair = [max(range(len(self.experiment.pairs)), key=lambda i: len(self.experiment.pairs[i]))]
        limit = int(HELD_SHARE * self.budget)
        block: list[int] = []
        wanted: set[tuple[int, Key]] = set()
        for cell in self.order:
            path = self.paths[cell]
            needed = len(path.receivers) - 1, reads_key(self.experiment.model.layout, path.receiver)
            new = needed not in wanted
            full = new and self.held_bytes(pair, wanted | {needed}) > limit
            if block and (full or (new and len(block) >= len(self.order) / n_blocks)):
                yield block
                block, wanted = [], set()
            block.append(cell)
            wanted.add(needed)
        if block:
            yield block

    def _groups(self, batch: PathBatch, block: Sequence[int]) -> Iterator[Group]:
        """Rows of a block, those of the first cells first, in passes of rows with the same first position."""
        length, shape = self._length(batch.pairs), self.forced_shape(batch.pairs)
        open_rows: dict[int, list[Row]] = {}
        most: dict[int, int] = {}
        for cell in block:
            for pair in batch.pairs:
                row = self._rows[pair].get(cell)
                if row is None:
                    continue
                start = 0 if self.plain else row.start
                if start not in most:
                    most[start] = self.most_rows(batch.pairs, start)
                rows = open_rows.setdefault(start, [])
                rows.append(row)
                if len(rows) >= most[start]:
                    yield Group.of(open_rows.pop(start), length, start, self.plain, shape)
        for start, rows in open_rows.items():
            yield Group.of(rows, length, start, self.plain, shape)

    def _length(self, pairs: Sequence[int]) -> int:
        return len(self.experiment.pairs[pairs[0]].prompt(self.experiment.host_name))
