"""The content of files of histories and explorers, as schemas. Who reads sites, sources and tasks checks them."""

from typing import Annotated, Any, Literal

import numpy as np
from jaxtyping import Float
from pydantic import Field

from patchwidgets.directions import Direction
from patchwidgets.explorer.edits import MOST_CHARACTERS, Edit, Edits
from patchwidgets.explorer.requests import LONGEST_NOTE
from patchwidgets.files.schema import Count, Floor, Name, Strict, Table, Values, values_of
from patchwidgets.metrics.described import MetricSchema

MOST_ENTRIES = 100_000
"""Patches of a history."""
MOST_SITES = 100_000
"""Of one joint patch, as in a message of the page."""
Text = Annotated[str, Field(max_length=MOST_CHARACTERS)]


class PatchSchema(Strict):
    """A site or a path, and what is written there."""

    site: Name
    source: Any


class EditSchema(Strict):
    """A pair of prompts as a person has written it."""

    pair: Count
    clean: Text
    corrupted: Text
    answer: Text
    foil: Text | None
    align: bool


def edits_of(edits: list[EditSchema]) -> Edits:
    """Return edits as requests have them."""
    return tuple(Edit(**edit.model_dump()) for edit in edits)


class PromptsSchema(Strict):
    """The prompts of some entries, with the metrics of their unpatched runs."""

    task: dict[str, Any]
    edits: list[EditSchema]
    clean: dict[Name, Values]
    corrupted: dict[Name, Values]


class ReadingSchema(Strict):
    """One metric of one entry."""

    patched: Values
    noise_floor: Floor
    drawn: Table | None

    def of_draws(self, n_pairs: int) -> Float[np.ndarray, "draw pair"] | None:
        """Return the metric in each draw; None for what is not drawn."""
        if self.drawn is None:
            return None
        n_draws = self.drawn.shape[0] if self.drawn.shape else 0
        if n_draws < 1:
            raise ValueError("it is drawn and has no draws")
        return self.drawn.array(n_draws, n_pairs)

    def of_pairs(self, n_pairs: int) -> Float[np.ndarray, "pair"]:
        """Return the metric of each pair."""
        return values_of(self.patched, n_pairs)


class EntrySchema(Strict):
    """One patch or path of a history."""

    prompts: Count
    patches: Annotated[list[PatchSchema], Field(min_length=1, max_length=MOST_SITES)]
    frozen: list[Literal["attn", "mlp"]]
    direction: Direction
    metric: Name
    readings: dict[Name, ReadingSchema]
    seconds: Annotated[float, Field(ge=0)] | None
    note: Annotated[str, Field(max_length=LONGEST_NOTE)]
    pinned: bool


class HistorySchema(Strict):
    """The patches of an explorer."""

    metrics: list[MetricSchema]
    prompts: list[PromptsSchema]
    entries: Annotated[list[EntrySchema], Field(max_length=MOST_ENTRIES)]


class ShownSchema(Strict):
    """What is shown: a request for a patch, as in ``docs/protocol.md``, and the choices beside it."""

    patches: Annotated[list[PatchSchema], Field(max_length=MOST_SITES)]
    direction: Direction
    metric: Name
    source: Any
    pair: Count | Literal["mean"]
    edits: list[EditSchema]
    position: int | Name
    field: Name


class ExplorerSchema(Strict):
    """A whole explorer."""

    task: dict[str, Any]
    shown: ShownSchema
    history: HistorySchema
