"""A small map of a sweep as SVG, for notebooks: what is towards clean, what towards corrupted. Under 30 KB.

Strength is how opaque a colour is, so that no effect is the page itself, be that light or dark.
"""

from dataclasses import dataclass
from html import escape

import numpy as np
from jaxtyping import Float

CLEAN, CORRUPTED = "#2E8BC9", "#DD7430"
"""Of cells that moved the metric towards one of the two runs: strong enough on white and on black."""
MOST_ROWS, MOST_COLUMNS = 36, 60
"""In a larger map, a square stands for several cells."""
LEVELS = 10
_WIDTH, _HEIGHT, _LARGEST, _SMALLEST = 420, 200, 22, 4
_LEFT, _BELOW = 64, 18


@dataclass(frozen=True, eq=False)
class SmallMap:
    """What a small map shows.

    Attributes
    ----------
    values
        From -1, all the way towards corrupted, to 1, towards clean; NaN where nothing is known. Of one axis, one row.
    axes
        The names of both axes and the first and last coordinate of each, as ``("layer", "0", "3")``; None for no axis.
    label
        What it is, for who cannot see it.
    """

    values: Float[np.ndarray, "row column"]
    axes: tuple[tuple[str, str, str] | None, tuple[str, str, str]]
    label: str

    def pooled(self) -> tuple[Float[np.ndarray, "row column"], tuple[int, int]]:
        """The values with the largest of several in one square where there are many, and of how many."""
        size = tuple(
            int(np.ceil(n / most))
            for n, most in zip(self.values.shape, (MOST_ROWS, MOST_COLUMNS), strict=True)
        )
        if size == (1, 1):
            return self.values, (1, 1)
        rows, columns = (
            int(np.ceil(n / by)) for n, by in zip(self.values.shape, size, strict=True)
        )
        padded = np.full((rows * size[0], columns * size[1]), np.nan)
        padded[: self.values.shape[0], : self.values.shape[1]] = self.values
        by_square = padded.reshape(rows, size[0], columns, size[1]).swapaxes(1, 2)
        squares = by_square.reshape(rows, columns, -1)
        largest = np.abs(np.nan_to_num(squares)).argmax(-1)
        pooled = np.take_along_axis(squares, largest[..., None], -1)[..., 0]
        unknown = np.isnan(squares).all(-1)
        return np.where(unknown, np.nan, np.nan_to_num(pooled)), (size[0], size[1])

    def svg(self) -> str:
        """The map as an SVG element."""
        values, _ = self.pooled()
        rows, columns = values.shape
        side = int(max(_SMALLEST, min(_LARGEST, _WIDTH / columns, _HEIGHT / rows)))
        width, height = columns * side, rows * side
        left = _LEFT if self.axes[0] else 2
        below = height + _BELOW
        paths = "".join(_paths(values))
        return (
            f'<svg role="img" aria-label="{escape(self.label)}" width="{left + max(width, 120) + 40}" '
            f'height="{below}" style="display:block;margin:4px 0" font-size="11" fill="currentColor">'
            f'<g transform="translate({left} 1) scale({side})">{paths}</g>'
            f'<rect x="{left - 0.5}" y="0.5" width="{width + 1}" height="{height + 1}" fill="none" '
            f'stroke="currentColor" stroke-opacity="0.35"/>{self._names(left, width, height)}</svg>'
        )

    def _names(self, left: int, width: int, height: int) -> str:
        down, across = self.axes
        name, first, last = across
        texts = [_text(left, height + 14, f"{name} {first}", "start")]
        if last != first:
            texts.append(_text(max(left + width, left + 76), height + 14, last, "end"))
        if down is not None:
            name, first, last = down
            texts.append(_text(left - 6, 11, f"{name} {first}", "end"))
            if last != first and height >= 24:
                texts.append(_text(left - 6, height, last, "end"))
        return "".join(texts)


def _paths(values: Float[np.ndarray, "row column"]) -> list[str]:
    """Return one path for each strength of each colour, with neighbours of one row in one piece."""
    strength = np.nan_to_num(np.abs(values)).clip(0, 1)
    level = np.rint(strength * LEVELS).astype(int) * np.sign(np.nan_to_num(values))
    level = np.where(np.isnan(values), LEVELS + 1, level).astype(int)
    paths = []
    for each in np.unique(level[level != 0]).tolist():
        pieces = [_pieces(row, np.flatnonzero(level[row] == each)) for row in range(len(level))]
        colour = CLEAN if each > 0 else CORRUPTED
        opacity = f"{abs(each) / LEVELS:.2f}"
        if each > LEVELS:
            colour, opacity = "currentColor", "0.12"
        paths.append(f'<path d="{"".join(pieces)}" fill="{colour}" fill-opacity="{opacity}"/>')
    return paths


def _pieces(row: int, columns: np.ndarray) -> str:
    runs = np.split(columns, np.flatnonzero(np.diff(columns) > 1) + 1) if columns.size else []
    return "".join(f"M{run[0]} {row}h{len(run)}v1h-{len(run)}z" for run in runs)


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}">{escape(text)}</text>'
