"""What a patch did: every metric with its effect, share and recovery, the top tokens of the three runs, the reach."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from patchwidgets.errors import listed
from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.experiment.lenses import LensedResult
from patchwidgets.experiment.patched_pass import patched_pass
from patchwidgets.experiment.reach import Reach, measure_reach
from patchwidgets.experiment.reading import Reading
from patchwidgets.experiment.readings import Readings
from patchwidgets.models.answer_tokens import AnswerSpec
from patchwidgets.models.logit_attribution import LogitAttribution
from patchwidgets.models.run import Run
from patchwidgets.models.top_tokens import TopToken, select_pair, top_tokens
from patchwidgets.sites import Patch, Position


@dataclass(frozen=True)
class TokenScore:
    """A token's logit and probability in one run: of one pair, or the means over pairs."""

    logit: float
    prob: float


@dataclass(frozen=True)
class TopTokenRow:
    """One next token, as each of the three runs scores it."""

    token: str
    id: int
    clean: TokenScore
    patched: TokenScore
    corrupted: TokenScore


class PatchResult(Readings, LensedResult):
    """What a patch, or several joint patches, did.

    Attributes
    ----------
    value, effect, share, recovery
        The numbers of the experiment's first metric, over pairs. Other metrics: ``result["kl"].effect``.
    reason
        Why share and recovery are undefined; None where they are defined.
    per_pair
        The same four numbers for single pairs.
    readings
        Every metric as a `Reading`, by name, in the experiment's order.
    logits
        float32 logits of the patched run at the last position of each prompt. The history of an explorer keeps them of
        its last result alone; reading those of an earlier one runs the patch again, each time.
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
        reach: Reach | None = None,
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
        return PatchResult(
            self.experiment, self.patches, self.readings, None, self.seconds, self._reach
        )

    @property
    def logits(self) -> Float[Tensor, "pair vocabulary"]:
        """float32 logits of the patched run; computed again where they were dropped."""
        if self._logits is not None:
            return self._logits
        self.experiment.check_weights(self.patches)
        logits = torch.empty_like(self.experiment.host.logits)
        for batch in self.experiment.host.batches:
            logits[batch.rows] = patched_pass(self.experiment, self.patches, batch).logits
        return logits

    @property
    def sites(self) -> tuple[str, ...]:
        """The sites that were patched, as strings."""
        return tuple(str(patch.site) for patch in self.patches)

    def __repr__(self) -> str:
        return f"PatchResult({listed(self.sites) or 'nothing'}, {self.in_words})"

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
        logits = {name: select_pair(run, pair).mean(0) for name, run in runs.items()}
        probs = {name: select_pair(run, pair).softmax(-1).mean(0) for name, run in runs.items()}
        largest = probs["clean"].maximum(probs["patched"]).maximum(probs["corrupted"])
        ids = largest.topk(k).indices.tolist()
        rows = []
        for token, i in zip(exp.model.token_strings(ids), ids, strict=True):
            scores = {run: TokenScore(float(logits[run][i]), float(probs[run][i])) for run in runs}
            rows.append(TopTokenRow(token, i, **scores))
        return rows

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

        Examples
        --------
        >>> parts = exp.patch("L0.H1").logit_attribution()
        >>> round(parts["L1.mlp_out"], 1), round(parts.total, 1)
        (2.6, 6.5)
        """
        exp, host = self.experiment, self.experiment.host
        exp.check_weights(self.patches)
        tokens = host.answer_ids(answer, foil, pos)
        return host.attribute(
            *tokens, pos, neurons, scale_of, lambda rows: exp.sources.edits(self.patches, rows)
        )

    def reach(self, pos: Position = -1) -> Reach:
        """How far every component moved from the host towards the source at one position.

        Parameters
        ----------
        pos
            An index, from the end if negative, or a name of the task; the last by default.

        Raises
        ------
        PatchError
            A range, or None.
        SiteError
            A position out of range, an unknown name, or one without a counterpart.

        Examples
        --------
        >>> exp.patch("L0.H1").reach().along["resid_post"].round(2)
        array([0.99, 0.99, 0.99, 0.99], dtype=float32)
        """
        if pos == -1 and self._reach is not None:
            return self._reach
        return measure_reach(self.experiment, self.patches, pos)
