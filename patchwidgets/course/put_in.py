"""Lecture 6: what a basis predicts for a number, put in the place of the number that differs."""

from functools import cached_property
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from patchwidgets import helix
from patchwidgets.errors import TaskError
from patchwidgets.experiment.patch_result import PatchResult
from patchwidgets.facade.experiment import Experiment
from patchwidgets.metrics import MetricSpec

SITE = "L0.resid_pre"
"""Where numbers are replaced: as they enter the first layer."""

Periods = tuple[float, ...]


class _Key(NamedTuple):
    periods: Periods
    degree: int
    metric: MetricSpec | None


class PutIn:
    """Puts what a basis predicts in the place of the number that differs, and keeps the runs.

    Parameters
    ----------
    exp
        Additions in whose prompts one of the two numbers differs.
    """

    def __init__(self, exp: Experiment) -> None:
        self._exp = exp.turned("denoise")
        self._results: dict[_Key, PatchResult] = {}

    @cached_property
    def _operands(self) -> tuple[str, Int[np.ndarray, "pair"]]:
        clean, corrupted = (helix.operands(self._exp.task, run) for run in ("clean", "corrupted"))
        differ = [bool((clean[:, i] != corrupted[:, i]).any()) for i in range(2)]
        if sum(differ) != 1:
            raise TaskError(
                "Expected additions of which one number differs, as in pw.tasks.addition(varies='a'); here "
                f"{'both differ' if all(differ) else 'none does'}."
            )
        column = differ.index(True)
        return "ab"[column], clean[:, column]

    @property
    def operand(self) -> str:
        """Which of the two numbers differs, ``"a"`` or ``"b"``."""
        return self._operands[0]

    @cached_property
    def _activations(self) -> Float[np.ndarray, "number d"]:
        return helix.number_activations(self._exp.model, SITE)

    def _predicted(self, periods: Periods, degree: int) -> Float[np.ndarray, "number d"]:
        features = helix.Basis(periods, degree).features(helix.NUMBERS)
        return helix.cross_validated(features, self._activations)

    def r2(self, periods: Periods) -> float:
        """R² of the predictions on numbers that the fit has not seen."""
        return helix.r2(self._activations, self._predicted(periods, 1))

    def result(
        self, periods: Periods, degree: int = 1, metric: MetricSpec | None = None
    ) -> PatchResult:
        """The patched run."""
        key = _Key(periods, degree, metric)
        if key not in self._results:
            exp = self._exp if metric is None else self._exp.measuring(metric)
            operand, numbers = self._operands
            values = self._predicted(periods, degree)[numbers]
            self._results[key] = helix.patch_values(exp, f"{SITE}@{operand}", values)
        return self._results[key]

    def errors(self, periods: Periods, degree: int = 1) -> helix.AnswerErrors:
        """What the model says then."""
        return helix.answer_errors(self.result(periods, degree))
