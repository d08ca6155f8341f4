"""Three runs as three lanes, as the explorer draws them: what was patched, and how far it reached."""

from collections.abc import Mapping
from io import BytesIO
from typing import TYPE_CHECKING, Literal

import numpy as np
from jaxtyping import Float

from patchwidgets.directions import source_name
from patchwidgets.errors import listed
from patchwidgets.experiment.patch_result import PatchResult
from patchwidgets.models.model import Model
from patchwidgets.models.top_tokens import TopToken
from patchwidgets.plot.axes import new_axes
from patchwidgets.plot.colours import palette
from patchwidgets.plot.texts import literal
from patchwidgets.sites import Site, stream_of
from patchwidgets.tokens import printable, sequence_strings, visible

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Lane = Literal["clean", "patched", "corrupted"]
Along = Mapping[str, Float[np.ndarray, "layer *head"]]
"""How far heads (``z``) and MLPs (``mlp_out``) moved towards the source."""

LANES: tuple[Lane, ...] = ("clean", "patched", "corrupted")
"""From top to bottom, each 1 high; layers are 1 apart."""

STREAM, HEADS, TOP = 0.16, 0.30, 0.78
"""Heights within a lane: the residual stream with the MLPs on it, and the lower and upper end of the heads."""

SIZE = (11, 4.6)
"""Inches."""

MOST_OUTLINED = 24
"""Heads of a layer, each with a box of its own."""

LONGEST_PROMPT = 110
"""Characters; of a longer prompt the end is shown."""


def flow(result: PatchResult, ax: "Axes | None" = None) -> "Axes":
    """Draw the clean, the patched and the corrupted run, the activations that were spliced in, and their reach.

    Parameters
    ----------
    result
        From ``exp.patch(...)``.
    ax
        Where to draw; by default on a new figure of 11 × 4.6 inches.

    Returns
    -------
    Axes
        Layers run to the right. Cells of the patched lane are filled from below by the reach (`along`) at the last
        position, in the colour of the source run.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> ax = pw.plot.flow(exp.patch("L0.H1"), ax=Figure().subplots())
    >>> print(ax.get_title(loc="left"))
    L0.H1 from the clean run into the corrupted run: logit diff +6.49, effect +12.64, recovery 99%
    (corrupted 0%, clean 100%)
    """
    ax = new_axes(SIZE[1]) if ax is None else ax
    n_layers = result.experiment.model.n_layers
    for row, lane in enumerate(LANES):
        _draw_lane(ax, result, lane, -row)
    # Neurons of one layer share a place; many patches need not take minutes to draw.
    for x, y in sorted({_centre(result.experiment.model, patch.site) for patch in result.patches}):
        _draw_arrow(ax, result, x, y)
    for layer in range(0, n_layers, 5 if n_layers > 12 else 1):
        y = -2 - 0.14
        ax.text(
            layer, y, f"L{layer}", fontsize=7.5, color=palette().faint, ha="center", va="center"
        )
    ax.set_xlim(-0.5 - 0.02 * n_layers, n_layers * 1.28)
    ax.set_ylim(-2 - 0.2, 1)
    ax.set_axis_off()
    ax.set_title(literal(_sentence(result)), loc="left", fontsize=10, color=palette().ink)
    return ax


def flow_png(result: PatchResult, dpi: int = 110, note: str = "") -> bytes:
    """Draw `flow` into a PNG, without a pyplot figure.

    Parameters
    ----------
    result
        From ``exp.patch(...)``.
    dpi
        Pixels per inch, of 11 × 4.6 inches.
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
    from matplotlib.figure import Figure

    figure = Figure(figsize=SIZE)
    # A layout engine would draw everything twice.
    ax = flow(result, figure.add_axes((0.005, 0.03 if note else 0.005, 0.99, 0.92)))
    if note:
        ax.text(0, -0.02, literal(note), transform=ax.transAxes, fontsize=9, color=palette().faint)
    with BytesIO() as file:
        figure.savefig(file, dpi=dpi, format="png", metadata={"Software": None})
        return file.getvalue()


def _sentence(result: PatchResult) -> str:
    experiment = result.experiment
    host, source = experiment.host_name, source_name(experiment.direction)
    if not result.patches:
        return f"{experiment.model.name}: nothing patched, so the patched run is the {host} run."
    reading = next(iter(result.readings.values()))
    recovery = "undefined" if np.isnan(reading.recovery) else f"{reading.recovery:.0%}"
    return (
        f"{listed(result.sites)} from the {source} run into the {host} run: {reading.metric.label} "
        f"{reading.value:+.2f}, effect {reading.effect:+.2f}, recovery {recovery} (corrupted 0%, clean 100%)"
    )


def _draw_lane(ax: "Axes", result: PatchResult, lane: Lane, base: float) -> None:
    experiment = result.experiment
    n_layers = experiment.model.n_layers
    tint = palette().tints[experiment.host_name if lane == "patched" else lane]
    ax.axhspan(base - 0.06, base + 0.92, color=tint, lw=0, alpha=0.55)
    ax.text(
        -0.6, base + 0.84, _heading(result, lane), fontsize=7.5, color=palette().faint, va="center"
    )
    ax.plot(
        [-0.6, n_layers - 0.4], [base + STREAM] * 2, color=palette().runs[lane], lw=1.4, zorder=1
    )
    moved = lane == "patched" and result.patches
    along = _along(result) if moved else _along_of_nothing(experiment.model)
    fill = palette().runs[source_name(experiment.direction)]
    _draw_cells(ax, experiment.model, base, along, edge=palette().runs[lane], fill=fill)
    _draw_outputs(ax, result, lane, base)


def _heading(result: PatchResult, lane: Lane) -> str:
    """The first pair's prompt, with the tokens that differ in brackets."""
    experiment = result.experiment
    run = experiment.host_name if lane == "patched" else lane
    pair = experiment.pairs[0]
    tokens = sequence_strings(experiment.model.tokenizer, pair.prompt(run))
    differs = pair.differing(run)
    prompt = "".join(
        f"[{visible(t)}]" if i in differs else printable(t) for i, t in enumerate(tokens)
    )
    shown = prompt if len(prompt) < LONGEST_PROMPT else "…" + prompt[-(LONGEST_PROMPT - 2) :]
    note = f"  with {listed(result.sites)}" if lane == "patched" and result.patches else ""
    return literal(f"{lane.upper()}   {shown}{note}".replace("\n", "⏎"))


def _along(result: PatchResult) -> Along:
    reach = result.reach()
    return {component: np.nan_to_num(reach.along[component]) for component in ("z", "mlp_out")}


def _along_of_nothing(model: Model) -> Along:
    return {"z": np.zeros((model.n_layers, model.n_heads)), "mlp_out": np.zeros(model.n_layers)}


def _draw_cells(
    ax: "Axes", model: Model, base: float, along: Along, *, edge: str, fill: str
) -> None:
    """Draw every head and MLP as a box, filled from below as far as it moved."""
    from matplotlib.collections import PolyCollection

    boxes, outlines = _boxes(model, base), _outlines(model, base)
    parts = np.concatenate([along["z"], along["mlp_out"][:, None]], axis=1).ravel()
    filled = parts > 0.05
    fills = boxes[filled] * [1, 1, 1, 0]
    fills[:, 3] = boxes[filled, 3] * np.minimum(parts[filled], 1.0)
    ax.add_collection(
        PolyCollection(
            list(_corners(outlines)), facecolor="white", edgecolor=edge, linewidth=0.4, zorder=2
        )
    )
    ax.add_collection(
        PolyCollection(list(_corners(fills)), facecolor=fill, edgecolor="none", zorder=3)
    )


def _boxes(model: Model, base: float) -> Float[np.ndarray, "cell 4"]:
    """Left, bottom, width and height of every head of a layer and of its MLP, layer by layer."""
    height = (TOP - HEADS) / model.n_heads
    layers = np.arange(model.n_layers)[:, None]
    boxes = np.empty((model.n_layers, model.n_heads + 1, 4))
    boxes[..., 0] = layers - 0.3
    boxes[..., 1] = base + TOP - np.arange(1, model.n_heads + 2) * height
    boxes[..., 2:] = 0.42, height * 0.8
    boxes[:, -1, 0] = layers[:, 0] + 0.18
    boxes[:, -1, 1:] = base + STREAM - 0.07, 0.3, 0.14
    return boxes.reshape(-1, 4)


def _outlines(model: Model, base: float) -> Float[np.ndarray, "cell 4"]:
    """The boxes to draw; the heads of a layer share one where each would be hardly a pixel high."""
    boxes = _boxes(model, base)
    if model.n_heads <= MOST_OUTLINED:
        return boxes
    by_layer = boxes.reshape(model.n_layers, -1, 4)
    heads = by_layer[:, 0].copy()
    heads[:, 1], heads[:, 3] = base + HEADS, TOP - HEADS
    return np.concatenate([heads, by_layer[:, -1]])


def _corners(boxes: Float[np.ndarray, "box 4"]) -> Float[np.ndarray, "box corner 2"]:
    left, bottom, width, height = boxes.T
    x = np.stack([left, left + width, left + width, left], axis=-1)
    y = np.stack([bottom, bottom, bottom + height, bottom + height], axis=-1)
    return np.stack([x, y], axis=-1)


def _draw_outputs(ax: "Axes", result: PatchResult, lane: Lane, base: float) -> None:
    """Draw the top next tokens of the first pair, and the metric over all pairs."""
    n_layers = result.experiment.model.n_layers
    left, right, colour = n_layers * 1.02, n_layers * 1.26, palette().runs[lane]
    for row, top in enumerate(_top_tokens(result, lane)):
        y, token = base + 0.66 - 0.17 * row, literal(visible(top.token))
        ax.barh(y, top.prob * n_layers * 0.12, 0.13, left=left, color=colour, alpha=0.35, lw=0)
        ax.text(
            left + 0.1, y, token, fontsize=8, va="center", family="monospace", color=palette().ink
        )
        ax.text(
            right, y, f"{top.prob:.1%}", fontsize=8, va="center", ha="right", color=palette().ink
        )
    reading = next(iter(result.readings.values()))
    values = {"clean": reading.clean, "patched": reading.patched, "corrupted": reading.corrupted}
    label = literal(f"{reading.metric.label} {reading.metric.mean(values[lane]):+.2f}")
    ax.text(left, base + 0.10, label, fontsize=9, va="center", color=colour, weight="bold")


def _top_tokens(result: PatchResult, lane: Lane) -> list[TopToken]:
    if lane == "patched":
        return result.run_tokens(3, pair=0)
    experiment = result.experiment
    run = experiment.clean if lane == "clean" else experiment.corrupted
    return run.top_tokens(3, pair=0)


def _draw_arrow(ax: "Axes", result: PatchResult, x: float, y: float) -> None:
    """Draw an arrow from a place in the source lane to the same place in the patched lane."""
    from matplotlib.patches import FancyArrowPatch

    source = source_name(result.experiment.direction)
    bend = 0.25 if source == "clean" else -0.25
    arrow = FancyArrowPatch(
        (x, y - LANES.index(source)),
        (x, y - LANES.index("patched")),
        connectionstyle=f"arc3,rad={bend}",
        arrowstyle="-|>",
        mutation_scale=11,
        color=palette().runs["patched"],
        lw=1.6,
        zorder=5,
    )
    ax.add_patch(arrow)


def _centre(model: Model, site: Site) -> tuple[float, float]:
    """Where a site lies in its lane."""
    layer = 0 if site.layer is None else site.layer
    if site.component == "z" and site.index is not None:
        return layer - 0.09, TOP - (site.index + 0.6) * (TOP - HEADS) / model.n_heads
    component = stream_of(site.component)
    if component in ("mlp_out", "neuron", "neuron_pre", "neuron_up"):
        return layer + 0.33, STREAM
    return layer - 0.45 if component != "resid_post" else layer + 0.55, STREAM
