"""Where a patch acts on a pair of prompts. Costs nothing."""

from collections.abc import Sequence

from patchwidgets.directions import RunName
from patchwidgets.errors import CounterpartError
from patchwidgets.sites import Patch, Position, Site
from patchwidgets.tasks import Pair
from patchwidgets.tasks.alignment import Columns

Places = tuple[tuple[int, int], ...]
"""Positions of the host prompt that a patch writes, each with the position of the source prompt that it reads."""


def places_of(patch: Patch, pair: Pair, host: RunName, reads_other_run: bool) -> Places:
    """Where a patch writes and reads on a pair.

    Parameters
    ----------
    host
        Which prompt is patched.
    reads_other_run
        The patch reads a run of other tokens than the host's, so it acts only where positions have counterparts. A
        patch that writes a tensor, or the host's own values, acts on every position of the host.

    Raises
    ------
    CounterpartError
        A position without a counterpart, or a component that cannot be moved to another position.
    SiteError
        An index out of range, an empty range, or a name that the task does not have.
    """
    pos = patch.site.pos
    if reads_other_run:
        columns = pair.columns_at(pos)
        _check_portable(patch.site, pair, columns)
        return columns if host == "clean" else tuple((j, i) for i, j in columns)
    return tuple((i, i) for i in host_positions(pos, pair, host))


def host_positions(pos: Position, pair: Pair, host: RunName) -> Sequence[int]:
    """The positions of the host prompt that a position stands for; all of them without one.

    Raises
    ------
    CounterpartError, SiteError
        As in `places_of`.
    """
    if pos is None:
        return range(len(pair.prompt(host)))
    return pair.indices(pos) if host == "clean" else [j for _, j in pair.columns_at(pos)]


def _check_portable(site: Site, pair: Pair, columns: Columns) -> None:
    """Refuse to move queries, keys and patterns: they hold for their own position alone."""
    moved = [(i, j) for i, j in columns if i != j]
    if site.component in ("q", "k") and moved:
        i, j = moved[0]
        raise CounterpartError(
            f"{site}: q and k carry the position at which they were computed, and position {i} of the clean prompt has "
            f"its counterpart at {j} in the corrupted prompt. Patch v, z or the residual stream there:\n{pair.shown}"
        )
    same_keys = len(pair.columns) == len(pair.clean) == len(pair.corrupted)
    if site.component == "pattern" and not same_keys:
        raise CounterpartError(
            f"{site}: a row of a pattern has one number for each key, and these prompts have other keys: "
            f"{len(pair.clean)} and {len(pair.corrupted)} tokens with {len(pair.columns)} counterparts. "
            f"Patch z instead:\n{pair.shown}"
        )
