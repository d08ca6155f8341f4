"""Requests for maps (``docs/protocol.md``), checked before anything runs."""

from dataclasses import dataclass
from typing import Any

from patchwidgets.directions import Direction
from patchwidgets.errors import ProtocolError, shown
from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.explorer.fields import (
    ShownPair,
    checked_list,
    checked_pair,
    checked_text,
    checked_view,
)
from patchwidgets.explorer.map_fields import TOTAL, checked_field
from patchwidgets.explorer.requests import checked_sites
from patchwidgets.explorer.sources import ChosenSource, check_at_site, checked_choice, source_at
from patchwidgets.sites import COMPONENTS, Component, Patch, Site
from patchwidgets.sweep.request import SweepRequest

MOST_MAPS = 16
"""In one request."""
AXES = (["layer", "head"], ["layer", "pos"], ["head", "pos"])
"""Of a map: its rows and its columns. Heads are rows in one layer."""


@dataclass(frozen=True)
class Map:
    """One map: its name in the page and what it shows.

    Attributes
    ----------
    layer
        The only layer that it shows; None for all layers, which are then its rows.
    position
        Where each cell patches, as a site writes it; None where the map has an axis of positions, or for all of them.
    """

    name: str
    component: Component
    over: tuple[str, ...]
    layer: int | None = None
    position: str | None = None

    def sweep_request(self, source: ChosenSource = "source") -> SweepRequest:
        """The sweep that fills it, with what a source is at each site."""
        unit = "kv_head" if self.component in ("k", "v") else "head"
        over = tuple(unit if axis == "head" else axis for axis in self.over)
        layers = None if self.layer is None else [self.layer]
        over = over if self.layer is None else ("layer", *over)
        if self.position is None and source == "source":
            return SweepRequest(self.component, over, layers=layers)
        make = lambda site: self._patch_at(site, source)  # noqa: E731
        return SweepRequest(self.component, over, make=make, layers=layers)

    def check(self, source: ChosenSource, experiment: BaseExperiment) -> None:
        """Refuse a source that does not go with its sites; errors as in `check_at_site`."""
        site = Site(self.component, self.layer or 0, pos=0 if "pos" in self.over else None)
        check_at_site(self._patch_at(site, source), experiment)

    def _patch_at(self, site: Site, source: ChosenSource) -> Patch:
        if self.position is not None:
            site = site.at(Site.parse(f"L0.{self.component}@{self.position}").pos)
        return Patch(site, source_at(site, source))


@dataclass(frozen=True)
class MapSweepRequest:
    """A request for maps. It holds everything that the answer depends on.

    Attributes
    ----------
    field
        What their cells say, as in `map_fields`.
    pair
        Which pair of a dataset they show. All pairs are computed in any case.
    """

    id: int
    maps: tuple[Map, ...]
    direction: Direction
    metric: str
    field: str = TOTAL
    source: ChosenSource = "source"
    pair: ShownPair = "mean"

    @property
    def subject(self) -> tuple[tuple[Map, ...], Direction, str, str, ChosenSource]:
        """What is computed, whichever pair is shown."""
        return self.maps, self.direction, self.metric, self.field, self.source


def checked_map_sweep_request(
    content: dict[str, Any], experiment: BaseExperiment
) -> MapSweepRequest:
    """Read a request for maps.

    Raises
    ------
    ProtocolError
        A field is missing or has another form.
    MetricError, RefusedError, SiteError
        The experiment does not have the metric, the component, the field or the position.
    """
    maps = checked_list("maps", "{name, component, over}", content.get("maps"), MOST_MAPS, 1)
    direction, metric = checked_view(content, experiment)
    field = checked_field(content.get("field", TOTAL), experiment)
    turned, source = experiment.turned(direction), checked_choice(content.get("source", "source"))
    checked = tuple(_checked_map(each, turned) for each in maps)
    for each in checked:
        each.check(source, turned)
    pair = checked_pair(content.get("pair", "mean"), experiment)
    return MapSweepRequest(content["id"], checked, direction, metric, field, source, pair)


def _checked_map(given: dict[str, Any], experiment: BaseExperiment) -> Map:
    name, component, over = (given.get(field) for field in ("name", "component", "over"))
    checked_text("map name", name)
    if not isinstance(name, str) or over not in AXES:
        raise ProtocolError(
            f"Expected a map with a name, and over {' or '.join(map(str, AXES))}; got {shown(given)}."
        )
    if component not in COMPONENTS or component == "embed":
        raise ProtocolError(f"Expected a component with layers; got {shown(component)}.")
    layer = given.get("layer")
    if (over[0] == "head") != (type(layer) is int):
        raise ProtocolError(f"Expected a layer where heads are rows; got {shown(given)}.")
    site = experiment.model.resolve(Site(component, layer or 0))
    position = _checked_position(given, site, experiment)
    return Map(name, site.component, tuple(over), layer, position)


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
