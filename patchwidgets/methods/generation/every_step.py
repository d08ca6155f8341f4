"""Patches that act on generated tokens too: what is written at the last position of the prompt, again at each of them.

A generated token has no counterpart in the source prompt, and no unpatched value: the host's own continuation is
another text. So only what needs neither can be written there. Costs nothing.
"""

from collections.abc import Sequence

from torch import Tensor

from patchwidgets.errors import PatchError
from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.hooks.hook_points import Activation
from patchwidgets.hooks.hooks import Edit, Key
from patchwidgets.models.edits import Step, constant_of, joint_edits, patch_step
from patchwidgets.sites import HEAD_COMPONENTS, Patch, Site
from patchwidgets.sources.source import SourceData


def every_step_edits(
    experiment: BaseExperiment, patches: Sequence[Patch], pairs: Sequence[int]
) -> dict[Key, Edit]:
    """What joint patches write into a pass of one generated token, for a batch of the host run that holds these pairs.

    Those act that cover the last position of the prompt. A tensor with several positions gives its last one; a function
    of the host gets the activation of the token itself, as host and as source.
    """
    steps: list[tuple[Site, Step]] = []
    for patch in patches:
        rows = _rows_at_the_end(experiment, patch, pairs)
        if not rows:
            continue
        value = None
        if constant_of(patch.source) is not None:
            of_pairs = experiment.sources.values(patch, [pairs[row] for row in rows], [])
            value = _at_last_position(of_pairs, patch.site)
        steps.append((patch.site, _step(patch, rows, value)))
    return joint_edits(steps)


def check_every_step(experiment: BaseExperiment, patches: Sequence[Patch]) -> None:
    """Check that patches can act on generated tokens.

    Raises
    ------
    PatchError
        A patch covers the last position of a prompt and has no value at a generated token; or no patch covers one.
    """
    every_pair = range(len(experiment.pairs))
    repeated = [patch for patch in patches if _rows_at_the_end(experiment, patch, every_pair)]
    for patch in repeated:
        _refuse_without_value(patch)
    if not repeated:
        sites = ", ".join(str(patch.site) for patch in patches) or "no patch"
        raise PatchError(
            "every_step=True repeats at each generated token what is patched at the last position of the prompt; "
            f"got {sites}. Leave the position out, or write @-1."
        )


def _rows_at_the_end(experiment: BaseExperiment, patch: Patch, pairs: Sequence[int]) -> list[int]:
    """The rows of some pairs in which a patch covers the last position of the host prompt."""
    sources, host = experiment.sources, experiment.host_name
    of_pairs = [experiment.pairs[i] for i in pairs]
    return [
        row
        for row, pair in enumerate(of_pairs)
        if len(pair.prompt(host)) - 1 in {written for written, _ in sources.places(patch, pair)}
    ]


def _refuse_without_value(patch: Patch) -> None:
    if constant_of(patch.source) is not None:
        return
    if isinstance(patch.source, SourceData):
        raise PatchError(
            f"{patch.site}: every_step=True cannot repeat {patch.source}, whose values belong to positions of prompts. "
            "Zeros and a steering vector can be written at generated tokens."
        )
    if not (isinstance(patch.source, str) and patch.source == "host"):
        raise PatchError(
            f"{patch.site}: every_step=True cannot copy from a run, which has no counterpart of a generated token. "
            "Give the value itself, as in Patch(site, source=run[site]), a vector to add, as in "
            "Patch(site, pw.sources.steer(vector)), or a function of the host alone: Patch(site, 'host', fn=...)."
        )
    if patch.fn is None:
        raise PatchError(
            f"{patch.site}: source='host' keeps what the unpatched run computes there, and a generated token is "
            "none of its tokens. Leave every_step out, or give a fn."
        )


def _at_last_position(value: Tensor, site: Site) -> Tensor:
    """The part of a tensor that is written at the last of the positions of a site, if it has several."""
    n_after = 2 if site.component in HEAD_COMPONENTS and site.index is None else 1
    if site.component == "pattern" and site.index is None:
        n_after = 2  # [pair, head, pos, key]: the position comes second to last
        axis = value.ndim - 2
    else:
        axis = value.ndim - 1 - n_after
    if axis < 0 or value.shape[axis] == 1:
        return value
    return value.narrow(axis, value.shape[axis] - 1, 1)


def _step(patch: Patch, rows: list[int], value: Tensor | None) -> Step:
    write = patch_step(patch, [[0]] * len(rows), value)

    def step(activation: Activation) -> None:
        part = activation[rows]
        write(part)
        activation[rows] = part

    return step
