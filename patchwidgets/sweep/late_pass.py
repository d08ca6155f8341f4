"""One pass that begins in the middle: at the first patched layer and position, from what the host run has there.

The layers before are passed over: each row gets the host's recorded residual stream. There are no host rows. Costs the
arithmetic that the rows change, and one reading of the weights from that layer on.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from patchwidgets.hooks.hooks import Edit, Key
from patchwidgets.models.forward import (
    gather_entries,
    refuse_not_finite,
    select_positions,
    union_of_positions,
)
from patchwidgets.models.layout import Layout
from patchwidgets.models.view import Form
from patchwidgets.sweep.groups import Group
from patchwidgets.sweep.passes import Recording, chained, continued_inputs, joining_rows
from patchwidgets.sweep.reads import RowPositions
from patchwidgets.sweep.view_pass import run_view


@dataclass(frozen=True, eq=False)
class LateOutput:
    """What a late pass gave.

    Attributes
    ----------
    logits
        float32, at all places that were asked for, one row after the other.
    activations
        What was recorded, from the first position of the pass on; nothing of the layers that were passed over.
    """

    logits: Float[Tensor, "place vocabulary"]
    activations: dict[Key, Float[Tensor, "row pos *unit"]]


def stream_keys(layout: Layout) -> list[Key]:
    """What has to be recorded of the host, with its keys and values: the residual stream before every layer."""
    return [("resid_pre", layer) for layer in range(layout.n_layers)]


def run_late(
    layout: Layout,
    recording: Recording,
    group: Group,
    edits: Mapping[Key, Edit],
    record: Iterable[Key],
    row_positions: RowPositions,
    form: Form,
) -> LateOutput:
    """Run a group without host rows from its first layer and position on.

    Parameters
    ----------
    recording
        Of exactly the pairs of the group.
    edits, record
        What to write, and what to record.
    row_positions
        Where each row is read, as positions of the whole prompt.
    form
        As in `View`.
    """
    first = group.rows[0].layer

    in_pass = [[pos - group.start for pos in read] for read in row_positions]
    keep = union_of_positions(in_pass)
    known = [key for key in record if key[1] is not None and key[1] >= first]
    inputs = continued_inputs(recording, group)
    joined = _joined(recording, group, dict(edits))
    activations, logits = run_view(layout, inputs, joined, known, keep, first, form)
    logits = select_positions(logits, keep).float()
    refuse_not_finite(logits, layout.hf_model, edited=True)
    return LateOutput(gather_entries(logits, keep, in_pass), activations)


def _joined(recording: Recording, group: Group, edits: dict[Key, Edit]) -> dict[Key, Edit]:
    """Edits in which the rows of the first layer take the place of what comes, and later ones join."""
    for i, (layer, rows) in enumerate(sorted(joining_rows(group).items())):
        key = ("resid_pre", layer)
        stream = recording.host[key][rows, group.start :]
        edits[key] = chained(_joining(stream, alone=i == 0), edits.get(key))
    return edits


def _joining(stream: Float[Tensor, "joining pos d_model"], alone: bool) -> Edit:
    def join(passing: Float[Tensor, "row pos d_model"]) -> Float[Tensor, "more_rows pos d_model"]:
        joining = stream.to(passing.device)
        return joining if alone else torch.cat([passing, joining])

    return join
