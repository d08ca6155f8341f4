"""The maps of the explorer: sweeps that are computed in small pieces, so that a click never waits long."""

import time
from collections.abc import Iterator

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

    request: MapSweepRequest

    def __init__(
        self, experiment: BaseExperiment, runs_at_once: int = RUNS_AT_ONCE, pause: float = PAUSE
    ) -> None:
        self._experiment = experiment
        self._runs_at_once, self._pause = runs_at_once, pause
        self._sweep: Sweep | None = None

    def ask(self, request: MapSweepRequest) -> None:
        """Answer this request from now on, beginning with what is computed already."""
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
        if self._sweep is None:
            self._sweep = self._planned()
        elif self._sweep.progress.left:
            self._sweep.compute_next()

    def news(self) -> Iterator[tuple[Message, Buffers]]:
        """A message about each map, unless the last ones were just sent. At the end, one more says so."""
        assert self._sweep is not None
        progress, now = self._sweep.progress, time.monotonic()
        if progress.left and now - self._said < self._pause:
            return
        self._said = now
        experiment, metric = self._sweep.experiment, self.request.metric
        for each, values in zip(self.request.maps, self._sweep.grid_values(), strict=True):
            pairs = values.pair_values(experiment, metric)
            yield messages.cells(each.name, values, pairs, progress.seconds_left)
        if not progress.left:
            self.finished = True
            yield (
                {"kind": "swept", "total": progress.total, "seconds": progress.seconds},
                [],
            )

    def _planned(self) -> Sweep:
        experiment = self._experiment.turned(self.request.direction)
        experiment = experiment.measuring(experiment.metrics[self.request.metric])
        grids = [make_grid(experiment, each.sweep_request) for each in self.request.maps]
        return Sweep(experiment, grids, batch=self._runs_at_once)
