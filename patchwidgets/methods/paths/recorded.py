"""What senders change in the last stream with all else frozen, from recordings alone: no pass of the model runs.

That is what they add themselves. Of heads and neurons it is a product with the output projection, where one follows
that is linear. So no rounding of whole streams is in it, which would be alike in all rows and add up.
"""

from collections.abc import Iterable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from patchwidgets.hooks.hooks import Key
from patchwidgets.methods.paths.differences import Differences
from patchwidgets.models.forward import running
from patchwidgets.models.indexing import key_of
from patchwidgets.models.layout import Layout
from patchwidgets.models.linear_maps import linear_map
from patchwidgets.sites import Site
from patchwidgets.sweep.passes import Recording
from patchwidgets.sweep.rows import PairPatch, Row

ADDED = ("attn_out", "mlp_out", "resid_post")
"""Components whose difference is that of the stream after them."""


def is_recorded(layout: Layout, senders: Iterable[Site]) -> bool:
    """Whether recordings alone tell what these senders add to the stream."""
    return all(
        sender.component in ADDED
        or (
            sender.component in ("z", "neuron")
            and layout.output_projection(sender.component, sender.layer or 0) is not None
        )
        for sender in senders
    )


def recorded_differences(
    layout: Layout, recording: Recording, rows: Sequence[Row], final: Key, start: int
) -> Differences:
    """Return the difference of the last stream of each row, in their order.

    Parameters
    ----------
    recording
        With the activations of the senders in both runs.
    rows
        Each with the patch of its sender.
    final
        The last stream.
    start
        The first position that is held.
    """
    by_key: dict[Key, list[int]] = {}
    for i, row in enumerate(rows):
        by_key.setdefault(key_of(row.patches[0].patch.site), []).append(i)
    n_positions = recording.prompts.n_tokens - start
    made: list[Float[Tensor, "pos d_model"] | None] = [None] * len(rows)
    for key, of_key in by_key.items():
        added = _Added(layout, key, recording.host[key][0, 0].numel())
        for i in of_key:
            changes = _changes(recording, rows[i], rows[i].patches[0], start, n_positions)
            made[i] = added(changes, rows[i].patches[0].patch.site)
    differences = Differences(start)
    device = recording.host[key_of(rows[0].patches[0].patch.site)].device
    differences.add(final, torch.stack([each.to(device) for each in made if each is not None]))
    return differences


def _changes(
    recording: Recording, row: Row, patch: PairPatch, start: int, n_positions: int
) -> Float[Tensor, "pos *unit"]:
    """What a sender's own activation changes at each position; 0 where it is not written."""
    key, pair = key_of(patch.patch.site), recording.pairs.index(row.pair)
    host, source = (recording.activation(run, key)[pair] for run in ("host", "source"))
    changes = host.new_zeros((n_positions, *host.shape[1:]))
    written = torch.tensor(patch.host_positions)
    changes[written - start] = source[torch.tensor(patch.source_positions)] - host[written]
    return changes


class _Added:
    """From a change of one component to what it adds to the stream."""

    def __init__(self, layout: Layout, key: Key, n_inputs: int) -> None:
        component, layer = key
        self._weight: Float[Tensor, "d_model d_in"] | None = None
        self._scale = layout.scale
        if component in ADDED:
            return
        module = layout.output_projection(component, layer or 0)
        assert module is not None
        with running(layout) as view:
            self._weight = linear_map(view, module, n_inputs).weight

    def __call__(
        self, changes: Float[Tensor, "pos *unit"], site: Site
    ) -> Float[Tensor, "pos d_model"]:
        if self._weight is None:
            return changes
        weight, index = self._weight, site.index
        if site.component == "z":
            weight = weight.unflatten(1, changes.shape[1:])
            weight = weight.flatten(1) if index is None else weight[:, index]
            changes = changes.flatten(1) if index is None else changes[:, index]
        elif index is not None:
            weight, changes = weight[:, index : index + 1], changes[:, index : index + 1]
        return (changes.to(weight) @ weight.T).to(changes.dtype) * self._scale
