"""Components at one position of each prompt, without keeping the others. Costs a pass, and memory for these alone."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from patchwidgets.hooks.hook_points import Activation, HookPoint
from patchwidgets.hooks.hooks import Edit, Key, hooked
from patchwidgets.models.forward import (
    gather_entries,
    logits_to_keep,
    refuse_not_finite,
    running,
    select_positions,
    union_of_positions,
)
from patchwidgets.models.layout import Layout
from patchwidgets.sites import stream_of

WRITES_TO_STREAM = ("resid_pre", "resid_mid", "resid_post", "attn_out", "mlp_out")
AtPosition = Float[Tensor, "row *unit"]


@dataclass(frozen=True, eq=False)
class _OnePosition(HookPoint):
    """Another hook point, read at one position of each row."""

    point: HookPoint | None = None
    positions: tuple[int, ...] = ()

    def read(self, tensor: Tensor, n_positions: int) -> AtPosition:
        """Return the activation at these positions."""
        assert self.point is not None
        return _at(self.point.read(tensor, n_positions), self.positions)


@dataclass(frozen=True, eq=False)
class OnePosition:
    """What a pass over prompts of equal length gave at one position of each.

    Attributes
    ----------
    activations
        By component and layer, as they were after the edits.
    changes
        Where an edit wrote into the residual stream, or into what a block adds to it: what it changed there.
    logits
        float32.
    """

    activations: dict[Key, AtPosition]
    changes: dict[Key, AtPosition]
    logits: Float[Tensor, "row vocabulary"]


def read_one_position(
    layout: Layout,
    ids: Int[Tensor, "row pos"],
    keys: Iterable[Key],
    positions: Sequence[int],
    edits: Mapping[Key, Edit] | None = None,
) -> OnePosition:
    """Run prompts, perhaps edited, and read components of the residual stream at one position of each.

    Raises
    ------
    ModelError, TaskError, PatchError
        As `patchwidgets.models.forward.forward`.
    """
    layout.limits.check(ids)
    edits, keep = edits or {}, union_of_positions([positions])
    seen = OnePosition({}, {}, torch.empty(0))
    tapped = {key: _tapped(key, edit, tuple(positions), seen) for key, edit in edits.items()}
    points = dict(layout.hook_points)
    # An edit of features sees them alone; what it writes into their stream is read before and after.
    streams = {key for key in map(_stream, edits) if key not in edits}
    tapped |= {key: _tapped(key, _unchanged, tuple(positions), seen) for key in streams}
    wanted = [key for key in keys if key not in tapped] + [_written(key) for key in streams]
    for key in wanted:
        point = layout.hook_points[_stream(key)]
        assert isinstance(point, HookPoint)
        points[key] = _OnePosition(point.module, point.side, point=point, positions=(*positions,))
    with (
        running(layout) as view,
        hooked(layout.outer_modules, points, tapped, wanted, on=view.copy_of) as recorded,
    ):
        options = logits_to_keep(view.model, keep, ids.shape[1])
        output = view.model(input_ids=ids.to(layout.device), use_cache=False, **options)
        logits = select_positions(output.logits, keep).float()
    refuse_not_finite(logits, layout.hf_model, edited=bool(edits))
    at = gather_entries(logits, keep, [(pos,) for pos in positions])
    for key in streams:
        after = recorded.pop(_written(key))
        seen.changes[key] = after - seen.activations[key]
        seen.activations[key] = after
    return OnePosition(seen.activations | recorded, seen.changes, at)


def _stream(key: Key) -> Key:
    """The stream of which a component is a part; of any other component itself."""
    return stream_of(key[0]), key[1]


def _written(key: Key) -> Key:
    """The name under which a stream is read after its parts were written."""
    return f"{key[0]}.written", key[1]


def _unchanged(activation: Activation) -> Activation:
    return activation


def _tapped(key: Key, edit: Edit, positions: tuple[int, ...], seen: OnePosition) -> Edit:
    """Return an edit that also notes what it writes at some positions."""

    def edit_and_note(activation: Activation) -> Activation:
        after = edit(activation)
        if key[0] in (*WRITES_TO_STREAM, "z", "neuron", "embed"):
            seen.activations[key] = _at(after, positions).clone()
        if key[0] in WRITES_TO_STREAM:
            seen.changes[key] = seen.activations[key] - _at(activation, positions)
        return after

    return edit_and_note


def _at(activation: Activation, positions: Sequence[int]) -> AtPosition:
    rows = torch.arange(len(activation), device=activation.device)
    return activation[rows, torch.tensor(positions, device=activation.device)]
