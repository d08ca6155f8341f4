"""What a lens reads of the answer, layer by layer, as a line for each run."""

from typing import TYPE_CHECKING, Any

import numpy as np

from patchwidgets.errors import LensError, shown
from patchwidgets.intervals import FEWEST_PAIRS, mean_interval
from patchwidgets.models.lenses.result import SCORES, LensResult
from patchwidgets.plot.axes import aspect, checked, guides, lines, new_axes, stroke
from patchwidgets.plot.colours import line_of, palette
from patchwidgets.plot.faithfulness import PLOT
from patchwidgets.plot.legends import legend_below
from patchwidgets.plot.texts import literal, set_title

if TYPE_CHECKING:
    from matplotlib.axes import Axes

UNITS = {"logprob": " (nats)"}


def lens_scores(
    result: LensResult,
    score: str | None = None,
    *,
    title: str | None = None,
    ax: "Axes | None" = None,
) -> "Axes":
    """Draw what a lens reads of the answer at one position, by layer.

    Parameters
    ----------
    result
        From ``run.lens(...)`` or ``exp.patch(...).lens(...)``, at one position.
    score
        ``"logit_diff"``, ``"answer_prob"``, ``"answer_logprob"``, ``"answer_rank"``, or the same of the foil; by
        default the logit difference, without a foil the probability of the answer.
    title
        In place of the figure's own; ``""`` for none.
    ax
        Where to draw; by default on a new figure.

    Returns
    -------
    Axes
        A line for each run, in its colour: the mean over pairs, of ranks the median, on a logarithmic axis that begins
        at the top with 1. Bands are intervals of 95 % of the mean, from five pairs on.

    Raises
    ------
    PatchError
        Not the result of a lens.
    LensError
        No answer was followed, there is no such score, or several positions were read.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> ax = pw.plot.lens_scores(exp.patch("L0.H1").lens(), "answer_rank", ax=Figure().subplots())
    >>> [line.get_label() for line in ax.lines[:3]], ax.get_ylabel()
    (['clean', 'patched', 'corrupted'], 'rank of the answer')
    """
    result = checked(result, LensResult, "run.lens(...)")
    data = result.to_xarray()
    known = [name for name in SCORES if name in data]
    if not known:
        raise LensError(f"There is no answer to draw. {result.reason}")
    score = ("logit_diff" if "logit_diff" in known else "answer_prob") if score is None else score
    if score not in known:
        raise LensError(f"There is no score {shown(score)} here; there is {', '.join(known)}.")
    if data.sizes["pos"] > 1:
        raise LensError(
            f"This lens read {data.sizes['pos']} positions, and a line is of one; read again with lens(pos=-1)."
        )
    scores = data[score].isel(pos=0)
    is_rank = score.endswith("rank")
    layers = data["layer"].values
    ax = new_axes(aspect(PLOT) + lines(6)) if ax is None else ax
    for run in result.runs or ("",):
        of_pairs = (scores.sel(run=run) if run else scores).transpose("layer", "pair").values
        style = line_of(run) if run else {"color": palette().ink, "marker": "o"}
        middle = np.median(of_pairs, axis=1) if is_rank else of_pairs.mean(axis=1)
        ax.plot(layers, middle, label=run or None, **style | _to_be_seen(run))
        if of_pairs.shape[1] >= FEWEST_PAIRS and not is_rank:
            ax.fill_between(
                layers, *mean_interval(of_pairs), color=style["color"], alpha=0.15, lw=0
            )
    if is_rank:
        ax.set_yscale("log")
        ax.yaxis.set_major_formatter("{x:g}")
        ax.invert_yaxis()
    elif score == "logit_diff":
        guides(ax, y=(0,))
    ax.locator_params(axis="x", integer=True)
    ax.set_xlabel("layer")
    ax.set_ylabel(literal(_in_words(score)))
    ax.spines[["top", "right"]].set_visible(False)
    legend_below(ax)
    attrs, n_pairs = result.attrs, data.sizes["pair"]
    method = {"logit": "logit lens", "jacobian": "Jacobian lens"}.get(
        attrs["method"], attrs["method"]
    )
    pairs = f"{n_pairs} pairs" if n_pairs > 1 else ""
    set_title(
        ax, [f"{method} of {attrs['component']}", f"position {data['pos'].values[0]}", pairs], title
    )
    return ax


def _to_be_seen(run: str) -> dict[str, Any]:
    """The patched run is often exactly an unpatched one: narrow dashes over a wider line."""
    if run == "clean":
        return {"linewidth": stroke(2.6), "markersize": stroke(5.5)}
    if run == "patched":
        return {"linewidth": stroke(1.0), "markersize": stroke(2.6), "linestyle": (0, (3, 2))}
    return {}


def _in_words(score: str) -> str:
    """The name of a score on an axis."""
    if "_" not in score or score == "logit_diff":
        return score
    whose, _, what = score.partition("_")
    words = {"prob": "probability", "logprob": "log probability"}.get(what, what)
    return f"{words} of the {whose}{UNITS.get(what, '')}"
