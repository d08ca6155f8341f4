"""The top next tokens of the three runs as bars."""

from typing import TYPE_CHECKING

import numpy as np

from patchwidgets.experiment.patch_result import PatchResult
from patchwidgets.plot.colours import RUN_COLOURS
from patchwidgets.tokens import visible

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def logits(result: PatchResult, k: int = 5, ax: "Axes | None" = None) -> "Axes":
    """Logits of the `k` next tokens with the largest probability in any run; three bars each.

    Returns
    -------
    Axes
        With the tokens from top to bottom and the logit to the right.
    """
    ax = new_axes((5, 0.55 * k + 0.8)) if ax is None else ax
    rows = result.top_tokens(k)
    for offset, (run, colour) in enumerate(RUN_COLOURS.items()):
        heights = [getattr(row, run).logit for row in rows]
        bars = ax.barh(np.arange(k) + 0.27 * (offset - 1), heights, 0.24, color=colour, label=run)
        ax.bar_label(bars, fmt="{:.1f}", padding=3, fontsize=8)
    ax.set_yticks(range(k), [literal(visible(row.token)) for row in rows], family="monospace")
    ax.invert_yaxis()
    ax.set_xlabel("logit")
    ax.spines[["top", "right"]].set_visible(False)
    ax.margins(x=0.12)
    ax.legend(frameon=False, fontsize=8, ncols=3, loc="lower center", bbox_to_anchor=(0.5, 1.0))
    return ax


def new_axes(size: tuple[float, float]) -> "Axes":
    """Axes on a new pyplot figure of `size` inches."""
    from matplotlib import pyplot as plt

    return plt.subplots(figsize=size, layout="constrained")[1]


def literal(text: str) -> str:
    """Text that matplotlib shall not read as a formula."""
    return text.replace("$", r"\$")
