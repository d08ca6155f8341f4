"""The axes of a map: names of layers, heads and positions, and what the marks in its cells are."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np

from patchwidgets.plot.axes import LINE, every, lines, name_layers, room, tick_size
from patchwidgets.plot.colours import palette
from patchwidgets.plot.texts import NO_BREAK, fonts_for, literal, text_width, token_label, wrapped
from patchwidgets.sweep.sweep_result import SweepResult

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

UPRIGHT = ("pos", "pos_name")
"""Axes whose names are tokens or words."""

AXIS_LABELS = {"pos": "position", "pos_name": "position", "kv_head": "KV head"}


def height_of_names(result: SweepResult) -> float:
    """Inches that the names of columns need: those of positions stand upright below the map."""
    axis = result.axes[1]
    names, _ = _column_names(result.to_xarray(), axis)
    longest = max(text_width(name, tick_size("x")) for name in names)
    return longest / 72 if axis in UPRIGHT else lines(1)


def label_axes(ax: "Axes", result: SweepResult, notes: Sequence[str]) -> None:
    """Name layers and columns, and say below what the marks in the cells are."""
    dataset, axis = result.to_xarray(), result.axes[1]
    name_layers(ax, [int(layer) for layer in dataset["layer"].values])
    names, differs = _column_names(dataset, axis)
    size = tick_size("x")
    upright = axis in UPRIGHT
    each = LINE * size if upright else max(text_width(f"{name} ", size) for name in names)
    step = every(len(names), room(ax, "x"), each)
    few = step < 10 and sum(differs) <= len(names) / step
    shown = [i for i in range(len(names)) if i % step == 0 or (few and differs[i])]
    ax.set_xticks(shown, [names[i] for i in shown])
    ax.tick_params(axis="both", length=0)
    if upright:
        ax.tick_params(axis="x", rotation=90)
    for label, place in zip(ax.get_xticklabels(), shown, strict=True):
        generic: Literal["sans-serif", "monospace"] = "monospace" if axis == "pos" else "sans-serif"
        names_of, bold = fonts_for(label.get_text(), generic, bold=differs[place])
        label.set(fontfamily=names_of, fontweight="bold" if bold else "normal")
        if differs[place]:
            label.set_color(palette().runs["corrupted"])
    ax.set_ylabel("layer")
    noted = f" ({', '.join(note.replace(' ', NO_BREAK) for note in notes)})" if notes else ""
    size = float(ax.xaxis.label.get_fontsize())
    said = wrapped(f"{AXIS_LABELS.get(axis, axis)}{noted}", room(ax, "x"), size)
    ax.set_xlabel(literal("\n".join(said).replace(NO_BREAK, " ")))
    ax.spines[:].set_visible(False)


def _column_names(dataset: "xr.Dataset", axis: str) -> tuple[list[str], list[bool]]:
    """Return the label of each column, and whether the prompts differ there.

    A position has the names that the task gives it, the token that all pairs have there, and its number.
    """
    names = [literal(str(name)) for name in dataset[axis].values]
    if axis != "pos":
        return names, [False] * len(names)
    clean, corrupted = (
        np.atleast_2d(np.asarray(dataset[f"{run}_token"].values, dtype=str))
        for run in ("clean", "corrupted")
    )
    of_task, labels = _names_of_task(dataset), list[str]()
    for i, pos in enumerate(dataset["pos"].values):
        tokens = _shared(clean[:, i], corrupted[:, i])
        labels.append(" ".join([*of_task.get(int(pos), []), *tokens, names[i]]))
    return labels, (clean != corrupted).any(axis=0).tolist()


def _shared(clean: np.ndarray, corrupted: np.ndarray) -> list[str]:
    """The token that all pairs have at a position; nothing if each has its own."""
    if len({*clean}) > 1 or len({*corrupted}) > 1:
        return []
    a, b = str(clean[0]), str(corrupted[0])
    return [token_label(a) if a == b else f"{token_label(a)}→{token_label(b) if b else '×'}"]


def _names_of_task(dataset: "xr.Dataset") -> dict[int, list[str]]:
    """What the task calls positions that are at the same place in all pairs, as in sites: "@S2"."""
    pairs, length = json.loads(dataset.attrs["task"])["pairs"], dataset.attrs["n_positions"]
    named = dict[int, list[str]]()
    for name in (each for each in pairs[0] if each.startswith("@")):
        places = {pair[name] for pair in pairs}
        place = places.pop()
        if isinstance(place, int) and not places:
            named.setdefault(place % length, []).append(literal(name))
    return named
