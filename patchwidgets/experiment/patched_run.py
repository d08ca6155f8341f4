"""The run of a patch, read like every other run. Costs nothing, and a pass for what is read and not recorded yet."""

import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, overload

from jaxtyping import Float
from torch import Tensor

from patchwidgets.errors import MetricError
from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.experiment.measured_run import MeasuredRun
from patchwidgets.experiment.reading import Reading
from patchwidgets.experiment.readings import Readings
from patchwidgets.guesses.attributes import PATCH_RESULT
from patchwidgets.hooks.hooks import Edit, Key
from patchwidgets.metrics import MetricName
from patchwidgets.models.batches import Batch
from patchwidgets.models.indexing import SiteActivation
from patchwidgets.sites import Patch, Site
from patchwidgets.sources.source import check_one_draw, in_words

_LIKE_A_SITE = re.compile(r"L\d+\b|embed\b")


class PatchedRun(MeasuredRun):
    """The host prompts with a patch; ``exp.patch(...).run``.

    Attributes
    ----------
    patches
        What is written while it runs.
    """

    def __init__(
        self,
        experiment: BaseExperiment,
        patches: Sequence[Patch],
        logits: Float[Tensor, "pair vocabulary"],
        values: Mapping[str, float],
    ) -> None:
        host = experiment.host
        super().__init__(host.run, experiment.host_name, experiment.pairs, values)
        self.run = self  # what it records is its own, and not the host's
        self.logits = logits
        self.batches = [Batch(batch.rows, batch.ids) for batch in host.batches]
        self.patches = tuple(patches)
        self._sources = experiment.sources

    def __repr__(self) -> str:
        patched = " + ".join(map(in_words, self.patches)) or "nothing"
        return f"{super().__repr__().removesuffix(')')}, with {patched} patched)"

    def edits(self, rows: list[int]) -> Mapping[Key, Edit]:
        """Return what the patch writes into some prompts of equal length."""
        return self._sources.edits(self.patches, rows)


class ResultWithRun(Readings):
    """What a patch did, as far as its run is read.

    Attributes
    ----------
    patches
        What was patched jointly.
    logits
        Of the patched run.
    """

    advice = PATCH_RESULT
    patches: tuple[Patch, ...]

    @property
    def logits(self) -> Float[Tensor, "pair vocabulary"]:
        """float32 logits of the patched run at the last position of each prompt."""
        raise NotImplementedError

    @cached_property
    def run(self) -> PatchedRun:
        """The patched run, to be read as ``exp.clean`` is: its activations, logits at any position, patterns, a lens.

        Named positions are those of the task; an index counts in the host's prompts. It is a source of patches too:
        then a component gets what it has when another one is patched. What was read stays in memory with the result.

        Raises
        ------
        PatchError
            The source of a patch is drawn more than once, so that there is no single run to read.

        Examples
        --------
        >>> run = exp.patch("L0.H1").run
        >>> run
        Run('<bos> When Mary and John went to the store, Mary gave a drink to', with L0.H1 patched)
        >>> bool((run["L0.H1"] == exp.clean["L0.H1"]).all())
        True

        How much of the effect of L0.H1 goes through L1.mlp_out? That part alone is copied into the host.

        >>> through = exp.patch(pw.Patch("L1.mlp_out", source=run))
        >>> round(through.effect, 2), round(exp.patch("L0.H1").effect, 2)
        (5.88, 12.64)
        """
        check_one_draw(self.patches, "run")
        values = {name: reading.value for name, reading in self.readings.items()}
        return PatchedRun(self.experiment, self.patches, self.logits, values)

    @overload
    def __getitem__(self, key: MetricName) -> Reading: ...
    @overload
    def __getitem__(self, key: Site) -> SiteActivation: ...
    @overload
    def __getitem__(self, key: str) -> Any: ...
    def __getitem__(self, key: "str | Site") -> Any:
        """Return one metric by its name, as a `Reading`, or a clone of the activation at a site of the patched run.

        Returns
        -------
        Reading or Tensor
            ``r["kl"]``, or ``r["L9.H6@S2"]`` in the shape that ``exp.clean["L9.H6@S2"]`` has.

        Raises
        ------
        MetricError
            The experiment does not measure it, and it is no site.
        SiteError, RefusedError, CounterpartError, WeightsChangedError
            As for ``exp.clean[...]``.
        PatchError
            As for `run`.

        Examples
        --------
        >>> r = exp.patch("L0.H1")
        >>> round(r["logit_diff"].effect, 2), r["L1.H2@S2"].shape
        (12.64, torch.Size([1, 1, 32]))
        """
        if key in self.readings:
            return self.readings[str(key)]
        if isinstance(key, Site) or (isinstance(key, str) and _LIKE_A_SITE.match(key)):
            return self.run[key]
        try:
            return super().__getitem__(key)
        except MetricError as error:
            raise MetricError(
                f"{error} A site, as in r['L0.mlp_out@-1'], gives the activation there in the patched run."
            ) from None
