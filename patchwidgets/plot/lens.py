"""What a lens read, as a map: layers and positions, the top token in each cell, its probability as colour."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool, Float

from patchwidgets.errors import LensError, shown
from patchwidgets.models.lenses.result import LensResult
from patchwidgets.plot.axes import (
    HIGHEST,
    LINE,
    checked,
    every,
    lines,
    name_layers,
    new_axes,
    room,
    tick_size,
)
from patchwidgets.plot.colours import ink_on, sequential
from patchwidgets.plot.texts import EM, families, literal, note_size, set_title, short, text_width
from patchwidgets.tokens import visible

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.image import AxesImage

LONGEST = 12
"""Characters of a token in a cell."""
UPRIGHT = 7
"""Characters for which a cell of a new figure is high, if tokens stand upright in it."""
BOLD = 1.15
"""How much wider bold letters are."""
SMALLEST = 4.0
"""Points of the smallest type; smaller cells have no text."""
AROUND = 5
"""Lines above and below the map and the names of its columns."""


@dataclass(frozen=True, eq=False)
class _Cells:
    """What stands in a map: layers downwards, columns to the right."""

    tokens: list[list[str]]
    probability: Float[np.ndarray, "layer column"]
    is_answer: Bool[np.ndarray, "layer column"]
    layers: list[int]
    columns: list[str]
    axis: str


def lens(
    result: LensResult,
    *,
    run: str | None = None,
    pair: int | None = None,
    cmap: "str | Colormap | None" = None,
    title: str | None = None,
    cbar: bool = True,
    ax: "Axes | None" = None,
) -> "Axes":
    """Draw the top token of each layer and position, with its probability as colour.

    Parameters
    ----------
    result
        From ``run.lens(...)`` or ``exp.patch(...).lens(...)``, by either method.
    run
        Of several runs at several positions, the one to draw; by default the patched one. At one position the runs
        stand side by side.
    pair
        Of several pairs, the one to draw, by its number; by default the first.
    cmap
        A colour scale of matplotlib, from 0 to 1.
    title
        In place of the figure's own; ``""`` for none.
    cbar
        Whether to draw the colour bar.
    ax
        Where to draw; by default on a new figure.

    Returns
    -------
    Axes
        Layers downwards; positions with their tokens to the right. Of one position: the runs, or, of a single run, the
        most probable tokens. The answer is bold. Tokens are shortened to their cell, and left out where none fits.

    Raises
    ------
    PatchError
        Not the result of a lens.
    LensError
        There is no such run or pair.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> ax = pw.plot.lens(exp.clean.lens(k=2), ax=Figure().subplots())
    >>> [text.get_text() for text in ax.texts][-2:], ax.images[0].get_array().shape
    (['␣Mary', '␣John'], (4, 2))
    """
    result = checked(result, LensResult, "run.lens(...)")
    data, run, pair = _chosen(result, run, pair)
    cells = _cells(data, result)
    longest = min(LONGEST, max(len(token) for row in cells.tokens for token in row))
    if ax is None:
        ax = new_axes(_height(cells, longest))
    image = ax.imshow(
        cells.probability, cmap=sequential() if cmap is None else cmap, vmin=0, vmax=1, aspect="auto",
        interpolation="nearest",
    )  # fmt: skip
    _label_axes(ax, cells)
    set_title(ax, _title(result, cells, run, pair), title)
    if cbar:
        bar = ax.figure.colorbar(image, ax=ax, fraction=0.05, pad=0.02, aspect=30)
        bar.outline.set_visible(False)
        bar.ax.tick_params(length=0, labelsize=note_size())
        bar.ax.set_ylabel("probability of the token", fontsize=note_size())
    # Only now, with all that stands around the map, its cells have their size.
    ax.figure.figure.draw_without_rendering()
    _write_tokens(ax, image, cells, longest)
    return ax


def _chosen(
    result: LensResult, run: str | None, pair: int | None
) -> tuple["xr.Dataset", str | None, int | None]:
    """The part of the dataset that is drawn, without pairs, with the names of what was chosen."""
    data = result.to_xarray()
    pairs = data["pair"].values.tolist()
    number = pairs[0] if pair is None else pair
    if number not in pairs:
        raise LensError(
            f"There is no pair {shown(pair)} here; there is {', '.join(map(str, pairs))}."
        )
    data = data.sel(pair=number)
    if run is not None and run not in result.runs:
        known = ", ".join(result.runs) or "a single one, which needs no name"
        raise LensError(f"There is no run {shown(run)} here; there is {known}.")
    if result.runs and run is None and data.sizes["pos"] > 1:
        run = "patched"
    if run is not None:
        data = data.sel(run=run)
    return data, run, number if len(pairs) > 1 else None


def _cells(data: "xr.Dataset", result: LensResult) -> _Cells:
    """Return what stands in the cells: columns are positions, else runs, else the top tokens."""
    axis = "run" if "run" in data.dims else "pos" if data.sizes["pos"] > 1 else "top"
    if axis != "top":
        data = data.isel(top=0)
    if axis != "pos":
        data = data.isel(pos=0)
    data = data.transpose("layer", axis)
    tokens = [[visible(str(token)) for token in row] for row in data["top_token"].values]
    answers = str(data["answer"].values).split(" | ") if "answer" in data.coords else []
    if axis == "pos":
        columns = [
            f"{short(visible(str(token)))} {index}"
            for token, index in zip(data["token"].values, data["index"].values, strict=True)
        ]
    else:
        columns = [str(name) for name in data[axis].values]
    return _Cells(
        tokens=tokens,
        probability=data["top_prob"].values.astype(np.float64),
        is_answer=np.isin(data["top_token"].values.astype(str), answers),
        layers=[int(layer) for layer in data["layer"].values],
        columns=columns,
        axis=axis,
    )


def _height(cells: _Cells, longest: int) -> float:
    """Inches of a new figure."""
    upright = _is_upright(_characters(_new_column(cells), note_size()), longest)
    rows = len(cells.layers)
    each = lines(LINE) if not upright else (min(longest, UPRIGHT) + 1) * EM * note_size() / 72
    label = max(text_width(name, tick_size("x")) for name in cells.columns)
    labels = label / 72 if cells.axis == "pos" else lines(1)
    return min(rows * each + labels + lines(AROUND), HIGHEST)


def _is_upright(side_by_side: int, longest: int) -> bool:
    """Whether tokens stand upright: wherever side by side one of them would be cut, but an unusually long one."""
    return side_by_side < min(UPRIGHT, longest)


def _new_column(cells: _Cells) -> float:
    """Points for a column of a new figure."""
    from matplotlib import rcParams

    return float(rcParams["figure.figsize"][0]) * 72 * 0.78 / len(cells.columns)


def _characters(points: float, size: float) -> int:
    return int((points - 2) / (EM * size))


def _write_tokens(ax: "Axes", image: "AxesImage", cells: _Cells, longest: int) -> None:
    n_rows, n_columns = cells.probability.shape
    per_pixel = 72 / ax.figure.dpi
    high, wide = ax.bbox.height * per_pixel / n_rows, ax.bbox.width * per_pixel / n_columns
    upright = _is_upright(_characters(wide, note_size()), longest) and high > wide
    along, across = (high, wide) if upright else (wide, high)
    size = min(note_size(), across / LINE)
    fitting = _characters(along, size)
    if size < SMALLEST or fitting < 1:
        return
    family, rotation = families("sans-serif"), 90 if upright else 0
    for row, column in np.ndindex(n_rows, n_columns):
        colour = image.cmap(image.norm(cells.probability[row, column]))
        bold = bool(cells.is_answer[row, column])
        token = _fitted(cells.tokens[row][column], fitting / BOLD if bold else fitting)
        ax.text(
            column, row, token, ha="center", va="center", fontsize=size, rotation=rotation, family=family,
            color=ink_on(colour), fontweight="bold" if bold else "normal",
        )  # fmt: skip


def _fitted(token: str, characters: float) -> str:
    """As much of a token as fits; Chinese, Japanese and Korean characters count twice."""
    longest = max(1, min(int(characters), LONGEST, len(token)))
    while longest > 1 and text_width(token[:longest], 1) > characters * EM * 1.05:
        longest -= 1
    if longest == len(token):
        return literal(token)
    return literal(f"{token[: longest - 1]}…" if longest > 2 else token[:longest])


def _label_axes(ax: "Axes", cells: _Cells) -> None:
    name_layers(ax, cells.layers)
    size = tick_size("x")
    upright = cells.axis == "pos"
    each = LINE * size if upright else max(text_width(f"{name} ", size) for name in cells.columns)
    step = every(len(cells.columns), room(ax, "x"), each)
    places = range(0, len(cells.columns), step)
    family = families("monospace" if upright else "sans-serif")
    ax.set_xticks(places, [literal(cells.columns[i]) for i in places], family=family)
    ax.tick_params(axis="both", length=0)
    ax.tick_params(axis="x", rotation=90 if upright else 0)
    names = {"pos": "position", "run": "run", "top": "rank of the token"}
    ax.set_xlabel(names[cells.axis] + (" (bold: the answer)" if cells.is_answer.any() else ""))
    ax.set_ylabel("layer")
    ax.spines[:].set_visible(False)


def _title(result: LensResult, cells: _Cells, run: str | None, pair: int | None) -> list[str]:
    attrs: dict[str, Any] = result.attrs
    names = {"logit": "logit lens", "jacobian": "Jacobian lens"}
    position = "" if cells.axis == "pos" else f"position {result.to_xarray()['pos'].values[0]}"
    return [
        f"{names.get(attrs['method'], attrs['method'])} of {attrs['component']}",
        position,
        f"{run} run" if run else "",
        "" if pair is None else f"pair {pair}",
    ]
