"""A pass of the model in which every receiver reads a residual stream of its own: that of its kept edges.

The stream that runs from layer to layer is the true sum of what every sender writes now. What a receiver reads is this
stream, less what each sender whose edge is not kept writes differently from its ablated value:
``x = stream − Σ (now − ablated)``. So with all edges kept a receiver reads the stream, and with none the ablated one.
The layer itself turns what is read into q, k and v: it runs again on each different stream, up to its attention kernel.
Where a norm follows the heads, the heads that are not kept are replaced before it, so that it acts on what is kept.

Costs a pass, the projections q, k and v of a layer once for each different stream, and a matrix product of all senders
for each receiver. All writes of a pass are kept: senders × positions × d_model numbers for each row.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from patchwidgets.hooks.cancellation import cancellation_check
from patchwidgets.hooks.hooks import Edit, Key, hooked
from patchwidgets.hooks.reruns import Enough, Rerun, before_blocks
from patchwidgets.methods.circuits.edge_points import PARTS, edge_points
from patchwidgets.methods.circuits.slots import Slots
from patchwidgets.methods.circuits.writes import (
    check_norm,
    ends_in_norm,
    head_writes,
)
from patchwidgets.models.forward import (
    Output,
    logits_to_keep,
    refuse_not_finite,
    running,
    select_positions,
)
from patchwidgets.models.layout import Layout
from patchwidgets.models.view import View

Stream = Float[Tensor, "row pos d_model"]
Dropped = Bool[Tensor, "row pos receiver sender"]
"""Which edges are not kept; `pos` may be 1."""


def edge_pass(
    layout: Layout,
    slots: Slots,
    dropped: Dropped,
    ids: Int[Tensor, "row pos"],
    ablations: Mapping[Key, Edit],
    keep: Sequence[int],
) -> Output:
    """Run prompts with the edges that are kept.

    Parameters
    ----------
    dropped
        Which edges are not kept, of each row.
    ids
        Token ids.
    ablations
        From what a sender writes now to its ablated value: of ``embed``, and of ``z`` and ``mlp_out`` of each layer.
    keep
        The positions whose logits are returned.

    Raises
    ------
    RefusedError
        As for `edge_points`; or what follows the heads is no norm.
    """
    points, length = edge_points(layout), ids.shape[1]
    layout.limits.check(ids)
    ids = ids.to(layout.device)
    with running(layout) as view:
        embedded = _ablated_embedding(layout, view, ids, ablations[("embed", None)])
        wiring = _Wiring(layout, view, slots, dropped.to(layout.device), ablations, embedded)
        options = logits_to_keep(view.model, keep, length)
        blocks = [view.copy_of(block) for block in layout.blocks]
        with (
            hooked(layout.outer_modules, points, wiring.edits(), on=view.copy_of),
            before_blocks(blocks, wiring.before_layer),
        ):
            output = view.model(input_ids=ids, use_cache=False, **options)
            logits = select_positions(output.logits, keep).float()
    refuse_not_finite(logits, layout.hf_model, edited=True)
    return Output(logits, {})


def _ablated_embedding(
    layout: Layout, view: View, ids: Int[Tensor, "row pos"], ablate: Edit
) -> Stream:
    """Return the stream before the first layer with the embedding ablated: with positions, multipliers and norms."""
    found: list[Tensor] = []

    def keep(stream: Stream) -> Stream:
        found.append(stream.clone())
        raise Enough

    edits: dict[Key, Edit] = {("embed", None): ablate, ("resid_pre", 0): keep}
    with (
        suppress(Enough),
        hooked(layout.outer_modules, layout.hook_points, edits, on=view.copy_of),
    ):
        view.model(input_ids=ids, use_cache=False)
    return found[0]


class _Wiring:
    """What the hooks of one pass know: what every sender has written by now, and which edges are kept."""

    def __init__(
        self,
        layout: Layout,
        view: View,
        slots: Slots,
        dropped: Dropped,
        ablations: Mapping[Key, Edit],
        embedded: Stream,
    ) -> None:
        self._layout, self._view, self._slots = layout, view, slots
        self._dropped, self._ablations, self._embedded = dropped, ablations, embedded
        wide = torch.promote_types(embedded.dtype, torch.float32)
        shape = (*embedded.shape[:2], slots.n_senders, embedded.shape[2])
        # now − ablated; of heads before a norm, in what goes into the norm.
        self._changes = torch.zeros(shape, dtype=wide, device=embedded.device)
        self._projected: dict[int, Stream] = {}
        self._replaced: dict[Key, Tensor] = {}
        self._wanted: Iterable[str] = ()
        self._found: dict[str, Tensor] | None = None
        self._check = cancellation_check()

    def edits(self) -> dict[Key, Edit]:
        """The hooks by component and layer."""
        last, norms = self._layout.n_layers - 1, self._norms
        edits: dict[Key, Edit] = {("resid_post", last): self._read_logits}
        for layer in range(last + 1):
            for part in PARTS:
                edits[(part, layer)] = self._in(self._received, part, layer)
            edits[("z", layer)] = self._outside(self._wrote_heads, layer)
            edits[("mlp_out", layer)] = self._in(self._wrote_mlp, "mlp_out", layer)
            if not self._layout.parallel:
                edits[("mlp_in", layer)] = self._outside(self._read_mlp, layer)
            if layer in norms:
                edits[("projected", layer)] = self._outside(self._wrote_projection, layer)
                edits[("attn_out", layer)] = self._outside(self._check_norm, layer)
        return edits

    @property
    def _norms(self) -> list[int]:
        return [
            layer for layer in range(self._layout.n_layers) if ends_in_norm(self._layout, layer)
        ]

    def before_layer(self, layer: int, stream: Stream, rerun: Rerun) -> None:
        """Compute what the receivers of a layer's attention, and of an MLP beside it, make of what they read."""
        if layer == 0:
            self._changes[:, :, 0] = stream - self._embedded
        slots, n_before = self._slots, self._slots.before_attention(layer)
        dropped = self._dropped[:, :, slots.attention(layer), :n_before]
        if bool(dropped.any()):
            different, which = _different(dropped)
            found = [self._run(rerun, read, PARTS) for read in self._reads(stream, different)]
            offset = 0
            for part in PARTS:
                n = found[0][part].shape[2]
                of_heads = which[offset : offset + n].tolist()
                heads = [found[i][part][:, :, head] for head, i in enumerate(of_heads)]
                self._replaced[(part, layer)] = torch.stack(heads, dim=2)
                offset += n
        if self._layout.parallel:
            of_mlp = self._dropped[:, :, slots.mlp_in(layer), :n_before]
            if bool(of_mlp.any()):
                (read,) = self._reads(stream, of_mlp[None])
                self._replaced[("mlp_out", layer)] = self._run(rerun, read, ("mlp_out",))["mlp_out"]

    def _run(self, rerun: Rerun, stream: Stream, wanted: Sequence[str]) -> dict[str, Tensor]:
        """Run a layer on a stream until what is wanted of it has been computed."""
        self._check()
        found: dict[str, Tensor] = {}
        self._wanted, self._found = wanted, found
        try:
            with suppress(Enough):
                rerun(stream)
        finally:
            self._found = None
        return found

    def _in(self, function: Callable[[int, str, Tensor], Tensor], part: str, layer: int) -> Edit:
        def edit(activation: Tensor) -> Tensor:
            if self._found is None:
                return function(layer, part, activation)
            if part in self._wanted:
                self._found[part] = activation.clone()
                if len(self._found) == len(list(self._wanted)):
                    raise Enough
            return activation

        return edit

    def _outside(self, function: Callable[[int, Tensor], Tensor], layer: int) -> Edit:
        """An edit that does nothing where a layer runs again."""
        return lambda activation: (
            activation if self._found is not None else function(layer, activation)
        )

    def _received(self, layer: int, part: str, activation: Tensor) -> Tensor:
        return self._replaced.pop((part, layer), activation)

    def _wrote_heads(
        self, layer: int, z: Float[Tensor, "row pos head d_head"]
    ) -> Float[Tensor, "row pos head d_head"]:
        changed = z - self._ablations[("z", layer)](z)
        module = self._view.copy_of(self._layout.hook_points[("z", layer)].module)
        written = head_writes(module, changed)
        scale = 1.0 if ends_in_norm(self._layout, layer) else self._layout.scale
        self._changes[:, :, self._slots.heads(layer)] = written.to(self._changes) * scale
        return z

    def _wrote_projection(self, layer: int, projected: Stream) -> Stream:
        self._projected[layer] = projected.clone()
        return projected

    def _check_norm(self, layer: int, written: Stream) -> Stream:
        norm, scale = self._norm(layer), self._layout.scale
        check_norm(written, self._projected[layer], norm, scale, layer)
        return written

    def _norm(self, layer: int) -> Callable[[Tensor], Tensor]:
        norm: Callable[[Tensor], Tensor] = self._view.copy_of(
            self._layout.hook_points[("attn_out", layer)].module
        ).forward
        return norm

    def _wrote_mlp(self, layer: int, part: str, written: Stream) -> Stream:
        now = self._replaced.pop((part, layer), written)
        ablated = self._ablations[("mlp_out", layer)](now)
        self._changes[:, :, self._slots.mlp(layer)] = (now - ablated).to(self._changes)
        return now

    def _read_mlp(self, layer: int, stream: Stream) -> Stream:
        n_before = self._slots.before_mlp(layer)
        dropped = self._dropped[:, :, self._slots.mlp_in(layer), :n_before]
        return self._reads(stream, dropped[None])[0]

    def _read_logits(self, stream: Stream) -> Stream:
        return self._reads(stream, self._dropped[None, :, :, -1])[0]

    def _reads(
        self, stream: Stream, dropped: Bool[Tensor, "read row pos sender"]
    ) -> Float[Tensor, "read row pos d_model"]:
        """Return what is read of a stream without the edges that are dropped."""
        n = dropped.shape[-1]
        linear = dropped.clone()
        normed = [layer for layer in self._norms if self._slots.heads(layer).stop <= n]
        for layer in normed:
            linear[..., self._slots.heads(layer)] = False
        removed = self._sum(linear, slice(0, n))
        for layer in normed:
            of_heads = dropped[..., self._slots.heads(layer)]
            if bool(of_heads.any()):
                projected, norm = self._projected[layer], self._norm(layer)
                mixed = projected - self._sum(of_heads, self._slots.heads(layer)).to(projected)
                change = (norm(projected) - norm(mixed)) * self._layout.scale
                removed = removed + change.to(removed)
        return (stream - removed.to(stream.device)).to(stream.dtype)

    def _sum(
        self, dropped: Bool[Tensor, "read row pos sender"], senders: slice
    ) -> Float[Tensor, "read row pos d_model"]:
        changes = self._changes[:, :, senders]
        weights = dropped.to(changes).expand(-1, -1, changes.shape[1], -1)
        return torch.einsum("rbps,bpsd->rbpd", weights, changes)


def _different(
    dropped: Bool[Tensor, "row pos receiver sender"],
) -> tuple[Bool[Tensor, "read row pos sender"], Int[Tensor, "receiver"]]:
    """Return the different sets of dropped edges, and which of them each receiver has."""
    by_receiver = dropped.permute(2, 0, 1, 3)
    different, which = torch.unique(by_receiver.flatten(1), dim=0, return_inverse=True)
    return different.view(-1, *by_receiver.shape[1:]), which
