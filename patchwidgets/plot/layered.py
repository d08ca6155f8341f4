"""Where boxes and arrows of a layered graph lie: no box lies on another one, no arrow leads through a box. In points.

Long arrows bend in each row that they pass, and bends take room like narrow boxes (Sugiyama et al. 1981).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from jaxtyping import Float

from patchwidgets.hooks.interrupts import Uninterrupted

ROUNDS = 24
"""Of sorting each row by what its boxes are joined to, from below and from above in turn."""
WIDEST = 1.6
"""How far everything is spread where there is room."""
LINE = 3.0
"""The widest arrow, in points."""
STRAIGHT = 4.0
"""How much more a bend stays above the one before than a box does."""


@dataclass(frozen=True)
class Placed:
    """Where everything lies to the right.

    Attributes
    ----------
    rows
        The names of the boxes of each row.
    x
        The middle of each box.
    bends
        Of each arrow: where it passes the rows between its ends.
    """

    rows: list[list[str]]
    x: dict[str, float]
    bends: list[list[float]]


@dataclass
class _Element:
    """A box or a bend; `below` and `above` are the numbers of what it is joined to in the next rows."""

    width: float
    weight: float
    x: float = 0.0
    below: list[int] = field(default_factory=list)
    above: list[int] = field(default_factory=list)


def place(
    rows: Sequence[Sequence[str]],
    widths: Mapping[str, float],
    arrows: Sequence[tuple[str, str]],
    width: float,
    gap: float,
    lane: float,
) -> Placed:
    """Place boxes in rows, from the lowest.

    Parameters
    ----------
    rows
        The names of boxes, in the order that is kept where nothing else decides. A row that is too wide becomes two or
        more.
    widths
        Of each box.
    arrows
        From a box to one of a higher row.
    width
        Of the whole. What does not fit even so is wider.
    gap, lane
        Between two boxes, and between two arrows.
    """
    parted = _parted(rows, widths, arrows, width, gap, lane)
    row_of = {name: i for i, row in enumerate(parted) for name in row}
    elements = [_Element(widths[name], 1.0) for row in parted for name in row]
    number = {name: i for i, name in enumerate(name for row in parted for name in row)}
    in_rows = [[number[name] for name in row] for row in parted]
    chains = []
    for start, end in arrows:
        chain = [number[start]]
        for row in range(row_of[start] + 1, row_of[end]):
            chain.append(len(elements))
            in_rows[row].append(len(elements))
            elements.append(_Element(lane, STRAIGHT))
        chain.append(number[end])
        for below, above in pairwise(chain):
            elements[below].above.append(above)
            elements[above].below.append(below)
        chains.append(chain[1:-1])
    _sort(elements, in_rows, width, gap)
    x = [element.x for element in elements]
    return Placed(
        parted, {name: x[i] for name, i in number.items()}, [[x[i] for i in c] for c in chains]
    )


def widened(placed: Placed, widths: Mapping[str, float], width: float) -> tuple[Placed, float]:
    """Spread what is placed over the whole width, and return the width that it takes."""
    bent = [x for of_arrow in placed.bends for x in of_arrow]
    middle = np.array([*placed.x.values(), *bent])
    half = np.array([widths[name] / 2 for name in placed.x] + [LINE / 2] * len(bent))
    apart = middle[:, None] - middle
    room = width - half[:, None] - half
    fits = np.min(room[apart > 0] / apart[apart > 0], initial=WIDEST)
    by = max(1.0, float(fits))
    left, right = np.min(by * middle - half), np.max(by * middle + half)
    shift = max(0.0, width - (right - left)) / 2 - left

    def moved(x: float) -> float:
        return float(shift + by * x)

    x = {name: moved(at) for name, at in placed.x.items()}
    bends = [[moved(at) for at in each] for each in placed.bends]
    return Placed(placed.rows, x, bends), float(max(width, right - left))


def _parted(
    rows: Sequence[Sequence[str]],
    widths: Mapping[str, float],
    arrows: Sequence[tuple[str, str]],
    width: float,
    gap: float,
    lane: float,
) -> list[list[str]]:
    """Part rows whose boxes leave no room for the arrows that pass or end there."""
    row_of = {name: i for i, row in enumerate(rows) for name in row}
    spans = [(row_of[start], row_of[end]) for start, end in arrows]
    parted = []
    for i, row in enumerate(rows):
        passing = sum(start < i < end for start, end in spans)
        touching = sum(i in span for span in spans)
        needed = sum(widths[name] + gap for name in row) - gap
        if needed + passing * (lane + gap / 2) <= width:
            parted.append(list(row))
            continue
        left = max(width - (passing + touching) * (lane + gap / 2), width / 3)
        n = min(len(row), int(np.ceil(needed / left)))
        parted += [list(row[k::n]) for k in range(n)]
    return parted


def _sort(elements: list[_Element], rows: list[list[int]], width: float, gap: float) -> None:
    """Order and place the elements; of all orders that were tried, the one with the fewest crossings stays."""
    for row in rows:
        _spread(elements, row, [width / 2] * len(row), width, gap)
    best: tuple[float, list[list[int]]] = (np.inf, [])
    for i in range(ROUNDS):
        upwards = i % 2 == 0
        for row in rows if upwards else reversed(rows):
            wanted = [_wanted(elements, each, below=upwards, above=not upwards) for each in row]
            order = np.argsort(wanted, kind="stable")
            row[:] = [row[k] for k in order]
            _spread(elements, row, [wanted[k] for k in order], width, gap)
        crossings = _crossings(elements, rows)
        if crossings < best[0]:
            best = (crossings, [list(row) for row in rows])
    for row, chosen in zip(rows, best[1], strict=True):
        row[:] = chosen
    for i in range(2 * ROUNDS):
        for row in rows if i % 2 else reversed(rows):
            wanted = [_wanted(elements, each, below=True, above=True) for each in row]
            _spread(elements, row, wanted, width, gap)


def _wanted(elements: list[_Element], each: int, *, below: bool, above: bool) -> float:
    """Return the middle of what an element is joined to, or where it is."""
    element = elements[each]
    joined = (element.below if below else []) + (element.above if above else [])
    return float(np.mean([elements[k].x for k in joined])) if joined else element.x


def _spread(
    elements: list[_Element], row: list[int], wanted: list[float], width: float, gap: float
) -> None:
    """Place a row in its order, as near to where its elements should be as their widths allow."""
    with Uninterrupted():
        from sklearn.isotonic import isotonic_regression

    widths = np.array([elements[each].width for each in row])
    between = (widths[1:] + widths[:-1]) / 2 + gap * _shares(elements, row)
    offset = np.concatenate([[0.0], np.cumsum(between)])
    low, high = widths[0] / 2, width - widths[-1] / 2 - offset[-1]
    at = isotonic_regression(
        np.array(wanted) - offset,
        sample_weight=[elements[each].weight for each in row],
        y_min=low,
        y_max=max(low, high),
    )
    for each, x in zip(row, at + offset, strict=True):
        elements[each].x = float(x)


def _shares(elements: list[_Element], row: list[int]) -> Float[np.ndarray, "between"]:
    """Return which part of the gap lies between neighbours: half beside a bend, none between two."""
    boxes = np.array([elements[each].weight != STRAIGHT for each in row], dtype=float)
    return np.asarray((boxes[1:] + boxes[:-1]) / 2)


def _crossings(elements: list[_Element], rows: list[list[int]]) -> int:
    """Count how often arrows cross between rows."""
    count = 0
    for row in rows[:-1]:
        ends = np.array(
            [(elements[a].x, elements[b].x) for a in row for b in elements[a].above]
        ).reshape(-1, 2)
        start, end = ends[:, 0], ends[:, 1]
        crossed = (start[:, None] < start) & (end[:, None] > end)
        count += int(crossed.sum())
    return count
