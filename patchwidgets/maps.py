"""The maps of the explorer: sweeps that a front end asked for, computed in small pieces so that a click comes first."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, get_args

from patchwidgets import messages
from patchwidgets.engine import Request, Sweep, make_grid
from patchwidgets.errors import ProtocolError
from patchwidgets.experiment import Direction, Experiment
from patchwidgets.messages import Buffers, Message
from patchwidgets.results import SweepResult
from patchwidgets.sites import Component

RUNS_AT_ONCE = 48
"""In one piece: large enough for the processor, small enough that a map fills while a person looks."""
PAUSE = 0.1
"""Seconds between two messages about the same map."""


@dataclass(frozen=True)
class Map:
    """One map: its name in the page, and what it shows."""

    name: str
    component: Component
    over: tuple[str, ...]

    @property
    def request(self) -> Request:
        """What the engine is asked."""
        unit = "kv_head" if self.component in ("k", "v") else "head"
        return Request(self.component, tuple(unit if a == "head" else a for a in self.over))


@dataclass(frozen=True)
class MapsRequest:
    """A whole request: everything that its answer depends on."""

    id: int
    maps: tuple[Map, ...]
    direction: Direction
    metric: str

    @property
    def subject(self) -> tuple[tuple[Map, ...], Direction, str]:
        """What is asked, whoever asks."""
        return self.maps, self.direction, self.metric


class MapsSweep:
    """Some maps on their way: made quickly, planned at the first step; `ask` says for which request.

    Attributes
    ----------
    finished
        Nothing is left to compute, and `news` has said so.
    """

    request: MapsRequest

    def __init__(self, experiment: Experiment) -> None:
        self._session_experiment = experiment
        self._sweep: Sweep | None = None
        self._started = time.monotonic()

    def ask(self, request: MapsRequest) -> None:
        """Answer a request for these maps, from what is done already."""
        self.request = request
        self.finished = False
        self._said = -float("inf")

    def step(self) -> None:
        """Plan, or compute the next piece.

        Raises
        ------
        Cancelled
            Something else comes first; the piece still waits.
        """
        if self._sweep is None:
            self._sweep = self._planned()
        elif self._sweep.progress.left:
            self._sweep.step()

    def news(self) -> Iterator[tuple[Message, Buffers]]:
        """Every map so far if the last news is long enough ago, and at the end that it is the end."""
        assert self._sweep is not None
        progress, now = self._sweep.progress, time.monotonic()
        if progress.left and now - self._said < PAUSE:
            return
        self._said = now
        for each, swept in zip(self.request.maps, self._sweep.swept(), strict=True):
            found = SweepResult.of(self._sweep.experiment, swept)
            yield messages.cells(each.name, found, progress.seconds_left)
        if not progress.left:
            self.finished = True
            yield (
                {"kind": "swept", "total": progress.total, "seconds": now - self._started},
                [],
            )

    def _planned(self) -> Sweep:
        experiment = self._session_experiment.turned(self.request.direction)
        experiment = experiment.measuring(experiment.metrics[self.request.metric])
        grids = [make_grid(experiment, each.request) for each in self.request.maps]
        return Sweep(experiment, grids, batch=RUNS_AT_ONCE)


def checked_maps(content: dict[str, Any], experiment: Experiment) -> MapsRequest:
    """Read a sweep request.

    Raises
    ------
    ProtocolError
        A field that is missing or of another form.
    MetricError, RefusedError
        A metric or a component that this experiment does not have.
    """
    maps, direction, metric = (content.get(name) for name in ("maps", "direction", "metric"))
    if not isinstance(maps, list) or not maps or not all(isinstance(m, dict) for m in maps):
        raise ProtocolError(f"Expected maps as a list of {{name, component, over}}; got {maps!r}.")
    if direction != "denoise" and direction != "noise":
        raise ProtocolError(f"Expected direction 'denoise' or 'noise'; got {direction!r}.")
    if not isinstance(metric, str):
        raise ProtocolError(f"Expected the name of a metric; got {metric!r}.")
    experiment.focused(metric)
    made = tuple(_checked_map(each, experiment) for each in maps)
    return MapsRequest(content["id"], made, direction, metric)


def _checked_map(given: dict[str, Any], experiment: Experiment) -> Map:
    name, component, over = (given.get(field) for field in ("name", "component", "over"))
    if not isinstance(name, str) or over not in (["layer", "head"], ["layer", "pos"]):
        raise ProtocolError(
            f"Expected a map with a name, and over ['layer', 'head'] or ['layer', 'pos']; got {given!r}."
        )
    if component not in get_args(Component) or component == "embed":
        raise ProtocolError(f"Expected a component with layers; got {component!r}.")
    site = experiment.model.resolve(f"L0.{component}")
    return Map(name, site.component, tuple(over))
