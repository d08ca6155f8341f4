"""The values of sources that are data, for some pairs of equal length. Costs what `references` says.

Every function returns what broadcasts to ``[pair, pos, ...]`` of the site.
"""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from patchwidgets.errors import CounterpartError, PatchError, SiteError
from patchwidgets.experiment.references import Reference
from patchwidgets.models.indexing import SiteActivation, read_site
from patchwidgets.models.run import Run
from patchwidgets.sites import Site
from patchwidgets.sources.ablations import BOUND_TO_POSITION, Mean, Noise, Resample
from patchwidgets.sources.moved import At

Positions = Sequence[list[int]]
"""For each pair, indices into one of its prompts."""


def mean_values(
    site: Site, source: Mean, reference: Reference, positions: Positions, n_tokens: int
) -> SiteActivation:
    """Return the mean of an activation over the prompts of a reference.

    Parameters
    ----------
    positions
        For a mean at each position, those to read; else those that are written.
    n_tokens
        How many tokens the prompts have in which `positions` count.

    Raises
    ------
    PatchError
        Prompts of other lengths, or a single prompt of the experiment itself.
    CounterpartError
        A mean of q, k or a pattern, at a named position that is another one in some prompt.
    """
    if source.per is None:
        return read_site(reference.mean_over_positions(site), site, [[0]])
    if reference.own and len(reference.run.prompts) == 1:
        raise PatchError(
            f"{site}: {source} of an experiment of one pair is that pair's own activation; give a dataset, as in "
            "mean(of=task), or take mean(per=None) over all positions."
        )
    if source.per == "pos":
        mean = reference.mean_at_positions(site, n_tokens)
        return read_site(mean.expand(len(positions), *mean.shape[1:]), site, list(positions))
    rows = range(len(reference.run.prompts))
    read = [reference.positions(row, site.pos) for row in rows]
    if site.component in BOUND_TO_POSITION and len({*map(tuple, [*read, *positions])}) > 1:
        raise CounterpartError(
            f"{site}: {site.component} holds for the position at which it was computed, and {site.pos} is at another "
            "index in some prompts. Patch v, z or the residual stream there."
        )
    if site.component == "pattern":
        return mean_values(site, Mean(source.of, "pos", source.run), reference, positions, n_tokens)
    return read_site(reference.mean_at_named(site), site, [[0]])


def resampled_values(
    site: Site,
    source: Resample,
    reference: Reference,
    pairs: Sequence[int],
    positions: Positions,
    n_tokens: int,
) -> SiteActivation:
    """Return for each pair the activation of a prompt of the reference, which one draw chooses.

    Parameters
    ----------
    positions, n_tokens
        As in `mean_values`; a site with one position reads its own in each prompt.

    Raises
    ------
    PatchError
        There is no other prompt, or none that has the positions.
    """
    rows = []
    for pair, of_pair in zip(pairs, positions, strict=True):
        row, read = _drawn(site, source, reference, pair, of_pair, n_tokens)
        rows.append(reference.read(row, site, read))
    return torch.cat(rows)


def _drawn(
    site: Site,
    source: Resample,
    reference: Reference,
    pair: int,
    of_pair: list[int],
    n_tokens: int,
) -> tuple[int, list[int]]:
    """The prompt that is drawn for a pair, and the positions to read there; all are drawn once before any again."""
    random, found = np.random.default_rng([source.seed, pair]), []
    for row in random.permutation(len(reference.run.prompts)).tolist():
        read = _readable(site, reference, row, of_pair, n_tokens)
        if read is not None and not (reference.own and row == pair):
            found.append((row, read))
    if not found:
        raise PatchError(f"{site}: {source} {_nothing_to_draw(site, reference, pair, n_tokens)}")
    return found[source.draw % len(found)]


def _readable(
    site: Site, reference: Reference, row: int, of_pair: list[int], n_tokens: int
) -> list[int] | None:
    """Where a prompt is read in place of a pair's positions; None where it cannot stand in for it."""
    same_length = reference.lengths[row] == n_tokens
    if isinstance(site.pos, int | str):
        try:
            read = reference.positions(row, site.pos)
        except SiteError:
            return None
    elif same_length:
        read = of_pair
    else:
        return None
    bound = site.component in BOUND_TO_POSITION and read != of_pair
    return None if bound or (site.component == "pattern" and not same_length) else read


def _nothing_to_draw(site: Site, reference: Reference, pair: int, n_tokens: int) -> str:
    if len(reference.run.prompts) == 1 and reference.own:
        return (
            "draws from the other pairs, and the experiment has one; give it a dataset, or one to draw "
            "from, as in resample(of=task)."
        )
    if isinstance(site.pos, int | str):
        return f"finds no other prompt for pair {pair} that can be read at {site.pos}; give prompts that have it."
    return (
        f"finds no other prompt of {n_tokens} tokens for pair {pair}, so that no positions correspond. Name one "
        f"position, as in '{site.name}@S2' or '{site.name}@-1', or give prompts of this length."
    )


def noise_values(
    source: Noise, embedding_spread: float, host: Run, pairs: Sequence[int], positions: Positions
) -> Float[Tensor, "pair pos d_embedding"]:
    """Return Gaussian noise at positions of the host prompts, the same for a position whichever others are asked for.

    Parameters
    ----------
    embedding_spread
        The standard deviation of the input embedding.
    """
    width = host.activation_of([pairs[0]], ("embed", None)).shape[-1]
    rows = []
    for pair, of_pair in zip(pairs, positions, strict=True):
        random = np.random.default_rng([source.seed, source.draw, pair])
        numbers = random.standard_normal((len(host.prompts[pair]), width))
        rows.append(torch.from_numpy(numbers[of_pair]))
    return source.scale * embedding_spread * torch.stack(rows)


def values_at(
    site: Site, source: At, reference: Reference, pairs: Sequence[int], positions: Positions
) -> SiteActivation:
    """Return the activations at another site's own position or positions.

    Parameters
    ----------
    positions
        Those that are written.

    Raises
    ------
    PatchError
        There are neither as many as are written, nor one.
    SiteError
        A prompt does not have a position.
    """
    rows, single = [], len(reference.run.prompts) == 1
    for pair, of_pair in zip(pairs, positions, strict=True):
        row = 0 if single else pair
        read = reference.positions(row, source.site.pos)
        if len(read) not in (1, len(of_pair)):
            raise PatchError(
                f"{site}: {source} reads {len(read)} positions where {len(of_pair)} are written; name one, or as many."
            )
        rows.append(reference.read(row, source.site, read))
    return torch.cat(rows)
