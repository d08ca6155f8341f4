"""What a front end draws of maps (``docs/protocol.md``): cells so far as binary buffers, or why there are none."""

from dataclasses import dataclass

import numpy as np

from patchwidgets.directions import Direction
from patchwidgets.errors import PatchwidgetsError
from patchwidgets.explorer.fields import ShownPair
from patchwidgets.explorer.map_requests import Map
from patchwidgets.explorer.messages import (
    LONGEST_MESSAGE,
    Buffers,
    Message,
    made,
    packed,
    shortened,
)
from patchwidgets.explorer.shown_pair import cell_values
from patchwidgets.explorer.sources import ChosenSource, choice_data
from patchwidgets.sweep.grid_values import GridValues
from patchwidgets.sweep.over_pairs import PairValues


@dataclass(frozen=True, eq=False)
class MapValues:
    """What is computed of a map, for every pair.

    Attributes
    ----------
    facts
        What a message about it says whatever pair it is about: on what the numbers depend, from `what`, for views that
        have not asked, and how many cells there are.
    pairs
        The numbers; None for a map that cannot be computed.
    """

    facts: Message
    pairs: PairValues | None

    @property
    def nbytes(self) -> int:
        """What the numbers take in memory."""
        return 0 if self.pairs is None else self.pairs.value.nbytes + self.pairs.effect.nbytes


def map_values(
    about: Message, layer: int | None, values: GridValues, pairs: PairValues
) -> MapValues:
    """What is computed so far; `layer` is the only one that the map shows."""
    shape = values.grid.shape if layer is None else values.grid.shape[1:]
    unpatchable = values.unpatchable
    facts = about | {
        "shape": list(shape),
        "total": unpatchable.size - int(unpatchable.sum()),
        "zero": int(values.zero.sum()),
        "unpatchable": np.flatnonzero(unpatchable).tolist(),
    }
    return MapValues(facts, pairs)


def cells(of: MapValues, pair: ShownPair) -> tuple[Message, Buffers]:
    """A whole map, of a pair or over all. A cell that is not done, or not defined, is NaN in the buffers."""
    if of.pairs is None:
        return of.facts | {"pair": pair}, []
    shown = of.facts["shape"]
    one = None if pair == "mean" else pair
    arrays = {name: each.reshape(shown) for name, each in cell_values(of.pairs, one).items()}
    described, buffers = packed(arrays)
    done = int((~np.isnan(arrays["effect"])).sum())
    return of.facts | {"pair": pair, "done": done, "buffers": described}, buffers


def no_values(about: Message, error: PatchwidgetsError) -> MapValues:
    """A map that cannot be computed, and why."""
    reason = shortened(made(lambda: str(error)), LONGEST_MESSAGE)
    none = {"shape": [0, 0], "done": 0, "total": 0, "zero": 0, "unpatchable": [], "buffers": []}
    return MapValues(about | none | {"reason": reason}, None)


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
