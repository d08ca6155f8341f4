"""What a patch did: every metric with its effect, share and recovery, the top tokens of the three runs, the reach."""

from collections.abc import Iterable, Sequence
from itertools import product
from typing import TYPE_CHECKING

import torch
from jaxtyping import Float
from torch import Tensor

from patchwidgets.errors import listed
from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.experiment.lenses import LensedResult
from patchwidgets.experiment.patch_chart import patch_passage
from patchwidgets.experiment.patched_pass import patched_pass
from patchwidgets.experiment.patched_run import ResultWithRun
from patchwidgets.experiment.patterns import pattern_of_patch
from patchwidgets.experiment.reach import Reach, measure_reach
from patchwidgets.experiment.reach_sums import ReachSums
from patchwidgets.experiment.reading import Reading
from patchwidgets.experiment.run_chart import N_TOKENS, run_chart
from patchwidgets.experiment.top_token_rows import TopTokenRow, top_token_rows
from patchwidgets.experiment.written import written_in_patch
from patchwidgets.models.answer_tokens import AnswerSpec
from patchwidgets.models.logit_attribution import LogitAttribution
from patchwidgets.models.run import Run
from patchwidgets.models.top_tokens import TopToken, select_pair, top_tokens
from patchwidgets.models.written import Written
from patchwidgets.sites import Patch, Position, Site
from patchwidgets.sources.source import check_one_draw, draws_of, in_words

if TYPE_CHECKING:
    import xarray as xr


class PatchResult(ResultWithRun, LensedResult):
    """What a patch, or several joint patches, did.

    Attributes
    ----------
    value, effect, share, recovery
        The numbers of the experiment's first metric, over pairs. Other metrics: ``result["kl"].effect``.
    run
        The patched run: ``result.run["L9.H6"]``, or ``result["L9.H6"]`` in short, is the activation in it.
    reason
        Why share and recovery are undefined; None where they are defined.
    per_pair
        The same four numbers for single pairs.
    draws, spread
        Of a source that is drawn at random (`sources.resample`, `sources.noise`): the value in each draw and pair, of
        which the numbers above are means, and how much the effect varies from draw to draw.
    readings
        Every metric as a `Reading`, by name, in the experiment's order.
    logits
        float32 logits of the patched run at the last position of each prompt; of several draws their mean. The history
        of an explorer keeps them of its last result alone; reading those of an earlier one runs the patch again, each
        time.
    patches, sites
        What was patched jointly: as `Patch` objects, and their sites as strings.
    experiment
        The experiment in which it was patched.
    seconds
        How long the patch took: the patched passes, the first recording of its source, and reading the metrics.

    Examples
    --------
    >>> exp.patch("L0.H1")
    PatchResult(L0.H1, denoise: logit diff +6.49..., effect +12.64..., recovery 0.99...)
    >>> round(exp.patch("L0.H1").effect, 1)
    12.6
    """

    def __init__(
        self,
        experiment: BaseExperiment,
        patches: Sequence[Patch],
        readings: dict[str, Reading],
        logits: Float[Tensor, "pair vocabulary"] | None,
        seconds: float,
        reach: ReachSums | Reach | None = None,
    ) -> None:
        self.patches = tuple(patches)
        super().__init__(experiment, readings)
        self._logits = logits
        self.seconds = seconds
        self._reach = reach

    def without_logits(self) -> "PatchResult":
        """Return the same numbers without the logits, which are most of what a result takes in memory.

        Examples
        --------
        >>> light = exp.patch("L0.H1").without_logits()
        >>> round(light.effect, 1), tuple(light.logits.shape)
        (12.6, (1, 448))
        """
        reach = None if self._reach is None else self.reach()
        return PatchResult(self.experiment, self.patches, self.readings, None, self.seconds, reach)

    @property
    def logits(self) -> Float[Tensor, "pair vocabulary"]:
        """float32 logits of the patched run; computed again where they were dropped."""
        if self._logits is not None:
            return self._logits
        self.experiment.check_weights(self.patches)
        logits, draws = torch.zeros_like(self.experiment.host.logits), draws_of(self.patches)
        for drawn, batch in product(draws, self.experiment.host.batches):
            output = patched_pass(self.experiment, drawn, batch)
            logits[batch.rows] += output.logits / len(draws)
        return logits

    @property
    def sites(self) -> tuple[str, ...]:
        """The sites that were patched, as strings."""
        return tuple(str(patch.site) for patch in self.patches)

    def __repr__(self) -> str:
        patched = listed([in_words(patch) for patch in self.patches]) or "nothing"
        return f"PatchResult({patched}, {self.in_words})"

    def top_tokens(self, k: int = 5, pair: int | None = None) -> list[TopTokenRow]:
        """The `k` next tokens that are most probable in any of the three runs, with their scores in each run.

        Parameters
        ----------
        k
            How many tokens.
        pair
            The number of one pair; by default, means over all pairs.

        Examples
        --------
        >>> for row in exp.patch("L0.H1").top_tokens(2):
        ...     print(row.token, round(row.patched.prob, 3), round(row.corrupted.prob, 3))
         Mary 0.997 0.002
         John 0.002 0.996
        """
        exp = self.experiment
        runs = {
            "clean": exp.clean.logits,
            "patched": self.logits,
            "corrupted": exp.corrupted.logits,
        }
        return top_token_rows(exp.model.token_strings, runs, k, pair)

    def run_tokens(self, k: int = 5, pair: int | None = None) -> list[TopToken]:
        """The `k` most probable next tokens of the patched run alone; `top_tokens` compares all three runs.

        Parameters
        ----------
        k
            How many tokens.
        pair
            The number of one pair; by default, the tokens of largest mean probability over all pairs.

        Examples
        --------
        >>> [token.token for token in exp.patch("L0.H1").run_tokens(2)]
        [' Mary', ' John']
        """
        return top_tokens(self.experiment.model.tokenizer, select_pair(self.logits, pair), k)

    def logit_attribution(
        self,
        answer: AnswerSpec | None = None,
        foil: AnswerSpec | None = None,
        pos: int | str = -1,
        neurons: int | Iterable[int] = (),
        scale_of: Run | None = None,
    ) -> LogitAttribution:
        """Split the logit difference of the patched run into the parts that each component writes in it.

        Parameters
        ----------
        answer, foil, pos, neurons, scale_of
            As in ``exp.clean.logit_attribution()``; an index `pos` counts in the host's prompts.

        Raises
        ------
        MetricError, AnswerError, TaskError, SiteError, RefusedError, WeightsChangedError
            As there.
        PatchError
            The source of a patch is drawn more than once, so that there is no single run to split.

        Examples
        --------
        >>> parts = exp.patch("L0.H1").logit_attribution()
        >>> round(parts["L1.mlp_out"], 1), round(parts.total, 1)
        (2.6, 6.5)
        """
        self.experiment.check_weights(self.patches)
        check_one_draw(self.patches, "logit_attribution()")
        return self.run.logit_attribution(answer, foil, pos, neurons, scale_of)

    def written(
        self, site: str | Site, pos: int | str = -1, *, k: int = 5, pair: int = 0
    ) -> dict[str, Written]:
        """The tokens that a head writes in the three runs, each with the scale that the final norm has in it.

        Parameters
        ----------
        site, pos, k, pair
            As of ``exp.clean.written()``; `pos` counts in the clean prompt, and the other one is read at its
            counterpart.

        Returns
        -------
        dict
            ``clean``, ``patched`` and ``corrupted``, each a `Written` with its tokens `up` and `down`.

        Raises
        ------
        SiteError, LensError, RefusedError, TaskError, WeightsChangedError
            As there.
        CounterpartError
            The position has no counterpart in the corrupted prompt.
        PatchError
            The source of a patch is drawn more than once, so that there is no single run to read.

        Examples
        --------
        >>> written = exp.patch("L0.H1").written("L0.H1", k=1)
        >>> {run: tokens.up[0].token for run, tokens in written.items()}
        {'clean': ' bone', 'patched': ' bone', 'corrupted': ' 168'}
        """
        return written_in_patch(self.experiment, self.patches, site, pos, k, pair)

    def pattern(self, site: str | Site, pair: int | None = None) -> "xr.DataArray":
        """The attention pattern of a head in the three runs, and how the patch changed it.

        Parameters
        ----------
        site
            A head such as ``"L23.H3"``, or ``"L23.pattern"`` for all heads of a layer.
        pair
            The number of one pair; None for all, whose prompts must then have one length.

        Returns
        -------
        DataArray
            Probabilities over ``run`` (``clean``, ``patched``, ``corrupted``, and ``difference``: patched − host),
            ``pair`` if there are several, ``head`` for all heads, ``query`` and ``key``, with the tokens of each run as
            ``query_token`` and ``key_token``. A shorter prompt has NaN at the positions that it lacks. Of several draws
            it is the mean.

        Raises
        ------
        SiteError, RefusedError
            No head, a position, patterns that the model does not show, or pairs of several lengths.
        TaskError
            There is no such pair.
        WeightsChangedError
            The weights have changed since the runs of the experiment.

        Examples
        --------
        >>> pattern = exp.patch("L0.H1").pattern("L1.H1")
        >>> pattern.sel(query=14, key=2).to_series().round(2)
        run
        clean         0.37
        patched       0.37
        corrupted     0.17
        difference    0.20
        Name: pattern, dtype: float64
        """
        return pattern_of_patch(self.experiment, self.patches, site, pair)

    def to_mermaid(self, pair: int | None = None) -> str:
        r"""The three runs as a flowchart in Mermaid's language, which GitHub, notebooks and many editors draw.

        Each run goes from its prompt over what was patched to its next tokens and the first metric, and then into the
        comparison and the effect. Of more than six patches the first ones are drawn, by layer.

        Parameters
        ----------
        pair
            The number of one pair; by default, numbers over all pairs beside the prompt of the first one.

        Raises
        ------
        TaskError
            There is no such pair.

        Examples
        --------
        >>> lines = exp.patch("L0.H1").to_mermaid().splitlines()
        >>> print(lines[0], *(line for line in lines if "clean_0" in line), sep="\n")
        flowchart LR
            clean_0["L0.H1"]:::clean
            clean_in -.-> clean_0
            clean_0 -.-> clean_out
          clean_0 == "copied" ==> patched_0
        """
        passage = patch_passage(self.experiment, self.patches)
        return run_chart(self, passage, self.run_tokens(N_TOKENS, pair), pair)

    def focused(self, metric: str) -> "PatchResult":
        """Return the same numbers with one of the metrics moved to the front, where ``value`` and ``effect`` read it.

        Raises
        ------
        MetricError
            The experiment does not measure it.

        Examples
        --------
        >>> both = exp.measuring(["logit_diff", "answer_prob"]).patch("L0.H1")
        >>> round(both.focused("answer_prob").value, 2)
        1.0
        """
        experiment = self.experiment.focused(metric)
        readings = {name: self.readings[name] for name in experiment.metrics}
        return PatchResult(
            experiment, self.patches, readings, self._logits, self.seconds, self._reach
        )

    def reach(self, pos: Position = -1, pair: int | None = None) -> Reach:
        """How far every component moved from the host towards the source at one position.

        Parameters
        ----------
        pos
            An index, from the end if negative, or a name of the task; the last by default.
        pair
            The number of one pair; by default, over all pairs.

        Raises
        ------
        PatchError
            A range, or None.
        SiteError
            A position out of range, an unknown name, or one without a counterpart.
        TaskError
            There is no such pair.

        Examples
        --------
        >>> exp.patch("L0.H1").reach().along["resid_post"].round(2)
        array([0.99, 0.99, 0.99, 0.99], dtype=float32)
        """
        if (
            pos != -1
            or self._reach is None
            or (pair is not None and isinstance(self._reach, Reach))
        ):
            return measure_reach(self.experiment, self.patches, pos, pair)
        if isinstance(self._reach, Reach):
            return self._reach
        return Reach.of(self._reach, len(self.experiment.pairs[pair or 0]) - 1, pair)
