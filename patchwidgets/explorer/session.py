"""The session between an experiment and a front end: messages (docs/protocol.md) in and out. It knows no comm.

Any thread may call `PatchSession.handle`, which checks a message and queues it. One worker thread computes, while there
is something to do. At most one request waits: the newest. The one that it replaces stops before the model's next layer.
Whatever fails, each request gets one final answer, and the next one is served.
"""

import itertools
from collections.abc import Callable
from functools import partial
from typing import Any

from patchwidgets.directions import Direction
from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.experiment.patch_result import PatchResult
from patchwidgets.experiment.patching import unpatched
from patchwidgets.explorer import messages
from patchwidgets.explorer.chosen import ChosenPosition, checked_position, position_of
from patchwidgets.explorer.code import code_of
from patchwidgets.explorer.history import History
from patchwidgets.explorer.map_fields import TOTAL
from patchwidgets.explorer.map_requests import checked_map_sweep_request
from patchwidgets.explorer.map_sweep import MapSweep
from patchwidgets.explorer.messages import Buffers, Message
from patchwidgets.explorer.outbox import Outbox, Send, Ticket
from patchwidgets.explorer.patch_lane import Asked
from patchwidgets.explorer.questions import QUESTIONS
from patchwidgets.explorer.queue import RequestQueue
from patchwidgets.explorer.requests import (
    KINDS,
    PatchRequest,
    checked_envelope,
    checked_patch_request,
    checked_sites,
    chosen_at,
    is_id,
)
from patchwidgets.explorer.sources import ChosenSource, choice_data
from patchwidgets.explorer.views import Views
from patchwidgets.hooks.cancellation import cancellable
from patchwidgets.methods.paths.api import PathResult
from patchwidgets.methods.paths.traced import TracedPath, trace_path
from patchwidgets.plot.flow import flow_png
from patchwidgets.sweep.late_patching import LatePatching

MOST_LISTED = 200
"""How many patches of the history a page gets."""
MOST_TOGETHER, MOST_ALONE = 8, 16
"""Most patches of a joint patch that are also made alone, in the same pass or after it; some have hundreds."""

PICTURE_NOTE = "A picture of the last state. Run this cell to explore on."


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
    field
        What the maps show that were last asked for.
    position
        Where the next click patches: where everything is that was last asked for, or what was chosen since.

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
        self._views = Views(experiment)
        self.experiment = self._views.experiment
        self.field = TOTAL
        self._history = History()
        self.position: ChosenPosition = "all"
        self._own_ids = itertools.count(-1, -1)
        self._patching = LatePatching()
        self._outbox = Outbox(send)
        self._queue = RequestQueue(
            self._outbox,
            self._answer,
            self._answer_alone,
            self._answer_question,
            partial(map_sweep, self.experiment),
            PatchRequest(0, (), experiment.direction, next(iter(experiment.metrics))),
        )

    @property
    def latest(self) -> PatchRequest:
        """The newest request for a patch."""
        return self._queue.latest

    @property
    def result(self) -> PatchResult | TracedPath | None:
        """The last answer, or None."""
        return self._history.last

    @property
    def history(self) -> list[PatchResult | PathResult]:
        """Every patch and path so far, each once, oldest first."""
        with self._queue.lock:
            return self._history.results

    def handle(self, content: Any) -> PatchRequest | None:
        """Take one message of a front end. Return the request if the message asks for a patch."""
        message_id = content.get("id") if isinstance(content, dict) else None
        ticket = Ticket(message_id if is_id(message_id) else 0)
        try:
            return self._dispatch(content, ticket)
        except BaseException as error:
            ticket.unwanted.set()
            self._outbox.put_error(ticket, error)
            if not isinstance(error, Exception):
                raise
            return None
        finally:
            self._outbox.flush()

    def ask(
        self, sites: list[str], direction: Direction, metric: str, source: ChosenSource = "source"
    ) -> None:
        """Ask from Python for the same as a click does."""
        asked = [(site, chosen_at(site, source, self.experiment)) for site in sites]
        patches = checked_sites(asked, self.experiment.turned(direction))
        request = PatchRequest(next(self._own_ids), patches, direction, metric, source)
        ticket = Ticket(request.id)
        try:
            self._put(request, ticket)
        except BaseException as error:
            ticket.unwanted.set()
            self._outbox.put_error(ticket, error)
            raise
        finally:
            self._outbox.flush()

    def code_of(self, request: PatchRequest) -> str:
        """The lines of Python that give the numbers of a request."""
        metric = self.experiment.metrics[request.metric]
        asked = request.path or request.to_patches()
        return code_of(self.experiment.task, metric, request.direction, asked)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until nothing runs and nothing waits. Return False if the time runs out first."""
        return self._queue.wait(timeout)

    def wait_for_patches(self, limit: float) -> None:
        """Wait until no patch runs and none waits, for `limit` seconds at most. A sweep may go on.

        Raises
        ------
        WaitError
            The time is over, or the computation itself waits, for instance a metric that reads ``w.result``.
        """
        self._queue.wait_for_patches(limit)

    def interrupt(self) -> None:
        """Drop whatever runs or waits; what maps have shown stays."""
        self._queue.drop("interrupted")
        self._outbox.flush()

    def picture(self) -> bytes:
        """What is shown, as a PNG for where no Python answers."""
        return flow_png(self._shown, note=PICTURE_NOTE)

    def close(self) -> None:
        """Drop whatever runs or waits, and accept nothing more."""
        self._queue.close()
        self._outbox.flush()

    def _dispatch(self, content: Any, ticket: Ticket) -> PatchRequest | None:
        kind, _ = checked_envelope(content, (*KINDS, *QUESTIONS))
        acknowledgement = {"kind": "ack"}
        if kind == "patch":
            request = checked_patch_request(content, self.experiment)
            self._outbox.put(ticket, acknowledgement, place="early")
            self._put(request, ticket)
            return request
        if kind == "sweep":
            maps = checked_map_sweep_request(content, self.experiment)
            self.field = maps.field
            self._outbox.put(ticket, acknowledgement, place="early")
            self._queue.put_maps(maps, ticket)
        elif kind == "code":
            request = checked_patch_request(content, self.experiment)
            self._outbox.put(ticket, messages.code(self.code_of(request)))
        elif kind == "cancel":
            self._outbox.put(ticket, acknowledgement)
            self._queue.drop("cancelled")
        elif kind == "position":
            self.position = checked_position(content.get("position"), self.experiment)
            self._outbox.put(ticket, acknowledgement)
        elif kind == "picture":
            self._outbox.put(ticket, acknowledgement, place="early")
            self._queue.put_question(kind, None, ticket)
        elif (question := QUESTIONS.get(kind)) is not None:
            asked = question.check(content, self.experiment)
            self._outbox.put(ticket, acknowledgement, place="early")
            self._queue.put_question(kind, asked, ticket)
        else:
            self._outbox.put(ticket, acknowledgement, place="early")
            self._greet(ticket)
        return None

    def _put(self, request: PatchRequest, ticket: Ticket) -> None:
        """Queue a patch. What is patched at one position says where the next click patches."""
        self._queue.put(request, ticket)
        if request.path is None and not request.cuts:
            self.position = position_of(request.sites, self.experiment) or self.position

    def _greet(self, ticket: Ticket) -> None:
        self._outbox.put(ticket, messages.scene(self._view(self.latest)))
        if history := self.history:
            self._outbox.put(ticket, messages.history(history[-MOST_LISTED:]), place="late")
        if self.result is not None and self.latest.patches:
            message, buffers = messages.result(self.result)
            message["source"] = choice_data(self.latest.source)
            self._outbox.put(ticket, message, buffers, place="late")

    def _answer(self, asked: Asked) -> None:
        request = asked.request
        with cancellable(asked.ticket.unwanted):
            outcome, singles = self._run(request)
            message, buffers = messages.result(outcome)
            message["source"] = choice_data(request.source)
        with self._queue.lock:
            if self._queue.settle(asked, message, buffers, singles):
                self._history.add(request, outcome)
        self._outbox.flush()

    def _run(self, request: PatchRequest) -> tuple[PatchResult | TracedPath, Message | None]:
        """What was asked for, and each patch of a joint patch of few alone."""
        experiment = self._view(request)
        if request.path is not None:
            return trace_path(experiment, request.path), None
        patches = request.to_patches()
        few = 1 < len(patches) <= MOST_TOGETHER
        cells = [patches, *([patch] for patch in patches)] if few else [patches]
        outcome, *alone = self._patching.run(experiment, cells)
        return outcome, messages.singles(alone) if few else None

    def _answer_alone(self, request: PatchRequest) -> Message:
        """Each patch of a joint patch of many alone, after the answer."""
        patches, experiment = request.to_patches(), self._view(request)
        if len(patches) > MOST_ALONE:
            return messages.singles([])
        return messages.singles(self._patching.run(experiment, [[each] for each in patches]))

    def _answer_question(self, kind: str, request: Any) -> tuple[Message, Buffers]:
        if kind == "picture":
            return messages.picture(self._shown, PICTURE_NOTE), []
        return QUESTIONS[kind].answer(self._views, request)

    @property
    def _shown(self) -> PatchResult:
        """The last patch, or the host run where nothing is patched."""
        shown, latest = self.result, self.latest
        if not isinstance(shown, PatchResult) or not latest.patches:  # a path has no figure
            return unpatched(self._view(latest))
        return shown

    def _view(self, request: PatchRequest) -> BaseExperiment:
        """The experiment in the direction and with the metric of a request."""
        return self._views.of(request.direction, request.metric)
