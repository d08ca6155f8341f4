"""Computes the effects of paths: first what every receiver reads differently, then the model from each receiver on.

Costs a sweep over the senders, and for each path a row from its receiver's layer on. In memory are the differences of
one block of receivers and one batch of pairs at a time, and one pass.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import groupby

from jaxtyping import Float
from torch import Tensor

from patchwidgets.edges import FROZEN, Frozen, Path, Receiver
from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.experiment.teacher_forcing import TeacherForced
from patchwidgets.hooks.hooks import Edit, Key
from patchwidgets.methods.paths.differences import Differences, measure_differences
from patchwidgets.methods.paths.injections import Injection, injecting_edits
from patchwidgets.methods.paths.path_packing import ROWS, PathBatch, PathPacking
from patchwidgets.methods.paths.path_rows import Positions, make_path_rows, read_positions
from patchwidgets.methods.paths.recorded import is_recorded, recorded_differences
from patchwidgets.methods.paths.steps import Half, Step, joining_layer, step_of
from patchwidgets.models.forward import forward
from patchwidgets.models.indexing import key_of
from patchwidgets.sites import Patch, Site
from patchwidgets.sweep.batched_edits import batched_edits
from patchwidgets.sweep.continuation import can_continue
from patchwidgets.sweep.cost import default_budget
from patchwidgets.sweep.grid import Grid
from patchwidgets.sweep.grid_values import GridValues
from patchwidgets.sweep.groups import Group
from patchwidgets.sweep.passes import Recording, chained
from patchwidgets.sweep.piecewise import PiecewiseSweep
from patchwidgets.sweep.plan import Method, Plan
from patchwidgets.sweep.recorded_pairs import prompt_ids, record_pairs
from patchwidgets.sweep.row_sweep import check_limits
from patchwidgets.sweep.rows import Row
from patchwidgets.sweep.unembed import MetricReader


class PathSweep(PiecewiseSweep[PathBatch]):
    """Paths of one experiment, computed together.

    Parameters
    ----------
    grid
        The axes of the result; one cell for each path.
    paths
        In the form that `checked_path` returns.
    frozen
        What between the ends of each edge stays as in the host.
    order
        The cells, the most telling first; by default as they come.
    batch
        The most rows in one pass.
    budget
        Bytes in addition to the model. An aim: one pair and one row always run. By default half of what is free; on a
        CPU no more than 128 MiB, 32 MiB per thread or a quarter of the weights, whichever is most.

    Raises
    ------
    PatchError
        A batch or a budget that is not positive.
    CounterpartError
        No path can be computed on any pair.
    """

    def __init__(
        self,
        experiment: BaseExperiment,
        grid: Grid,
        paths: Sequence[Path],
        frozen: Frozen = FROZEN[0],
        order: Sequence[int] | None = None,
        batch: int | None = None,
        budget: float | None = None,
    ) -> None:
        check_limits(batch, budget)
        self.grid, self.paths, self.frozen, self.batch = grid, list(paths), frozen, batch
        self.order = list(range(len(self.paths)) if order is None else order)
        layout = experiment.model.layout
        limit = int(default_budget(layout) if budget is None else budget)
        self._made = make_path_rows(experiment, self.paths)
        method: Method = "descent" if can_continue(experiment) else "plain"
        self._packing = PathPacking(
            experiment,
            self.paths,
            self._made,
            self.order,
            plain=method == "plain",
            budget=limit,
            max_rows=batch or ROWS,
        )
        reader = MetricReader(experiment, True, self._packing.logits_at_once)
        super().__init__(
            experiment,
            self._made.rows,
            len(self.paths),
            self._packing.queue(),
            self._packing.cost,
            reader,
            method,
            limit,
        )
        self._measured: list[Differences] = []
        self._row_of: dict[tuple[Step, int], int] = {}

    def plan(self, workers: int = 1) -> Plan:
        """What will be done, before the model runs; the first plan of a model times a matrix product."""
        batches = list({id(batch): batch for _, batch in self._queue}.values())
        flops = self._flops + sum(map(self._packing.measuring_flops, batches))
        return Plan(
            sites=len(self.paths),
            zero=int(self._effects.zero.sum()),
            unpatchable=int(self._effects.unpatchable.sum()),
            runs=len(self._made.rows.rows),
            groups=len(self._queue),
            flops=flops,
            memory=max((self._packing.memory(*each) for each in self._queue), default=0),
            budget=self.budget,
            method=self.method,
            **self._on_workers(workers, flops),
        )

    def grid_values(self) -> list[GridValues]:
        """The numbers so far, as the only item of a list."""
        return [self.values_of(self.grid)]

    def forget_recording(self) -> None:
        """Free the recorded runs and differences, most of the memory; the next group measures them again."""
        super().forget_recording()
        self._measured = []

    def _recording_flops(self, batch: PathBatch) -> float:
        return self._packing.measuring_flops(batch)

    def _record(self, batch: PathBatch) -> Recording:
        self._measured = []
        pairs, experiment = batch.pairs, self.experiment
        ids = prompt_ids(experiment, pairs)
        chosen = [experiment.pairs[pair] for pair in pairs]
        forced = self._packing.forced_shape(pairs) != (1, 0)
        prompts = TeacherForced(chosen, ids, ids.shape[1])
        rows_of = TeacherForced.of(chosen, ids) if forced else prompts
        first = self._host_keys()
        senders = {key_of(step.sender) for step in batch.steps[0]} - {("embed", None)}
        continued = self.method == "descent"
        host = {*first, *senders} if self._is_recorded(batch) else first
        recording = record_pairs(experiment, prompts, pairs, host, senders, continued)
        self._measure(batch, recording)
        recording.source = {}
        if not forced:
            return recording
        return record_pairs(experiment, rows_of, pairs, first, (), continued)

    @property
    def _final(self) -> Key:
        """The last stream."""
        return ("resid_post", self.experiment.model.n_layers - 1)

    def _is_recorded(self, batch: PathBatch) -> bool:
        """Whether recordings alone tell the differences of a batch: those that senders add to the last stream."""
        layout = self.experiment.model.layout
        direct = batch.wanted == [{self._final}] and "mlp" in self.frozen
        return direct and is_recorded(layout, (step.sender for step in batch.steps[0]))

    def _host_keys(self) -> list[Key]:
        """What is recorded of the host: the stream with which passes begin."""
        return [("resid_pre", 0)]

    def _measure(self, batch: PathBatch, recording: Recording) -> None:
        """Measure what every step of a batch changes, first the senders, then what goes on from them."""
        self._row_of, layout = {}, self.experiment.model.layout
        for steps, wanted in zip(batch.steps, batch.wanted, strict=True):
            rows = list(self._step_rows(steps, batch.pairs))
            if not rows:
                self._measured.append(Differences(0))
                continue
            start = 0 if self.method == "plain" else min(row.start for row, _, _ in rows)
            self._row_of |= {(step, row.pair): i for i, (row, _, step) in enumerate(rows)}
            if self._is_recorded(batch):
                of_rows = [row for row, _, _ in rows]
                made = recorded_differences(layout, recording, of_rows, self._final, start)
                self._measured.append(made)
                continue
            groups = [
                (
                    Group.of(
                        [row for row, _, _ in part],
                        recording.prompts.n_tokens,
                        start,
                        self.method == "plain",
                    ),
                    [half for _, half, _ in part],
                )
                for part in self._parts(rows, wanted, recording, start)
            ]
            steps_of = {row.cell: step for row, _, step in rows}
            self._measured.append(
                measure_differences(
                    layout,
                    recording,
                    groups,
                    partial(self._writes, steps_of),
                    wanted,
                    self.frozen,
                )
            )

    def _step_rows(
        self, steps: Sequence[Step], pairs: Sequence[int]
    ) -> Iterator[tuple[Row, Half, Step]]:
        """The rows of steps in the order of the stream, on the pairs where they change something."""
        layout = self.experiment.model.layout
        for cell, step in enumerate(steps):
            layer = max(0, step.half[0])
            if step.receivers:
                layer = joining_layer(layout, step.receivers[-1])
            for pair in pairs:
                if changed := self._made.changed.get((step, pair), ()):
                    patch = () if step.receivers else (self._made.senders[(step.sender, pair)],)
                    yield Row(cell, pair, changed[0], layer, patch), step.half, step

    def _parts(
        self,
        rows: Sequence[tuple[Row, Half, Step]],
        wanted: set[Key],
        recording: Recording,
        start: int,
    ) -> Iterator[Sequence[tuple[Row, Half, Step]]]:
        """Rows in passes that fit into the memory; a layer at a time, where each row leaves after its own."""
        alone = wanted == {self._final} and "mlp" in self.frozen
        most = self._packing.most_rows(recording.pairs, start)
        for _, of_layer in groupby(rows, key=lambda each: each[0].layer if alone else 0):
            part = list(of_layer)
            yield from (part[i : i + most] for i in range(0, len(part), most))

    def _writes(
        self, steps: Mapping[int, Step], group: Group, recording: Recording
    ) -> dict[Key, Edit]:
        """How the rows of a group of steps begin."""
        if steps[group.rows[0].cell].receivers:
            receivers = [steps[row.cell].receivers[-1] for row in group.rows]
            befores = [steps[row.cell].before for row in group.rows]
            return self._injecting(group, receivers, befores)
        embed: dict[Site, list[int]] = {}
        for i, row in enumerate(group.rows):
            if steps[row.cell].sender.layer is None:
                embed.setdefault(steps[row.cell].sender, []).append(i)
        rows = [
            replace(row, patches=()) if steps[row.cell].sender in embed else row
            for row in group.rows
        ]
        edits = batched_edits(self.experiment, replace(group, rows=tuple(rows)), recording)
        for sender, of_sender in embed.items():
            key, added = ("resid_pre", 0), self._embedding(group, of_sender, sender, recording)
            edits[key] = chained(edits[key], added) if key in edits else added
        return edits

    def _embedding(
        self, group: Group, rows: Sequence[int], sender: Site, recording: Recording
    ) -> Edit:
        """Add to the first stream what another embedding changes there, in one row for each pair."""
        pairs = [group.rows[i].pair for i in rows]
        ids = recording.prompts.ids[[recording.pairs.index(pair) for pair in pairs]]
        layout, key = self.experiment.model.layout, ("resid_pre", 0)
        edits = self.experiment.sources.edits([Patch(sender)], pairs)
        stream = forward(layout, ids, edits, record=[key]).activations[key]
        host = recording.host[key][[recording.pairs.index(pair) for pair in pairs]]
        difference = (stream - host)[:, group.start :]
        written = [len(group.pairs) + i for i in rows]

        def add(first: Float[Tensor, "row pos d_model"]) -> Float[Tensor, "row pos d_model"]:
            changed = first.clone()
            changed[written] += difference.to(changed.device)
            return changed

        return add

    def _edits(self, group: Group, recording: Recording) -> Mapping[Key, Edit]:
        paths = [self.paths[row.cell] for row in group.rows]
        return self._injecting(group, [path.receiver for path in paths], list(map(step_of, paths)))

    def _injecting(
        self, group: Group, receivers: Sequence[Receiver], steps: Sequence[Step]
    ) -> dict[Key, Edit]:
        injections = []
        for row, receiver, step in zip(group.rows, receivers, steps, strict=True):
            number = self._row_of[(step, row.pair)]
            injection = Injection(receiver, number, self._positions(receiver, row.pair))
            injections.append((injection, self._measured[len(step.receivers)]))
        return injecting_edits(self.experiment.model.layout, group, injections)

    def _positions(self, receiver: Receiver, pair: int) -> Positions | None:
        if receiver.pos is None:
            return None
        return read_positions(self.experiment, receiver, self.experiment.pairs[pair])

    def _sources(self, _group: Group) -> Sequence[Patch]:
        return ()
