"""From the last hidden states of many rows to metrics, reading no more of the unembedding than they need.

Metrics that read single logits use those rows of the output embedding alone, where that reproduces the logits of the
host's row; others get whole logits, some rows at a time.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from patchwidgets.engine.passes import Ends
from patchwidgets.experiment import Experiment
from patchwidgets.metrics import Readout, Values, answer_logit, evaluate, logit_diff

FEW_TOKENS = (logit_diff, answer_logit)
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

    def __init__(self, experiment: Experiment, subset: bool, chunk: int) -> None:
        self._experiment = experiment
        self._model = experiment.model.hf_model
        self._few = subset and all(
            metric.function in FEW_TOKENS for metric in experiment.metrics.values()
        )
        self._chunk = chunk
        self._finish: Finish | None = None
        self.all_logits = False

    def n_logits(self, n_hosts: int) -> int | None:
        """Of how many rows the model itself has to compute the logits; None means of all."""
        if self.all_logits:
            return None
        return 0 if self._finish is not None else n_hosts

    def checked(self, ends: Ends) -> bool:
        """Whether the logits of the host's rows can be computed from their hidden states; found once.

        If not, the pass has to be made again with `all_logits`.
        """
        if self.all_logits or self._finish is not None:
            return True
        raw = self._whole(ends.hidden[: len(ends.logits)])
        tolerance = _tolerance(self._model.dtype) * float(ends.logits.abs().max())
        for finish in _finishes(self._model.config.get_text_config()):
            if float((finish(raw) - ends.logits).abs().max()) <= tolerance:
                self._finish = finish
                return True
        self.all_logits = True
        return False

    def measure(self, ends: Ends, pairs: Sequence[int]) -> dict[str, Values]:
        """Every metric of every row, ``[row]`` by name; `pairs` are those of the rows."""
        parts = [
            self._measure(ends, range(i, min(i + self._step, len(pairs))), pairs)
            for i in range(0, len(pairs), self._step)
        ]
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

    def _measure(self, ends: Ends, rows: range, pairs: Sequence[int]) -> dict[str, Values]:
        of_pairs = [pairs[row] for row in rows]
        if self.all_logits:
            return self._experiment.scores.measure(ends.logits[rows.start : rows.stop], of_pairs)
        hidden = ends.hidden[rows.start : rows.stop]
        assert self._finish is not None
        if self._reads_few:
            return self._few_tokens(hidden, of_pairs)
        return self._experiment.scores.measure(self._finish(self._whole(hidden)), of_pairs)

    def _whole(self, hidden: Tensor) -> Tensor:
        with torch.no_grad():
            logits: Tensor = self._model.get_output_embeddings()(hidden)
        return logits.float()

    def _few_tokens(self, hidden: Tensor, of_pairs: Sequence[int]) -> dict[str, Values]:
        pairs = [self._experiment.pairs[i] for i in of_pairs]
        ids = sorted({i for pair in pairs for i in (*pair.answers, *(pair.foils or ()))})
        column = {token: i for i, token in enumerate(ids)}
        module: nn.Module = self._model.get_output_embeddings()
        bias = getattr(module, "bias", None)
        with torch.no_grad():
            raw = linear(hidden, self._weight[ids], None if bias is None else bias[ids])
        assert self._finish is not None
        logits = self._finish(raw.float())
        answers = [[column[i] for i in pair.answers] for pair in pairs]
        foils = [[column[i] for i in pair.foils] for pair in pairs if pair.foils is not None]
        readout = Readout(logits, logits[:, :0], answers, foils or None, list(of_pairs))
        return {
            name: evaluate(metric, readout) for name, metric in self._experiment.metrics.items()
        }


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
