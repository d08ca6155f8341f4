"""What a front end can ask for (``docs/protocol.md``). Messages are checked here, before anything runs."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeGuard

from patchwidgets.directions import Direction
from patchwidgets.errors import ProtocolError, shown
from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.explorer.fields import checked_list, checked_text, checked_view
from patchwidgets.explorer.messages import PROTOCOL
from patchwidgets.explorer.sources import (
    ChosenSource,
    PatchSource,
    check_at_site,
    checked_choice,
    checked_source,
    source_at,
)
from patchwidgets.sites import COMPONENTS, Component, Patch, Site
from patchwidgets.sweep.request import SweepRequest

KINDS = ("hello", "patch", "sweep", "cancel", "code")
"""What the session handles itself; further kinds are in `questions.py`."""

LARGEST_ID = 2**53 - 1
"""Beyond it JavaScript takes two whole numbers for one."""
MOST_PATCHES, MOST_MAPS = 100_000, 16
"""In one request."""


@dataclass(frozen=True)
class PatchRequest:
    """A request for a patch. It holds everything that the answer depends on.

    Attributes
    ----------
    patches
        Pairs of site string and source: the name of a run, or one of `patchwidgets.sources`.
    source
        What the page puts into whatever it patches next.
    """

    id: int
    patches: tuple[tuple[str, PatchSource], ...]
    direction: Direction
    metric: str
    source: ChosenSource = "source"

    @property
    def sites(self) -> list[str]:
        """The sites that are patched."""
        return [site for site, _ in self.patches]

    def to_patches(self) -> list[Patch]:
        """The request as patches."""
        return [Patch(site, source) for site, source in self.patches]


@dataclass(frozen=True)
class Map:
    """One map: its name in the page and what it shows.

    Attributes
    ----------
    position
        Where each cell patches, as a site writes it; None where the map has an axis of positions, or for all of them.
    """

    name: str
    component: Component
    over: tuple[str, ...]
    position: str | None = None

    def sweep_request(self, source: ChosenSource = "source") -> SweepRequest:
        """The sweep that fills it, with what a source is at each site."""
        unit = "kv_head" if self.component in ("k", "v") else "head"
        over = tuple(unit if axis == "head" else axis for axis in self.over)
        if self.position is None and source == "source":
            return SweepRequest(self.component, over)
        return SweepRequest(self.component, over, make=lambda site: self._patch_at(site, source))

    def check(self, source: ChosenSource, experiment: BaseExperiment) -> None:
        """Refuse a source that does not go with its sites; errors as in `check_at_site`."""
        site = Site(self.component, 0, pos=0 if "pos" in self.over else None)
        check_at_site(self._patch_at(site, source), experiment)

    def _patch_at(self, site: Site, source: ChosenSource) -> Patch:
        if self.position is not None:
            site = site.at(Site.parse(f"L0.{self.component}@{self.position}").pos)
        return Patch(site, source_at(site, source))


@dataclass(frozen=True)
class MapSweepRequest:
    """A request for maps. It holds everything that the answer depends on."""

    id: int
    maps: tuple[Map, ...]
    direction: Direction
    metric: str
    source: ChosenSource = "source"

    @property
    def subject(self) -> tuple[tuple[Map, ...], Direction, str, ChosenSource]:
        """What is asked for: equal subjects have the same answer."""
        return self.maps, self.direction, self.metric, self.source


def checked_envelope(content: Any, kinds: Iterable[str] = KINDS) -> tuple[str, int]:
    """The kind and the id of a message, which is of one of these kinds.

    Raises
    ------
    ProtocolError
        The content is not a message of this version of the protocol.
    """
    if not isinstance(content, dict):
        raise ProtocolError(
            f"Expected a message with v, kind and id; got {type(content).__name__}."
        )
    kind, message_id = content.get("kind"), content.get("id")
    if content.get("v") != PROTOCOL:
        raise ProtocolError(
            f"The page speaks version {shown(content.get('v'))} of the protocol and the kernel version {PROTOCOL}; "
            "reload the page and run the notebook again."
        )
    known = tuple(kinds)
    if kind not in known:
        raise ProtocolError(f"Unknown kind {shown(kind)}; expected one of {', '.join(known)}.")
    if not is_id(message_id):
        raise ProtocolError(
            f"Expected an integer id, from -(2**53 - 1) to 2**53 - 1; got {shown(message_id)}."
        )
    return kind, message_id


def is_id(value: Any) -> TypeGuard[int]:
    """Whether a page can hold this as the id of a message."""
    is_integer = isinstance(value, int) and not isinstance(value, bool)
    return is_integer and -LARGEST_ID <= value <= LARGEST_ID


def checked_patch_request(content: dict[str, Any], experiment: BaseExperiment) -> PatchRequest:
    """Read a request for a patch.

    Raises
    ------
    ProtocolError
        A field is missing or has another form.
    MetricError, SiteError
        The experiment does not have the metric or the site.
    """
    patches = checked_list("patches", "{site, source}", content.get("patches"), MOST_PATCHES)
    direction, metric = checked_view(content, experiment)
    source, known = checked_choice(content.get("source", "source")), _KnownSources()
    asked = []
    for patch in patches:
        site = checked_text("site", patch.get("site"))
        own = known.of(patch["source"]) if "source" in patch else None
        asked.append(
            (site, source_at(experiment.model.resolve(site), source) if own is None else own)
        )
    checked = checked_sites(asked, experiment.turned(direction))
    return PatchRequest(content["id"], checked, direction, metric, source)


def checked_map_sweep_request(
    content: dict[str, Any], experiment: BaseExperiment
) -> MapSweepRequest:
    """Read a request for maps.

    Raises
    ------
    ProtocolError
        A field is missing or has another form.
    MetricError, RefusedError, SiteError
        The experiment does not have the metric, the component or the position.
    """
    maps = checked_list("maps", "{name, component, over}", content.get("maps"), MOST_MAPS, 1)
    direction, metric = checked_view(content, experiment)
    turned, source = experiment.turned(direction), checked_choice(content.get("source", "source"))
    checked = tuple(_checked_map(each, turned) for each in maps)
    for each in checked:
        each.check(source, turned)
    return MapSweepRequest(content["id"], checked, direction, metric, source)


def checked_sites(
    asked: Iterable[tuple[Any, PatchSource]], experiment: BaseExperiment
) -> tuple[tuple[str, PatchSource], ...]:
    """Sites, each with its source, that can be patched jointly in the model and on all prompts.

    Raises
    ------
    SiteError
        Any other site.
    PatchError
        A source that does not go with its site.
    """
    resolved = [(experiment.model.resolve(site), source) for site, source in asked]
    # Where a patch acts depends on these three alone, and a joint patch may have thousands of sites.
    unlike: dict[tuple[object, ...], Patch] = {}
    for site, source in resolved:
        unlike.setdefault((site.component, site.pos, source), Patch(site, source))
    for patch in unlike.values():
        check_at_site(patch, experiment)
        for pair in experiment.pairs:
            experiment.sources.places(patch, pair)
    return tuple((str(site), source) for site, source in resolved)


class _KnownSources:
    """Sources that were read already: a joint patch has thousands of sites, and most have the same source."""

    def __init__(self) -> None:
        self._by_text: dict[str, PatchSource] = {}

    def of(self, value: Any) -> PatchSource:
        """Read what one patch writes; errors as in `checked_source`."""
        if not isinstance(value, dict):
            return checked_source(value)
        text = repr(value)
        if text not in self._by_text:
            self._by_text[text] = checked_source(value)
        return self._by_text[text]


def _checked_map(given: dict[str, Any], experiment: BaseExperiment) -> Map:
    name, component, over = (given.get(field) for field in ("name", "component", "over"))
    checked_text("map name", name)
    if not isinstance(name, str) or over not in (
        ["layer", "head"],
        ["layer", "pos"],
    ):
        raise ProtocolError(
            f"Expected a map with a name, and over ['layer', 'head'] or ['layer', 'pos']; got {shown(given)}."
        )
    if component not in COMPONENTS or component == "embed":
        raise ProtocolError(f"Expected a component with layers; got {shown(component)}.")
    site = experiment.model.resolve(f"L0.{component}")
    return Map(name, site.component, tuple(over), _checked_position(given, site, experiment))


def _checked_position(given: dict[str, Any], site: Site, experiment: BaseExperiment) -> str | None:
    """The position at which each cell of a map patches, if it has one that every prompt has."""
    position = checked_text("position", given.get("position"))
    if position is None:
        return None
    if not isinstance(position, str) or "pos" in given["over"]:
        raise ProtocolError(
            "Expected a position as a site writes it, and none for a map over positions; "
            f"got {shown(given)}."
        )
    checked_sites([(f"{site}@{position}", "source")], experiment)
    return position
