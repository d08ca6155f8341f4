"""What the rows and the columns of the patched lane are."""

from patchwidgets.plot.colours import palette
from patchwidgets.plot.lanes.layout import LAYER_AXIS, NOTE, Box, Layout, axis_step
from patchwidgets.plot.lanes.pen import GROUNDS, Pen, blend
from patchwidgets.plot.lanes.places import changed_cells, path_cells
from patchwidgets.plot.shown import Shown

ROW_NAMES = {"attn_out": "attn", "mlp_out": "MLP", "resid_post": "stream"}


def name_rows(pen: Pen, shown: Shown, layout: Layout) -> None:
    """What the rows are, at the left of the patched lane: as many heads as have room."""
    colours = palette()
    lane, x = layout.lanes["patched"], layout.left - 7
    top, height = lane.rows["z"]
    n_heads = shown.experiment.model.n_heads
    line = 1.05 * pen.ruler.size(NOTE) / pen.px
    step = next(n for n in (1, 2, 4, 5, 8, 10, 16, 20, 50, 100, 1000) if n * lane.row_pitch >= line)
    for head in range(0, n_heads, step):
        y = top + head * lane.row_pitch + height / 2
        pen.text(x, y, f"H{head}", NOTE, colours.faint, ha="right")
    last = top + (n_heads - 1) // step * step * lane.row_pitch + height / 2
    for component, name in ROW_NAMES.items():
        at, of = lane.rows[component]
        if at + of / 2 - last >= line:
            pen.text(x, at + of / 2, name, NOTE, colours.faint, ha="right")
            last = at + of / 2


def name_layers(pen: Pen, shown: Shown, layout: Layout) -> None:
    """The numbers over the boxes; those of patched layers stand out, and have room."""
    colours = palette()
    y = layout.lanes["patched"].drawing + LAYER_AXIS - 7.5
    ground = blend(colours.runs[shown.host], 0.05, colours.paper)
    pen.text(layout.left - 7, y, "layer", NOTE, colours.faint, ha="right")
    cells = changed_cells(shown) if shown.path is None else path_cells(
        shown.path, shown.experiment.model
    )  # fmt: skip
    patched = {cell.layer for cell in cells if cell is not None and cell.component != "embed"}
    taken = list[tuple[float, float]]()
    step = axis_step(layout.pitch)
    others = [layer for layer in range(0, layout.n_layers, step) if layer not in patched]
    for layer in [*sorted(patched), *others]:
        bold = layer in patched
        x, half = layout.layer_middle(layer), pen.width(f"{layer}", NOTE, bold=bold) / 2 + 2
        if any(x - half < right and left < x + half for left, right in taken):
            continue
        taken.append((x - half, x + half))
        colour = colours.runs["patched"] if bold else colours.faint
        above_rings = Box(x - half, y - 5.5, 2 * half, 10.5)
        pen.box(above_rings, GROUNDS, facecolor=ground)
        pen.text(x, y, str(layer), NOTE, colour, ha="center", bold=bold)
