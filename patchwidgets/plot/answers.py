"""What a model says in place of the right number, and the waves in its logits."""

from typing import TYPE_CHECKING

import numpy as np

from patchwidgets.helix.answers import AnswerErrors, LogitWaves
from patchwidgets.plot.axes import aspect, checked, guides, new_axes, stroke
from patchwidgets.plot.colours import palette
from patchwidgets.plot.texts import set_title

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def errors(
    answers: AnswerErrors, most: int = 12, title: str | None = None, ax: "Axes | None" = None
) -> "Axes":
    """Draw how often which wrong answer is given, by its distance from the right one.

    Parameters
    ----------
    answers
        From ``pw.helix.answer_errors(...)``.
    most
        How many distances, the most frequent ones.
    title
        In place of the figure's own; ``""`` for none.
    ax
        Where to draw; by default on a new figure.

    Returns
    -------
    Axes
        A bar for each distance, in order; the title says how many answers are right, and how many errors are not shown.

    Raises
    ------
    PatchError
        No such answers.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> answers = pw.helix.answer_errors(pw.Experiment(model, pw.tasks.addition(50, part="test")))
    >>> pw.plot.errors(answers, ax=Figure().subplots()).get_title(loc="left")
    '100 % of 50 right'
    """
    answers = checked(answers, AnswerErrors, "pw.helix.answer_errors(...)")
    ax = new_axes(aspect(0.5)) if ax is None else ax
    table, colours = answers.table(), palette()
    drawn = table.head(most).sort_index()
    ax.bar(range(len(drawn)), 100 * drawn["share"], 0.7, color=colours.ink)
    names = [f"{off:+d}".replace("-", "−") for off in drawn.index]
    ax.set_xticks(range(len(drawn)), names, rotation=90 if len(names) > 8 else 0)
    ax.set(xlabel="off by", ylabel="% of the pairs")
    ax.spines[["top", "right"]].set_visible(False)
    more = int(table["pairs"].iloc[most:].sum())
    set_title(
        ax,
        [
            f"{100 * answers.accuracy:.0f} % of {len(answers.right)} right",
            f"{more} other errors" if more else "",
        ],
        title,
    )
    return ax


def logit_waves(
    waves: "LogitWaves | AnswerErrors",
    span: int = 50,
    k: int = 3,
    title: str | None = None,
    ax: "Axes | None" = None,
) -> "Axes":
    """Draw the mean logit of numbers by their distance from the right one.

    Parameters
    ----------
    waves
        From ``pw.helix.answer_errors(...)``, or its ``waves()``.
    span
        As far as this on both sides.
    k
        How many of the strongest periods up to 20 the title names.
    title
        In place of the figure's own; ``""`` for none.
    ax
        Where to draw; by default on a new figure.

    Returns
    -------
    Axes
        The line; thin vertical lines stand at tens.

    Raises
    ------
    PatchError
        No such answers.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> answers = pw.helix.answer_errors(pw.Experiment(model, pw.tasks.addition(50)))
    >>> pw.plot.logit_waves(answers, ax=Figure().subplots()).get_xlabel()
    'distance from the right number'
    """
    found = waves.waves() if isinstance(waves, AnswerErrors) else waves
    found = checked(found, LogitWaves, "pw.helix.answer_errors(...).waves()")
    ax = new_axes(aspect(0.5)) if ax is None else ax
    shown_ones = np.abs(found.offsets) <= span
    colours = palette()
    guides(ax, x=range(-10 * (span // 10), span + 1, 10))
    ax.plot(
        found.offsets[shown_ones], found.logits[shown_ones], ".-", color=colours.ink,
        lw=stroke(0.8), markersize=stroke(3),
    )  # fmt: skip
    ax.set(xlabel="distance from the right number", ylabel="logit, less their mean")
    ax.spines[["top", "right"]].set_visible(False)
    periods = ", ".join(f"{period:.3g}" for period, _ in found.strongest(k))
    set_title(ax, [f"strongest short periods {periods}"], title)
    return ax
