"""Methods of `pw.Experiment` that run one patch, or a few."""

from patchwidgets.directions import Direction
from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.experiment.patch_result import PatchResult
from patchwidgets.experiment.patching import run_patch
from patchwidgets.experiment.reach import Reach, measure_reach, record_runs
from patchwidgets.guesses.answering import answers
from patchwidgets.guesses.arguments import PATCH_ARGUMENTS
from patchwidgets.methods.gate import Gate, Sites, find_gate
from patchwidgets.sites import Patchable, Position


class Patches(BaseExperiment):
    """An experiment that runs patches."""

    @answers(PATCH_ARGUMENTS)
    def patch(
        self,
        *patches: Patchable,
        direction: Direction | None = None,
        record_reach: bool = False,
    ) -> PatchResult:
        """Run the host prompts with some activations replaced.

        Parameters
        ----------
        patches
            Sites, site strings or patches. Several act jointly, in one run; with none, the host runs unpatched.
        direction
            ``"denoise"`` or ``"noise"``; the experiment's own by default.
        record_reach
            Record in the same pass what ``reach()`` of the result needs.

        Raises
        ------
        SiteError, RefusedError, CounterpartError
            A site that this model or prompt does not have, or a position without a counterpart in the other prompt.
        PatchError, WeightsChangedError
            A source that does not fit, or the same site twice; weights that changed since the runs of the experiment.

        Examples
        --------
        >>> round(exp.patch("L0.mlp_out", pw.Patch("L1.H1@-1")).recovery, 2)
        0.41
        """
        experiment = self if direction is None else self.turned(direction)
        return run_patch(experiment, *patches, record_reach=record_reach)

    @answers()
    def gate(self, a: Sites, b: Sites, *, low: float = 0.2, high: float = 0.8) -> Gate:
        """Whether the task needs both of two sites (AND), or one of them will do (OR). Costs six patches.

        Each alone and both together are copied from the clean into the corrupted run, which shows what is *enough*
        (sufficient), and from the corrupted into the clean run, which shows what is *needed* (necessary). Whatever the
        direction of the experiment.

        Parameters
        ----------
        a, b
            A site each, or a list of sites that act as one.
        low, high
            A share up to `low` counts as none, and one from `high` on as all.

        Returns
        -------
        Gate
            ``verdict`` is ``"AND"`` (both together are enough, neither alone is, each is needed), ``"OR"`` (both
            together are needed, neither alone is, each is enough) or ``"neither"``; ``enough`` and ``needed`` hold the
            results. It is of the experiment's first metric. Choose one that is read on the scale of the answer: a logit
            difference adds what comes from both, and shows an AND as two halves.

        Raises
        ------
        PatchError
            Not a site, a site that is in both, or `low` is not below `high`.
        SiteError, RefusedError, CounterpartError, WeightsChangedError
            As in `patch`.

        Notes
        -----
        Heimersheim and Nanda (2024), arXiv:2404.15255.

        Examples
        --------
        Addition takes both numbers.

        >>> sums = pw.Experiment(model, pw.tasks.addition(10, varies="both"), metric=["answer_prob", "logit_diff"])
        >>> gate = sums.gate("embed@a", "embed@b")
        >>> gate
        Gate(AND; answer_prob, 10 pairs)
                     enough                needed
        a = embed@a  0.000 [0.000, 0.000]  1.000 [1.000, 1.000]
        b = embed@b  0.000 [0.000, 0.000]  1.000 [1.000, 1.000]
        both         1.000 [1.000, 1.000]  1.000 [1.000, 1.000]
                             rest corrupted  rest clean
        a         b
        corrupted corrupted           0.000       0.000
        clean     corrupted           0.000       0.000
        corrupted clean               0.000       0.000
        clean     clean               1.000       1.000

        By the logit difference, each of them seems to do half.

        >>> halves = gate.focused("logit_diff")
        >>> halves.verdict, round(halves.enough["a"].share, 2), round(halves.needed["a"].share, 2)
        ('neither', 0.55, 0.56)
        """
        return find_gate(self, a, b, low, high)

    @answers(PATCH_ARGUMENTS)
    def reach(self, *patches: Patchable, pos: Position = -1) -> Reach:
        """How far a patch moves every component from the host towards the source, at one position.

        Parameters
        ----------
        patches
            As in `patch`.
        pos
            A position of the clean prompt, as an index or a name; the corrupted prompt is read at its counterpart.

        Raises
        ------
        PatchError, SiteError
            As in `patch`; or `pos` is a range or None, is out of range, or has no counterpart.

        Examples
        --------
        >>> exp.reach("L0.H1").along["resid_post"].round(2)
        array([0.99, 0.99, 0.99, 0.99], dtype=float32)
        """
        return measure_reach(self, self.checked(patches), pos)

    def record(self) -> None:
        """Record z, attn_out, mlp_out and resid_post of both unpatched runs now, as the first reach would."""
        record_runs(self)
