"""One map on its way, whatever field it shows: planned, computed in pieces, kept with the numbers of every pair."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from patchwidgets.directions import Direction
from patchwidgets.errors import (
    CounterpartError,
    MetricError,
    PatchError,
    RefusedError,
    SiteError,
)
from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.explorer.map_fields import ESTIMATE, TOTAL, field_sweep
from patchwidgets.explorer.map_messages import MapValues, map_values, no_values, what
from patchwidgets.explorer.map_requests import Map
from patchwidgets.explorer.messages import Message
from patchwidgets.explorer.sources import ChosenSource
from patchwidgets.methods.estimates.methods import Method
from patchwidgets.methods.estimates.nodes import estimate_together
from patchwidgets.sweep.cost import Cost
from patchwidgets.sweep.grid_values import GridValues
from patchwidgets.sweep.request import SweepRequest
from patchwidgets.sweep.row_sweep import RowSweep

KEPT, KEPT_UNFINISHED = 128, 4
"""How many maps stay, to be answered or continued when they are asked for again; unfinished ones take more memory."""
MOST_BYTES = 2**28
"""What the numbers of complete maps may take together: those of a dataset hold every pair."""

ATP = Method("atp", 1)

LONGEST_LAYER = 0.03
"""Seconds of one layer of a piece."""
TYPICAL_PART = 0.3
"""Of a whole pass for each cell, what a sweep computes where about half of the prompt is common to both prompts."""

REFUSALS = (CounterpartError, MetricError, PatchError, RefusedError, SiteError)
"""What says that there is no such map, whenever it is asked for."""


@dataclass(frozen=True)
class Subject:
    """All that the numbers of a map depend on."""

    map: Map
    field: str
    direction: Direction
    metric: str
    source: ChosenSource = "source"

    @property
    def sweep_request(self) -> SweepRequest:
        """The sweep that fills it.

        Raises
        ------
        PatchError
            Another source than the other run, with another field than total effects.
        """
        if self.source != "source" and self.field != TOTAL:
            raise PatchError(
                "Paths, direct effects and estimates are of the other run's values: put these in, or choose the total "
                "effect."
            )
        return self.map.sweep_request(self.source)


class MapFill:
    """A map on its way. Making one is quick; the first step plans it.

    Parameters
    ----------
    experiment
        With all metrics that can be asked for.
    subject
        What it shows.
    runs_at_once
        Most runs in one piece.
    """

    def __init__(self, experiment: BaseExperiment, subject: Subject, runs_at_once: int) -> None:
        turned = experiment.turned(subject.direction)
        self._experiment = turned.measuring(turned.metrics[subject.metric])
        self.subject = subject
        self._runs_at_once = runs_at_once
        self._sweep: RowSweep[Any] | None = None
        self._complete: MapValues | None = None
        self.total, self.seconds = 0, 0.0

    @property
    def is_planned(self) -> bool:
        """Whether the first step is done."""
        return self._sweep is not None or self.is_complete

    @property
    def is_complete(self) -> bool:
        """Whether everything is computed, so that only the numbers are left."""
        return self._complete is not None

    @property
    def part(self) -> float:
        """How much is done, from 0 to 1."""
        if self._sweep is None:
            return float(self.is_complete)
        progress = self._sweep.progress
        return progress.done / max(1, progress.total)

    @property
    def seconds_left(self) -> float:
        """An estimate; NaN before the first piece."""
        if self.is_complete:
            return 0.0
        return math.nan if self._sweep is None else self._sweep.progress.seconds_left

    @property
    def guessed_seconds(self) -> float:
        """About how long the total effects should take, before anything is planned."""
        model, pairs = self._experiment.model, self._experiment.pairs
        rows, columns = (
            model.n_layers
            if axis == "layer"
            else model.n_heads
            if axis == "head"
            else len(pairs[0])
            for axis in self.subject.map.over
        )
        cost = Cost(model.layout)
        flops = cost.recording_flops(rows * columns * len(pairs), len(pairs[0]))
        return float(TYPICAL_PART * flops / cost.flops_per_second())

    def step(self) -> None:
        """Plan the map, or compute its next piece. What the model or the method refuses becomes the reason.

        Raises
        ------
        Cancelled
            Something else comes first. The piece is computed at the next step.
        """
        if self.is_complete:
            return
        if self._sweep is not None:
            if self._sweep.progress.left:
                self._sweep.compute_next()
        else:
            try:
                self._begin()
            except REFUSALS as error:
                self._complete = no_values(self._about, error)
        self._keep_if_done()

    def rest(self) -> None:
        """Free what can be recorded again."""
        if self._sweep is not None:
            self._sweep.forget_recording()

    @property
    def nbytes(self) -> int:
        """What the numbers of a complete map take in memory."""
        return 0 if self._complete is None else self._complete.nbytes

    def values(self) -> MapValues | None:
        """What was computed so far; None before the first step."""
        if self._complete is not None or self._sweep is None:
            return self._complete
        return self._values(self._sweep)

    def _begin(self) -> None:
        """Plan the sweep; an estimate is whole at once."""
        if self.subject.field == ESTIMATE:
            estimate_fills([self])
            return
        request, field = self.subject.sweep_request, self.subject.field
        at_once = min(self._runs_at_once, prompt_runs(self._experiment))
        self._sweep = field_sweep(self._experiment, request, field, at_once)

    def take(self, values: GridValues) -> None:
        """Keep what is computed at once: an estimate."""
        pairs = values.pair_values(self._experiment, self.subject.metric)
        self._complete = map_values(self._about, self.subject.map.layer, values, pairs)
        self.total, self.seconds = int(np.prod(values.grid.shape)), values.seconds

    @property
    def experiment(self) -> BaseExperiment:
        """In the direction and with the metric of the map."""
        return self._experiment

    @property
    def _about(self) -> Message:
        subject = self.subject
        return what(subject.map, subject.field, subject.direction, subject.metric, subject.source)

    def _keep_if_done(self) -> None:
        """With the last piece only the numbers stay, which are small."""
        if self._sweep is not None and not self._sweep.progress.left:
            progress = self._sweep.progress
            self.total, self.seconds = progress.total, progress.seconds
            self._complete, self._sweep = self._values(self._sweep), None

    def _values(self, sweep: RowSweep[Any]) -> MapValues:
        (values,) = sweep.grid_values()
        pairs = values.pair_values(sweep.experiment, self.subject.metric)
        return map_values(self._about, self.subject.map.layer, values, pairs)


def prompt_runs(experiment: BaseExperiment) -> int:
    """How many runs may be in one piece, so that a click never waits long: a pass is ended only between two layers."""
    model, pair = experiment.model, experiment.pairs[0]
    cost = Cost(model.layout)
    tokens = len(pair) - pair.prefix
    of_run = cost.recording_flops(1, tokens) / model.n_layers / cost.flops_per_second()
    return max(1, int(LONGEST_LAYER / of_run))


def estimate_fills(fills: Sequence[MapFill]) -> None:
    """Estimate several maps of one direction and metric by the same gradients.

    Raises
    ------
    PatchwidgetsError
        One of them has no estimate.
    """
    requests = [fill.subject.sweep_request for fill in fills]
    for fill, values in zip(
        fills, estimate_together(fills[0].experiment, requests, ATP), strict=True
    ):
        fill.take(values)


class KeptFills:
    """The maps that were worked on, as many as memory should hold."""

    def __init__(self) -> None:
        self._fills: dict[Subject, MapFill] = {}

    def of(self, experiment: BaseExperiment, subject: Subject, runs_at_once: int) -> MapFill:
        """The map of a subject, as far as it is computed; it becomes the newest."""
        fill = self._fills.pop(subject, None) or MapFill(experiment, subject, runs_at_once)
        self._fills[subject] = fill
        unfinished = [key for key, each in self._fills.items() if not each.is_complete]
        for key in [*unfinished[:-KEPT_UNFINISHED], *list(self._fills)[:-KEPT]]:
            self._fills.pop(key, None)
        left = MOST_BYTES
        for key, each in reversed(list(self._fills.items())):
            left -= each.nbytes
            if left < 0 and each is not fill:
                del self._fills[key]
        return fill

    def drop(self, fill: MapFill) -> None:
        """Drop a map, so that it is made anew."""
        self._fills = {key: each for key, each in self._fills.items() if each is not fill}

    def forget(self) -> None:
        """Drop all of them."""
        self._fills.clear()
