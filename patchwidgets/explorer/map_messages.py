"""What a front end draws of maps (``docs/protocol.md``): cells so far as binary buffers, or why there are none."""

import numpy as np

from patchwidgets.directions import Direction
from patchwidgets.errors import PatchwidgetsError
from patchwidgets.explorer.map_requests import Map
from patchwidgets.explorer.messages import (
    LONGEST_MESSAGE,
    Buffers,
    Message,
    made,
    packed,
    shortened,
)
from patchwidgets.explorer.sources import ChosenSource, choice_data
from patchwidgets.sweep.grid_values import GridValues
from patchwidgets.sweep.over_pairs import PairValues


def cells(
    about: Message, layer: int | None, values: GridValues, pair_values: PairValues
) -> tuple[Message, Buffers]:
    """A whole map, as far as it is computed. A cell that is not done, or not defined, is NaN in the buffers.

    Parameters
    ----------
    about
        What the numbers depend on, from `what`, for views that have not asked.
    layer
        The only one that it shows.
    """
    over_pairs = pair_values.over_pairs()
    shape = values.grid.shape if layer is None else values.grid.shape[1:]
    arrays = {name: over_pairs[name].reshape(shape) for name in ("share", "effect")}
    described, buffers = packed(arrays)
    unpatchable = values.unpatchable
    return about | {
        "shape": list(shape),
        "done": int((~np.isnan(arrays["effect"])).sum()),
        "total": unpatchable.size - int(unpatchable.sum()),
        "zero": int(values.zero.sum()),
        "unpatchable": np.flatnonzero(unpatchable).tolist(),
        "buffers": described,
    }, buffers


def no_cells(about: Message, error: PatchwidgetsError) -> tuple[Message, Buffers]:
    """A map that cannot be computed, and why."""
    reason = shortened(made(lambda: str(error)), LONGEST_MESSAGE)
    none = {"shape": [0, 0], "done": 0, "total": 0, "zero": 0, "unpatchable": [], "buffers": []}
    return about | none | {"reason": reason}, []


def what(
    shown: Map, field: str, direction: Direction, metric: str, source: ChosenSource
) -> Message:
    """All that the numbers of a map depend on; its name is that of the request."""
    return {
        "kind": "cells",
        "component": shown.component,
        "over": list(shown.over),
        "layer": shown.layer,
        "position": shown.position,
        "field": field,
        "direction": direction,
        "metric": metric,
        "source": choice_data(source),
    }
