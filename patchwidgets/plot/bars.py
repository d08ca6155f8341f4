"""The top next tokens of the three runs as bars, with the spread over pairs."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import nan
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
from jaxtyping import Float

from patchwidgets.errors import PatchError
from patchwidgets.experiment.patch_result import PatchResult
from patchwidgets.guesses.answering import answers
from patchwidgets.guesses.arguments import FIGURE_ARGUMENTS
from patchwidgets.intervals import FEWEST_PAIRS, mean_interval
from patchwidgets.methods.paths.api import PathResult
from patchwidgets.plot.axes import lines, new_axes, room, stroke
from patchwidgets.plot.colours import bar_of, palette
from patchwidgets.plot.finding import patch_name
from patchwidgets.plot.numbers import plain_number, probability
from patchwidgets.plot.shown import LANES as RUNS
from patchwidgets.plot.shown import Lane as RunLane
from patchwidgets.plot.shown import Shown
from patchwidgets.plot.texts import families, note_size, set_title, text_width, token_label

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from torch import Tensor

Scale = Literal["logit", "prob"]
THICK, APART = 0.25, 0.29
"""The height of a bar, and from bar to bar; from token to token it is 1."""


@answers(FIGURE_ARGUMENTS)
def logits(
    result: PatchResult | PathResult,
    k: int = 5,
    *,
    pair: int | None = None,
    scale: Scale = "logit",
    title: str | None = None,
    ax: "Axes | None" = None,
) -> "Axes":
    """Draw the logits, or the probabilities, of the next tokens in the three runs.

    Parameters
    ----------
    result
        From ``exp.patch(...)`` or ``exp.path(...)``.
    k
        The number of tokens: those of the largest probability in any of the three runs.
    pair
        The number of one pair; by default means over all pairs. Of pairs with answers of their own, whose next tokens
        have little in common, these are the means of the answer and of the foil, whatever tokens they are.
    scale
        ``"logit"`` or ``"prob"``.
    title
        In place of the figure's own; ``""`` for none.
    ax
        Where to draw; by default on a new figure.

    Returns
    -------
    Axes
        Three bars per token, with the tokens from top to bottom. A line at the end of a bar is the interval of 95 %
        of the mean over pairs, from five on; then the title says so.

    Raises
    ------
    PatchError
        It is no result, there is no such scale, or `k` is not positive.
    TaskError
        There is no such pair.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> ax = pw.plot.logits(exp.patch("L0.H1"), k=2, ax=Figure().subplots())
    >>> [label.get_text() for label in ax.get_yticklabels()], len(ax.patches)
    (['␣Mary', '␣John'], 6)
    """
    if scale not in get_args(Scale):
        raise PatchError(
            f"There is no scale {scale!r}; there are {' and '.join(map(repr, get_args(Scale)))}."
        )
    if not isinstance(k, int) or k < 1:
        raise PatchError(f"Expected the number of tokens, at least 1; got {k!r}.")
    shown = Shown.of(result, pair)
    rows = _rows_of(shown, k, pair)
    ax = new_axes(lines(3.0 * len(rows) + 4.5)) if ax is None else ax
    bars = [_Bar.of(shown, row, run, scale) for row in rows for run in RUNS]
    _draw_bars(ax, bars, scale)
    generic: Literal["sans-serif", "monospace"] = "monospace" if rows[0].is_token else "sans-serif"
    ax.set_yticks(range(len(rows)), [row.label for row in rows], family=families(generic))
    ax.set_ylim(len(rows) - 0.45, -0.55)
    ax.tick_params(axis="y", length=0)
    ax.set_xlabel("logit" if scale == "logit" else "probability")
    ax.spines[["top", "right", "left"]].set_visible(False)
    name = patch_name(shown.patches, shown.experiment) if shown.path is None else str(shown.path)
    n_pairs = len(shown.experiment.pairs)
    over = f"mean of {n_pairs} pairs" if shown.one_pair is None else shown.which_pair
    lines_are = "lines: 95 % interval" if any(bar.low == bar.low for bar in bars) else ""
    parts = [name or "nothing patched", shown.experiment.direction, over, lines_are]
    set_title(ax, parts, title)
    return ax


@dataclass(frozen=True)
class _Row:
    """What three bars are of: for each pair, the tokens whose probabilities are summed."""

    label: str
    ids: Sequence[Sequence[int]]
    is_token: bool = True

    def values(self, logits: "Tensor", scale: Scale) -> Float[np.ndarray, "pair"]:
        """Of each pair; the logit of several tokens is the log of the sum of their exponentials."""
        scores = logits.double().log_softmax(-1) if scale == "prob" else logits.double()
        summed = [
            row[[*ids]].logsumexp(0).item() for row, ids in zip(scores, self.ids, strict=True)
        ]
        return np.exp(summed) if scale == "prob" else np.array(summed)


def _rows_of(shown: Shown, k: int, pair: int | None) -> list[_Row]:
    pairs = shown.experiment.pairs if shown.one_pair is None else [shown.one_pair]
    answers = [tuple(each.first_tokens) for each in pairs]
    foils = [
        each.foils or tuple(dict.fromkeys(ids[0] for ids in each.long_foils)) for each in pairs
    ]
    if not all(answers) or len(set(zip(answers, foils, strict=True))) == 1:
        tokens = shown.result.top_tokens(k, pair)
        return [_Row(token_label(row.token), [[row.id]] * len(pairs)) for row in tokens]
    rows = [_Row("answer", answers, is_token=False)]
    return [*rows, _Row("foil", foils, is_token=False)] if all(foils) else rows


@dataclass(frozen=True)
class _Bar:
    run: RunLane
    length: float
    low: float
    high: float

    @classmethod
    def of(cls, shown: Shown, row: _Row, run: RunLane, scale: Scale) -> "_Bar":
        """One row in one run, with its interval over pairs."""
        exp = shown.experiment
        logits = shown.result.logits if run == "patched" else getattr(exp, run).logits
        values = row.values(logits if shown.one_pair is None else logits[[shown.pair or 0]], scale)
        if len(values) < FEWEST_PAIRS:
            return cls(run, float(values.mean()), nan, nan)
        low, high = mean_interval(values)
        return cls(run, float(values.mean()), float(low), float(high))

    @property
    def end(self) -> float:
        """Where its number begins."""
        return max(0.0, *(each for each in (self.length, self.high) if each == each))


def _draw_bars(ax: "Axes", bars: Sequence[_Bar], scale: Scale) -> None:
    """Those of a token one below the other; beside the first three stands which run they are of."""
    size, places = note_size(), [i // 3 + APART * (i % 3 - 1) for i in range(len(bars))]
    words = [
        probability(bar.length) if scale == "prob" else plain_number(bar.length) for bar in bars
    ]
    words[:3] = [f"{word}  {bar.run}" for word, bar in zip(words, bars[:3], strict=False)]
    for place, bar in zip(places, bars, strict=True):
        ax.barh(place, bar.length, THICK, **bar_of(bar.run))
        if bar.low == bar.low:
            ax.hlines(place, bar.low, bar.high, color=palette().ink, lw=stroke(1.0))
    lowest = min(0.0, *(min(bar.length, bar.low if bar.low == bar.low else 0.0) for bar in bars))
    space = room(ax, "x")
    needed = [text_width(word, size) + 6 for word in words]
    farthest = max(
        (bar.end - lowest) * space / max(0.3 * space, space - wide)
        for bar, wide in zip(bars, needed, strict=True)
    )
    ax.set_xlim(lowest - 0.02 * farthest, lowest + (farthest or 1.0))
    for place, bar, word in zip(places, bars, words, strict=True):
        first = place < APART + 0.01
        ax.annotate(
            word, (bar.end, place), xytext=(3, 0), textcoords="offset points", va="center_baseline",
            fontsize=size, color=palette().runs[bar.run] if first else palette().faint,
        )  # fmt: skip
