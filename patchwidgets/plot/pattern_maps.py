"""Where the maps of attention of several runs lie, and which tokens have room beside them. Costs nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from patchwidgets.directions import RunName
from patchwidgets.experiment.patterns import DIFFERENCE
from patchwidgets.plot.axes import LINE, tick_size
from patchwidgets.plot.texts import LONGEST_TOKEN, literal, note_size, short, text_width
from patchwidgets.tokens import visible

if TYPE_CHECKING:
    import xarray as xr

PATCHED = "patched"
GAP, NARROW = 10.0, 72.0
"""Points between maps, and the width from which on all stand in one row."""
BAR = 6.5
"""The room of a colour bar with its numbers, in parts of the smallest type."""


@dataclass(frozen=True, eq=False)
class Maps:
    """What is drawn, and where, in points.

    Attributes
    ----------
    names
        By run, of each position; over pairs their numbers.
    queries
        The same for all runs, which share the names of the rows: clean→corrupted where the prompts differ.
    differs
        By run, whether the prompts differ there.
    columns
        Maps in a row.
    left, below
        The room of the names of queries and of keys.
    side
        The width and the height of a map.
    """

    array: "xr.DataArray"
    runs: Sequence[str]
    host: RunName
    names: dict[str, list[str]]
    queries: list[str]
    differs: dict[str, list[bool]]
    columns: int
    left: float
    below: float
    side: tuple[float, float]
    width: float

    @classmethod
    def of(
        cls,
        array: "xr.DataArray",
        runs: Sequence[str],
        host: RunName,
        size: tuple[float, float | None],
    ) -> "Maps":
        """Lay out the maps: one row where they are wide enough, else two in a row."""
        width, height = size
        names = {run: _names(array, run, width) for run in runs}
        differs = {run: _differing(array, run, host) for run in runs}
        label, title = LINE * tick_size("x"), LINE * note_size()
        queries = _query_names(array, names, width)
        left = max(map(_width_of, queries)) + label + 9
        below = max(max(map(_width_of, names[run])) for run in runs) + label + 8
        columns = len(runs)
        for columns in (len(runs), 2):
            side = (width - left - BAR * note_size() * n_bars(runs)) / columns - GAP
            if side >= NARROW:
                break
        rows = -(-len(runs) // columns)
        high = side if height is None else height / rows - below - title
        return cls(
            array, runs, host, names, queries, differs, columns, left, below,
            (side, max(high, 12.0)), width,
        )  # fmt: skip

    @property
    def height(self) -> float:
        """Of all rows."""
        rows = -(-len(self.runs) // self.columns)
        return rows * (self.side[1] + self.below + LINE * note_size())

    def place(self, number: int) -> tuple[float, float, float, float]:
        """Where a map lies, in parts of the whole."""
        row, column = divmod(number, self.columns)
        x = self.left + column * (self.side[0] + GAP)
        top = row * (self.side[1] + self.below + LINE * note_size()) + LINE * note_size()
        y = self.height - top - self.side[1]
        parts = (x / self.width, y / self.height)
        return (*parts, self.side[0] / self.width, self.side[1] / self.height)

    def bar_place(self, number: int) -> tuple[float, float, float, float]:
        """Where a colour bar lies: beside the first row."""
        _, y, _, high = self.place(0)
        x = self.width - BAR * note_size() * (n_bars(self.runs) - number)
        return (x + 4) / self.width, y, 0.5 * note_size() / self.width, high


def n_bars(runs: Sequence[str]) -> int:
    """The number of colour bars: of attention, and of its change."""
    return 1 + (DIFFERENCE in runs)


def _width_of(name: str) -> float:
    return text_width(name, tick_size("y"), "monospace", bold=True)


def _names(array: "xr.DataArray", run: str, width: float) -> list[str]:
    """Tokens, shorter where there is little room."""
    if "pair" in array.dims:
        return [str(i) for i in range(array.sizes["key"])]
    longest = LONGEST_TOKEN if width > 300 else 9
    tokens = array["key_token"].sel(run="patched" if run == DIFFERENCE else run).values
    return [literal(short(visible(str(token)), longest)) if token else "" for token in tokens]


def _query_names(array: "xr.DataArray", names: dict[str, list[str]], width: float) -> list[str]:
    if "pair" in array.dims:
        return next(iter(names.values()))
    longest = LONGEST_TOKEN if width > 300 else 9
    runs = [
        [visible(str(token)) if token else "" for token in array["key_token"].sel(run=run).values]
        for run in ("clean", "corrupted")
    ]
    half = longest - 4
    return [
        literal(short(clean, longest) if clean == corrupted
                else f"{short(clean, half) or '×'}→{short(corrupted, half) or '×'}")
        for clean, corrupted in zip(*runs, strict=True)
    ]  # fmt: skip


def _differing(array: "xr.DataArray", run: str, host: RunName) -> list[bool]:
    if "pair" in array.dims:
        return [False] * array.sizes["key"]
    own: str = host if run in (PATCHED, DIFFERENCE) else run
    other = "corrupted" if own == "clean" else "clean"
    tokens = [array["key_token"].sel(run=each).values for each in (own, other)]
    return [bool(a != b) for a, b in zip(*tokens, strict=True)]


def spaced(count: int, first: Sequence[int], apart: float) -> list[int]:
    """Which of `count` places in a row to name, so that those named are `apart` or more from each other.

    Parameters
    ----------
    first
        Those that are named before all others; then come the last one and the first one.
    """
    named = list[int]()
    for place in (*first, count - 1, *range(count)):
        if all(abs(place - other) >= apart for other in named if other != place):
            named.append(place)
    return sorted(set(named))
