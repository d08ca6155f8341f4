"""The next tokens of many patched runs, in columns: what `PatchResult.top_tokens` and `run_tokens` say of each.

Costs a softmax of each run. Over several pairs it keeps sums over the vocabulary for each cell.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.models.top_tokens import select_pair
from patchwidgets.sweep.rows import Row

DIGITS = 5
"""To how many digits logits and probabilities are rounded."""

Scores = list[list[list[float]]]
"""The next tokens of a patched run, and those that are compared: number, logit and probability of each."""


class TokenTable:
    """Tokens of the vocabulary, each once."""

    def __init__(self, experiment: BaseExperiment) -> None:
        self._experiment = experiment
        self._numbers: dict[int, int] = {}

    def number(self, token: int) -> int:
        """Which one a token is."""
        return self._numbers.setdefault(token, len(self._numbers))

    @property
    def ids(self) -> list[int]:
        """Of the vocabulary, in the order of their numbers."""
        return list(self._numbers)

    @property
    def texts(self) -> list[str]:
        """In the order of their numbers."""
        return self._experiment.model.token_strings(self.ids)


class SiteTokens:
    """The scores of some cells, of one pair or over all.

    Parameters
    ----------
    shown
        The number of a pair; None for all of several.
    k
        How many tokens of a run.
    """

    def __init__(
        self, experiment: BaseExperiment, n_cells: int, shown: int | None, k: int, table: TokenTable
    ) -> None:
        self._experiment, self._shown, self._table = experiment, shown, table
        self._k = min(k, experiment.host.logits.shape[-1])
        self.scores: list[Scores] = [[] for _ in range(n_cells)]
        unpatched = (experiment.clean.logits.cpu(), experiment.corrupted.logits.cpu())
        self._host = experiment.host.logits.cpu()
        self._unpatched = [_means(select_pair(logits, shown)) for logits in unpatched]
        self._largest = self._unpatched[0][1].maximum(self._unpatched[1][1])
        self._sums: tuple[Tensor, Tensor] | None = None
        if shown is None:
            logits, probs = (each.sum(0) for each in _each(self._host))
            self._sums = logits.repeat(n_cells, 1), probs.repeat(n_cells, 1)

    def see(self, given: Sequence[Row], logits: Float[Tensor, "row vocabulary"]) -> None:
        """Take the logits of the rows of a pass."""
        rows = [i for i, row in enumerate(given) if self._shown in (None, row.pair)]
        if not rows:
            return
        cells = [given[i].cell for i in rows]
        scores = _each(logits[rows].cpu())
        if self._sums is None:
            self._keep(cells, *scores)
            return
        host = _each(self._host[[given[i].pair for i in rows]])
        for sums, patched, unpatched in zip(self._sums, scores, host, strict=True):
            sums.index_add_(0, torch.tensor(cells), patched - unpatched)

    def finish(self) -> None:
        """Over several pairs: find the tokens of the means. A cell that no pass had has the tokens of the host."""
        if self._sums is not None:
            n = len(self._experiment.pairs)
            self._keep(range(len(self.scores)), *(sums / n for sums in self._sums))
            self._sums = None
        unchanged = [i for i, each in enumerate(self.scores) if not each]
        if unchanged:
            self._keep(unchanged[:1], *_each(self._host[[self._shown]]))
            for i in unchanged[1:]:
                self.scores[i] = self.scores[unchanged[0]]

    def unpatched(self, token: int) -> list[float]:
        """Logit and probability of a token in the clean run, then in the corrupted one."""
        return [_short(float(each[token])) for run in self._unpatched for each in run]

    def _keep(
        self,
        cells: Sequence[int],
        logits: Float[Tensor, "row vocabulary"],
        probs: Float[Tensor, "row vocabulary"],
    ) -> None:
        top = probs.topk(self._k).indices
        compared = probs.maximum(self._largest).topk(self._k).indices
        of_rows = [self._scored(ids, logits, probs) for ids in (top, compared)]
        for cell, *scores in zip(cells, *of_rows, strict=True):
            self.scores[cell] = scores

    def _scored(
        self, ids: Int[Tensor, "row k"], logits: Tensor, probs: Tensor
    ) -> list[list[list[float]]]:
        """Of each row its tokens, each with its number, logit and probability."""
        columns = [ids.tolist(), logits.gather(1, ids).tolist(), probs.gather(1, ids).tolist()]
        return [
            [
                [self._table.number(token), _short(logit), _short(prob)]
                for token, logit, prob in zip(*of_row, strict=True)
            ]
            for of_row in zip(*columns, strict=True)
        ]


def _each(logits: Float[Tensor, "row vocabulary"]) -> tuple[Tensor, Tensor]:
    """Logits and probabilities."""
    return logits, logits.softmax(-1)


def _means(logits: Float[Tensor, "pair vocabulary"]) -> tuple[Tensor, Tensor]:
    return logits.mean(0), logits.softmax(-1).mean(0)


def _short(number: float) -> float:
    return float(f"{number:.{DIGITS}g}")
