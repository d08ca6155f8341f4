"""From patches to edits: the function that writes patches into a component, for a batch of prompts of equal length.

Costs one clone of the component, when the model runs, and an index for each patch. It can be cancelled at each patch.
"""

from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor

from patchwidgets.errors import PatchError, type_named
from patchwidgets.hooks.cancellation import cancellation_check
from patchwidgets.hooks.hook_points import Activation
from patchwidgets.hooks.hooks import Edit, Key
from patchwidgets.models.attached import attached_to
from patchwidgets.models.indexing import SiteActivation, key_of, read_site, write_site
from patchwidgets.models.layout import Layout
from patchwidgets.models.run import Run
from patchwidgets.sites import Patch, Position, Site
from patchwidgets.sources.ablations import Zero
from patchwidgets.sources.moved import Steer
from patchwidgets.sources.source import SourceData

Step = Callable[[Activation], None]
"""Writes one patch into the activation of a whole component, in place."""


def joint_edits(steps: Iterable[tuple[Site, Step]]) -> dict[Key, Edit]:
    """Return one edit per component and layer, which takes the steps at its sites in the order given."""
    by_key: dict[Key, list[Step]] = {}
    for site, step in steps:
        by_key.setdefault(key_of(site), []).append(step)
    return {key: _chain(chain) for key, chain in by_key.items()}


def _chain(steps: Sequence[Step]) -> Edit:
    check = cancellation_check()

    def edit(activation: Activation) -> Activation:
        changed = activation.clone()
        for step in steps:
            check()
            step(changed)
        return changed

    return edit


def patch_step(patch: Patch, indices: list[list[int]], source: SiteActivation | None) -> Step:
    """Return the step that writes one patch.

    Parameters
    ----------
    patch
        Its site and its `fn` are used.
    indices
        For each row the positions of the site.
    source
        What to write, broadcast to ``[row, pos, ...]`` at the site. None if the source is the host itself.
    """

    def step(activation: Activation) -> None:
        host = read_site(activation, patch.site, indices)
        value = host if source is None else _broadcast(source, host, patch, "source")
        if isinstance(patch.source, SourceData):
            value = _broadcast(patch.source.combined(host, value), host, patch, "source")
        if patch.fn is not None:
            value = _broadcast(patch.fn(host, value), host, patch, "result of fn")
        write_site(activation, patch.site, indices, value)

    return step


def _broadcast(value: object, host: SiteActivation, patch: Patch, what: str) -> SiteActivation:
    if not isinstance(value, Tensor):
        raise PatchError(
            f"{patch.site}: the {what} is {type_named(value)}; expected a tensor of shape {tuple(host.shape)}."
        )
    try:
        value = value.to(host).expand(host.shape)
    except RuntimeError:
        shape, expected = tuple(value.shape), tuple(host.shape)
        raise PatchError(
            f"{patch.site}: the {what} has shape {shape}; expected one that broadcasts to {expected}."
        ) from None
    n_bad = int((~torch.isfinite(value)).sum())
    if n_bad:
        raise PatchError(
            f"{patch.site}: {n_bad} of the {value.numel()} numbers of the {what} are NaN or infinite in "
            f"{str(host.dtype).removeprefix('torch.')}; give finite ones."
        )
    return value


def source_value(
    patch: Patch,
    run: Run,
    rows: list[int],
    indices: list[list[int]],
    length: int,
    name: str = "prompt",
) -> SiteActivation:
    """Return the activation of a run at the site of a patch, to be written in place of that of the source prompts.

    Parameters
    ----------
    run
        One prompt for all rows, or one prompt per row of the dataset.
    rows, indices
        The pairs of prompts, and the positions to read in each.
    length, name
        The number of tokens of the source prompts that the run stands in for, and what messages call them.

    Returns
    -------
    Tensor
        ``[row, pos, ...]`` of the site.

    Raises
    ------
    PatchError
        The run's prompts have another length, and the site is a pattern, covers all positions or counts from the end;
        or they do not have the position.
    """
    run_rows = rows if len(run.prompts) > 1 else [0]
    activation = run.activation_of(run_rows, key_of(patch.site))
    n_tokens = activation.shape[1]
    if n_tokens != length and patch.site.component == "pattern":
        raise PatchError(
            f"{patch.site}: the source run has {n_tokens} tokens and the {name} {length}, so that their "
            "patterns have other keys; run a source of equal length."
        )
    if n_tokens != length and not _counts_from_start(patch.site.pos):
        raise PatchError(
            f"{patch.site}: the source run has {n_tokens} tokens and the {name} {length}; "
            f"name a position counted from the start, as in '{patch.site.name}@3'."
        )
    if (last := max(map(max, indices))) >= n_tokens:
        raise PatchError(
            f"{patch.site}: the source run has only {n_tokens} tokens, and position {last} is read; "
            "run a longer prompt or name an earlier position."
        )
    return read_site(activation.expand(len(rows), *activation.shape[1:]), patch.site, indices)


def _counts_from_start(pos: Position) -> bool:
    if isinstance(pos, tuple):
        return pos[1] is not None and min(pos[0] or 0, pos[1]) >= 0
    return isinstance(pos, int) and pos >= 0


def refuse_other_dictionaries(layout: Layout, patches: Sequence[Patch]) -> None:
    """Refuse joint patches of a stream and of its features, and features that another dictionary has found.

    Raises
    ------
    PatchError
        There are such patches.
    """
    sites = {key_of(patch.site): patch.site for patch in patches}
    for patch in patches:
        key = key_of(patch.site)
        attached = attached_to(layout.dictionaries, key)
        if attached is None:
            continue
        stream = attached.dictionary.site
        if key_of(stream) in sites:
            raise PatchError(
                f"{patch.site} is a part of {sites[key_of(stream)]}, and both cannot be patched in one run: "
                "leave one of them out."
            )
        given = patch.source.reads if isinstance(patch.source, SourceData) else patch.source
        if isinstance(given, Run):
            other = attached_to(given.layout.dictionaries, key)
            if other is None or not attached.is_like(other):
                raise PatchError(
                    f"{patch.site}: the source run has {'another' if other else 'no'} dictionary of {stream}, and not "
                    "these features. Run it again on the model with this dictionary, as in model.run(...)."
                )


def constant_of(source: object) -> Tensor | None:
    """Return the tensor of a source that is the same for all prompts; None for any other source."""
    if isinstance(source, Zero):
        return torch.zeros(1)
    if isinstance(source, Steer):
        return source.vector
    return source if isinstance(source, Tensor) else None


def cut_mask(
    site: Site, queries: list[list[int]], keys: list[list[int]], length: int
) -> SiteActivation:
    """Return 1 at the keys of a pattern that are cut and 0 elsewhere; it broadcasts to the pattern at the site.

    Parameters
    ----------
    queries, keys
        For each row the positions whose attention is cut, and where to.
    length
        How many keys the pattern has.

    Raises
    ------
    PatchError
        No query comes after a key, or a query has no other key left.
    """
    for of_row, cut in zip(queries, keys, strict=True):
        if later := [key for key in cut if key > max(of_row)]:
            raise PatchError(
                f"{site}: key {later[0]} comes after {_named('query', of_row)}, so there is nothing to cut; name "
                "earlier keys or later queries."
            )
        if emptied := [query for query in of_row if set(range(query + 1)) <= set(cut)]:
            raise PatchError(
                f"{site}: query {emptied[0]} sees only the keys up to itself, and all of them are cut; leave one, or "
                f"name later queries, as in '{site.name}@{emptied[-1] + 1}:'."
            )
    mask = torch.zeros(len(keys), 1, length)
    for row, cut in zip(mask, keys, strict=True):
        row[:, cut] = 1
    return mask[:, None] if site.index is None else mask


def _named(word: str, positions: list[int]) -> str:
    return f"{word} {positions[0]}" if len(positions) == 1 else f"every {word} of the patch"


def not_a_source(source: object) -> str:
    """What is wrong with a source of another type, as the end of a message."""
    name = getattr(source, "__name__", "")
    if getattr(source, "__module__", "").startswith("patchwidgets.sources"):
        return f"the source is the function {name} itself; call it: pw.sources.{name}(), with its arguments if any."
    says = f"the source is {type_named(source)}; expected a name, a Run, a tensor, or one of pw.sources"
    if isinstance(source, int | float) and source == 0:
        return f"{says}, as in pw.sources.zero()."
    if callable(source):
        return f"{says}. What computes values from host and source goes into fn=, as in pw.Patch(site, fn=...)."
    return f"{says}."
