"""The session between an experiment and a front end: messages (docs/protocol.md) in and out. It knows no comm.

Any thread may call `PatchSession.handle`, which checks a message and queues it. One worker thread computes, while there
is something to do. At most one request waits: the newest. The one that it replaces stops before the model's next layer.
"""

import contextvars
import itertools
import logging
import threading
import traceback
from collections.abc import Callable
from typing import Any

from patchwidgets.directions import Direction
from patchwidgets.errors import PatchwidgetsError
from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.experiment.patch_result import PatchResult
from patchwidgets.experiment.patching import run_patch
from patchwidgets.explorer import messages
from patchwidgets.explorer.code import code_of
from patchwidgets.explorer.map_sweep import MapSweep
from patchwidgets.explorer.messages import PROTOCOL, Buffers, Message
from patchwidgets.explorer.requests import (
    MapSweepRequest,
    PatchRequest,
    checked_envelope,
    checked_map_sweep_request,
    checked_patch_request,
    checked_site,
)
from patchwidgets.hooks.cancellation import Cancelled, cancellable
from patchwidgets.metrics import Metric
from patchwidgets.metrics.named import available_metrics

Send = Callable[[Message, Buffers], None]

_LOG = logging.getLogger(__name__)


class PatchSession:
    """Answers a front end's messages about one experiment.

    Parameters
    ----------
    experiment
        The session starts with its direction and its first metric. A front end can ask for every named metric that
        the task allows.
    send
        Called with each message and its buffers, from the worker's thread or from the caller's.
    map_sweep
        Makes the sweep that fills the maps.

    Attributes
    ----------
    experiment
        The experiment, with all metrics that can be asked for.
    history
        Every answered patch, oldest first.
    latest
        The newest request for a patch.

    Examples
    --------
    >>> kinds = []
    >>> session = pw.PatchSession(exp, lambda message, buffers: kinds.append(message["kind"]))
    >>> request = {"patches": [{"site": "L0.H1"}], "direction": "denoise", "metric": "kl"}
    >>> _ = session.handle({"v": 1, "kind": "patch", "id": 7} | request)
    >>> session.wait()
    True
    >>> kinds
    ['ack', 'result']
    """

    def __init__(
        self,
        experiment: BaseExperiment,
        send: Send,
        map_sweep: Callable[[BaseExperiment], MapSweep] = MapSweep,
    ) -> None:
        self.experiment = experiment.measuring(_all_metrics(experiment))
        self.history: list[PatchResult] = []
        self.latest = PatchRequest(0, (), experiment.direction, next(iter(experiment.metrics)))
        self._send = send
        self._map_sweep = map_sweep
        self._own_ids = itertools.count(-1, -1)
        self._state = threading.Condition()
        self._waiting: PatchRequest | None = None
        self._running: PatchRequest | None = None
        self._sweep: MapSweep | None = None
        self._maps: dict[object, MapSweep] = {}
        self._pause = threading.Event()
        self._worker: threading.Thread | None = None
        self._closed = False

    @property
    def result(self) -> PatchResult | None:
        """The last answered patch, or None."""
        return self.history[-1] if self.history else None

    def handle(self, content: Any) -> PatchRequest | None:
        """Take one message of a front end. Return the request if the message asks for a patch."""
        message_id = content.get("id") if isinstance(content, dict) else None
        try:
            return self._dispatch(content)
        except Exception as error:  # noqa: BLE001 - the boundary: any error is logged and shown to the person
            self._send_error(message_id if isinstance(message_id, int) else 0, error)
            return None

    def ask(self, sites: list[str], direction: Direction, metric: str) -> None:
        """Ask from Python for the same as a click does."""
        patches = tuple((str(checked_site(site, self.experiment)), "source") for site in sites)
        self._queue(PatchRequest(next(self._own_ids), patches, direction, metric))

    def code_of(self, request: PatchRequest) -> str:
        """The lines of Python that give the numbers of a request."""
        metric = self.experiment.metrics[request.metric]
        return code_of(self.experiment.task, metric, request.direction, request.to_patches())

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until nothing runs and nothing waits. Return False if the time runs out first."""
        with self._state:
            return self._state.wait_for(lambda: self._worker is None, timeout)

    def wait_for_patches(self) -> None:
        """Wait until no patch runs and none waits. A sweep may go on."""
        with self._state:
            self._state.wait_for(lambda: self._running is None and self._waiting is None)

    def close(self) -> None:
        """Drop whatever runs or waits, and accept nothing more."""
        with self._state:
            self._closed = True
            self._drop_patches("closed")
            self._drop_sweep("closed")

    def _dispatch(self, content: Any) -> PatchRequest | None:
        kind, message_id = checked_envelope(content)
        if kind == "patch":
            request = checked_patch_request(content, self.experiment)
            self._emit({"kind": "ack", "id": message_id})
            self._queue(request)
            return request
        if kind == "sweep":
            maps = checked_map_sweep_request(content, self.experiment)
            self._emit({"kind": "ack", "id": message_id})
            self._queue_sweep(maps)
            return None
        if kind == "code":
            request = checked_patch_request(content, self.experiment)
            self._emit(messages.code(self.code_of(request)) | {"id": message_id})
            return None
        self._emit({"kind": "ack", "id": message_id})
        if kind == "cancel":
            with self._state:
                self._drop_patches("cancelled")
                self._drop_sweep("cancelled")
        else:
            self._greet(message_id)
        return None

    def _greet(self, message_id: int) -> None:
        shown = self._experiment_for(self.latest)
        self._emit(messages.scene(shown) | {"id": message_id})
        if self.result is not None and self.latest.patches:
            self._emit_result(self.result, message_id)

    def _queue(self, request: PatchRequest) -> None:
        with self._state:
            if self._closed:
                self._emit({"kind": "dropped", "id": request.id, "why": "closed"})
                return
            self._drop_patches("superseded")
            self.latest = self._waiting = request
            self._pause.set()
            self._wake()

    def _queue_sweep(self, request: MapSweepRequest) -> None:
        with self._state:
            if self._closed:
                self._emit({"kind": "dropped", "id": request.id, "why": "closed"})
                return
            self._drop_sweep("superseded")
            if request.subject not in self._maps:
                self._maps[request.subject] = self._map_sweep(self.experiment)
            self._sweep = self._maps[request.subject]
            self._sweep.ask(request)
            self._wake()

    def _wake(self) -> None:
        """Start a worker if there is none. Call this with the state locked."""
        if self._worker is None:
            # The context says which cell the output belongs to. Without it, ipykernel delays later messages.
            context = contextvars.copy_context()
            self._worker = threading.Thread(
                target=context.run, args=(self._work,), name="patchwidgets", daemon=True
            )
            self._worker.start()

    def _drop_sweep(self, why: str) -> None:
        """End the sweep. Call this with the state locked. What the sweep has sent stays valid."""
        if self._sweep is not None:
            self._emit({"kind": "dropped", "id": self._sweep.request.id, "why": why})
            self._sweep = None
            self._pause.set()

    def _drop_patches(self, why: str) -> None:
        """Drop the request that waits and stop the one that runs. Call this with the state locked."""
        if self._waiting is not None:
            self._emit({"kind": "dropped", "id": self._waiting.id, "why": why})
            self._waiting = None
        if self._running is not None and not self._running.unwanted.is_set():
            self._running.unwanted.set()
            self._emit({"kind": "dropped", "id": self._running.id, "why": why})

    def _work(self) -> None:
        while (job := self._next()) is not None:
            if isinstance(job, MapSweep):
                self._advance(job)
                continue
            try:
                with cancellable(job.unwanted):
                    self._answer(job)
            except Cancelled:
                continue
            except Exception as error:  # noqa: BLE001 - the boundary: logged and shown to the person
                if not job.unwanted.is_set():
                    self._send_error(job.id, error)

    def _next(self) -> PatchRequest | MapSweep | None:
        """The patch that waits, or else the sweep that is not finished."""
        with self._state:
            self._running, self._waiting = self._waiting, None
            self._pause.clear()
            job = self._running or self._sweep
            if job is None:
                self._worker = None
            self._state.notify_all()
            return job

    def _advance(self, sweep: MapSweep) -> None:
        """Compute one group of the sweep. If a patch arrives, it comes first, and the group starts again after it."""
        request = sweep.request
        try:
            with cancellable(self._pause):
                sweep.step()
            news = list(sweep.news())  # without the lock, so that a click need not wait for it
        except Cancelled:
            return
        except Exception as error:  # noqa: BLE001 - the boundary: logged and shown to the person
            self._fail_sweep(sweep, error)
            return
        with self._state:
            if self._sweep is sweep and sweep.request is request:
                for message, buffers in news:
                    self._emit(message | {"id": request.id}, buffers)
                self._sweep = None if sweep.finished else sweep

    def _fail_sweep(self, sweep: MapSweep, error: Exception) -> None:
        with self._state:
            if self._sweep is sweep:
                self._sweep = None
                self._send_error(sweep.request.id, error)

    def _answer(self, request: PatchRequest) -> None:
        experiment = self._experiment_for(request)
        outcome = run_patch(experiment, *request.to_patches(), record_reach=True)
        with self._state:
            if request.unwanted.is_set():
                raise Cancelled
            self.history.append(outcome)
            self._emit_result(outcome, request.id)
        if len(request.patches) > 1:
            alone = [run_patch(experiment, patch) for patch in request.to_patches()]
            with self._state:
                if not request.unwanted.is_set():
                    self._emit(messages.singles(alone) | {"id": request.id})

    def _experiment_for(self, request: PatchRequest) -> BaseExperiment:
        return self.experiment.turned(request.direction).focused(request.metric)

    def _emit_result(self, outcome: PatchResult, message_id: int) -> None:
        message, buffers = messages.result(outcome)
        self._emit(message | {"id": message_id}, buffers)

    def _emit(self, message: Message, buffers: Buffers | None = None) -> None:
        self._send({"v": PROTOCOL} | message, buffers or [])

    def _send_error(self, message_id: int, error: Exception) -> None:
        details = "".join(traceback.format_exception(error))
        if not isinstance(error, PatchwidgetsError):
            _LOG.error("Request %s failed:\n%s", message_id, details)
        self._emit(messages.error(error, details) | {"id": message_id})


def _all_metrics(experiment: BaseExperiment) -> list[Metric]:
    """The experiment's own metrics, then every named metric that its task allows."""
    several_tokens = any(pair.long_answers for pair in experiment.pairs)
    available = available_metrics(experiment.task.foil is not None, several_tokens)
    return list((experiment.metrics | (available | experiment.metrics)).values())
