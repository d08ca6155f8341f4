"""The maps of a request: filled side by side in small pieces, so that a click never waits long.

Where total effects take longer than a second, a first estimate of each map comes before them.
"""

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.explorer.map_fields import ESTIMATE, TOTAL
from patchwidgets.explorer.map_fill import REFUSALS, KeptFills, MapFill, Subject, estimate_fills
from patchwidgets.explorer.map_messages import cells
from patchwidgets.explorer.map_requests import Map, MapSweepRequest
from patchwidgets.explorer.messages import Buffers, Message
from patchwidgets.explorer.shown_pair import defined
from patchwidgets.hooks.cancellation import Cancelled

_LOG = logging.getLogger(__name__)

RUNS_AT_ONCE = 48
"""Runs in one piece: enough to use the processor well, few enough that a person sees the map fill."""
PAUSE = 0.1
"""Seconds between two messages about the same maps."""
ESTIMATE_FROM = 1.0
"""Seconds that total effects should take, from which a first estimate is worth its time."""
KEPT, KEPT_UNFINISHED = 64, 2
"""How many requests stay, to be answered or continued when they are asked for again."""


class MapSweep:
    """Some maps on their way. Making one is quick; the first steps plan the sweeps.

    Parameters
    ----------
    runs_at_once
        Most runs in one piece.
    pause
        Seconds between two messages about the maps.
    estimate_from
        Seconds of total effects from which estimates come first.

    Attributes
    ----------
    request
        The request that is answered.
    finished
        Nothing is left to compute, and `news` has said so.
    fills
        Where maps are kept; other requests may need the same ones.
    """

    request: MapSweepRequest | None = None
    finished = False

    def __init__(
        self,
        experiment: BaseExperiment,
        runs_at_once: int = RUNS_AT_ONCE,
        pause: float = PAUSE,
        estimate_from: float = ESTIMATE_FROM,
    ) -> None:
        self._experiment = experiment
        self._runs_at_once, self._pause = runs_at_once, pause
        self._estimate_from = estimate_from
        self.fills = KeptFills()
        self._parts: list[tuple[Map, MapFill]] = []
        self._estimates: list[tuple[Map, MapFill]] | None = None

    @property
    def is_complete(self) -> bool:
        """Whether everything is computed, so that only messages are left."""
        return bool(self._parts) and all(fill.is_complete for _, fill in self._parts)

    def ask(self, request: MapSweepRequest) -> None:
        """Answer this request from now on, beginning with what is computed already."""
        if request is self.request:
            return
        self.request = request
        self.finished = False
        self._said = -float("inf")
        self._sent_estimates: list[MapFill] = []
        if not self._parts:
            self._parts = self._fills_of(request, request.field)

    def step(self) -> None:
        """Plan a sweep, or compute the next piece: an estimate, or of the map of which least is done.

        Raises
        ------
        Cancelled
            Something else comes first. The piece is computed at the next step.
        """
        if self._estimates is None:
            self._estimates = self._wanted_estimates()
        estimates = [fill for _, fill in self._estimates if not fill.is_complete]
        unfinished = [fill for _, fill in self._parts if not fill.is_complete]
        if estimates:
            self._estimate(estimates)
        elif unfinished:
            unplanned = [fill for fill in unfinished if not fill.is_planned]
            min(unplanned or unfinished, key=lambda fill: fill.part).step()

    def rest(self) -> None:
        """Free what can be recorded again: other maps come first."""
        for _, fill in self._parts:
            fill.rest()

    def drop(self) -> None:
        """Let these maps be made anew."""
        for _, fill in self._parts:
            self.fills.drop(fill)

    def news(self) -> Iterator[tuple[Message, Buffers]]:
        """Each estimate once; a message about each map, unless the last ones were just sent. The last one says so."""
        first = self._estimates if self.request and self.request.field == TOTAL else ()
        for each, fill in first or ():
            if fill.is_complete and fill not in self._sent_estimates:
                self._sent_estimates.append(fill)
                yield from self._messages(each, fill)
        now = time.monotonic()
        if not self.is_complete and now - self._said < self._pause:
            return
        self._said = now
        for each, fill in self._parts:
            yield from self._messages(each, fill)
        if self.is_complete:
            self.finished = True
            total = sum(fill.total for _, fill in self._parts)
            seconds = sum(fill.seconds for _, fill in self._parts)
            yield {"kind": "swept", "total": total, "seconds": seconds}, []

    def _messages(self, each: Map, fill: MapFill) -> Iterator[tuple[Message, Buffers]]:
        assert self.request is not None
        left = defined(sum(fill.seconds_left for _, fill in self._parts))
        if (values := fill.values()) is not None:
            message, buffers = cells(values, self.request.pair)
            yield message | {"name": each.name, "seconds_left": left}, buffers

    def _estimate(self, fills: list[MapFill]) -> None:
        """Compute first estimates. Nobody has asked for them: if they fail, the exact numbers come without them."""
        try:
            estimate_fills(fills)
        except Cancelled:
            raise
        except Exception as error:  # noqa: BLE001 - whatever fails, the maps do not need it
            if not isinstance(error, REFUSALS):
                _LOG.exception("No estimates come before the maps.")
            self._estimates = []

    def _wanted_estimates(self) -> list[tuple[Map, MapFill]]:
        """The estimates that come first: of total effects that take long. Estimates alone are computed together too."""
        assert self.request is not None
        if self.request.field == ESTIMATE:
            return self._parts
        waiting = [fill for _, fill in self._parts if not fill.is_complete]
        if self.request.field != TOTAL or self.request.source != "source" or not waiting:
            return []
        if sum(fill.guessed_seconds for fill in waiting) < self._estimate_from:
            return []
        return self._fills_of(self.request, ESTIMATE)

    def _fills_of(self, request: MapSweepRequest, field: str) -> list[tuple[Map, MapFill]]:
        subjects = [
            (
                each,
                Subject(
                    replace(each, name=""), field, request.direction, request.metric, request.source
                ),
            )
            for each in request.maps
        ]
        return [
            (each, self.fills.of(self._experiment, subject, self._runs_at_once))
            for each, subject in subjects
        ]


class KeptMaps:
    """The maps that were asked for, as many as memory should hold.

    Parameters
    ----------
    make
        Makes new ones.
    """

    def __init__(self, make: Callable[[], MapSweep]) -> None:
        self._make = make
        self._by_subject: dict[object, MapSweep] = {}
        self._fills = KeptFills()

    def __len__(self) -> int:
        return len(self._by_subject)

    def of(self, subject: object) -> MapSweep:
        """The maps of a subject, as far as they are computed; they become the newest."""
        maps = self._by_subject.pop(subject, None) or self._make()
        maps.fills = self._fills
        self._by_subject[subject] = maps
        unfinished = [key for key, each in self._by_subject.items() if not each.is_complete]
        for key in [*unfinished[:-KEPT_UNFINISHED], *list(self._by_subject)[:-KEPT]]:
            self._by_subject.pop(key, None)
        return maps

    def forget(self) -> None:
        """Drop all of them, with all that they hold."""
        self._by_subject.clear()
        self._fills = KeptFills()

    def drop(self, maps: MapSweep) -> None:
        """Drop these, so that they are made anew."""
        maps.drop()
        self._by_subject = {key: each for key, each in self._by_subject.items() if each is not maps}
