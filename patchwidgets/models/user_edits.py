"""Patches of prompts that are not known yet, in the user's own calls of the model. Costs what `edits` says."""

from collections.abc import Sequence

from torch import Tensor

from patchwidgets.errors import PatchError
from patchwidgets.hooks.hook_points import Activation
from patchwidgets.hooks.hooks import Edit, Key
from patchwidgets.models.edits import (
    Step,
    constant_of,
    cut_mask,
    joint_edits,
    not_a_source,
    patch_step,
    source_value,
)
from patchwidgets.models.indexing import SiteActivation, site_indices
from patchwidgets.models.run import Run
from patchwidgets.sites import Patch, indices_of
from patchwidgets.sources.ablations import Zero
from patchwidgets.sources.attention import Cut
from patchwidgets.sources.moved import Steer
from patchwidgets.sources.source import SourceData


def user_edits(patches: Sequence[Patch]) -> dict[Key, Edit]:
    """Return edits for prompts that are not known yet: positions are resolved when the model runs."""
    return joint_edits((patch.site, _user_step(patch)) for patch in patches)


def _user_step(patch: Patch) -> Step:
    def step(activation: Activation) -> None:
        length = activation.shape[1]
        indices = [site_indices(patch.site, length)] * len(activation)
        patch_step(patch, indices, _own_value(patch, len(activation), indices, length))(activation)

    return step


def _own_value(
    patch: Patch, n_rows: int, indices: list[list[int]], length: int
) -> SiteActivation | None:
    """Return what a patch brings for prompts that are not known yet; None for the host itself."""
    source = patch.source
    if isinstance(source, Run):
        _check_prompts(patch, len(source.prompts), n_rows)
        return source_value(patch, source, list(range(n_rows)), indices, length)
    if isinstance(source, Cut):
        keys = [pos for key in source.keys for pos in indices_of(key, length, {})]
        return cut_mask(patch.site, indices, [keys] * n_rows, length)
    return constant_of(source)


def _check_prompts(patch: Patch, n_sources: int, n_rows: int) -> None:
    if n_sources not in (1, n_rows):
        raise PatchError(
            f"{patch.site}: the source run has {n_sources} prompts and the patched batch {n_rows}; run one source "
            "prompt, or one for each prompt of the batch."
        )


def check_own_source(patch: Patch) -> None:
    """Refuse a source that takes its values from the prompts of an experiment, where there is none.

    Raises
    ------
    PatchError
        It does, or it is no source at all.
    """
    source = patch.source
    if isinstance(source, Run):
        source.weights.check()
    elif isinstance(source, SourceData):
        source.check(patch.site)
        _check_data(patch, source)
    elif isinstance(source, str) and source != "host":
        raise PatchError(
            f"{patch.site}: there is no clean or corrupted run here; give Patch(site, source=model.run(...))."
        )
    elif not isinstance(source, str | Tensor):
        raise PatchError(f"{patch.site}: {not_a_source(source)}")


def _check_data(patch: Patch, source: SourceData) -> None:
    if not isinstance(source, Zero | Steer | Cut):
        raise PatchError(
            f"{patch.site}: {source} takes its values from the prompts of an experiment, and here is none; patch with "
            "exp.patch, or give the values themselves, as in Patch(site, source=run['L12.resid_pre@9'])."
        )
    named = [key for key in source.keys if isinstance(key, str)] if isinstance(source, Cut) else []
    if named:
        raise PatchError(
            f"{patch.site}: there is no task here to name positions; write cut() with an index instead of {named[0]!r}."
        )
