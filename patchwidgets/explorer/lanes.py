"""One sort of requests that wait for the worker. A `RequestQueue` serves the first of its lanes that has work."""

import threading
from abc import ABC, abstractmethod

from patchwidgets.explorer.outbox import Outbox, Ticket
from patchwidgets.explorer.worker import Job, Worker


class Lane(ABC):
    """Requests of one sort: what waits, what runs, and what is dropped.

    Everything but jobs is called with the lock held, and sends nothing: the caller flushes the outbox afterwards.

    Parameters
    ----------
    worker
        Its lock guards the lane.
    outbox
        Takes the messages.
    """

    def __init__(self, worker: Worker, outbox: Outbox) -> None:
        self._worker, self._outbox = worker, outbox

    @property
    def lock(self) -> threading.RLock:
        """Guards all lanes. Nobody holds it while he computes or sends."""
        return self._worker.lock

    @abstractmethod
    def take(self, pause: threading.Event) -> Job | None:
        """The next job; None if there is none. Once `pause` is set, something else comes first.

        A job that is ended by the pause is taken again later.
        """

    @abstractmethod
    def drop(self, why: str) -> None:
        """Drop whatever runs or waits, and say why."""

    @abstractmethod
    def forget(self) -> None:
        """In the child of a fork, what runs or waits does so in the parent alone."""

    @abstractmethod
    def abandon(self) -> None:
        """Share nothing with a thread that does not come back."""

    def rest(self) -> None:  # noqa: B027 - most lanes hold nothing between jobs
        """Free what was needed by work that is no longer wanted."""

    def _tell_dropped(self, ticket: Ticket, why: str) -> None:
        self._outbox.put(ticket, {"kind": "dropped", "why": why})
