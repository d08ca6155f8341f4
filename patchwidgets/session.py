"""Requests in, events out: what stands between an experiment and a front end, with no comm and no traits.

`PatchSession.handle` may be called from any thread. It validates, acknowledges and queues; one worker thread computes,
and lives only while there is something to do. One request waits at most: the newest wins, and what it makes stale is
ended before the model's next layer. The messages are described in ``docs/protocol.md``.
"""

import contextvars
import itertools
import logging
import threading
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from patchwidgets import messages
from patchwidgets.errors import PatchwidgetsError, ProtocolError
from patchwidgets.experiment import Direction, Experiment
from patchwidgets.hooks import Cancelled, cancellable
from patchwidgets.maps import MapsRequest, MapsSweep, checked_maps
from patchwidgets.messages import PROTOCOL, Buffers, Message
from patchwidgets.metrics import METRICS, Metric
from patchwidgets.result import PatchResult
from patchwidgets.sites import Patch, Site

Send = Callable[[Message, Buffers], None]
SOURCES = ("source", "clean", "corrupted", "host")

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class PatchRequest:
    """A whole request: everything that its answer depends on.

    Attributes
    ----------
    patches
        Pairs of site string and source name.
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


class PatchSession:
    """One experiment, asked by messages.

    Parameters
    ----------
    experiment
        Its direction and first metric are where the session starts; every named metric that the task allows can be
        asked for.
    send
        Called with each event and its buffers, from the worker's or the caller's thread.

    Attributes
    ----------
    history
        Every answered patch, oldest first.
    """

    def __init__(self, experiment: Experiment, send: Send) -> None:
        self.experiment = experiment.measuring(_all_metrics(experiment))
        self.history: list[PatchResult] = []
        self.latest = PatchRequest(0, (), experiment.direction, next(iter(experiment.metrics)))
        self._send = send
        self._own_ids = itertools.count(-1, -1)
        self._state = threading.Condition()
        self._waiting: PatchRequest | None = None
        self._running: PatchRequest | None = None
        self._sweep: MapsSweep | None = None
        self._maps: dict[object, MapsSweep] = {}
        self._pause = threading.Event()
        self._worker: threading.Thread | None = None
        self._closed = False

    @property
    def result(self) -> PatchResult | None:
        """The last answered patch, or None."""
        return self.history[-1] if self.history else None

    def handle(self, content: Any) -> PatchRequest | None:
        """Take one message of a front end; returns the request if it was one for a patch."""
        message_id = content.get("id") if isinstance(content, dict) else None
        try:
            return self._dispatch(content)
        except Exception as error:  # noqa: BLE001 - the boundary: whatever went wrong is logged and shown to the person
            self._send_error(message_id if isinstance(message_id, int) else 0, error)
            return None

    def ask(self, sites: list[str], direction: Direction, metric: str) -> None:
        """Ask from Python for what a click asks for."""
        patches = tuple((str(self.checked_site(site)), "source") for site in sites)
        self._queue(PatchRequest(next(self._own_ids), patches, direction, metric))

    def checked_site(self, site: Any) -> Site:
        """A site that can be patched in this model and on all prompts; raises `SiteError` for any other."""
        found = self.experiment.model.resolve(site)
        for pair in self.experiment.pairs:
            self.experiment.sources.places(Patch(found), pair)
        return found

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until nothing runs and nothing waits; False if the time ran out."""
        with self._state:
            return self._state.wait_for(lambda: self._worker is None, timeout)

    def wait_for_patches(self) -> None:
        """Wait until no patch runs or waits; a sweep may go on."""
        with self._state:
            self._state.wait_for(lambda: self._running is None and self._waiting is None)

    def close(self) -> None:
        """Drop what waits or runs, and take nothing more."""
        with self._state:
            self._closed = True
            self._drop_all("closed")
            self._drop_sweep("closed")

    def _dispatch(self, content: Any) -> PatchRequest | None:
        kind, message_id = _checked_envelope(content)
        if kind == "patch":
            request = self._checked_request(content)
            self._emit({"kind": "ack", "id": message_id})
            self._queue(request)
            return request
        if kind == "sweep":
            maps = checked_maps(content, self.experiment)
            self._emit({"kind": "ack", "id": message_id})
            self._queue_sweep(maps)
            return None
        self._emit({"kind": "ack", "id": message_id})
        if kind == "cancel":
            with self._state:
                self._drop_all("cancelled")
                self._drop_sweep("cancelled")
        else:
            self._greet(message_id)
        return None

    def _checked_request(self, content: dict[str, Any]) -> PatchRequest:
        """Read a patch request and check every site, so that what is wrong is said before anything runs."""
        patches, direction, metric = (
            content.get(name) for name in ("patches", "direction", "metric")
        )
        if not isinstance(patches, list) or not all(isinstance(patch, dict) for patch in patches):
            raise ProtocolError(f"Expected patches as a list of {{site, source}}; got {patches!r}.")
        if direction != "denoise" and direction != "noise":
            raise ProtocolError(f"Expected direction 'denoise' or 'noise'; got {direction!r}.")
        if not isinstance(metric, str):
            raise ProtocolError(f"Expected the name of a metric; got {metric!r}.")
        self.experiment.focused(metric)
        made = tuple(
            (str(self.checked_site(patch.get("site"))), _checked_source(patch)) for patch in patches
        )
        return PatchRequest(content["id"], made, direction, metric)

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
            self._drop_all("superseded")
            self.latest = self._waiting = request
            self._pause.set()
            self._wake()

    def _queue_sweep(self, request: MapsRequest) -> None:
        with self._state:
            if self._closed:
                self._emit({"kind": "dropped", "id": request.id, "why": "closed"})
                return
            self._drop_sweep("superseded")
            if request.subject not in self._maps:
                self._maps[request.subject] = MapsSweep(self.experiment)
            self._sweep = self._maps[request.subject]
            self._sweep.ask(request)
            self._wake()

    def _wake(self) -> None:
        """Let there be a worker; call with the state held."""
        if self._worker is None:
            # The context carries where the kernel's output belongs; without it ipykernel holds later messages back.
            context = contextvars.copy_context()
            self._worker = threading.Thread(
                target=context.run, args=(self._work,), name="patchwidgets", daemon=True
            )
            self._worker.start()

    def _drop_sweep(self, why: str) -> None:
        """End the sweep; call with the state held. What it has sent stays valid."""
        if self._sweep is not None:
            self._emit({"kind": "dropped", "id": self._sweep.request.id, "why": why})
            self._sweep = None
            self._pause.set()

    def _drop_all(self, why: str) -> None:
        """Drop the waiting request and end the running one; call with the state held."""
        if self._waiting is not None:
            self._emit({"kind": "dropped", "id": self._waiting.id, "why": why})
            self._waiting = None
        if self._running is not None and not self._running.unwanted.is_set():
            self._running.unwanted.set()
            self._emit({"kind": "dropped", "id": self._running.id, "why": why})

    def _work(self) -> None:
        while (job := self._next()) is not None:
            if isinstance(job, MapsSweep):
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

    def _next(self) -> PatchRequest | MapsSweep | None:
        """A patch if one waits, else the sweep that is under way."""
        with self._state:
            self._running, self._waiting = self._waiting, None
            self._pause.clear()
            job = self._running or self._sweep
            if job is None:
                self._worker = None
            self._state.notify_all()
            return job

    def _advance(self, sweep: MapsSweep) -> None:
        """Compute one group of the sweep; a patch that arrives meanwhile comes first, and the group again after it."""
        try:
            with cancellable(self._pause):
                sweep.step()
        except Cancelled:
            return
        except Exception as error:  # noqa: BLE001 - the boundary: logged and shown to the person
            self._fail_sweep(sweep, error)
            return
        with self._state:
            if self._sweep is sweep:
                for message, buffers in sweep.news():
                    self._emit(message | {"id": sweep.request.id}, buffers)
                self._sweep = None if sweep.finished else sweep

    def _fail_sweep(self, sweep: MapsSweep, error: Exception) -> None:
        with self._state:
            if self._sweep is sweep:
                self._sweep = None
                self._send_error(sweep.request.id, error)

    def _answer(self, request: PatchRequest) -> None:
        experiment = self._experiment_for(request)
        outcome = experiment.patch(*_patches(request), record_reach=True)
        with self._state:
            if request.unwanted.is_set():
                raise Cancelled
            self.history.append(outcome)
            self._emit_result(outcome, request.id)
        if len(request.patches) > 1:
            alone = [experiment.patch(patch) for patch in _patches(request)]
            with self._state:
                if not request.unwanted.is_set():
                    self._emit(messages.singles(alone) | {"id": request.id})

    def _experiment_for(self, request: PatchRequest) -> Experiment:
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
        self._emit(
            {
                "kind": "error",
                "id": message_id,
                "code": type(error).__name__,
                "message": str(error) or type(error).__name__,
                "details": details,
            }
        )


def _all_metrics(experiment: Experiment) -> list[Metric]:
    """The experiment's own metrics, and every named one that its task allows."""
    own = experiment.metrics
    has_foil = experiment.task.foil is not None
    several = any(pair.long_answers for pair in experiment.pairs)
    return [*own.values()] + [
        metric
        for name, metric in METRICS.items()
        if name not in own
        and (has_foil or not metric.needs_foil)
        and not (several and metric.one_token)
    ]


def _patches(request: PatchRequest) -> Iterator[Patch]:
    return (Patch(site, source) for site, source in request.patches)


def _checked_envelope(content: Any) -> tuple[str, int]:
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
    if kind not in ("hello", "patch", "sweep", "cancel"):
        raise ProtocolError(
            f"Unknown kind {kind!r}; expected 'hello', 'patch', 'sweep' or 'cancel'."
        )
    if not isinstance(message_id, int) or isinstance(message_id, bool):
        raise ProtocolError(f"Expected an integer id; got {message_id!r}.")
    return kind, message_id


def _checked_source(patch: dict[str, Any]) -> str:
    source = patch.get("source", "source")
    if source not in SOURCES:
        raise ProtocolError(f"Expected a source out of {', '.join(SOURCES)}; got {source!r}.")
    return str(source)
