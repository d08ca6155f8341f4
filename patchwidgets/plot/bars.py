"""The top next tokens of the three runs as bars."""

from typing import TYPE_CHECKING

import numpy as np

from patchwidgets.experiment.patch_result import PatchResult
from patchwidgets.guesses.answering import answers
from patchwidgets.guesses.arguments import FIGURE_ARGUMENTS
from patchwidgets.plot.axes import checked, lines, new_axes
from patchwidgets.plot.colours import palette
from patchwidgets.plot.texts import literal
from patchwidgets.tokens import visible

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@answers(FIGURE_ARGUMENTS)
def logits(result: PatchResult, k: int = 5, ax: "Axes | None" = None) -> "Axes":
    """Draw the logits of the next tokens in the three runs.

    Parameters
    ----------
    result
        From ``exp.patch(...)``.
    k
        The number of tokens: those of the largest probability in any of the three runs.
    ax
        Where to draw; by default on a new figure.

    Returns
    -------
    Axes
        Three bars per token, with the tokens from top to bottom and the logit to the right.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> ax = pw.plot.logits(exp.patch("L0.H1"), k=2, ax=Figure().subplots())
    >>> [label.get_text() for label in ax.get_yticklabels()], len(ax.patches)
    (['␣Mary', '␣John'], 6)
    """
    result = checked(result, PatchResult, "exp.patch(...)")
    ax = new_axes(lines(3.2 * k + 5)) if ax is None else ax
    rows = result.top_tokens(k)
    for offset, (run, colour) in enumerate(palette().runs.items()):
        lengths = [getattr(row, run).logit for row in rows]
        bars = ax.barh(np.arange(k) + 0.27 * (offset - 1), lengths, 0.24, color=colour, label=run)
        ax.bar_label(bars, fmt="{:.1f}", padding=3, fontsize=8)
    ax.set_yticks(range(k), [literal(visible(row.token)) for row in rows], family="monospace")
    ax.invert_yaxis()
    ax.set_xlabel("logit")
    ax.spines[["top", "right"]].set_visible(False)
    ax.margins(x=0.12)
    ax.legend(frameon=False, fontsize=8, ncols=3, loc="lower center", bbox_to_anchor=(0.5, 1.0))
    return ax
