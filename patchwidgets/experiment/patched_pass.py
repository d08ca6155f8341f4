"""One batch of the host prompts, run again with some activations replaced. Costs one forward pass."""

from collections.abc import Iterable, Sequence

from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.experiment.teacher_forcing import ScoredOutput
from patchwidgets.hooks.hooks import Key
from patchwidgets.models.batches import Batch
from patchwidgets.sites import Patch


def patched_pass(
    experiment: BaseExperiment, patches: Sequence[Patch], batch: Batch, record: Iterable[Key] = ()
) -> ScoredOutput:
    """Run a batch of the host run with joint patches, and read it where the metrics do."""
    pairs, host = batch.rows, experiment.host_name
    read_positions = experiment.evaluation.read_positions
    return experiment.measurements.baselines.scored_pass(
        pairs,
        batch.ids,
        experiment.sources.edits(patches, pairs),
        record,
        [read_positions.in_prompt(host, pair) for pair in pairs],
    )
