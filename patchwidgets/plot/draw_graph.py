"""Draw a graph of components: boxes in rows from the bottom to the top, arrows by the size and sign of their effect."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from patchwidgets.plot.axes import HIGHEST, aspect, lines, new_axes, stroke
from patchwidgets.plot.colours import palette
from patchwidgets.plot.graph import Box, Graph
from patchwidgets.plot.graph_geometry import (
    BOX,
    TAB,
    Geometry,
    curves_of,
    fitted,
    rectangle,
    stretched,
    tab_width,
)
from patchwidgets.plot.routes import STEPS, Corner, curve, free_place, number, samples
from patchwidgets.plot.texts import literal, note_size, set_title, text_width

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DASHED = (0, (3.2, 1.6))
LINK = "within one component"
"""What a dotted line is."""
AROUND = 4.2
"""Lines of text above and below a graph on a new figure: a title of one line, and a legend."""
WIDEST_LINE = 0.35
"""Of an arrow, in parts of what it leads into: its head is about twice as wide, and would hide a ``q``."""
MARGINS = 8.0
"""Points at the left and the right of a new figure."""


@dataclass(frozen=True)
class Words:
    """What stands above: the parts of the figure's own title, and what a user wants in its place; what numbers are."""

    parts: Sequence[str]
    title: str | None
    numbers: str = ""


def draw_graph(
    graph: Graph, words: Words, label: int, towards_clean: int, ax: "Axes | None"
) -> "Axes":
    """Draw a graph, on a new figure as high as it needs, or in the axes that are given.

    Parameters
    ----------
    label
        How many paths get their number, the largest first.
    towards_clean
        1 if positive effects lead to the clean run, -1 if negative ones do, 0 if nobody knows.
    """
    from matplotlib.figure import Figure

    size, own = note_size(), ax is None
    ax = new_axes(HIGHEST) if ax is None else ax
    set_title(ax, words.parts, words.title)
    around = 72 * lines(AROUND + ax.get_title(loc="left").count("\n"))
    width, height = (side / ax.figure.dpi * 72 for side in (ax.bbox.width, ax.bbox.height))
    if own:
        width = aspect(1) * 72 - MARGINS
        geometry = fitted(graph, size, width, 72 * HIGHEST - around)
        figure = ax.get_figure()
        assert isinstance(figure, Figure)
        figure.set_figheight((geometry.height + around) / 72)
    else:
        geometry = stretched(graph, fitted(graph, size, width, height), height)
    # One unit is a point, whatever a layout does to the axes; limits that are fixed would be reported.
    ax.set_xlim(0, geometry.width, auto=True)
    ax.set_ylim(0, geometry.height, auto=True)
    ax.set_aspect("equal", adjustable="datalim")
    ax.set_axis_off()
    largest = max((abs(number) for number in graph.numbers), default=0.0) or 1.0
    curves = _draw_arrows(ax, graph, geometry, largest, towards_clean)
    for box in graph.boxes.values():
        _draw_box(ax, box, geometry, box_style(box.score, largest, towards_clean))
    _write_numbers(ax, graph, geometry, curves, label, towards_clean)
    _legend(ax, graph, towards_clean, words.numbers)
    if own:
        _make_room(ax, geometry)
    return ax


def _make_room(ax: "Axes", geometry: Geometry) -> None:
    """One unit becomes a point: at a smaller scale boxes would not hold their words, whose size stays.

    Where the title and the legend left less than the graph needs, the figure becomes higher.
    """
    from matplotlib.figure import Figure

    figure = ax.get_figure()
    assert isinstance(figure, Figure)
    figure.draw_without_rendering()
    missing = geometry.height / 72 - ax.bbox.height / figure.dpi
    if missing > 0:
        figure.set_figheight(figure.get_figheight() + missing)
        figure.draw_without_rendering()
    # What every pass of the layout widened on its way stays wide otherwise.
    width, height = (side / figure.dpi * 72 for side in (ax.bbox.width, ax.bbox.height))
    left, below = (geometry.width - width) / 2, (geometry.height - height) / 2
    ax.set_xlim(left, left + width, auto=True)
    ax.set_ylim(below, below + height, auto=True)


def _draw_arrows(
    ax: "Axes", graph: Graph, geometry: Geometry, largest: float, towards_clean: int
) -> list[list[Corner]]:
    """Draw all arrows, the smallest first, and return where they lead."""
    from matplotlib.patches import FancyArrowPatch

    curves = curves_of(graph, geometry)
    for arrow, corners in reversed(list(zip(graph.arrows, curves, strict=True))):
        style = arrow_style(arrow.effect, largest, towards_clean, is_link=arrow.is_link)
        _, port = geometry.tab_at(arrow.end, arrow.part)
        style["linewidth"] = min(style["linewidth"], WIDEST_LINE * port)
        head = 2.2 * style["linewidth"] + 0.45 * geometry.size
        patch = FancyArrowPatch(
            path=curve(corners), arrowstyle="-" if arrow.is_link else "-|>", zorder=1,
            mutation_scale=head, shrinkA=0, shrinkB=0, capstyle="butt", joinstyle="miter",
            **style,
        )  # fmt: skip
        patch.set_gid(f"{arrow.start}->{arrow.end}" + (f".{arrow.part}" if arrow.part else ""))
        patch.set_fill(True)
        ax.add_patch(patch)
    return curves


def arrow_style(
    effect: float | None, largest: float, towards_clean: int, *, is_link: bool = False
) -> dict[str, Any]:
    """Colour by the run that an effect leads to, width and opacity by its size, dashes if it is negative."""
    if effect is None:
        dots = ":" if is_link else "-"
        return {"color": palette().faint, "linewidth": stroke(0.7), "linestyle": dots}
    part = abs(effect) / largest
    run = "clean" if (effect >= 0) == (towards_clean >= 0) else "corrupted"
    return {
        "color": palette().runs[run],
        "linewidth": stroke(0.55 + 1.9 * part),
        "alpha": 0.45 + 0.55 * part,
        "linestyle": "-" if effect >= 0 else DASHED,
    }


def box_style(score: float | None, largest: float, towards_clean: int) -> dict[str, Any]:
    """The outline of a box: that of an arrow, if it has a score of its own."""
    if score is None:
        return {"edgecolor": palette().ink, "linewidth": stroke(0.7)}
    style = arrow_style(score, largest, towards_clean)
    return {
        "edgecolor": style["color"],
        "linewidth": style["linewidth"],
        "linestyle": style["linestyle"],
    }


def _draw_box(ax: "Axes", box: Box, geometry: Geometry, outline: dict[str, Any]) -> None:
    from matplotlib.patches import FancyBboxPatch

    colours, size, x = palette(), geometry.size, geometry.placed.x[box.name]
    y, width = geometry.bottom[box.name], geometry.widths[box.name]
    round_corners = 0.8 * size if box.name in ("embed", "logits") else 0.25 * size
    style: dict[str, Any] = {"facecolor": colours.paper, **outline}
    patch = FancyBboxPatch(
        (x - width / 2, y), width, BOX * size, zorder=3,
        boxstyle=f"round,pad=0,rounding_size={round_corners}", **style,
    )  # fmt: skip
    patch.set_gid(box.name)
    ax.add_patch(patch)
    text: dict[str, Any] = {
        "ha": "center",
        "va": "center_baseline",
        "color": colours.ink,
        "zorder": 4,
    }
    ax.text(x, y + BOX * size / 2, literal(box.text), fontsize=size, **text)
    for part in geometry.tabs.get(box.name, []):
        middle, _ = geometry.tab_at(box.name, part)
        half = tab_width(part, size) / 2
        tab = FancyBboxPatch(
            (middle - half, y - TAB * size), 2 * half, TAB * size, zorder=2.9,
            boxstyle="square,pad=0", **style,
        )  # fmt: skip
        tab.set_gid(f"{box.name}.{part}")
        ax.add_patch(tab)
        ax.text(middle, y - TAB * size / 2, literal(part), fontsize=0.9 * size, **text)


def _write_numbers(
    ax: "Axes",
    graph: Graph,
    geometry: Geometry,
    curves: Sequence[Sequence[Corner]],
    label: int,
    towards_clean: int,
) -> None:
    """Write effects onto arrows where they lie on no box and on no other number; where there is no room, none.

    They lie on the head of an arrow only where nothing else is left.
    """
    size = geometry.size
    taken = [rectangle(name, geometry) for name in graph.boxes]
    points = [samples(corners) for corners in curves]
    heads = [(x, y - 0.5 * size) for *_, (x, y) in curves]
    as_many_dots = np.repeat(np.reshape(heads, (-1, 2)), len(graph.arrows) * STEPS, axis=0)
    firsts = [
        i for i, arrow in enumerate(graph.arrows) if arrow.is_first and arrow.effect is not None
    ]
    for i in firsts[:label]:
        text = number(graph.arrows[i].effect or 0.0)
        half = (text_width(text, size) / 2 + 1, 0.62 * size + 1)
        others = np.concatenate([as_many_dots, *(p for k, p in enumerate(points) if k != i)])
        x = points[i][:, 0]
        on_page = points[i][(half[0] <= x) & (x <= geometry.width - half[0])]
        found = free_place(on_page, half, taken, others) if len(on_page) else None
        if found is None:
            continue
        taken.append(
            (found[0] - half[0], found[1] - half[1], found[0] + half[0], found[1] + half[1])
        )
        ax.text(
            *found, text, fontsize=size, ha="center", va="center", zorder=5,
            color=arrow_style(graph.arrows[i].effect, 1.0, towards_clean)["color"],
            bbox={"boxstyle": "square,pad=0.08", "facecolor": palette().paper, "linewidth": 0, "alpha": 0.85},
        )  # fmt: skip


def _legend(ax: "Axes", graph: Graph, towards_clean: int, numbers: str) -> None:
    """Which colour leads to which run, or what is positive; what a grey arrow is, and a dotted line."""
    from matplotlib.lines import Line2D

    signs = [sign for sign in (1, -1) if any(number * sign > 0 for number in graph.numbers)]
    handles = []
    for sign in signs:
        style = arrow_style(sign, 1.0, towards_clean or 1) | {"linewidth": stroke(1.2)}
        run = "clean" if sign * (towards_clean or 1) > 0 else "corrupted"
        sign_in_words = f"{'positive' if sign > 0 else 'negative'} {numbers}".strip()
        words = f"towards {run}" if towards_clean else sign_in_words
        handles.append(Line2D([], [], label=f"{words} ({'+' if sign > 0 else '−'})", **style))
    if handles and any(arrow.effect is None and not arrow.is_link for arrow in graph.arrows):
        handles.append(Line2D([], [], label="no score", **arrow_style(None, 1.0, 0)))
    if any(arrow.is_link for arrow in graph.arrows):
        handles.append(Line2D([], [], label=LINK, **arrow_style(None, 1.0, 0, is_link=True)))
    if handles:
        ax.legend(
            handles=handles,
            loc="upper center",
            bbox_to_anchor=(0.5, 0.0),
            ncols=2,
            borderpad=0.2,
            frameon=False,
        )
