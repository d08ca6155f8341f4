"""A sweep as a notebook shows it: its words, a small map, and its largest effects. Costs a few ms."""

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from patchwidgets.directions import Direction, source_name
from patchwidgets.html import block, table, words
from patchwidgets.sweep.quantities import Quantities
from patchwidgets.sweep.small_map import CLEAN, CORRUPTED, MOST_COLUMNS, SmallMap

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

SMALL_RANGES = (0.05, 0.1, 0.2, 0.5, 1.0)
"""Where colours are full, if all shares are small."""
N_ROWS = 5
QUANTITIES = ("effect", "share")


def sweep_html(
    result: Quantities, title: str, frame: "pd.DataFrame", unpatched: tuple[float, float]
) -> str:
    """Return a result as HTML, without scripts; what a file says is shown as text.

    Parameters
    ----------
    title
        The result in words.
    frame
        Its table, of which the first rows are those of the first metric.
    unpatched
        The first metric of the clean and of the corrupted run.
    """
    of_first = result.over_pairs()
    metric = result.metrics[0]
    frame = frame.iloc[: len(result)]
    order = np.argsort(-np.nan_to_num(np.abs(frame["effect"].to_numpy()), nan=-1), kind="stable")
    quantities = [q for q in QUANTITIES if np.isfinite(frame[q]).any()]
    largest = frame.iloc[order[:N_ROWS]][["site", *quantities]].dropna(how="all", subset=quantities)
    parts = [words(title)]
    if "layer" in result.axes or (result.axes and len(result) <= MOST_COLUMNS):
        parts += _map(of_first, result, unpatched)
    if len(result) and len(largest):
        parts += [words(f"Largest effects on {metric}"), table(largest)]
    return block(*parts)


def _map(of_first: "xr.Dataset", result: Quantities, unpatched: tuple[float, float]) -> list[str]:
    metric = result.metrics[0]
    quantity = "share" if np.isfinite(of_first["share"]).any() else "effect"
    cells = of_first[quantity]
    others = cells.dims[2:]
    values = _two_axes(cells.values)
    full = _full(values, quantity)
    small = SmallMap(
        values / full * _towards_clean(quantity, result.attrs["direction"], unpatched),
        _named_axes(of_first, cells.dims),
        f"Map of the {quantity} of {metric} over {' and '.join(map(str, cells.dims[:2]))}",
    )
    _, (rows, columns) = small.pooled()
    notes = [f"{quantity} of {metric}, full colour at ±{full:.3g}"]
    if others:
        notes.append(f"the largest over {' and '.join(map(str, others))}")
    if rows * columns > 1:
        notes.append(f"each square the largest of up to {rows * columns:,}")
    if np.isnan(values).any():
        notes.append("grey: not computed, or undefined")
    keys = f"{_key(CLEAN)} towards clean {_key(CORRUPTED)} towards corrupted"
    legend = f'<span style="opacity:0.8">{keys}</span>'
    return [small.svg(), f"<div>{legend}</div>", words("; ".join(notes))]


def _key(colour: str) -> str:
    return f'<span style="color:{colour}">■</span>'


def _two_axes(values: Float[np.ndarray, "*axes"]) -> Float[np.ndarray, "row column"]:
    """Return values over two axes: of one, one row; of more, the largest over the rest."""
    if values.ndim < 3:
        return values.reshape(1, -1) if values.ndim < 2 else values
    flat = values.reshape(*values.shape[:2], -1)
    largest = np.nan_to_num(np.abs(flat), nan=-1).argmax(-1)[..., None]
    return np.asarray(np.take_along_axis(flat, largest, -1)[..., 0])


def _full(values: Float[np.ndarray, "row column"], quantity: str) -> float:
    """Return where colours are full: for shares a round number up to 1, for effects the largest."""
    known = np.abs(values[np.isfinite(values)])
    largest = float(known.max()) if known.size else 1.0
    if quantity == "effect":
        return largest or 1.0
    return next((each for each in SMALL_RANGES if largest <= each), 1.0)


def _towards_clean(quantity: str, direction: Direction, unpatched: tuple[float, float]) -> int:
    """Return 1 where a positive number is towards the clean run, and -1 where it is towards the corrupted one."""
    if quantity == "share":
        return 1 if source_name(direction) == "clean" else -1
    clean, corrupted = unpatched
    return -1 if clean < corrupted else 1


def _named_axes(
    of_first: "xr.Dataset", dims: tuple[object, ...]
) -> tuple[tuple[str, str, str] | None, tuple[str, str, str]]:
    named = []
    for dim in map(str, dims[:2]):
        at = of_first[dim].values if dim in of_first.coords else np.arange(of_first.sizes[dim])
        named.append((dim, str(at[0])[:12], str(at[-1])[:12]))
    return (None, named[0]) if len(named) == 1 else (named[0], named[1])
