"""The maps of the explorer: sweeps that are computed in small pieces, so that a click never waits long."""

import time
from collections.abc import Callable, Iterator

from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.explorer import messages
from patchwidgets.explorer.messages import Buffers, Message
from patchwidgets.explorer.requests import MapSweepRequest
from patchwidgets.sweep.grid import make_grid
from patchwidgets.sweep.sweep import Sweep

RUNS_AT_ONCE = 48
"""Runs in one piece: enough to use the processor well, few enough that a person sees the map fill."""
PAUSE = 0.1
"""Seconds between two messages about the same maps."""
KEPT, KEPT_UNFINISHED = 64, 2
"""How many maps stay, to be answered or continued when they are asked for again; unfinished ones take more memory."""


class MapSweep:
    """Some maps on their way. Making one is quick; the first step plans the sweep.

    Parameters
    ----------
    runs_at_once
        Most runs in one piece.
    pause
        Seconds between two messages about the maps.

    Attributes
    ----------
    request
        The request that is answered.
    finished
        Nothing is left to compute, and `news` has said so.
    """

    request: MapSweepRequest | None = None
    finished = False

    def __init__(
        self, experiment: BaseExperiment, runs_at_once: int = RUNS_AT_ONCE, pause: float = PAUSE
    ) -> None:
        self._experiment = experiment
        self._runs_at_once, self._pause = runs_at_once, pause
        self._sweep: Sweep | None = None
        self._complete: list[tuple[Message, Buffers]] = []

    @property
    def is_complete(self) -> bool:
        """Whether everything is computed, so that only messages are left."""
        return bool(self._complete)

    def ask(self, request: MapSweepRequest) -> None:
        """Answer this request from now on, beginning with what is computed already."""
        if request is self.request:
            return
        self.request = request
        self.finished = False
        self._said = -float("inf")

    def step(self) -> None:
        """Plan the sweep, or compute its next piece.

        Raises
        ------
        Cancelled
            Something else comes first. The piece is computed at the next step.
        """
        if self.is_complete:
            return
        if self._sweep is None:
            self._sweep = self._planned()
        elif self._sweep.progress.left:
            self._sweep.compute_next()

    def rest(self) -> None:
        """Free what can be recorded again: other maps come first."""
        if self._sweep is not None:
            self._sweep.forget_recording()

    def news(self) -> Iterator[tuple[Message, Buffers]]:
        """A message about each map, unless the last ones were just sent. At the end, one more says so."""
        if not self.is_complete:
            yield from self._news()
        if self.is_complete:
            self.finished = True
            yield from self._complete

    def _news(self) -> Iterator[tuple[Message, Buffers]]:
        """What was computed so far. With the last of it only the messages stay, which are small."""
        assert self._sweep is not None
        progress, now = self._sweep.progress, time.monotonic()
        if progress.left and now - self._said < self._pause:
            return
        self._said = now
        maps = self._maps(self._sweep, progress.seconds_left)
        if progress.left:
            yield from maps
            return
        swept = {"kind": "swept", "total": progress.total, "seconds": progress.seconds}
        self._complete, self._sweep = [*maps, (swept, [])], None

    def _maps(self, sweep: Sweep, seconds_left: float) -> Iterator[tuple[Message, Buffers]]:
        assert self.request is not None
        for each, values in zip(self.request.maps, sweep.grid_values(), strict=True):
            pairs = values.pair_values(sweep.experiment, self.request.metric)
            about = {"name": each.name, "position": each.position}
            view = {"direction": self.request.direction, "metric": self.request.metric}
            yield messages.cells(about | view, values, pairs, seconds_left)

    def _planned(self) -> Sweep:
        assert self.request is not None
        experiment = self._experiment.turned(self.request.direction)
        experiment = experiment.measuring(experiment.metrics[self.request.metric])
        source = self.request.source
        grids = [make_grid(experiment, each.sweep_request(source)) for each in self.request.maps]
        return Sweep(experiment, grids, batch=self._runs_at_once)


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

    def __len__(self) -> int:
        return len(self._by_subject)

    def of(self, subject: object) -> MapSweep:
        """The maps of a subject, as far as they are computed; they become the newest."""
        maps = self._by_subject.pop(subject, None) or self._make()
        self._by_subject[subject] = maps
        unfinished = [key for key, each in self._by_subject.items() if not each.is_complete]
        for key in [*unfinished[:-KEPT_UNFINISHED], *list(self._by_subject)[:-KEPT]]:
            self._by_subject.pop(key, None)
        return maps

    def forget(self) -> None:
        """Drop all of them."""
        self._by_subject.clear()

    def drop(self, maps: MapSweep) -> None:
        """Drop these, so that they are made anew."""
        self._by_subject = {key: each for key, each in self._by_subject.items() if each is not maps}
