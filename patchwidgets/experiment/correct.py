"""Which pairs a model gets right. Costs nothing beyond the unpatched runs."""

from typing import Literal, get_args

import numpy as np
from jaxtyping import Bool

from patchwidgets.errors import TaskError, shown
from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.experiment.weak_answers import told_apart

By = Literal["foil", "top"]
"""What counts as right."""


def correct_pairs(experiment: BaseExperiment, by: By | None = None) -> Bool[np.ndarray, "pair"]:
    """Return for each pair whether the model gets it right; see `Experiment.correct`."""
    if by not in (None, *get_args(By)):
        raise TaskError(
            f"by is {shown(by)}; expected 'foil' (the runs tell answer and foil apart) or 'top' (the answer is the "
            "clean run's most probable token)."
        )
    diffs = experiment.measurements.logit_diffs
    if by == "foil" and diffs is None:
        raise TaskError("by='foil' needs a task with foils; by='top' does not.")
    if diffs is None or by == "top":
        top = experiment.clean.logits.argmax(-1).tolist()
        pairs = zip(top, experiment.pairs, strict=True)
        return np.array([token in pair.first_tokens for token, pair in pairs])
    return told_apart(*diffs, experiment.task.foil_expected)
