"""A path with all that a patch shows: its numbers, the next tokens, and how far each component after it moved.

Costs what `Experiment.path` costs, and one pass over the host prompts.
"""

import time
from collections.abc import Mapping

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from patchwidgets.edges import FROZEN, Frozen, Path, Receiver
from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.experiment.reach import Reach
from patchwidgets.experiment.reach_sums import ReachBaseline, ReachSums, reach_keys
from patchwidgets.experiment.reading import Reading
from patchwidgets.experiment.run_chart import N_TOKENS
from patchwidgets.experiment.top_token_rows import TopTokenRow, top_token_rows
from patchwidgets.hooks.cancellation import Cancelled
from patchwidgets.hooks.hooks import Edit, Key
from patchwidgets.methods.paths.api import PathResult, edge_grid, readings_of
from patchwidgets.methods.paths.injections import written_key
from patchwidgets.methods.paths.path_packing import PathBatch
from patchwidgets.methods.paths.path_rows import read_positions
from patchwidgets.methods.paths.path_sweep import PathSweep
from patchwidgets.methods.paths.steps import checked_path, reads_key, step_of
from patchwidgets.models.batches import Batch
from patchwidgets.models.forward import forward
from patchwidgets.models.model import Model
from patchwidgets.models.top_tokens import TopToken, select_pair, top_tokens
from patchwidgets.sites import HEAD_COMPONENTS, NEURON_COMPONENTS, Site
from patchwidgets.sweep.passes import Recording


class TracedPath(PathResult):
    """What a path did, with what a `PatchResult` shows of a patch.

    Attributes
    ----------
    logits
        float32 logits of the changed run at the last position of each prompt.
    seconds
        How long it took.
    """

    def __init__(
        self,
        experiment: BaseExperiment,
        readings: dict[str, Reading],
        path: Path,
        frozen: Frozen,
        logits: Float[Tensor, "pair vocabulary"],
        reach: ReachSums,
        seconds: float,
    ) -> None:
        super().__init__(experiment, readings, path, frozen)
        self.logits, self.seconds = logits, seconds
        self._reach = reach

    def reach(self, pair: int | None = None) -> Reach:
        """How far every component moved towards the source at the last position: of one pair, or of all.

        NaN for what is on the way, and for the ``attn_out`` that its heads are part of: only the next reader sees its
        change, and no pass has it in it.
        """
        reach = Reach.of(self._reach, len(self.experiment.pairs[pair or 0]) - 1, pair)
        for component, at in on_the_way(self.path, self.experiment.model):
            for of_quantity in (reach.along, reach.size, reach.cos):
                of_quantity[component][at] = np.nan
        return reach

    def top_tokens(self, k: int = 5, pair: int | None = None) -> list[TopTokenRow]:
        """The `k` next tokens that are most probable in any of the three runs, as `PatchResult.top_tokens`."""
        exp = self.experiment
        runs = {
            "clean": exp.clean.logits,
            "patched": self.logits,
            "corrupted": exp.corrupted.logits,
        }
        return top_token_rows(exp.model.token_strings, runs, k, pair)

    def run_tokens(self, k: int = 5, pair: int | None = None) -> list[TopToken]:
        """The `k` most probable next tokens of the changed run, as `PatchResult.run_tokens`."""
        return top_tokens(self.experiment.model.tokenizer, select_pair(self.logits, pair), k)

    def _known_tokens(self, pair: int | None) -> list[TopToken]:
        return self.run_tokens(N_TOKENS, pair)

    def without_logits(self) -> PathResult:
        """Return the same numbers without the logits, which are most of what a result takes in memory."""
        return PathResult(self.experiment, self.readings, self.path, self.frozen)


def trace_path(
    experiment: BaseExperiment, path: str | Path, frozen: Frozen = FROZEN[0]
) -> TracedPath:
    """Run a path as `Experiment.path` does, and see what it reaches; errors are as there."""
    started = time.perf_counter()
    checked = checked_path(experiment.model, path)
    sweep = _OnePath(experiment, checked, frozen)
    for _ in sweep.run():
        pass
    if sweep.progress.left:
        raise Cancelled
    readings = readings_of(sweep)
    logits = torch.zeros_like(experiment.host.logits)
    sums = ReachSums(len(experiment.pairs))
    for batch in experiment.host.batches:
        output = forward(
            experiment.model.layout, batch.ids, sweep.edits_of(batch), reach_keys(experiment)
        )
        logits[batch.rows] = output.logits[:, -1]
        baseline = ReachBaseline.of(experiment, batch, -1)
        sums.add(batch.rows, baseline.sums(baseline.at_position(output.activations)))
    experiment.check_weights(())
    seconds = time.perf_counter() - started
    return TracedPath(experiment, readings, checked, frozen, logits, sums, seconds)


def on_the_way(path: Path, model: Model) -> list[tuple[str, tuple[int, ...]]]:
    """The components before the last receiver, of a `Reach`, each with its layer and head."""
    found: list[tuple[str, tuple[int, ...]]] = []
    parts: list[Site | Receiver] = [path.sender, *path.receivers[:-1]]
    for part in parts:
        layer, index = part.layer, part.index
        if layer is None:
            continue
        if part.component in NEURON_COMPONENTS | {"mlp_in", "mlp_out"}:
            found.append(("mlp_out", (layer,)))
        elif part.component in HEAD_COMPONENTS | {"attn_out"}:
            found.append(("attn_out", (layer,)))
            if index is not None:
                shared = model.n_heads // model.n_kv_heads if part.kv else 1
                found += [("z", (layer, index * shared + i)) for i in range(shared)]
    return found


class _OnePath(PathSweep):
    """One path, which keeps what its receiver reads differently on each pair."""

    def __init__(self, experiment: BaseExperiment, path: Path, frozen: Frozen) -> None:
        super().__init__(experiment, edge_grid([path], frozen), [path], frozen)
        self._received: dict[int, tuple[int, Tensor]] = {}

    @property
    def _path(self) -> Path:
        return self.paths[0]

    def _record(self, batch: PathBatch) -> Recording:
        recording = super()._record(batch)
        layout, receiver, step = (
            self.experiment.model.layout,
            self._path.receiver,
            step_of(self._path),
        )
        differences = self._measured[len(step.receivers)]
        for pair in batch.pairs:
            if (number := self._row_of.get((step, pair))) is not None:
                changed = differences.by_key[reads_key(layout, receiver)][number]
                of_receiver = changed if receiver.index is None else changed[:, receiver.index]
                self._received[pair] = differences.start, of_receiver.clone()
        return recording

    def edits_of(self, batch: Batch) -> Mapping[Key, Edit]:
        """What the path writes into a batch of the host run: its receiver sees the difference."""
        receiver, received = self._path.receiver, self._received
        rows = [i for i, pair in enumerate(batch.rows) if pair in received]
        if not rows:
            return {}

        def add(activation: Float[Tensor, "row pos *unit"]) -> Float[Tensor, "row pos *unit"]:
            changed = activation.clone()
            for i in rows:
                start, difference = received[batch.rows[i]]
                pos = self._seen(batch.rows[i], start, len(difference))
                part = difference[[p - start for p in pos]].to(changed)
                if receiver.index is None:
                    changed[i, pos] += part
                else:
                    changed[i, pos, receiver.index] += part
            return changed

        return {written_key(self.experiment.model.layout, receiver): add}

    def _seen(self, pair: int, start: int, length: int) -> list[int]:
        """The positions at which the receiver reads the difference."""
        asked = read_positions(self.experiment, self._path.receiver, self.experiment.pairs[pair])
        everywhere = range(start, start + length)
        return [pos for pos in everywhere if asked is None or pos in asked]
