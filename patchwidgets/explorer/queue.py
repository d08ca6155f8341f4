"""The requests of a front end, one at a time: what waits, what runs, what comes after, and what is dropped.

A patch supersedes the one before it. The patches of a joint patch, each alone, come after it, then the maps, which wait
while a patch is computed. Costs nothing.
"""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from patchwidgets.errors import PatchwidgetsError, WaitError, listed
from patchwidgets.explorer.map_sweep import KeptMaps, MapSweep
from patchwidgets.explorer.messages import Buffers, Message
from patchwidgets.explorer.outbox import Outbox, Ticket
from patchwidgets.explorer.requests import MapSweepRequest, PatchRequest
from patchwidgets.explorer.worker import Job, Worker
from patchwidgets.hooks.cancellation import Cancelled, cancellable

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Asked:
    """A request for a patch with its ticket."""

    request: PatchRequest
    ticket: Ticket


@dataclass(frozen=True, eq=False)
class AskedMaps:
    """A request for maps with its ticket and the sweep that fills them."""

    request: MapSweepRequest
    ticket: Ticket
    maps: MapSweep


class RequestQueue:
    """Decides what the worker does next, and tells those who have asked for something else.

    Parameters
    ----------
    outbox
        Takes the messages. Whoever calls a method here flushes it afterwards.
    answer
        Computes a patch, and hands it to `settle`.
    answer_alone
        Computes each patch of a joint patch alone, and returns the message about them.
    make_maps
        Makes the sweep of maps that are not known yet.
    latest
        The request before the first one.

    Attributes
    ----------
    latest
        The newest request for a patch.
    """

    def __init__(
        self,
        outbox: Outbox,
        answer: Callable[[Asked], None],
        answer_alone: Callable[[PatchRequest], Message],
        make_maps: Callable[[], MapSweep],
        latest: PatchRequest,
    ) -> None:
        self.latest = latest
        self._outbox = outbox
        self._answer, self._answer_alone = answer, answer_alone
        self._maps = KeptMaps(make_maps)
        self._closed = False
        self._worker = Worker(self._take, self._forget, self.close)
        self._waiting: Asked | None = None
        self._running: Asked | None = None
        self._alone: Asked | None = None
        self._sweep: AskedMaps | None = None
        self._active: MapSweep | None = None
        self._pause = threading.Event()

    @property
    def lock(self) -> threading.RLock:
        """Guards the queue. Nobody holds it while he computes or sends."""
        return self._worker.lock

    # ---- for any thread ------------------------------------------------------------------------

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until nothing runs and nothing waits. Return False if the time runs out first."""
        return self._worker.wait(timeout)

    def wait_for_patches(self, limit: float) -> None:
        """Wait until no patch runs and none waits, for `limit` seconds at most. A sweep may go on.

        Raises
        ------
        WaitError
            The time is over, or the computation itself waits, for instance a metric that reads ``w.result``.
        """
        if self._worker.is_here:
            raise WaitError(
                "The computation waits for its own result: a metric or a hook must not read it."
            )
        if not self._worker.wait_until(lambda: self._unanswered is None, limit):
            asked = self._unanswered
            sites = listed(asked.request.sites if asked else []) or "Nothing patched"
            raise WaitError(
                f"{sites} has no answer after {limit:g} s: the model is slow or busy, or a metric does not return. "
                "Read it again later, wait longer with w.wait_limit = ..., or give it up with w.close()."
            )

    def close(self) -> None:
        """Drop whatever runs or waits, and take nothing more."""
        with self.lock:
            self._closed = True
            self.drop("closed")
            self._maps.forget()

    def drop(self, why: str) -> None:
        """Drop whatever runs or waits."""
        with self.lock:
            self._drop_patches(why)
            self._drop_sweep(why)

    def put(self, request: PatchRequest, ticket: Ticket) -> None:
        """Let a patch wait, in place of whatever waits or runs.

        Raises
        ------
        RuntimeError
            No thread can be started.
        """
        with self.lock:
            if self._closed:
                self._outbox.put(ticket, {"kind": "dropped", "why": "closed"})
                return
            self._drop_patches("superseded")
            try:
                self.latest, self._waiting = request, Asked(request, ticket)
                self._pause.set()
                if self._worker.interrupt():
                    self._go_on_without_worker()
            except BaseException:
                self._waiting = None
                raise

    def put_maps(self, request: MapSweepRequest, ticket: Ticket) -> None:
        """Let maps be computed where no patch waits, in place of other maps; raises as `put`."""
        with self.lock:
            if self._closed:
                self._outbox.put(ticket, {"kind": "dropped", "why": "closed"})
                return
            self._drop_sweep("superseded")
            try:
                self._sweep = AskedMaps(request, ticket, self._maps.of(request.subject))
                self._worker.wake()
            except BaseException:
                self._sweep = None
                raise

    def _go_on_without_worker(self) -> None:
        """Share nothing with a thread that does not come back."""
        self._running = self._alone = None
        self._maps.forget()
        if self._sweep is not None:
            self._sweep = replace(self._sweep, maps=self._maps.of(self._sweep.request.subject))

    def _drop_sweep(self, why: str) -> None:
        """End the sweep. Call this with the lock held. What the sweep has sent stays valid."""
        if self._sweep is not None:
            self._outbox.put(self._sweep.ticket, {"kind": "dropped", "why": why})
            self._sweep = None
            self._pause.set()

    def _drop_patches(self, why: str) -> None:
        """Drop the request that waits and stop the one that runs. Call this with the lock held."""
        for asked in (self._running, self._alone, self._waiting):
            if asked is not None and not asked.ticket.unwanted.is_set():
                asked.ticket.unwanted.set()
                self._outbox.put(asked.ticket, {"kind": "dropped", "why": why})
        self._waiting = self._alone = None

    def settle(self, asked: Asked, message: Message, buffers: Buffers) -> bool:
        """Answer a patch, unless it is not wanted any more; return whether it was."""
        with self.lock:
            if asked.ticket.unwanted.is_set():
                return False
            self._outbox.put(asked.ticket, message, buffers)
            self._alone = asked if len(asked.request.patches) > 1 else None
            return True

    def tell(self, ticket: Ticket, error: BaseException) -> None:
        """Answer with what went wrong."""
        if not isinstance(error, PatchwidgetsError):
            _LOG.error("Request %s failed.", ticket.id, exc_info=error)
        self._outbox.put_error(ticket, error)

    # ---- for the worker's thread -----------------------------------------------------------------

    @property
    def _unanswered(self) -> Asked | None:
        """The patch that waits or runs."""
        with self.lock:
            return self._waiting or self._running

    def _take(self) -> Job | None:
        """The patch that waits, or else each patch of a joint one alone, or else the maps that are not finished."""
        if self._running is not None and not self._running.ticket.settled:
            self._outbox.put_error(self._running.ticket, WaitError("The computation was ended."))
        self._running, self._waiting = self._waiting, None
        self._pause = threading.Event()
        self._let_rest()
        if (asked := self._running) is not None:
            return Job(partial(self._answer, asked), partial(self._fail, asked))
        if (alone := self._alone) is not None:
            return Job(partial(self._run_alone, alone), partial(self._fail_alone, alone))
        if (maps := self._sweep) is not None:
            self._active = maps.maps
            return Job(
                partial(self._advance, maps, self._pause),
                partial(self._fail_sweep, maps, self._pause),
            )
        return None

    def _let_rest(self) -> None:
        """Free what maps hold that were worked on and are no longer wanted."""
        if self._active is not None and (
            self._sweep is None or self._active is not self._sweep.maps
        ):
            self._active.rest()
            self._active = None

    def _run_alone(self, asked: Asked) -> None:
        with cancellable(asked.ticket.unwanted):
            message = self._answer_alone(asked.request)
        with self.lock:
            if self._alone is not asked:
                return
            self._alone = None
            self._outbox.put(asked.ticket, message, place="late")
        self._outbox.flush()

    def _advance(self, asked: AskedMaps, pause: threading.Event) -> None:
        """Compute one group of the sweep. If a patch arrives, it comes first, and the group starts again after it."""
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
            self._end_sweep(asked)

    def _fail(self, asked: Asked, error: BaseException) -> None:
        if not asked.ticket.unwanted.is_set():
            self.tell(asked.ticket, error)
            self._outbox.flush()

    def _fail_alone(self, asked: Asked, error: BaseException) -> None:
        """The joint patch has its answer already; what is missing is in the log."""
        with self.lock:
            wanted = self._alone is asked
            self._alone = None if wanted else self._alone
        if wanted:
            _LOG.error("Request %s: no patch alone.", asked.ticket.id, exc_info=error)

    def _fail_sweep(self, asked: AskedMaps, pause: threading.Event, error: BaseException) -> None:
        if isinstance(error, Cancelled) and pause.is_set():
            return
        if self._end_sweep(asked):
            self.tell(asked.ticket, error)
            self._outbox.flush()

    def _end_sweep(self, asked: AskedMaps) -> bool:
        """End a sweep, if it still runs, and forget what it computed."""
        with self.lock:
            if self._sweep is not asked:
                return False
            self._sweep = None
            self._maps.drop(asked.maps)
            return True

    def _forget(self) -> None:
        """In the child of a fork, what runs or waits does so in the parent alone."""
        self._outbox.forget()
        self._maps.forget()
        self._waiting = self._running = self._alone = None
        self._sweep = self._active = None
        self._pause = threading.Event()
