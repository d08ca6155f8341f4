"""The residual streams of one run at the positions where a lens reads it. Costs a copy of them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from patchwidgets.errors import SiteError
from patchwidgets.hooks.hooks import Key
from patchwidgets.models.layout import Layout
from patchwidgets.models.lenses.readout import last_stream
from patchwidgets.models.lenses.request import LensRequest

Recorded = Iterable[tuple[list[int], Mapping[Key, Tensor]]]
"""The prompts of each batch with what was recorded of them, by component and layer."""
Places = Sequence[Sequence[int]]
"""For each prompt the positions to read, as indices from 0."""


@dataclass(frozen=True, eq=False)
class Streams:
    """What a lens reads of one run.

    Attributes
    ----------
    prompts
        Token ids.
    places
        Where each of them is read.
    streams
        Of each layer that is asked for.
    last, logits
        The last stream at the last position of each prompt, and the model's own logits there.
    """

    prompts: Sequence[Sequence[int]]
    places: Places
    streams: Float[Tensor, "prompt pos layer d_model"]
    last: Float[Tensor, "prompt d_model"]
    logits: Float[Tensor, "prompt vocabulary"]


def keys_to_record(layout: Layout, request: LensRequest) -> list[Key]:
    """Return the streams that have to be recorded: those that are read, and the last one, with which all is checked."""
    return list(dict.fromkeys([*request.keys, last_stream(layout)]))


def streams_of(
    layout: Layout,
    request: LensRequest,
    recorded: Recorded,
    prompts: Sequence[Sequence[int]],
    places: Places,
    logits: Float[Tensor, "prompt vocabulary"],
    rows: Sequence[int] | None = None,
) -> Streams:
    """Collect the streams of all batches of a run, or of some of its prompts, on the CPU.

    Parameters
    ----------
    places
        Of the prompts that are read.
    rows
        Their numbers; all by default.

    Raises
    ------
    SiteError
        The prompts are read at unequal numbers of positions.
    """
    if len(set(map(len, places))) > 1:
        raise SiteError(
            "The prompts differ in length, and a lens reads each at as many positions; name one, as in pos=-1, or run "
            "them one by one."
        )
    wanted = list(range(len(prompts))) if rows is None else list(rows)
    places_of = dict(zip(wanted, places, strict=True))
    streams: dict[int, Tensor] = {}
    last: dict[int, Tensor] = {}
    for of_batch, activations in recorded:
        for i, row in enumerate(of_batch):
            if row not in places_of:
                continue
            at = list(places_of[row])
            streams[row] = torch.stack(
                [activations[key][i, at].cpu() for key in request.keys], dim=1
            )
            last[row] = activations[last_stream(layout)][i, -1].cpu()
    return Streams(
        [prompts[row] for row in wanted],
        places,
        torch.stack([streams[row] for row in wanted]),
        torch.stack([last[row] for row in wanted]),
        logits if rows is None else logits[wanted],
    )
