"""`pw.Experiment` and `pw.explore`: an experiment with every method, by subject from the modules of this folder."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool

from patchwidgets.directions import Direction
from patchwidgets.experiment.correct import By, correct_pairs
from patchwidgets.facade.circuits import Circuits
from patchwidgets.facade.effects import Effects
from patchwidgets.facade.estimates import Estimates
from patchwidgets.facade.generation import Generations
from patchwidgets.facade.patches import Patches
from patchwidgets.facade.paths import Paths
from patchwidgets.guesses.answering import answers
from patchwidgets.guesses.arguments import PATCH_ARGUMENTS
from patchwidgets.hooks.interrupts import Uninterrupted
from patchwidgets.metrics import MetricSpec
from patchwidgets.models.model import Model
from patchwidgets.sites import Component, Patchable
from patchwidgets.tasks import Task

if TYPE_CHECKING:
    from patchwidgets.explorer.widget import PatchExplorer


class Experiment(Patches, Effects, Paths, Generations, Circuits, Estimates):
    """A model and a task, with the clean and the corrupted run and patches between them.

    Parameters
    ----------
    model
        From `load` or `wrap`.
    task
        One pair of prompts or a dataset.
    metric
        A name, a callable over a `Readout`, or a list of either; the first one is shown. A metric is read at the last
        position of the prompt, or at the position after an ``@``, as in sites: ``"kl@-3"``, ``"kl@S2"``, ``"kl@3:7"``
        (the mean over these positions). A callable gets its position from `At`: ``pw.At(mine, "S2")``.
    direction
        ``"denoise"``: the corrupted run gets clean activations (what is enough). ``"noise"``: the clean run gets
        corrupted activations (what is needed). The two are not symmetric.

    Attributes
    ----------
    metrics
        The metrics by name, in order; the first one is shown.
    clean, corrupted
        The unpatched runs: ``value``, ``values`` (by metric), ``logits``, ``tokens``, ``top_tokens(5)``.
    host, source
        The same two runs: the one that is patched, and the one whose activations are spliced in.
    accuracy
        The share of pairs on which the model does the task: the clean run prefers the answer to the foil, and the
        corrupted run the foil to the answer (unless the task says ``foil_expected=False``). Below one half, this is
        warned of when the experiment is made.
    warnings
        Sentences about what makes effects explain little.
    noise_floor
        By the name of the metric, in its unit: how much an unpatched run changes when it is computed in another batch.
    interrupted
        Results of the last sweep that was interrupted (Ctrl-C), as `sweep_many` returns them; NaN where not done.

    Raises
    ------
    TaskError, AnswerError
        The task cannot be compared or scored with this tokenizer.
    MetricError, SiteError
        An unknown metric, one that needs a foil the task does not have, or a position at which it is not defined.

    Examples
    --------
    >>> exp = pw.Experiment(model, task, metric=["logit_diff", "kl"])
    >>> round(exp.clean.value, 2), round(exp.corrupted.value, 2)
    (6.59, -6.15)
    """

    def correct(self, by: By | None = None) -> Bool[np.ndarray, "pair"]:
        """Which pairs the model gets right, as True or False for each: for ``task.where(exp.correct())``.

        Parameters
        ----------
        by
            ``"foil"``: the clean run prefers the answer to the foil, and the corrupted run the foil to the answer
            (unless the task says ``foil_expected=False``); `accuracy` is the mean of this. ``"top"``: the most probable
            token of the clean run is an answer, or the first token of one. By default ``"foil"``, if the task has one.

        Raises
        ------
        TaskError
            Another word, or ``"foil"`` of a task without.

        Examples
        --------
        >>> sums = pw.Experiment(model, pw.tasks.modular(50, modulus=5))
        >>> int(sums.correct().sum()), int(sums.correct("top").sum()), sums.accuracy
        (50, 50, 1.0)
        """
        return correct_pairs(self, by)

    @answers(PATCH_ARGUMENTS)
    def explore(self, *selection: Patchable) -> "PatchExplorer":
        """Open the explorer widget of this experiment, with these sites or patches to begin with.

        Raises
        ------
        PatchError, SiteError, RefusedError
            As of `PatchExplorer.select`, where one of them is no string. The explorer itself says what is wrong with a
            string.

        Examples
        --------
        >>> exp.explore("L0.H1").selection
        ['L0.H1']
        >>> exp.explore(pw.Patch("L0.H1", pw.sources.zero())).result
        PatchResult(L0.H1 = zero(), denoise: logit diff ...)
        """
        with Uninterrupted():
            from patchwidgets.explorer.widget import PatchExplorer

        return PatchExplorer(self, list(selection))

    def to_html(
        self,
        path: str | Path | None = None,
        *selection: Patchable,
        components: Sequence[Component] = ("z", "attn_out", "mlp_out", "resid_pre"),
    ) -> str:
        """The explorer as one HTML file, as `PatchExplorer.to_html`, with these sites or patches.

        Examples
        --------
        >>> exp.to_html(None, "L0.H1")[:15]
        '<!doctype html>'
        """
        explorer = self.explore(*selection)
        try:
            return explorer.to_html(path, components)
        finally:
            explorer.close()


@answers(example="pw.explore(model, task), or exp.explore('L9.H6') of an experiment")
def explore(
    model: Model, task: Task, metric: MetricSpec = "logit_diff", direction: Direction = "denoise"
) -> "PatchExplorer":
    """Open the explorer of a task on a model, in one line; the parameters are those of `Experiment`.

    Raises
    ------
    ArgumentError
        An experiment, which has a method of this name, or too many arguments.
    ModelError, TaskError, AnswerError, MetricError, SiteError
        As of `Experiment`.

    Examples
    --------
    >>> pw.explore(model, task).selection
    []
    """
    return Experiment(model, task, metric, direction).explore()
