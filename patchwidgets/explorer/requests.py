"""What a front end can ask for (``docs/protocol.md``). Messages are checked here, before anything runs."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeGuard

from patchwidgets.directions import Direction
from patchwidgets.errors import ProtocolError, shown
from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.explorer.fields import checked_list, checked_text, checked_view
from patchwidgets.explorer.messages import PROTOCOL
from patchwidgets.sites import COMPONENTS, Component, Patch, Site
from patchwidgets.sources.files import from_data
from patchwidgets.sources.source import SourceData
from patchwidgets.sweep.request import SweepRequest

KINDS = ("hello", "patch", "sweep", "cancel", "code")
"""What the session handles itself; further kinds are in `questions.py`."""
SOURCES = ("source", "clean", "corrupted", "host")
DATA_SOURCES = ("cut",)
"""Kinds of `patchwidgets.sources` that a page may ask for."""

LARGEST_ID = 2**53 - 1
"""Beyond it JavaScript takes two whole numbers for one."""
MOST_PATCHES, MOST_MAPS, MOST_KEYS = 100_000, 16, 1000
"""In one request; keys of one patch."""

PatchSource = str | SourceData


@dataclass(frozen=True)
class PatchRequest:
    """A request for a patch. It holds everything that the answer depends on.

    Attributes
    ----------
    patches
        Pairs of site string and source: a name, or one of `patchwidgets.sources`.
    """

    id: int
    patches: tuple[tuple[str, PatchSource], ...]
    direction: Direction
    metric: str

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

    @property
    def sweep_request(self) -> SweepRequest:
        """The sweep that fills it."""
        unit = "kv_head" if self.component in ("k", "v") else "head"
        over = tuple(unit if a == "head" else a for a in self.over)
        if self.position is None:
            return SweepRequest(self.component, over)
        pos = Site.parse(f"L0.{self.component}@{self.position}").pos
        return SweepRequest(self.component, over, make=lambda site: site.at(pos))


@dataclass(frozen=True)
class MapSweepRequest:
    """A request for maps. It holds everything that the answer depends on."""

    id: int
    maps: tuple[Map, ...]
    direction: Direction
    metric: str

    @property
    def subject(self) -> tuple[tuple[Map, ...], Direction, str]:
        """What is asked for: equal subjects have the same answer."""
        return self.maps, self.direction, self.metric


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
    sites = [(checked_text("site", patch.get("site")), _checked_source(patch)) for patch in patches]
    checked = checked_sites(sites, experiment.turned(direction))
    return PatchRequest(content["id"], checked, direction, metric)


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
    turned = experiment.turned(direction)
    checked = tuple(_checked_map(each, turned) for each in maps)
    return MapSweepRequest(content["id"], checked, direction, metric)


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
        if isinstance(patch.source, SourceData):
            patch.source.check(patch.site)
        for pair in experiment.pairs:
            experiment.sources.places(patch, pair)
    return tuple((str(site), source) for site, source in resolved)


def _checked_source(patch: dict[str, Any]) -> PatchSource:
    source = patch.get("source", "source")
    if isinstance(source, str) and source in SOURCES:
        return source
    if isinstance(source, dict) and source.get("kind") in DATA_SOURCES:
        return _checked_cut(source)
    kinds = ", ".join((*SOURCES, *(f"{{kind: {kind!r}, keys: …}}" for kind in DATA_SOURCES)))
    raise ProtocolError(f"Expected a source, one of {kinds}; got {shown(source)}.")


def _checked_cut(source: dict[str, Any]) -> SourceData:
    keys = source.get("keys")
    if not isinstance(keys, list) or not 1 <= len(keys) <= MOST_KEYS:
        raise ProtocolError(
            f"Expected keys as a list of 1 to {MOST_KEYS:,} positions; got {shown(keys)}."
        )
    made = from_data(source)
    assert isinstance(made, SourceData)
    return made


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
