"""What a front end can ask for (``docs/protocol.md``). Messages are checked here, before anything runs."""

import threading
from dataclasses import dataclass, field
from typing import Any

from patchwidgets.directions import Direction
from patchwidgets.errors import ProtocolError
from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.explorer.messages import PROTOCOL
from patchwidgets.sites import COMPONENTS, Component, Patch, Site
from patchwidgets.sweep.request import SweepRequest

KINDS = ("hello", "patch", "sweep", "cancel", "code")
SOURCES = ("source", "clean", "corrupted", "host")


@dataclass(frozen=True)
class PatchRequest:
    """A request for a patch. It holds everything that the answer depends on.

    Attributes
    ----------
    patches
        Pairs of site string and source name.
    unwanted
        Set when nobody waits for the answer any more.
    """

    id: int
    patches: tuple[tuple[str, str], ...]
    direction: Direction
    metric: str
    unwanted: threading.Event = field(default_factory=threading.Event, compare=False)

    @property
    def sites(self) -> list[str]:
        """The sites that are patched."""
        return [site for site, _ in self.patches]

    def to_patches(self) -> list[Patch]:
        """The request as patches."""
        return [Patch(site, source) for site, source in self.patches]


@dataclass(frozen=True)
class Map:
    """One map: its name in the page and what it shows."""

    name: str
    component: Component
    over: tuple[str, ...]

    @property
    def sweep_request(self) -> SweepRequest:
        """The sweep that fills it."""
        unit = "kv_head" if self.component in ("k", "v") else "head"
        return SweepRequest(self.component, tuple(unit if a == "head" else a for a in self.over))


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


def checked_envelope(content: Any) -> tuple[str, int]:
    """The kind and the id of a message.

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
            f"The page speaks version {content.get('v')!r} of the protocol and the kernel version {PROTOCOL}; "
            "reload the page and run the notebook again."
        )
    if kind not in KINDS:
        raise ProtocolError(f"Unknown kind {kind!r}; expected one of {', '.join(KINDS)}.")
    if not isinstance(message_id, int) or isinstance(message_id, bool):
        raise ProtocolError(f"Expected an integer id; got {message_id!r}.")
    return kind, message_id


def checked_patch_request(content: dict[str, Any], experiment: BaseExperiment) -> PatchRequest:
    """Read a request for a patch.

    Raises
    ------
    ProtocolError
        A field is missing or has another form.
    MetricError, SiteError
        The experiment does not have the metric or the site.
    """
    patches = content.get("patches")
    if not isinstance(patches, list) or not all(isinstance(patch, dict) for patch in patches):
        raise ProtocolError(f"Expected patches as a list of {{site, source}}; got {patches!r}.")
    direction, metric = _checked_view(content, experiment)
    experiment = experiment.turned(direction)
    return PatchRequest(
        content["id"],
        tuple(_checked_patch(patch, experiment) for patch in patches),
        direction,
        metric,
    )


def checked_map_sweep_request(
    content: dict[str, Any], experiment: BaseExperiment
) -> MapSweepRequest:
    """Read a request for maps.

    Raises
    ------
    ProtocolError
        A field is missing or has another form.
    MetricError, RefusedError
        The experiment does not have the metric or the component.
    """
    maps = content.get("maps")
    if not isinstance(maps, list) or not maps or not all(isinstance(m, dict) for m in maps):
        raise ProtocolError(f"Expected maps as a list of {{name, component, over}}; got {maps!r}.")
    direction, metric = _checked_view(content, experiment)
    checked = tuple(_checked_map(each, experiment) for each in maps)
    return MapSweepRequest(content["id"], checked, direction, metric)


def checked_site(site: Any, experiment: BaseExperiment, source: str = "source") -> Site:
    """A site that can be patched in the model and on all prompts, from this source.

    Raises
    ------
    SiteError
        Any other site.
    """
    resolved = experiment.model.resolve(site)
    for pair in experiment.pairs:
        experiment.sources.places(Patch(resolved, source), pair)
    return resolved


def _checked_patch(patch: dict[str, Any], experiment: BaseExperiment) -> tuple[str, str]:
    source = patch.get("source", "source")
    if source not in SOURCES:
        raise ProtocolError(f"Expected a source, one of {', '.join(SOURCES)}; got {source!r}.")
    return str(checked_site(patch.get("site"), experiment, source)), source


def _checked_view(content: dict[str, Any], experiment: BaseExperiment) -> tuple[Direction, str]:
    direction, metric = content.get("direction"), content.get("metric")
    if direction != "denoise" and direction != "noise":
        raise ProtocolError(f"Expected direction 'denoise' or 'noise'; got {direction!r}.")
    if not isinstance(metric, str):
        raise ProtocolError(f"Expected the name of a metric; got {metric!r}.")
    experiment.focused(metric)
    return direction, metric


def _checked_map(given: dict[str, Any], experiment: BaseExperiment) -> Map:
    name, component, over = (given.get(field) for field in ("name", "component", "over"))
    if not isinstance(name, str) or over not in (["layer", "head"], ["layer", "pos"]):
        raise ProtocolError(
            f"Expected a map with a name, and over ['layer', 'head'] or ['layer', 'pos']; got {given!r}."
        )
    if component not in COMPONENTS or component == "embed":
        raise ProtocolError(f"Expected a component with layers; got {component!r}.")
    site = experiment.model.resolve(f"L0.{component}")
    return Map(name, site.component, tuple(over))
