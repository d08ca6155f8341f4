"""From the last layer's hidden states of many rows to metrics, reading no more of the unembedding than they need.

Metrics that read single logits use those rows of the output embedding alone, where that reproduces the logits of the
host's row; others get whole logits, some rows at a time.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.hooks.cancellation import cancellation_check
from patchwidgets.metrics import Readout, Values, answer_logit, logit_diff
from patchwidgets.sites import Entry
from patchwidgets.sweep.passes import FinalStates

ANSWER_TOKEN_METRICS = (logit_diff, answer_logit)
"""Metrics that read the logits of the answers and the foils alone."""

Finish = Callable[[Tensor], Tensor]


class Reader:
    """Reads an experiment's metrics from the ends of a pass.

    Parameters
    ----------
    subset
        Read single rows of the output embedding where that is the same.
    chunk
        Rows of whole logits at a time.

    Attributes
    ----------
    all_logits
        The model itself has to compute every row's logits: nothing else reproduces them.
    """

    def __init__(self, experiment: BaseExperiment, subset: bool, chunk: int) -> None:
        self._experiment = experiment
        self._model = experiment.model.hf_model
        self._few = subset and all(
            metric.function in ANSWER_TOKEN_METRICS for metric in experiment.metrics.values()
        )
        self._chunk = chunk
        self._finish: Finish | None = None
        self.all_logits = False

    def n_logits(self, n_hosts: int) -> int | None:
        """Of how many entries the model itself has to compute the logits; None means of all."""
        if self.all_logits:
            return None
        return 0 if self._finish is not None else n_hosts

    def checked(self, final: FinalStates) -> bool:
        """Whether the logits of the host's rows can be computed from their hidden states; found once.

        If not, the pass has to be made again with `all_logits`.
        """
        if self.all_logits or self._finish is not None:
            return True
        raw = self._whole(final.hidden[: len(final.logits)])
        tolerance = _tolerance(self._model.dtype) * float(final.logits.abs().max())
        for finish in _finishes(self._model.config.get_text_config()):
            if float((finish(raw) - final.logits).abs().max()) <= tolerance:
                self._finish = finish
                return True
        self.all_logits = True
        return False

    def measure(self, final: FinalStates, entries: Sequence[Entry]) -> dict[str, Values]:
        """Every metric at the pair and position of everything that was read, as of `Scores.at`."""
        parts, step, stop_if_cancelled = [], self._step, cancellation_check()
        for i in range(0, len(entries), step):
            stop_if_cancelled()
            parts.append(self._measure(final, slice(i, i + step), entries[i : i + step]))
        return {
            name: torch.cat([torch.from_numpy(part[name]) for part in parts]).numpy()
            for name in self._experiment.metrics
        }

    @property
    def _step(self) -> int:
        return max(1, self._chunk if not self._reads_few else 65536)

    @property
    def _reads_few(self) -> bool:
        plain = isinstance(self._weight, Tensor) and self._weight.device.type != "meta"
        return self._few and not self.all_logits and plain

    @property
    def _weight(self) -> Tensor:
        weight: Tensor = self._model.get_output_embeddings().weight
        return weight

    def _measure(
        self, final: FinalStates, part: slice, entries: Sequence[Entry]
    ) -> dict[str, Values]:
        evaluation = self._experiment.evaluation
        if self.all_logits:
            return evaluation.at(final.logits[part], entries)
        assert self._finish is not None
        if self._reads_few:
            return self._few_tokens(final.hidden[part], entries)
        return evaluation.at(self._finish(self._whole(final.hidden[part])), entries)

    def _whole(self, hidden: Tensor) -> Tensor:
        with torch.no_grad():
            logits: Tensor = self._model.get_output_embeddings()(hidden)
        return logits.float()

    def _few_tokens(self, hidden: Tensor, entries: Sequence[Entry]) -> dict[str, Values]:
        pairs = [self._experiment.pairs[i] for i, _ in entries]
        ids = sorted({i for pair in pairs for i in (*pair.answers, *(pair.foils or ()))})
        column = {token: i for i, token in enumerate(ids)}
        module: nn.Module = self._model.get_output_embeddings()
        bias = getattr(module, "bias", None)
        with torch.no_grad():
            raw = linear(hidden, self._weight[ids], None if bias is None else bias[ids])
        assert self._finish is not None
        logits = self._finish(raw.float())

        def readout(chosen: list[int]) -> Readout:
            of = [pairs[i] for i in chosen]
            answers = [[column[i] for i in pair.answers] for pair in of]
            foils = [[column[i] for i in pair.foils] for pair in of if pair.foils is not None]
            read = logits if len(of) == len(logits) else logits[chosen]
            return Readout(
                read, read[:, :0], answers, foils or None, [entries[i][0] for i in chosen]
            )

        return self._experiment.evaluation.each(entries, readout)


def _tolerance(dtype: torch.dtype) -> float:
    """Of the largest logit: a few spacings, so that another formula shows."""
    return 64 * torch.finfo(dtype).eps if dtype.itemsize >= 4 else 4 * torch.finfo(dtype).eps


def _finishes(config: object) -> list[Finish]:
    """What models do to logits after the output embedding."""
    found: list[Finish] = [lambda raw: raw]
    cap = getattr(config, "final_logit_softcapping", None)
    divisor, factor = (getattr(config, name, None) for name in ("logits_scaling", "logit_scale"))
    if cap:
        found.append(lambda raw: cap * torch.tanh(raw / cap))
    if divisor:
        found.append(lambda raw: raw / divisor)
    if factor:
        found.append(lambda raw: raw * factor)
    return found
