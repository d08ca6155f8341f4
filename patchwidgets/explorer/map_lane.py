"""Maps on their way, in small pieces. They wait while anything else is computed, and go on after it."""

import threading
from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from functools import partial

from patchwidgets.explorer.lanes import Lane
from patchwidgets.explorer.map_requests import MapSweepRequest
from patchwidgets.explorer.map_sweep import KeptMaps, MapSweep
from patchwidgets.explorer.outbox import Outbox, Ticket
from patchwidgets.explorer.worker import Job, Worker
from patchwidgets.hooks.cancellation import Cancelled, cancellable

KEPT_PROMPTS = 3
"""Of how many prompts the maps stay."""


@dataclass(frozen=True, eq=False)
class AskedMaps:
    """A request for maps with its ticket and the sweep that fills them."""

    request: MapSweepRequest
    ticket: Ticket
    maps: MapSweep


class MapLane(Lane):
    """The newest maps.

    Parameters
    ----------
    worker, outbox
        As in `Lane`.
    make_maps
        Makes the sweep of maps that are not known yet.

    """

    def __init__(self, worker: Worker, outbox: Outbox, make_maps: Callable[[], MapSweep]) -> None:
        super().__init__(worker, outbox)
        self._make_maps = make_maps
        self._kept_of: dict[Hashable, KeptMaps] = {(): KeptMaps(make_maps)}
        self._prompts: Hashable = ()
        self._sweep: AskedMaps | None = None
        self._active: MapSweep | None = None

    @property
    def kept(self) -> KeptMaps:
        """The maps of the prompts that are shown."""
        return self._kept_of[self._prompts]

    def turn_to(self, prompts: Hashable) -> None:
        """Other prompts are shown from now on. The maps of those before stay, those of the oldest are forgotten."""
        self._kept_of[prompts] = self._kept_of.pop(prompts, KeptMaps(self._make_maps))
        self._prompts = prompts
        for oldest in list(self._kept_of)[:-KEPT_PROMPTS]:
            del self._kept_of[oldest]

    def put(self, request: MapSweepRequest, ticket: Ticket) -> None:
        """Let maps be computed, in place of other maps."""
        self.drop("superseded")
        self._sweep = AskedMaps(request, ticket, self.kept.of(request.subject))

    def take_back(self) -> None:
        """Forget the maps that wait: nobody can compute them."""
        self._sweep = None

    def take(self, pause: threading.Event) -> Job | None:
        """The next piece of the maps that are not finished."""
        if (maps := self._sweep) is None:
            return None
        self._active = maps.maps
        return Job(partial(self._advance, maps, pause), partial(self._fail, maps, pause))

    def drop(self, why: str) -> None:
        """End the sweep. What it has sent stays valid."""
        if self._sweep is not None:
            self._tell_dropped(self._sweep.ticket, why)
            self._sweep = None

    def forget(self) -> None:
        """Know nothing more."""
        for kept in self._kept_of.values():
            kept.forget()
        self._sweep = self._active = None

    def abandon(self) -> None:
        """Begin the sweep anew, with nothing that the lost thread holds."""
        self.kept.forget()
        if self._sweep is not None:
            self._sweep = replace(self._sweep, maps=self.kept.of(self._sweep.request.subject))

    def rest(self) -> None:
        """Free what maps hold that were worked on and are no longer wanted."""
        if self._active is not None and (
            self._sweep is None or self._active is not self._sweep.maps
        ):
            self._active.rest()
            self._active = None

    def _advance(self, asked: AskedMaps, pause: threading.Event) -> None:
        """Compute one piece. If something else arrives, it comes first, and the piece starts again after it."""
        maps = asked.maps
        maps.ask(asked.request)
        with cancellable(pause):
            maps.step()
        news = list(maps.news())  # without the lock, so that a click need not wait for it
        with self.lock:
            if self._sweep is not asked:
                return
            for message, buffers in news:
                final = message["kind"] == "swept"
                self._outbox.put(asked.ticket, message, buffers, "final" if final else "early")
            self._sweep = None if maps.finished else asked
        self._outbox.flush()
        if asked.ticket.answered:  # by an error, if a message about a map could not be sent
            self._end(asked)

    def _fail(self, asked: AskedMaps, pause: threading.Event, error: BaseException) -> None:
        if isinstance(error, Cancelled) and pause.is_set():
            return
        if self._end(asked):
            self._outbox.put_error(asked.ticket, error)
            self._outbox.flush()

    def _end(self, asked: AskedMaps) -> bool:
        """End a sweep, if it still runs, and forget what it computed."""
        with self.lock:
            if self._sweep is not asked:
                return False
            self._sweep = None
            self.kept.drop(asked.maps)
            return True
