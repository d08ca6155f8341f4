"""Three runs as three lanes, as the explorer draws them: what was patched, and how far it reached."""

from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Int32, UInt8

from patchwidgets.experiment.patch_result import PatchResult
from patchwidgets.experiment.reach import Reach
from patchwidgets.guesses.answering import answers
from patchwidgets.guesses.arguments import FIGURE_ARGUMENTS
from patchwidgets.hooks.interrupts import Uninterrupted
from patchwidgets.methods.paths.api import PathResult
from patchwidgets.plot.colours import palette
from patchwidgets.plot.finding import finding, numbers
from patchwidgets.plot.lanes.arrows import draw_arrows
from patchwidgets.plot.lanes.cells import draw_cells, moved_boxes
from patchwidgets.plot.lanes.heads import head_lines
from patchwidgets.plot.lanes.lane import draw_lane
from patchwidgets.plot.lanes.layout import EDGE, TYPE, Layout, Lengths, layout_of
from patchwidgets.plot.lanes.legend import draw_legend, marks_of
from patchwidgets.plot.lanes.pen import Pen
from patchwidgets.plot.lanes.prompts import Lines, lines_of, prompt_columns
from patchwidgets.plot.lanes.ruler import Ruler
from patchwidgets.plot.lanes.sides import metric_lines, side_lines
from patchwidgets.plot.lanes.tokens import patched_positions
from patchwidgets.plot.shown import LANES, Shown
from patchwidgets.plot.texts import literal, set_title

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from PIL.Image import Image

PICTURE = (9.6, 13.0)
"""The width of a picture in inches of 100 pixels, and the size of its type in pixels."""
COMMON = 64
"""How many of a picture's commonest colours a PNG keeps as they are."""
MARGIN = 2.0
"""Points around a new figure."""


@answers(FIGURE_ARGUMENTS)
def flow(
    result: PatchResult | PathResult,
    pair: int | None = None,
    *,
    title: str | None = None,
    ax: "Axes | None" = None,
) -> "Axes":
    """Draw the clean, the patched and the corrupted run, the activations that were spliced in, and their reach.

    Parameters
    ----------
    result
        From ``exp.patch(...)`` or ``exp.path(...)``.
    pair
        The number of one pair; by default the metric is the mean over all pairs, beside the prompt and the next tokens
        of the first one.
    title
        In place of the finding in a sentence; ``""`` for none.
    ax
        Where to draw; by default on a new figure, as high as the lanes are.

    Returns
    -------
    Axes
        Layers run to the right; heads, attn_out, MLP and the residual stream lie one below the other. Boxes of the
        patched lane are filled from below by the reach (`along`) at the last position, in the colour of the source run;
        of ablations, which move nothing towards it, in grey as far as they moved (`size`). A ring moved, but elsewhere;
        a dot is exactly unchanged. Models of more than 1,500 boxes have them as one raster, also in a PDF.

    Raises
    ------
    PatchError
        It is no result of a patch or a path.
    TaskError
        There is no such pair.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> ax = pw.plot.flow(exp.patch("L0.H1"), ax=Figure(figsize=(11, 5)).subplots())
    >>> print(ax.get_title(loc="left"))
    L0.H1 restores 99 % of the difference and puts ␣Mary back on top.
    logit diff −6.15 → +6.49: effect +12.6, recovery 0.992
    """
    with Uninterrupted():
        from matplotlib import pyplot as plt
        from matplotlib import rcParams

    shown = Shown.of(result, pair)
    size = float(rcParams["font.size"])
    if ax is None:
        figure = plt.figure(figsize=(rcParams["figure.figsize"][0], 1))
        return _on_new(figure, shown, size, title)
    _draw(ax, shown, size, ax.bbox.height / ax.figure.dpi * 72)
    set_title(ax, [], _words(shown) if title is None else title)
    return ax


def flow_png(result: PatchResult | PathResult, pair: int | None = None, *, note: str = "") -> bytes:
    """Draw `flow` into a PNG of twice the explorer's pixels, without a pyplot figure.

    Parameters
    ----------
    result, pair
        As for `flow`.
    note
        A line below.

    Returns
    -------
    bytes
        The content of the file.

    Examples
    --------
    >>> pw.plot.flow_png(exp.patch("L0.H1"))[1:4]
    b'PNG'
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from PIL import Image

    width, pixels = PICTURE
    figure = Figure(figsize=(width, 1), dpi=100)
    # rcParams stay as they are: other threads draw with them.
    _on_new(figure, Shown.of(result, pair), pixels * 72 / 100, None, note)
    figure.set_dpi(200)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()  # type: ignore[no-untyped-call]
    drawn = Image.fromarray(np.asarray(canvas.buffer_rgba()))  # type: ignore[no-untyped-call]
    with BytesIO() as file:
        few_colours(drawn.convert("RGB")).save(file, "PNG")
        return file.getvalue()


def few_colours(picture: "Image") -> "Image":
    """An RGB picture in 256 colours, which a byte tells: a third of the size.

    Its commonest colours, those of grounds, stay as they are; the rest, mostly edges of letters, share what is left.
    """
    from PIL import Image

    counted: list[Any] = picture.getcolors(picture.width * picture.height) or []
    by_count = sorted(counted, reverse=True)
    colours = np.array([colour for _, colour in by_count], dtype=np.uint8)
    kept, rest = colours[:COMMON], colours[COMMON:]
    if rest.size:
        shared = Image.fromarray(rest[None]).quantize(256 - COMMON, Image.Quantize.MAXCOVERAGE)
        kept = np.concatenate([kept, np.reshape(shared.getpalette() or [], (-1, 3))])
    away = ((colours[:, None] - kept[None].astype(np.int32)) ** 2).sum(axis=-1)
    nearest = np.zeros(1 << 24, dtype=np.uint8)
    nearest[_as_number(colours)] = away.argmin(axis=-1)
    few = Image.fromarray(nearest[_as_number(np.asarray(picture))])
    few.putpalette(kept.astype(np.uint8).tobytes())
    return few


def _as_number(rgb: UInt8[np.ndarray, "*shape 3"]) -> Int32[np.ndarray, "*shape"]:
    red, green, blue = (rgb[..., i].astype(np.int32) for i in range(3))
    return np.asarray(red << 16 | green << 8 | blue)


def _words(shown: Shown) -> str:
    return f"{finding(shown)}\n{numbers(shown)}" if shown.patches or shown.path else finding(shown)


def _on_new(
    figure: "Figure", shown: Shown, size: float, title: str | None, note: str = ""
) -> "Axes":
    """Draw on a figure that becomes as high as what is drawn."""
    width = figure.get_figwidth() * 72
    ax = figure.add_axes((MARGIN / width, 0, 1 - 2 * MARGIN / width, 1))
    ax.title.set_fontsize(size)
    layout = _draw(ax, shown, size, None)
    ax.set_title("", loc="left", fontsize=size)
    set_title(ax, [], _words(shown) if title is None else title)
    n_lines = ax.get_title(loc="left").count("\n") + 1 if ax.get_title(loc="left") else 0
    above = n_lines * 1.25 * size + (0.8 * size if n_lines else MARGIN)
    below = 1.6 * size if note else MARGIN
    body = layout.height * layout.px
    height = above + body + below
    figure.set_figheight(height / 72)
    ax.set_position((MARGIN / width, below / height, 1 - 2 * MARGIN / width, body / height))
    if note:
        style: dict[str, Any] = {"fontsize": 0.85 * size, "color": palette().faint, "va": "bottom"}
        figure.text(MARGIN / width, 0.3 * size / height, literal(note), **style)
    return ax


def _draw(ax: "Axes", shown: Shown, size: float, room: float | None) -> Layout:
    """Draw the lanes; in a given height, in points, they fill it, or all is drawn smaller."""
    width, reach = ax.bbox.width / ax.figure.dpi * 72, shown.reach()
    layout, tokens = _laid_out(shown, reach, width, size / TYPE)
    if room is not None:
        natural = layout.height * layout.px
        stretch = max(0.0, room - natural) / layout.px
        px = layout.px * min(1.0, room / natural)
        layout, tokens = _laid_out(shown, reach, width, px, stretch)
    pen, moved = Pen(ax, Ruler(layout.px)), moved_boxes(shown, reach, layout)
    for lane in LANES:
        draw_lane(pen, shown, layout, lane, tokens)
    draw_cells(pen, shown, layout, reach, moved)
    draw_arrows(pen, shown, layout)
    draw_legend(pen, shown, layout, moved)
    ax.set(xlim=(0, layout.width), ylim=(layout.height, 0))
    ax.set_axis_off()
    return layout


def _laid_out(
    shown: Shown, reach: Reach | None, width: float, px: float, stretch: float = 0.0
) -> tuple[Layout, Lines]:
    model, pixels, ruler = shown.experiment.model, width / px, Ruler(px)
    trial = layout_of(pixels, px, model.n_layers, model.n_heads)
    room = trial.body if trial.sides else pixels - 2 * EDGE
    columns = prompt_columns(model.tokenizer, shown.prompts, ruler, room)
    tokens = lines_of(columns, patched_positions(shown), ruler, room, 2 if trial.sides else 3)
    roles = {
        lane: side_lines(shown, lane, trial, ruler)
        if trial.sides
        else head_lines(shown, lane, ruler, pixels)
        for lane in LANES
    }
    lines = Lengths(
        len(tokens),
        {lane: len(role) for lane, role in roles.items()},
        len(metric_lines(shown, ruler)) if trial.sides else 1,
        len(marks_of(shown, moved_boxes(shown, reach, trial))),
    )
    return layout_of(pixels, px, model.n_layers, model.n_heads, lines, stretch), tokens
