"""Several plots as one figure, with a letter on each."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from patchwidgets.errors import PatchError, in_one_line
from patchwidgets.plot.axes import HIGHEST, aspect
from patchwidgets.plot.colours import palette
from patchwidgets.plot.texts import literal

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def panels(
    layout: str, height: float | None = None, letters: bool = True, **draw: Callable[..., Any]
) -> "Figure":
    """Compose plots into one figure: ``panels("ab;cc", a=..., b=..., c=...)``.

    Parameters
    ----------
    layout
        Which panel is where, as for ``plt.subplot_mosaic``: a letter for each place, ``;`` between rows, ``.`` for an
        empty place. A letter may take several places that form a rectangle.
    height
        Inches; by default half of the width for each row.
    letters
        Whether to write the letters above the panels.
    **draw
        For each letter a function that takes ``ax=``, as ``a=functools.partial(pw.plot.flow, result)`` or
        ``a=lambda ax: pw.plot.flow(result, ax=ax)``.

    Returns
    -------
    Figure
        As wide as ``rcParams["figure.figsize"]`` says.

    Raises
    ------
    PatchError
        A letter has nothing to draw, or something has no place; or the layout is none.

    Examples
    --------
    >>> from functools import partial
    >>> heads = exp.sweep("z", progress=False)
    >>> figure = pw.plot.panels("ab", a=partial(pw.plot.heatmap, heads), b=partial(pw.plot.layers, heads))
    >>> [text.get_text() for ax in figure.axes for text in ax.texts if text.get_gid() == "panel"]
    ['a', 'b']
    """
    from matplotlib import pyplot as plt
    from matplotlib import rcParams

    placed = set(layout) - set(".;\n ")
    if placed != set(draw) or not placed:
        raise PatchError(
            f"Expected something to draw for each of the letters in {layout!r} "
            f"({', '.join(sorted(placed)) or 'none'}); got {', '.join(sorted(draw)) or 'nothing'}."
        )
    for letter, each in draw.items():
        if not callable(each):
            raise PatchError(
                f"Panel {letter} is {type(each).__name__}; expected a function that takes ax=, such as "
                f"{letter}=functools.partial(pw.plot.heatmap, s)."
            )
    rows = len([row for row in layout.replace(";", "\n").split("\n") if row.strip()])
    inches = min(HIGHEST, aspect(0.5) * rows if height is None else height)
    figure = plt.figure(figsize=(rcParams["figure.figsize"][0], inches), layout="constrained")
    try:
        axes = figure.subplot_mosaic(layout)
    except ValueError as error:
        plt.close(figure)
        raise PatchError(f"{layout!r} is no layout of panels: {in_one_line(error)}.") from error
    for letter in sorted(draw):
        draw[letter](ax=axes[letter])
    if letters:
        size = rcParams["font.size"]
        for letter in sorted(draw):
            axes[letter].annotate(
                literal(letter), (0, 1), xytext=(-0.6 * size, 0.5 * size), xycoords="axes fraction",
                textcoords="offset points", ha="right", va="bottom", weight="bold", fontsize=1.1 * size,
                color=palette().ink, gid="panel",
            )  # fmt: skip
    return figure
