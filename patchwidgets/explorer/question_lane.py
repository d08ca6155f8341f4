"""Questions on their way: of each kind the newest, the oldest first."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from patchwidgets.errors import WaitError
from patchwidgets.explorer.lanes import Lane
from patchwidgets.explorer.messages import Buffers, Message
from patchwidgets.explorer.outbox import Outbox, Ticket
from patchwidgets.explorer.worker import Job, Worker
from patchwidgets.hooks.cancellation import Cancelled, cancellable


@dataclass(frozen=True, eq=False)
class AskedQuestion:
    """A question with its ticket.

    Attributes
    ----------
    kind
        Its kind; a newer question of the same kind replaces it.
    request
        What its `Question` has read.
    """

    kind: str
    request: Any
    ticket: Ticket


class QuestionLane(Lane):
    """The newest question of each kind.

    Parameters
    ----------
    worker, outbox
        As in `Lane`.
    answer
        Computes the final message of a question of some kind.
    """

    def __init__(
        self,
        worker: Worker,
        outbox: Outbox,
        answer: Callable[[str, Any], tuple[Message, Buffers]],
    ) -> None:
        super().__init__(worker, outbox)
        self._answer = answer
        self._asked: dict[str, AskedQuestion] = {}
        self._running: AskedQuestion | None = None

    def put(self, asked: AskedQuestion) -> bool:
        """Let a question wait, in place of one of its kind; return whether that one was running."""
        before = self._asked.pop(asked.kind, None)
        if before is not None:
            self._tell_dropped(before.ticket, "superseded")
        self._asked[asked.kind] = asked
        return before is not None and before is self._running

    def take_back(self, asked: AskedQuestion) -> None:
        """Forget a question: nobody can compute it."""
        self._asked.pop(asked.kind, None)

    def take(self, pause: threading.Event) -> Job | None:
        """The question that has waited longest."""
        self._running = next(iter(self._asked.values()), None)
        if (asked := self._running) is None:
            return None
        return Job(partial(self._run, asked, pause), partial(self._fail, asked, pause))

    def drop(self, why: str) -> None:
        """Drop all questions."""
        for asked in self._asked.values():
            self._tell_dropped(asked.ticket, why)
        self._asked.clear()

    def forget(self) -> None:
        """Know nothing more."""
        self._asked.clear()
        self._running = None

    def abandon(self) -> None:
        """Answer the question that runs: it does not come back."""
        if (asked := self._running) is not None and self._end(asked):
            self._outbox.put_error(asked.ticket, WaitError("The computation does not stop."))
        self._running = None

    def _run(self, asked: AskedQuestion, pause: threading.Event) -> None:
        with cancellable(pause):
            message, buffers = self._answer(asked.kind, asked.request)
        with self.lock:
            if self._end(asked):
                self._outbox.put(asked.ticket, message, buffers)
        self._outbox.flush()

    def _fail(self, asked: AskedQuestion, pause: threading.Event, error: BaseException) -> None:
        if isinstance(error, Cancelled) and pause.is_set():
            return
        with self.lock:
            if self._end(asked):
                self._outbox.put_error(asked.ticket, error)
        self._outbox.flush()

    def _end(self, asked: AskedQuestion) -> bool:
        """Take a question out, and return whether it was still wanted."""
        if self._asked.get(asked.kind) is not asked:
            return False
        del self._asked[asked.kind]
        return True
