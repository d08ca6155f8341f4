"""From patches to edits: what is written where, for a batch of prompts of equal length."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from torch import Tensor

from patchwidgets.errors import PatchError
from patchwidgets.hooks.hooks import Edit, Key
from patchwidgets.models.run import Run, key_of, read_site, site_indices, write_site
from patchwidgets.sites import Patch, Position, Site

if TYPE_CHECKING:
    from collections.abc import Iterable

Step = Callable[[Tensor], Tensor]


def joint_edits(steps: "Iterable[tuple[Site, Step]]") -> dict[Key, Edit]:
    """One edit per component and layer, which takes its steps in the order of the patches."""
    by_key: dict[Key, list[Step]] = {}
    for site, step in steps:
        by_key.setdefault(key_of(site), []).append(step)
    return {key: _chain(chain) for key, chain in by_key.items()}


def _chain(steps: Sequence[Step]) -> Edit:
    def edit(activation: Tensor) -> Tensor:
        for step in steps:
            activation = step(activation)
        return activation

    return edit


def patch_step(patch: Patch, indices: list[list[int]], source: Tensor | None) -> Step:
    """Write one patch into a whole component.

    Parameters
    ----------
    indices
        For each row the positions of the site.
    source
        What to write, broadcast to ``[row, pos, ...]`` at the site; None where the patch is its `fn` alone.
    """

    def step(activation: Tensor) -> Tensor:
        host = read_site(activation, patch.site, indices)
        value = host if source is None else _broadcast(source, host, patch, "source")
        if patch.fn is not None:
            value = _broadcast(patch.fn(host, value), host, patch, "result of fn")
        return write_site(activation, patch.site, indices, value)

    return step


def _broadcast(value: Any, host: Tensor, patch: Patch, what: str) -> Tensor:
    if not isinstance(value, Tensor):
        raise PatchError(
            f"{patch.site}: the {what} is a {type(value).__name__}; expected a tensor of {tuple(host.shape)}."
        )
    try:
        return value.to(host).expand(host.shape)
    except RuntimeError:
        shape, expected = tuple(value.shape), tuple(host.shape)
        raise PatchError(
            f"{patch.site}: the {what} has shape {shape}; expected one that broadcasts to {expected}."
        ) from None


def source_value(
    patch: Patch,
    run: Run,
    rows: list[int],
    indices: list[list[int]],
    length: int,
    name: str = "prompt",
) -> Tensor:
    """What a run holds at the site, ``[row, pos, ...]``, in the place of prompts of `length` tokens.

    Raises
    ------
    PatchError
        The run's prompts are of another length and the site counts from the end or is everywhere.
    """
    rows = rows if len(run.prompts) > 1 else [0] * len(rows)
    held = run.activation_of(rows[:1] if len(run.prompts) == 1 else rows, key_of(patch.site))
    if held.shape[1] != length and patch.site.component == "pattern":
        raise PatchError(
            f"{patch.site}: the source run has {held.shape[1]} tokens and the {name} {length}, so that their "
            "patterns have other keys; run a source of equal length."
        )
    if held.shape[1] != length and not _absolute(patch.site.pos):
        raise PatchError(
            f"{patch.site}: the source run has {held.shape[1]} tokens and the {name} {length}; "
            f"name a position counted from the start, as in '{patch.site.name}@3'."
        )
    if max(map(max, indices)) >= held.shape[1]:
        raise PatchError(f"{patch.site}: the source run has only {held.shape[1]} tokens.")
    return read_site(held.expand(len(rows), *held.shape[1:]), patch.site, indices)


def _absolute(pos: Position) -> bool:
    if isinstance(pos, tuple):
        return pos[1] is not None and min(pos[0] or 0, pos[1]) >= 0
    return isinstance(pos, int) and pos >= 0


def user_edits(patches: Sequence[Patch]) -> dict[Key, Edit]:
    """Edits for prompts that are not known beforehand: positions are found when the prompt arrives."""
    return joint_edits((patch.site, _late_step(patch)) for patch in patches)


def _late_step(patch: Patch) -> Step:
    def step(activation: Tensor) -> Tensor:
        length = activation.shape[1]
        indices = [site_indices(patch.site, length)] * len(activation)
        source = patch.source if isinstance(patch.source, Tensor) else None
        if isinstance(patch.source, Run):
            source = source_value(
                patch, patch.source, list(range(len(activation))), indices, length
            )
        return patch_step(patch, indices, source)(activation)

    return step
