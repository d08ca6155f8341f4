"""The unpatched runs of a task: the clean and the corrupted one, and how far they are off when they are run again.

Making them costs a forward pass over the clean and one over the corrupted prompts, and one of the first batch of both.
Metrics at other positions than the last cost each of these once more, when they are first asked for.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from patchwidgets.forced import Scored, scored_pass
from patchwidgets.hooks import Edit, Key
from patchwidgets.metrics import Metric
from patchwidgets.reads import Reads
from patchwidgets.run import Run
from patchwidgets.scores import Scores
from patchwidgets.tasks import Pair

if TYPE_CHECKING:
    from patchwidgets.model import Model


class Unpatched:
    """The runs that every patch of a task is compared with.

    Attributes
    ----------
    clean, corrupted
        Without the values of metrics, which belong to an experiment.
    """

    def __init__(self, model: "Model", pairs: Sequence[Pair]) -> None:
        self._model, self._pairs = model, pairs
        self.clean = Run(model, [pair.clean for pair in pairs])
        self.corrupted = Run(model, [pair.corrupted for pair in pairs])
        several = any(pair.long_answers for pair in pairs)
        runs = {"clean": self.clean, "corrupted": self.corrupted}
        self._joint = {name: self._joint_of(run) for name, run in runs.items()} if several else None
        self._again: dict[tuple[tuple[int, ...], ...], Scored] = {}

    def scores(self, metrics: dict[str, Metric]) -> Scores:
        """Read both runs wherever the metrics want it.

        Raises
        ------
        SiteError, MetricError
            A position that the prompts do not have, or at which a metric is not defined.
        """
        reads = Reads.of(metrics.values(), self._pairs)
        entries = reads.entries(range(len(self._pairs)))
        logits = {
            "clean": self.clean.logits_at(entries),
            "corrupted": self.corrupted.logits_at(entries),
        }
        return Scores(metrics, self._pairs, reads, logits, self._joint)

    def noise_floor(self, scores: Scores) -> dict[str, float]:
        """Per metric how far an unpatched run is off in another batch, at the positions that it reads."""
        rows = self.clean.batches[0].rows
        again = self._run_again(tuple(scores.reads.positions[row] for row in rows))
        logits, joint = (
            None if each is None else dict(zip(("clean", "corrupted"), each.chunk(2), strict=True))
            for each in (again.read, again.joint)
        )
        eps = torch.finfo(self._model.hf_model.dtype).eps
        return scores.noise_floor(logits or {}, rows, eps, joint)

    def scored_pass(
        self,
        rows: Sequence[int],
        ids: Tensor,
        edits: Mapping[Key, Edit] | None = None,
        record: Iterable[Key] = (),
        reads: Sequence[Sequence[int]] | None = None,
    ) -> Scored:
        """One pass over prompts ``[row, pos]`` of the pairs in `rows`, as of `forced.scored_pass`."""
        pairs = [self._pairs[row] for row in rows]
        return scored_pass(self._model.anatomy, pairs, ids, edits, record, reads)

    def _run_again(self, reads: tuple[tuple[int, ...], ...]) -> Scored:
        """The first batch when clean and corrupted prompts run together: what differs from before is noise."""
        if reads not in self._again:
            clean, corrupted = self.clean.batches[0], self.corrupted.batches[0]
            ids = torch.cat([clean.ids, corrupted.ids])
            self._again[reads] = self.scored_pass(2 * clean.rows, ids, reads=2 * reads)
        return self._again[reads]

    def _joint_of(self, run: Run) -> Tensor:
        """Of answers of several tokens the joint log-probabilities, ``[pair, 2]``."""
        joint = run.logits.new_empty(len(self._pairs), 2)
        for batch in run.batches:
            joint[batch.rows] = self.scored_pass(batch.rows, batch.ids).joint  # type: ignore[assignment]
        return joint
