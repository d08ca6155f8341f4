"""Attention patterns as labelled arrays. Costs the recording of the patterns of one layer."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from patchwidgets import xarrays
from patchwidgets.errors import SiteError, TaskError
from patchwidgets.hooks.hook_points import Activation
from patchwidgets.models.indexing import read_site
from patchwidgets.models.layout import Layout
from patchwidgets.models.resolve import resolve
from patchwidgets.sites import Site

if TYPE_CHECKING:
    import xarray as xr


def pattern_site(layout: Layout, site: str | Site) -> Site:
    """Return the pattern of a head or of a layer, which may be named as ``L23.H3``, ``L23.z`` or ``L23.pattern``.

    Raises
    ------
    SiteError
        It is no head, or has a position.
    RefusedError
        The model's patterns cannot be read.
    """
    head = Site.parse(site)
    if head.component not in ("z", "pattern"):
        raise SiteError(
            f"{head} has no attention pattern; name a head, as in 'L9.H6', or all heads of a layer, as in 'L9.pattern'."
        )
    if head.pos is not None:
        raise SiteError(
            f"{head}: a pattern has all queries; leave the position out and choose from the array, as in "
            f"pattern('{head.name}').sel(query=3)."
        )
    return resolve(layout, Site("pattern", head.layer, head.index))


def rows_of_one_length(pair: int | None, lengths: Sequence[Sequence[int]]) -> list[int]:
    """Return which prompts a caller means, one or all, if their patterns have the same queries and keys.

    Parameters
    ----------
    pair
        The index of one, or None for all.
    lengths
        How many tokens they have, in one run or in several.

    Raises
    ------
    TaskError
        There is no such prompt.
    SiteError
        All are asked for, and their lengths differ.
    """
    n = len(lengths[0])
    if pair is not None:
        if not -n <= pair < n:
            raise TaskError(f"There is no pair {pair}; expected 0 to {n - 1}, or None for all.")
        return [pair % n]
    if any(len(set(of_run)) > 1 for of_run in lengths):
        shortest, longest = min(map(min, lengths)), max(map(max, lengths))
        raise SiteError(
            f"The prompts have {shortest} to {longest} tokens, so that their patterns have other keys; choose one of "
            "them, as in pattern('L9.H6', pair=0)."
        )
    return list(range(n))


def pattern_of(activation: Activation, site: Site) -> Float[np.ndarray, "pair *head query key"]:
    """Return the patterns at a site from those of its layer, ``[pair, query, head, key]``."""
    queries = [list(range(activation.shape[1]))] * len(activation)
    return np.asarray(read_site(activation, site, queries).cpu().double().numpy())


def padded(
    patterns: Float[np.ndarray, "pair *head query key"], n: int
) -> Float[np.ndarray, "pair *head n n"]:
    """Return patterns with NaN at the queries and keys that shorter prompts do not have."""
    whole = np.full((*patterns.shape[:-2], n, n), np.nan)
    whole[..., : patterns.shape[-2], : patterns.shape[-1]] = patterns
    return whole


def labelled(
    patterns: Float[np.ndarray, "*axes query key"],
    tokens: Sequence[Sequence[str]] | Sequence[Sequence[Sequence[str]]],
    rows: Sequence[int],
    runs: Sequence[str] = (),
) -> "xr.DataArray":
    """Return patterns with their axes and tokens, without the axis of pairs if there is one pair.

    Parameters
    ----------
    tokens
        Of each (run and) pair, as many as there are positions.
    rows
        The numbers of the pairs.
    runs
        The names along the first axis, if it is one of runs.
    """
    dims = ["run"] * bool(runs) + ["pair"]
    heads = ["head"] * (patterns.ndim - len(dims) - 2)
    texts, positions = np.array(tokens, dtype=object), np.arange(patterns.shape[-1])
    coordinates = {
        "query": positions,
        "key": positions,
        "pair": list(rows),
        "query_token": ((*dims, "query"), texts),
        "key_token": ((*dims, "key"), texts),
    }
    coordinates |= {"run": list(runs)} if runs else {}
    coordinates |= {"head": np.arange(patterns.shape[-3])} if heads else {}
    array = xarrays.data_array(patterns, coordinates, (*dims, *heads, "query", "key"), "pattern")
    return array.isel(pair=0, drop=True) if len(rows) == 1 else array
