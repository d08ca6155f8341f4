"""A run of an experiment: an unpatched run with what the experiment's metrics read from it. Costs nothing."""

from collections.abc import Mapping

from patchwidgets.models.run import Run


class MeasuredRun(Run):
    """The clean or the corrupted run of an experiment; it shares the recordings of `run`.

    Attributes
    ----------
    run
        The same run without metrics, which every variant of the experiment shares.
    values
        By the name of the metric, its number over all pairs; the experiment's first metric first.
    """

    def __init__(self, run: Run, values: Mapping[str, float]) -> None:
        super().__init__(run.layout, run.tokenizer, run.prompts, run.batches, run.logits)
        self.run = run
        self.values = dict(values)

    @property
    def value(self) -> float:
        """The first metric of the experiment, over all pairs."""
        return next(iter(self.values.values()))
