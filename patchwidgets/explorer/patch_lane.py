"""Patches on their way: the newest supersedes the one before it. Each patch of a joint one, alone, comes after it."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from patchwidgets.errors import WaitError
from patchwidgets.explorer.lanes import Lane
from patchwidgets.explorer.messages import Buffers, Message
from patchwidgets.explorer.outbox import Outbox, Ticket
from patchwidgets.explorer.requests import PatchRequest
from patchwidgets.explorer.worker import Job, Worker
from patchwidgets.hooks.cancellation import cancellable

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Asked:
    """A request for a patch with its ticket."""

    request: PatchRequest
    ticket: Ticket


class PatchLane(Lane):
    """The newest patch.

    Parameters
    ----------
    worker, outbox
        As in `Lane`.
    answer
        Computes a patch, and hands it to `settle`.
    answer_alone
        Computes each patch of a joint patch alone, and returns the message about them.
    """

    def __init__(
        self,
        worker: Worker,
        outbox: Outbox,
        answer: Callable[[Asked], None],
        answer_alone: Callable[[PatchRequest], Message],
    ) -> None:
        super().__init__(worker, outbox)
        self._answer, self._answer_alone = answer, answer_alone
        self._waiting: Asked | None = None
        self._running: Asked | None = None
        self._alone: Asked | None = None

    @property
    def unanswered(self) -> Asked | None:
        """The patch that waits or runs."""
        with self.lock:
            return self._waiting or self._running

    def put(self, asked: Asked) -> None:
        """Let a patch wait, in place of whatever waits or runs."""
        self.drop("superseded")
        self._waiting = asked

    def take_back(self) -> None:
        """Forget the patch that waits: nobody can compute it."""
        self._waiting = None

    def take(self, pause: threading.Event) -> Job | None:
        """The patch that waits, or else each patch of a joint one alone."""
        del pause  # nothing comes before a patch
        if self._running is not None and not self._running.ticket.settled:
            self._outbox.put_error(self._running.ticket, WaitError("The computation was ended."))
        self._running, self._waiting = self._waiting, None
        if (asked := self._running) is not None:
            return Job(partial(self._answer, asked), partial(self._fail, asked))
        if (alone := self._alone) is not None:
            return Job(partial(self._run_alone, alone), partial(self._fail_alone, alone))
        return None

    def drop(self, why: str) -> None:
        """Drop the request that waits and stop the one that runs."""
        for asked in (self._running, self._alone, self._waiting):
            if asked is not None and not asked.ticket.unwanted.is_set():
                asked.ticket.unwanted.set()
                self._tell_dropped(asked.ticket, why)
        self._waiting = self._alone = None

    def forget(self) -> None:
        """Know nothing more."""
        self._waiting = self._running = self._alone = None

    def abandon(self) -> None:
        """Leave what runs to its thread."""
        self._running = self._alone = None

    def settle(
        self, asked: Asked, message: Message, buffers: Buffers, singles: Message | None
    ) -> bool:
        """Answer a patch, unless it is not wanted any more; return whether it was.

        `singles` is about each patch of a joint one alone, if that is known already.
        """
        with self.lock:
            if asked.ticket.unwanted.is_set():
                return False
            self._outbox.put(asked.ticket, message, buffers)
            if singles is not None:
                self._outbox.put(asked.ticket, singles, place="late")
            self._alone = asked if asked.request.has_parts and singles is None else None
            return True

    def _run_alone(self, asked: Asked) -> None:
        with cancellable(asked.ticket.unwanted):
            message = self._answer_alone(asked.request)
        with self.lock:
            if self._alone is not asked:
                return
            self._alone = None
            self._outbox.put(asked.ticket, message, place="late")
        self._outbox.flush()

    def _fail(self, asked: Asked, error: BaseException) -> None:
        if not asked.ticket.unwanted.is_set():
            self._outbox.put_error(asked.ticket, error)
            self._outbox.flush()

    def _fail_alone(self, asked: Asked, error: BaseException) -> None:
        """The joint patch has its answer already; what is missing is in the log."""
        with self.lock:
            wanted = self._alone is asked
            self._alone = None if wanted else self._alone
        if wanted:
            _LOG.error("Request %s: no patch alone.", asked.ticket.id, exc_info=error)
