"""Sizes, type and embedded fonts of figures, as matplotlib styles: for papers, slides and notebooks."""

from contextlib import ExitStack
from typing import Any, Literal, get_args

from patchwidgets.errors import PatchError
from patchwidgets.hooks.interrupts import Uninterrupted
from patchwidgets.plot.texts import families

StyleName = Literal["paper", "slide", "notebook"]
Width = Literal["column", "text", "page"]

WIDTHS: dict[Width, float] = {"column": 3.25, "text": 5.5, "page": 6.75}
"""Inches: a column of a page with two, the text of a page with one (ICLR, NeurIPS), a page with two (ICML, ACL)."""


def style(name: StyleName = "notebook", width: Width | float | None = None) -> ExitStack:
    """Set the sizes of all figures from here on, or of those in a ``with`` block.

    Parameters
    ----------
    name
        ``"paper"``: type of 7 to 8 pt; ``"slide"``: of 14 to 16 pt; ``"notebook"``: of 9 to 10 pt. All embed fonts as
        text: TrueType (Type 42) in PDF, letters in SVG. They are matplotlib styles, also as
        ``plt.style.use("patchwidgets.plot.paper")``.
    width
        Of new figures, in inches, or ``"column"`` (3.25), ``"text"`` (5.5) or ``"page"`` (6.75). By default that of
        the style: 5.5 for a paper, 10 for a slide, 7.5 for a notebook. The height is chosen by what is drawn.

    Returns
    -------
    ExitStack
        In a ``with`` statement, what was set before is restored at the end of the block.

    Raises
    ------
    PatchError
        There is no style of this name, or the width is no number of inches.

    Examples
    --------
    >>> with pw.plot.style("paper", "column"):
    ...     ax = pw.plot.layers(exp.sweep("z", progress=False))
    >>> float(ax.figure.get_figwidth()), ax.xaxis.label.get_fontsize()
    (3.25, 8.0)
    """
    with Uninterrupted():
        from matplotlib import rc_context, rcParams
        from matplotlib import style as matplotlib_style

    if name not in get_args(StyleName):
        raise PatchError(f"There is no style {name!r}; there are {', '.join(get_args(StyleName))}.")
    inches = _inches(width)
    stack = ExitStack()
    stack.enter_context(rc_context())
    matplotlib_style.use(f"patchwidgets.plot.{name}")
    rcParams["font.family"] = families("sans-serif")
    if inches is not None:
        rcParams["figure.figsize"] = (inches, rcParams["figure.figsize"][1])
    return stack


def _inches(width: Any) -> float | None:
    if width is None or width in WIDTHS:
        return None if width is None else WIDTHS[width]
    if isinstance(width, int | float) and not isinstance(width, bool) and 1 <= width <= 100:
        return float(width)
    named = ", ".join(f"{name!r} ({inches})" for name, inches in WIDTHS.items())
    raise PatchError(
        f"A width is a number of inches from 1 to 100, or one of {named}; got {width!r}."
    )
