"""An unpatched run together with the values of an experiment's metrics. Costs nothing."""

from collections.abc import Mapping

from patchwidgets.models.run import Run


class MeasuredRun(Run):
    """The clean or the corrupted run of an experiment, with the values of its metrics.

    It shares the recordings of `run`: what one of them has recorded, the other has too.

    Attributes
    ----------
    run
        The same run without metrics, shared by experiments that differ in direction or metrics.
    values
        By the name of the metric, its value over all pairs; the experiment's first metric first.
    """

    def __init__(self, run: Run, values: Mapping[str, float]) -> None:
        super().__init__(
            run.layout, run.tokenizer, run.prompts, run.batches, run.logits, run.weights
        )
        self.run = run
        self.values = dict(values)

    @property
    def value(self) -> float:
        """The first metric of the experiment, over all pairs."""
        return next(iter(self.values.values()))
