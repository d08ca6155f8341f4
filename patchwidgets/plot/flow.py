"""Three runs as three lanes, as the explorer draws them: what was patched, and how far it reached."""

from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np

from patchwidgets.experiment.patch_result import PatchResult
from patchwidgets.models.run import Run, TopToken
from patchwidgets.plot.bars import literal, new_axes
from patchwidgets.plot.colours import FAINT, INK, RUN_COLOURS, TINTS
from patchwidgets.sites import Site
from patchwidgets.tokens import visible

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LANES = ("clean", "patched", "corrupted")
LANE = 1.0
"""Height of a lane; heads take its upper part, the residual stream with the MLPs the lower."""
STREAM, HEADS, TOP = 0.16, 0.30, 0.78


def flow(result: PatchResult, ax: "Axes | None" = None) -> "Axes":
    """Draw the clean, the patched and the corrupted run, the splice between them, and its reach.

    Parameters
    ----------
    result
        From ``exp.patch(...)``.
    ax
        Where to draw; a new figure of 11 × 4.6 inches by default.

    Returns
    -------
    Axes
        Layers run to the right. Cells of the patched lane are filled from below by `along` of the reach at the last
        position, in the colour of the source run.
    """
    ax = new_axes((11, 4.6)) if ax is None else ax
    n_layers = result.experiment.model.n_layers
    for row, run in enumerate(LANES):
        _lane(ax, result, run, -row * LANE)
    for site in {patch.site for patch in result.patches}:
        _arrow(ax, result, site)
    for layer in range(0, n_layers, 5 if n_layers > 12 else 1):
        ax.text(
            layer,
            -2 * LANE - 0.14,
            f"L{layer}",
            fontsize=7.5,
            color=FAINT,
            ha="center",
            va="center",
        )
    ax.set_xlim(-0.5 - 0.02 * n_layers, n_layers * 1.28)
    ax.set_ylim(-2 * LANE - 0.2, LANE)
    ax.set_axis_off()
    ax.set_title(literal(_sentence(result)), loc="left", fontsize=10, color=INK)
    return ax


def flow_png(result: PatchResult, dpi: int = 110) -> bytes:
    """`flow` as a PNG, without touching pyplot's figures."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 4.6), layout="constrained")
    flow(result, figure.subplots())
    with BytesIO() as file:
        figure.savefig(file, dpi=dpi, format="png", metadata={"Software": None})
        return file.getvalue()


def _sentence(result: PatchResult) -> str:
    host = "corrupted" if result.experiment.direction == "denoise" else "clean"
    if not result.patches:
        return f"{result.experiment.model.name}: nothing patched, so the patched run is the {host} run."
    reading = next(iter(result.readings.values()))
    recovery = "undefined" if np.isnan(reading.recovery) else f"{reading.recovery:.0%}"
    source = "clean" if host == "corrupted" else "corrupted"
    return (
        f"{' + '.join(result.sites)} from the {source} run into the {host} run: {reading.metric.label} "
        f"{reading.value:+.2f}, effect {reading.effect:+.2f}, recovery {recovery} (0 corrupted, 1 clean)"
    )


def _lane(ax: "Axes", result: PatchResult, run: str, base: float) -> None:
    experiment = result.experiment
    n_layers = experiment.model.n_layers
    host = "corrupted" if experiment.direction == "denoise" else "clean"
    tint = TINTS[host if run == "patched" else run]
    ax.axhspan(base - 0.06, base + 0.92, color=tint, lw=0, alpha=0.55)
    ax.text(-0.6, base + 0.84, _prompt(result, run), fontsize=7.5, color=FAINT, va="center")
    ax.plot([-0.6, n_layers - 0.4], [base + STREAM] * 2, color=RUN_COLOURS[run], lw=1.4, zorder=1)
    fills = _fills(result) if run == "patched" else {}
    source = "clean" if host == "corrupted" else "corrupted"
    _cells(ax, experiment.model, base, RUN_COLOURS[run], fills, RUN_COLOURS[source])
    _outputs(ax, result, run, n_layers, base)


def _prompt(result: PatchResult, run: str) -> str:
    experiment = result.experiment
    pair = experiment.pairs[0]
    prompt = (
        experiment.host_name if run == "patched" else "clean" if run == "clean" else "corrupted"
    )
    tokens, differs = experiment.model.token_strings(pair.prompt(prompt)), pair.differing(prompt)
    marked = "".join(f"[{visible(t)}]" if i in differs else t for i, t in enumerate(tokens))
    shown = marked if len(marked) < 110 else "…" + marked[-108:]
    note = f"  with {' + '.join(result.sites)}" if run == "patched" and result.patches else ""
    return literal(f"{run.upper()}   {shown}{note}".replace("\n", "⏎"))


def _fills(result: PatchResult) -> dict[str, Any]:
    reach = result.reach()
    return {component: np.nan_to_num(reach.along[component]) for component in ("z", "mlp_out")}


def _cells(
    ax: "Axes", model: Any, base: float, edge: str, fills: dict[str, Any], colour: str
) -> None:
    from matplotlib.collections import PatchCollection
    from matplotlib.patches import Rectangle

    height = (TOP - HEADS) / model.n_heads
    boxes, filled = [], []
    for layer in range(model.n_layers):
        cells = [
            (layer - 0.3, base + TOP - (i + 1) * height, 0.42, height * 0.8)
            for i in range(model.n_heads)
        ]
        cells.append((layer + 0.18, base + STREAM - 0.07, 0.3, 0.14))
        along = [*fills["z"][layer], fills["mlp_out"][layer]] if fills else [0.0] * len(cells)
        for (x, y, w, h), part in zip(cells, along, strict=True):
            boxes.append(Rectangle((x, y), w, h))
            if part > 0.05:
                filled.append(Rectangle((x, y), w, h * min(part, 1.0)))
    ax.add_collection(
        PatchCollection(boxes, facecolor="white", edgecolor=edge, linewidth=0.4, zorder=2)
    )
    ax.add_collection(PatchCollection(filled, facecolor=colour, edgecolor="none", zorder=3))


def _outputs(ax: "Axes", result: PatchResult, run: str, n_layers: int, base: float) -> None:
    reading = next(iter(result.readings.values()))
    x, colour = n_layers * 1.02, RUN_COLOURS[run]
    values = {"clean": reading.clean, "patched": reading.patched, "corrupted": reading.corrupted}
    for row, top in enumerate(_top(result, run)):
        y = base + 0.66 - 0.17 * row
        ax.barh(y, top.prob * n_layers * 0.12, 0.13, left=x, color=colour, alpha=0.35, lw=0)
        ax.text(
            x + 0.1,
            y,
            literal(visible(top.token)),
            fontsize=8,
            va="center",
            family="monospace",
            color=INK,
        )
        ax.text(
            n_layers * 1.26, y, f"{top.prob:.1%}", fontsize=8, va="center", ha="right", color=INK
        )
    label = f"{reading.metric.label} {reading.metric.mean(values[run]):+.2f}"
    ax.text(x, base + 0.10, label, fontsize=9, va="center", color=colour, weight="bold")


def _top(result: PatchResult, run: str) -> list[TopToken]:
    if run == "patched":
        return result.run_tokens(3, pair=0)
    unpatched: Run = getattr(result.experiment, run)
    return unpatched.top_tokens(3, pair=0)


def _arrow(ax: "Axes", result: PatchResult, site: Site) -> None:
    from matplotlib.patches import FancyArrowPatch

    host_is_corrupted = result.experiment.direction == "denoise"
    start = -LANES.index("clean" if host_is_corrupted else "corrupted") * LANE
    x, y = _centre(result, site)
    bend = 0.25 if host_is_corrupted else -0.25
    ax.add_patch(
        FancyArrowPatch(
            (x, start + y),
            (x, -LANE + y),
            connectionstyle=f"arc3,rad={bend}",
            arrowstyle="-|>",
            mutation_scale=11,
            color=RUN_COLOURS["patched"],
            lw=1.6,
            zorder=5,
        )
    )


def _centre(result: PatchResult, site: Site) -> tuple[float, float]:
    n_heads = result.experiment.model.n_heads
    layer = site.layer or 0
    if site.component == "z" and site.index is not None:
        return layer - 0.09, TOP - (site.index + 0.6) * (TOP - HEADS) / n_heads
    if site.component in ("mlp_out", "neuron", "neuron_pre", "neuron_up"):
        return layer + 0.33, STREAM
    return layer - 0.45 if site.component != "resid_post" else layer + 0.55, STREAM
