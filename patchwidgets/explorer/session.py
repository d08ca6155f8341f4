"""The session between an experiment and a front end: messages (docs/protocol.md) in and out. It knows no comm.

Any thread may call `PatchSession.handle`, which checks a message and queues it. One worker thread computes, while there
is something to do. At most one request waits: the newest. The one that it replaces stops before the model's next layer.
Whatever fails, each request gets one final answer, and the next one is served.
"""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from patchwidgets.directions import Direction
from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.experiment.patch_result import PatchResult
from patchwidgets.experiment.patching import unpatched
from patchwidgets.explorer import export, messages
from patchwidgets.explorer.chosen import ChosenPatch, ChosenPosition, checked_position, position_of
from patchwidgets.explorer.code import code_of, with_model
from patchwidgets.explorer.edits import Edits, checked_edits
from patchwidgets.explorer.fields import ShownPair
from patchwidgets.explorer.history import History
from patchwidgets.explorer.map_fields import TOTAL, checked_field
from patchwidgets.explorer.map_requests import checked_map_sweep_request
from patchwidgets.explorer.map_sweep import MapSweep
from patchwidgets.explorer.messages import Buffers, Message
from patchwidgets.explorer.outbox import Outbox, Send, Ticket
from patchwidgets.explorer.patch_lane import Asked
from patchwidgets.explorer.questions import QUESTIONS
from patchwidgets.explorer.queue import RequestQueue
from patchwidgets.explorer.recording import recorded
from patchwidgets.explorer.requests import (
    KINDS,
    PatchRequest,
    checked_envelope,
    checked_mark,
    checked_patch_request,
    checked_sites,
    chosen_at,
    is_id,
)
from patchwidgets.explorer.restored import message_of, restored
from patchwidgets.explorer.saved_explorer import SavedExplorer, explorer_data
from patchwidgets.explorer.saved_page import Part, page_html
from patchwidgets.explorer.saved_patch import SavedPatch
from patchwidgets.explorer.shown_pair import number_of
from patchwidgets.explorer.single_sites import COMPONENTS, ROUNDING
from patchwidgets.explorer.sources import ChosenSource, choice_data
from patchwidgets.explorer.views import Views
from patchwidgets.hooks.cancellation import cancellable
from patchwidgets.methods.paths.api import PathResult
from patchwidgets.methods.paths.traced import TracedPath, trace_path
from patchwidgets.models.stamp import stamp_of
from patchwidgets.plot.flow import flow_png
from patchwidgets.sites import Component
from patchwidgets.tokens import printable

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
    field
        What the maps show that were last asked for.
    stamp
        Of which model it is, as its weights were when the session began.
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
        self.field = TOTAL
        self._history = History()
        self._answered: PatchRequest | None = None
        self._alone: list[PatchResult] = []
        self.position: ChosenPosition = "all"
        self.stamp = stamp_of(experiment.model)
        self._own_ids = itertools.count(-1, -1)
        self._outbox = Outbox(send)
        self._queue = RequestQueue(
            self._outbox,
            self._answer,
            self._answer_alone,
            self._answer_question,
            lambda: map_sweep(self._views.experiment),
            PatchRequest(0, (), experiment.direction, next(iter(experiment.metrics))),
        )

    @property
    def experiment(self) -> BaseExperiment:
        """The experiment that is shown, with all metrics that can be asked for."""
        return self._views.experiment

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
        self,
        sites: Sequence[ChosenPatch],
        direction: Direction,
        metric: str,
        source: ChosenSource = "source",
        pair: ShownPair = "mean",
    ) -> None:
        """Ask from Python for the same as a click does."""
        asked = [
            (each, chosen_at(each, source, self.experiment)) if isinstance(each, str) else each
            for each in sites
        ]
        patches = checked_sites(asked, self.experiment.turned(direction))
        request = PatchRequest(
            next(self._own_ids), patches, direction, metric, source, pair, self._views.edits
        )
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
        several = len(self.experiment.pairs) > 1
        pair = number_of(self.experiment, request.pair) if several else None
        task = self._views.task(request.edits)
        return code_of(task, metric, request.direction, asked, pair)

    def mermaid(self) -> str:
        """What is shown as a Mermaid chart."""
        return export.chart(self._views, self.latest)

    def page(
        self,
        shown: PatchRequest | None = None,
        components: Sequence[Component] = COMPONENTS,
        part: Part | None = None,
    ) -> str:
        """What is shown, or was asked for last, the patches so far, and single sites, as one HTML file."""
        shown = self.latest if shown is None else shown
        with self._queue.lock:
            asked = self._history.listed
        task = self.experiment.task
        prompt = str(task[0].clean) if len(task) == 1 else f"{len(task)} pairs of prompts"
        title = f"{self.experiment.model.name}: {printable(prompt)}"
        content = recorded(self._views, shown, asked, components)
        code = with_model(self.code_of(shown), self.experiment.model.name)
        return page_html(title, code, ROUNDING, content, part)

    def data(self, field: str) -> dict[str, Any]:
        """All that a file keeps of the session; `field` is what the maps should show."""
        original, latest = self._views.original, self.latest
        with self._queue.lock:
            listed = self._history.listed
        return explorer_data(original.task, original.metrics, latest, self.position, field, listed)

    def restore(self, saved: SavedExplorer, again: bool) -> PatchRequest:
        """Take the history of a file, and ask for what it shows; return the request.

        Parameters
        ----------
        again
            As in `restored`, which says what is raised.
        """
        shown = saved.content.shown
        patches = [each for each in saved.history if isinstance(each, SavedPatch)]
        found = list(restored(self._views, saved.content.history, patches, again))
        request = replace(self._checked(message_of(shown)), id=next(self._own_ids))
        field = checked_field(shown.field, self.experiment)
        with self._queue.lock:
            for earlier, listed in found:
                self._history.restore(earlier, listed)
        self._put(request, Ticket(request.id))
        self.position = checked_position(shown.position, self._views.with_edits(request.edits))
        self.field = field
        self._outbox.flush()
        return request

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
        return flow_png(*self._shown, note=PICTURE_NOTE)

    def close(self) -> None:
        """Drop whatever runs or waits, and accept nothing more."""
        self._queue.close()
        self._outbox.flush()

    def _dispatch(self, content: Any, ticket: Ticket) -> PatchRequest | None:
        kind, _ = checked_envelope(content, (*KINDS, *QUESTIONS))
        acknowledgement = {"kind": "ack"}
        if kind == "patch":
            request = self._checked(content)
            self._outbox.put(ticket, acknowledgement, place="early")
            self._put(request, ticket)
            return request
        if kind == "sweep":
            maps = checked_map_sweep_request(content, self.experiment)
            self.field = maps.field
            self._outbox.put(ticket, acknowledgement, place="early")
            self._queue.put_maps(maps, ticket)
        elif kind == "code":
            request = self._checked(content)
            self._outbox.put(ticket, messages.code(self.code_of(request)))
        elif kind == "mark":
            request, mark = self._checked(content), checked_mark(content)
            with self._queue.lock:
                marked = self._history.mark(request, *mark)
            self._outbox.put(ticket, messages.marked(marked))
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

    def _checked(self, content: Any) -> PatchRequest:
        """Read a request for a patch; what is wrong with edited prompts is said before anything runs."""
        edits = checked_edits(content.get("edits", []), self._views.original)
        if self._views.knows(edits):
            return checked_patch_request(content, self._views.with_edits(edits), edits)
        self._views.task(edits)
        return checked_patch_request(content, self._views.original, edits, pairs=())

    def _greet(self, ticket: Ticket) -> None:
        latest, answered = self.latest, self._answered
        pair = latest.pair if answered is None else answered.pair
        shown = self._views.of(latest.direction, latest.metric)
        self._outbox.put(ticket, messages.scene(shown, pair, self._views.edits))
        with self._queue.lock:
            listed = self._history.newest(MOST_LISTED)
        if listed:
            self._outbox.put(ticket, messages.history(listed), place="late")
        if self.result is not None and latest.patches:
            message, buffers = messages.result(self.result, pair, self._told(self._views.edits))
            message["source"] = choice_data(latest.source)
            self._outbox.put(ticket, message, buffers, place="late")

    def _told(self, edits: Edits) -> Edits | None:
        """The edits that an answer names; None as long as nobody has edited anything."""
        return edits if edits or self._views.has_edits else None

    def _answer(self, asked: Asked) -> None:
        request = asked.request
        with cancellable(asked.ticket.unwanted):
            outcome, alone = self._known(request) or self._run(request)
            message, buffers = messages.result(outcome, request.pair, self._told(request.edits))
            message["source"] = choice_data(request.source)
            singles = messages.singles(alone, request.pair) if alone else None
        with self._queue.lock:
            if self._queue.settle(asked, message, buffers, singles):
                self._history.add(request, outcome)
                self._turn_to(request)
                self._alone = [each.without_logits() for each in alone]
        self._outbox.flush()

    def _known(
        self, request: PatchRequest
    ) -> tuple[PatchResult | TracedPath, list[PatchResult]] | None:
        """The last patch, if only another pair or metric of it is asked for: nothing has to run."""
        before, result = self._answered, self.result
        if before is None or result is None or before.run != request.run:
            return None
        if before.metric == request.metric:
            if before.pair == request.pair:
                return None
            result.experiment.check_weights()
            return result, self._alone
        if isinstance(result, TracedPath):
            return None
        result.experiment.check_weights(result.patches)
        return result.focused(request.metric), self._alone

    def _turn_to(self, request: PatchRequest) -> None:
        """Everything else is now asked about the prompts of this request."""
        self._answered = request
        if request.edits != self._views.edits:
            self._queue.turn_to(request.edits)
            self._views.edits = request.edits

    def _run(self, request: PatchRequest) -> tuple[PatchResult | TracedPath, list[PatchResult]]:
        """What was asked for, and each patch of a joint patch of few alone."""
        experiment = self._view(request)
        if request.path is not None:
            return trace_path(experiment, request.path), []
        patches = request.to_patches()
        few = 1 < len(patches) <= MOST_TOGETHER
        cells = [patches, *([patch] for patch in patches)] if few else [patches]
        outcome, *alone = self._views.patching(request.edits).run(experiment, cells)
        return outcome, alone

    def _answer_alone(self, request: PatchRequest) -> Message:
        """Each patch of a joint patch of many alone, after the answer."""
        if not self._alone:
            patches, experiment = request.to_patches(), self._view(request)
            if len(patches) <= MOST_ALONE:
                self._alone = self._views.patching(request.edits).run(
                    experiment, [[each] for each in patches]
                )
        return messages.singles(self._alone, request.pair)

    def _answer_question(self, kind: str, request: Any) -> tuple[Message, Buffers]:
        if kind == "picture":
            return messages.picture(*self._shown, PICTURE_NOTE), []
        if kind == "export" and request.format == "page":
            shown = replace(request.patched, edits=self._views.edits)
            return export.file(request, self.page(shown))
        return QUESTIONS[kind].answer(self._views, request)

    @property
    def _shown(self) -> tuple[PatchResult | TracedPath, int | None]:
        """The last patch or path, or the host run where nothing is patched; and which pair of it."""
        shown, latest = self.result, self.latest
        if shown is None or not latest.patches:
            shown = unpatched(self._view(latest))
        return shown, number_of(shown.experiment, latest.pair)

    def _view(self, request: PatchRequest) -> BaseExperiment:
        """The experiment in the direction, with the metric and with the prompts of a request."""
        return self._views.of(request.direction, request.metric, request.edits)
