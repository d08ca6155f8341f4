"""From the last hidden states of many rows to metrics, computing no more logits than they need.

Metrics that read only answer and foil tokens use these rows of the output embedding alone, if that reproduces the
model's own logits of the host rows. Other metrics get whole logits, some entries at a time.
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import linear

from patchwidgets.arrays import NDArray
from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.experiment.teacher_forcing import joint_logprobs
from patchwidgets.hooks.cancellation import cancellation_check
from patchwidgets.hooks.interrupts import Uninterrupted
from patchwidgets.metrics import Readout, answer_logit, logit_diff
from patchwidgets.models.forward import in_own_dtype, running
from patchwidgets.models.logit_transforms import LogitTransform, logit_transforms
from patchwidgets.sites import Entry, Position
from patchwidgets.sweep.passes import FinalStates
from patchwidgets.sweep.reads import Reads

ANSWER_TOKEN_METRICS = (logit_diff, answer_logit)
"""Metrics that read only the logits of answers and foils."""

ENTRIES_AT_ONCE = 65536
"""How many entries are measured at a time where only answer and foil tokens are read."""


See = Callable[[slice, Float[Tensor, "run vocabulary"]], None]


class MetricReader:
    """Reads an experiment's metrics from the final states of a pass.

    Parameters
    ----------
    answer_tokens_only
        Compute only the logits of answers and foils, where the metrics allow it.
    logits_at_once
        How many entries get whole logits at a time.

    Attributes
    ----------
    all_logits
        The model itself has to compute every entry's logits, because nothing else reproduces them.
    """

    def __init__(
        self, experiment: BaseExperiment, answer_tokens_only: bool, logits_at_once: int
    ) -> None:
        self._experiment = experiment
        self._model = experiment.model.layout.hf_model
        self._answer_tokens_only = answer_tokens_only and all(
            metric.function in ANSWER_TOKEN_METRICS for metric in experiment.metrics.values()
        )
        # Joint probabilities take softmaxes over the whole vocabulary.
        self._answer_tokens_only &= not any(pair.long_answers for pair in experiment.pairs)
        self._logits_at_once = logits_at_once
        self._transform: LogitTransform | None = None
        self.all_logits = False

    def n_logits(self, n_hosts: int) -> int | None:
        """For how many entries the model itself has to compute logits; None means for all."""
        if self.all_logits:
            return None
        return 0 if self._transform is not None else n_hosts

    def can_read(self, final: FinalStates) -> bool:
        """Whether metrics can be read from these final states; checked in the first pass alone.

        If hidden states do not reproduce the model's own logits of the host rows, the answer is no, and the pass has
        to run again, with all logits.
        """
        if self.all_logits or self._transform is not None:
            return True
        unembedded = self._unembedded(final.hidden[: len(final.logits)])
        tolerance = _tolerance(self._model.dtype) * float(final.logits.abs().max())
        for transform in logit_transforms(self._model.config.get_text_config()):
            if float((transform(unembedded) - final.logits).abs().max()) <= tolerance:
                self._transform = transform
                return True
        self.all_logits = True
        return False

    def measure(
        self, final: FinalStates, reads: Reads, see: See | None = None
    ) -> dict[str, Float[np.ndarray, "entry"]]:
        """Every metric at each entry of a pass; NaN where a metric does not read.

        `see` is called with parts of the runs, host rows first, and their logits at the ends of their prompts.
        """
        parts, stop_if_cancelled, entries = [], cancellation_check(), reads.all_entries
        at_ends = self._reads_ends_alone(reads)
        if see is not None and reads.of_ends is not None and not at_ends:
            self._show_ends(final, reads.of_ends, see)
        joint = self._joint(final, reads)
        if reads.of_ends is not None or joint is not None:
            logits = final.logits[reads.of_entries] if self.all_logits else final.logits
            final = FinalStates(final.hidden[reads.of_entries], logits)
        size = max(1, ENTRIES_AT_ONCE if self.reads_answer_tokens else self._logits_at_once)
        for i in range(0, len(entries), size):
            stop_if_cancelled()
            part = slice(i, i + size)
            of_part = None if joint is None else joint[part]
            shown = see if at_ends else None
            parts.append(self._measure(final, part, entries[part], of_part, shown))
        return {
            name: np.concatenate([part[name] for part in parts]) if parts else np.empty(0)
            for name in self._experiment.metrics
        }

    def _reads_ends_alone(self, reads: Reads) -> bool:
        """Whether the logits that metrics read are those at the ends of the prompts."""
        return not self.reads_answer_tokens and np.array_equal(
            reads.of_entries, [] if reads.of_ends is None else reads.of_ends
        )

    def _show_ends(
        self, final: FinalStates, of_ends: Int[NDArray[np.int64], "run"], see: See
    ) -> None:
        for i in range(0, len(of_ends), self._logits_at_once):
            part = slice(i, i + self._logits_at_once)
            see(part, self._logits(final, torch.from_numpy(of_ends[part])))

    @property
    def caps_logits(self) -> bool:
        """Whether the model caps its logits, as Gemma 2 does; known from the first pass on."""
        return self._transform is not None and self._transform.cap is not None

    @property
    def reads_answer_tokens(self) -> bool:
        """Whether only the logits of answers and foils are computed, in the dtype of the hidden states."""
        # Anything else than a linear layer, such as one with an adapter, may do more than its weight says.
        plain = type(self._model.get_output_embeddings()) is nn.Linear
        in_memory = self._weight.device.type != "meta"
        return self._answer_tokens_only and not self.all_logits and plain and in_memory

    @property
    def _weight(self) -> Float[Tensor, "vocabulary d_model"]:
        weight: Tensor = self._model.get_output_embeddings().weight
        return weight

    def _joint(self, final: FinalStates, reads: Reads) -> Float[Tensor, "entry 2"] | None:
        """For each entry the joint log-probabilities of its run; None where answers are single tokens or not read."""
        places = reads.of_answers
        if places is None:
            return None
        parts, stop_if_cancelled = [], cancellation_check()
        size = max(1, self._logits_at_once // places[0].size)
        for i in range(0, len(places), size):
            stop_if_cancelled()
            part = places[i : i + size]
            logits = self._logits(final, torch.from_numpy(part.ravel()))
            pairs = [self._experiment.pairs[pair] for pair in reads.pairs[i : i + size]]
            parts.append(joint_logprobs(pairs, logits.unflatten(0, part.shape)))
        return torch.cat(parts)[reads.rows_of_entries]

    def _measure(
        self,
        final: FinalStates,
        part: slice,
        entries: Sequence[Entry],
        joint: Float[Tensor, "entry 2"] | None,
        see: See | None,
    ) -> dict[str, Float[np.ndarray, "entry"]]:
        if self.reads_answer_tokens:
            return self._measure_answer_tokens(final.hidden[part], entries)
        logits = self._logits(final, part)
        if see is not None:
            see(part, logits)
        return self._experiment.evaluation.measure_entries(logits, entries, joint)

    def _logits(
        self, final: FinalStates, chosen: slice | Int[Tensor, "entry"]
    ) -> Float[Tensor, "entry vocabulary"]:
        if self.all_logits:
            return final.logits[chosen]
        assert self._transform is not None
        return self._transform(self._unembedded(final.hidden[chosen]))

    def _unembedded(
        self, hidden: Float[Tensor, "entry d_model"]
    ) -> Float[Tensor, "entry vocabulary"]:
        with running(self._experiment.model.layout) as view:
            unembed = view.copy_of(self._model.get_output_embeddings())
            logits: Tensor = unembed(hidden.to(self._model.dtype))
        return logits.float()

    def _measure_answer_tokens(
        self, hidden: Float[Tensor, "entry d_model"], entries: Sequence[Entry]
    ) -> dict[str, Float[np.ndarray, "entry"]]:
        """Every metric from logits over a small vocabulary: the answers and foils of these entries."""
        pairs = [self._experiment.pairs[i] for i, _ in entries]
        ids = sorted({i for pair in pairs for i in (*pair.answers, *(pair.foils or ()))})
        column = {token: i for i, token in enumerate(ids)}
        module: nn.Module = self._model.get_output_embeddings()
        bias = getattr(module, "bias", None)
        with Uninterrupted(), torch.no_grad(), in_own_dtype():
            weight = self._weight[ids].to(hidden.dtype)
            unembedded = linear(hidden, weight, None if bias is None else bias[ids].to(weight))
        assert self._transform is not None
        # Logits are float32 everywhere, except where a caller has widened the hidden states.
        as_usual = hidden.dtype == self._model.dtype
        logits = self._transform(unembedded.float() if as_usual else unembedded)

        def make_readout(_pos: Position, chosen: list[int]) -> Readout:
            of_chosen = [pairs[i] for i in chosen]
            answers = [[column[i] for i in pair.answers] for pair in of_chosen]
            foils = [
                [column[i] for i in pair.foils] for pair in of_chosen if pair.foils is not None
            ]
            read = logits if len(chosen) == len(logits) else logits[chosen]
            no_clean_logits = read[:, :0]  # these metrics do not read them
            return Readout(
                read, no_clean_logits, answers, foils or None, [entries[i][0] for i in chosen]
            )

        return self._experiment.evaluation.measure_readouts(entries, make_readout)


def _tolerance(dtype: torch.dtype) -> float:
    """Allowed error as a part of the largest logit: a few spacings of the model's own dtype, float64 too.

    A transform that is computed in float32 then does not pass for one in float64.
    """
    return (64 if dtype.itemsize >= 4 else 4) * torch.finfo(dtype).eps
