"""Methods of `pw.Experiment` that run one patch."""

from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.experiment.patch_result import PatchResult
from patchwidgets.experiment.patching import run_patch
from patchwidgets.experiment.reach import Reach, measure_reach, record_runs
from patchwidgets.sites import Patchable, Position


class Patches(BaseExperiment):
    """An experiment that runs patches."""

    def patch(self, *patches: Patchable, record_reach: bool = False) -> PatchResult:
        """Run the host prompts with some activations replaced.

        Parameters
        ----------
        patches
            Sites, site strings or patches. Several act jointly, in one run; with none, the host runs unpatched.
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
        return run_patch(self, *patches, record_reach=record_reach)

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
