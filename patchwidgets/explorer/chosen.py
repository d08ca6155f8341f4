"""What a person chooses in Python beside sites: a position, a pair. Checked here. Costs nothing."""

from collections.abc import Sequence
from typing import Any, Literal

from patchwidgets.errors import PatchError, SiteError, TaskError, shown
from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.explorer.fields import ShownPair
from patchwidgets.explorer.path_requests import is_path
from patchwidgets.explorer.sources import PatchSource
from patchwidgets.sites import Patch, Patchable, Site, parse_pos, print_pos
from patchwidgets.sources.source import SourceData

ChosenPosition = Literal["all"] | int | str
"""Where a click patches: everywhere, at an index of the clean prompt, or where a site writes it: a name, a range."""

ChosenPatch = str | tuple[str, PatchSource]
"""What is to be patched: a site with what the explorer has chosen for all, or with a source of its own."""


def asked_of(patch: Patchable) -> ChosenPatch:
    """What a person gives to be patched; a `Patch` keeps its source.

    Raises
    ------
    PatchError
        Its source is a tensor or a `Run`, or it has a function: no message of the explorer could say that.
    """
    if not isinstance(patch, Patch):
        return str(patch)
    if patch.fn is not None or not isinstance(patch.source, str | SourceData):
        brings = "has a function" if patch.fn is not None else "brings a tensor or a Run"
        raise PatchError(
            f"The patch at {patch.site} {brings}; the explorer takes the names of runs, such as 'host', and "
            "pw.sources. exp.patch() takes any."
        )
    return str(patch.site), patch.source


def checked_position(value: Any, experiment: BaseExperiment) -> ChosenPosition:
    """A position that every prompt has.

    Raises
    ------
    SiteError
        It is none, or not one that sites have.
    CounterpartError
        The corrupted prompt has no counterpart.
    """
    if value == "all":
        return "all"
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise SiteError(f"Expected a position: {_expected(experiment)}; got {shown(value)}.")
    pos = parse_pos(str(value).lstrip("@"), str(value))
    try:
        for pair in experiment.pairs:
            pair.columns_at(pos)
    except SiteError as error:
        raise type(error)(f"{error} Expected {_expected(experiment)}.") from None
    return pos if isinstance(pos, int) else print_pos(pos)


def position_of(sites: Sequence[str], experiment: BaseExperiment) -> ChosenPosition | None:
    """The one position of some sites; None if there is none, or if they are at several."""
    if any(map(is_path, sites)):
        return None
    found = {Site.parse(site).pos for site in sites}
    if len(found) != 1:
        return None
    (pos,) = found
    if pos is None:
        return "all"
    lengths = {len(pair) for pair in experiment.pairs}
    if isinstance(pos, int) and pos < 0 and len(lengths) == 1:
        return pos + lengths.pop()
    return pos if isinstance(pos, int) else print_pos(pos)


def at_position(sites: Sequence[str], position: ChosenPosition) -> list[str]:
    """The same sites at another position."""
    pos = None if position == "all" else parse_pos(str(position), str(position))
    return [str(Site.parse(site).at(pos)) for site in sites]


def checked_pair(value: Any, experiment: BaseExperiment) -> ShownPair:
    """A pair of the task, or the mean over all.

    Raises
    ------
    TaskError
        Anything else.
    """
    n = len(experiment.pairs)
    if value == "mean":
        return "mean"
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < n:
        raise TaskError(f"Expected 'mean', or a pair from 0 to {n - 1}; got {shown(value)}.")
    return value


def _expected(experiment: BaseExperiment) -> str:
    n, names = min(len(pair) for pair in experiment.pairs), experiment.pairs[0].positions
    named = f", a name ({', '.join(names)})" if names else ""
    return f"'all', an index from 0 to {n - 1}{named}, or a range such as '3:7'"
