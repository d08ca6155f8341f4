"""Drawing on axes in the pixels of a layout, with y downwards."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from jaxtyping import Float

from patchwidgets.hooks.interrupts import Uninterrupted
from patchwidgets.plot.lanes.layout import Box
from patchwidgets.plot.lanes.ruler import Ruler
from patchwidgets.plot.texts import fonts_for, literal

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.patches import Patch
    from matplotlib.text import Text

Z = {"ground": 0.0, "stream": 1.0, "boxes": 2.0, "fills": 2.2, "marks": 2.4, "rings": 3.0}
ARROWS, GROUNDS, WORDS = 4.0, 5.0, 6.0
"""What lies over what: arrows pass behind words."""

Corners = Float[np.ndarray, "box corner 2"]
Points = Sequence[tuple[float, float]]


@dataclass(frozen=True, eq=False)
class Pen:
    """Draws on axes whose unit is a pixel.

    Attributes
    ----------
    ruler
        Measures what is written.
    """

    ax: "Axes"
    ruler: Ruler

    @property
    def px(self) -> float:
        """Points of a pixel."""
        return self.ruler.px

    def width(self, text: str, pixels: float, *, bold: bool = False, mono: bool = False) -> float:
        """How many pixels a text is wide."""
        return self.ruler.width(text, pixels, bold=bold, mono=mono)

    def fitting(
        self, text: str, pixels: float, room: float, *, bold: bool = False, mono: bool = False
    ) -> str:
        """As much of a text as has room."""
        return self.ruler.fitting(text, pixels, room, bold=bold, mono=mono)

    def text(
        self,
        x: float,
        y: float,
        text: str,
        pixels: float,
        colour: str,
        *,
        ha: Literal["left", "center", "right"] = "left",
        bold: bool = False,
        italic: bool = False,
        mono: bool = False,
        ground: str | None = None,
    ) -> "Text":
        """Write a line of text whose middle is at `y`; on a ground, arrows pass behind it."""
        size = self.ruler.size(pixels)
        drawable = literal(text)
        names, bold = fonts_for(drawable, "monospace" if mono else "sans-serif", bold=bold)
        written = self.ax.text(
            x, y + 0.35 * size / self.px, drawable, fontsize=size, color=colour, ha=ha, va="baseline",
            family=names, fontweight="bold" if bold else "normal",
            fontstyle="italic" if italic else "normal", zorder=WORDS,
        )  # fmt: skip
        if ground is not None:
            written.set_bbox({"facecolor": ground, "edgecolor": "none", "pad": 1.2 * self.px})
        return written

    def box(self, box: Box, z: float, *, rounded: float = 0.0, **style: Any) -> "Patch":
        """Draw a rectangle."""
        with Uninterrupted():
            from matplotlib.patches import BoxStyle, FancyBboxPatch, Rectangle

        style = {"facecolor": "none", "edgecolor": "none", **style}
        style["linewidth"] = style.get("linewidth", 0.0) * self.px
        corner = (box.x, box.y)
        patch: Patch
        if rounded:
            shape = BoxStyle.Round(pad=0, rounding_size=min(rounded, box.h / 2, box.w / 2))
            patch = FancyBboxPatch(corner, box.w, box.h, boxstyle=shape, zorder=z, **style)
        else:
            patch = Rectangle(corner, box.w, box.h, zorder=z, **style)
        self.ax.add_artist(patch)
        return patch

    def boxes(self, boxes: Float[np.ndarray, "box 4"], z: float, **style: Any) -> "Patch":
        """Draw many rectangles of one look as one shape: left, top, width and height of each."""
        with Uninterrupted():
            from matplotlib.patches import PathPatch
            from matplotlib.path import Path

        corners = corners_of(boxes)
        vertices = np.concatenate([corners, corners[:, :1]], axis=1).reshape(-1, 2)
        codes = np.tile(
            [Path.MOVETO, Path.LINETO, Path.LINETO, Path.LINETO, Path.CLOSEPOLY], len(boxes)
        )
        style = {"edgecolor": "none", **style}
        style["linewidth"] = style.get("linewidth", 0.0) * self.px
        patch = PathPatch(Path(vertices, codes), zorder=z, **style)
        self.ax.add_artist(patch)
        return patch

    def line(self, points: Points, z: float, **style: Any) -> None:
        """Draw a line through points."""
        with Uninterrupted():
            from matplotlib.lines import Line2D

        style["linewidth"] = style.get("linewidth", 1.0) * self.px
        x, y = zip(*points, strict=True)
        self.ax.add_artist(Line2D(x, y, zorder=z, solid_capstyle="butt", **style))

    def marks(
        self, points: Float[np.ndarray, "mark 2"], marker: Any, size: float, z: float, **style: Any
    ) -> Any:
        """Draw the same mark at several points, `size` pixels wide."""
        with Uninterrupted():
            from matplotlib.lines import Line2D

        style = {"markeredgewidth": 0.0, **style}
        style["markeredgewidth"] *= self.px
        marks = Line2D(
            points[:, 0], points[:, 1], linestyle="none", marker=marker, markersize=size * self.px,
            zorder=z, **style,
        )  # fmt: skip
        self.ax.add_artist(marks)
        return marks


def corners_of(boxes: Float[np.ndarray, "box 4"]) -> Corners:
    """The corners of rectangles."""
    left, top, width, height = boxes.T
    x = np.stack([left, left + width, left + width, left], axis=-1)
    y = np.stack([top, top, top + height, top + height], axis=-1)
    return np.stack([x, y], axis=-1)


def blend(colour: str, part: float, ground: str) -> str:
    """So much of a colour on a ground."""
    with Uninterrupted():
        from matplotlib.colors import to_hex, to_rgb

    mixed = part * np.array(to_rgb(colour)) + (1 - part) * np.array(to_rgb(ground))
    return str(to_hex(tuple(mixed.clip(0, 1).tolist())))
