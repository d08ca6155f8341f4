"""Messages on their way to a front end: in order, whoever sends them, and one final answer to each request.

Nobody waits for somebody else's sending: who finds a thread at it leaves his messages to that one. So a line that
blocks, or that calls back, holds no lock.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from patchwidgets.errors import PatchwidgetsError
from patchwidgets.explorer import messages
from patchwidgets.explorer.messages import PROTOCOL, Buffers, Message

Send = Callable[[Message, Buffers], None]
Place = Literal["early", "final", "late"]
"""Where a message stands among the answers to its request: before the final one, it itself, after it."""

ATTEMPTS = 3
"""How often the error that stands in for a message is tried."""

_LOG = logging.getLogger(__name__)


@dataclass(eq=False)
class Ticket:
    """A request on its way to its final answer.

    Attributes
    ----------
    id
        What the asker calls it.
    unwanted
        Set when nobody waits for the result any more.
    settled
        Its final answer is in the outbox.
    answered
        Its final answer was sent.
    """

    id: int
    unwanted: threading.Event = field(default_factory=threading.Event)
    settled: bool = False
    answered: bool = False


@dataclass(eq=False)
class _Letter:
    """A message on its way; `tried` is set when it leaves, whether or not it arrives."""

    ticket: Ticket
    message: Message
    buffers: Buffers
    place: Place
    tried: bool = False


class Outbox:
    """Sends messages one after the other.

    Parameters
    ----------
    send
        Called with each message and its buffers, by one thread at a time.
    """

    def __init__(self, send: Send) -> None:
        self._send = send
        self.forget()

    def forget(self) -> None:
        """Drop all that was not sent, and whoever is sending."""
        self._lock = threading.Lock()
        self._letters: deque[_Letter] = deque()
        self._turn: object = None

    def put(
        self,
        ticket: Ticket,
        message: Message,
        buffers: Buffers | None = None,
        place: Place = "final",
    ) -> None:
        """Add a message; `flush` sends it. After the final answer of its request, only late ones are sent."""
        ticket.settled |= place == "final"
        self._letters.append(_Letter(ticket, message, buffers or [], place))

    def put_error(self, ticket: Ticket, error: BaseException) -> None:
        """Add what went wrong as the final answer; what nobody has foreseen is logged as well."""
        if not isinstance(error, PatchwidgetsError):
            _LOG.error("Request %s failed.", ticket.id, exc_info=error)
        self.put(ticket, messages.error(error))

    def flush(self) -> None:
        """Send what is there, unless somebody is at it, who then sends this too. Call this without a lock."""
        turn = object()
        try:
            while (letter := self._next(turn)) is not None:
                self._deliver(letter)
        finally:
            # No call stands here, so that a Ctrl-C cannot come between.
            if self._turn is turn:
                self._turn = None

    def _next(self, turn: object) -> _Letter | None:
        """Return the next letter, if it is the caller's turn. It stays in the box until it has left."""
        with self._lock:
            if self._turn is None:
                self._turn = turn
            if self._turn is not turn:
                return None
            while self._letters and self._letters[0].tried:
                self._letters.popleft()
            if not self._letters:
                self._turn = None
                return None
            return self._letters[0]

    def _deliver(self, letter: _Letter) -> None:
        ticket, message = letter.ticket, letter.message
        if ticket.answered and letter.place != "late":
            letter.tried = True
            return
        try:
            letter.tried = True
            self._send_to(ticket, message, letter.buffers)
        except BaseException as error:
            _LOG.exception("A message of kind %r could not be sent.", message.get("kind"))
            # Without an acknowledgement, or without what comes after the answer, a request is still answered.
            if letter.place == "final" or (letter.place == "early" and message["kind"] != "ack"):
                self._apologise(ticket, error)
            if not isinstance(error, Exception):
                raise
        else:
            ticket.answered |= letter.place == "final"

    def _apologise(self, ticket: Ticket, error: BaseException) -> None:
        ticket.settled = ticket.answered = True
        interrupt: BaseException | None = None
        for _ in range(ATTEMPTS):
            try:
                self._send_to(ticket, messages.error(error), [])
                break
            except BaseException as another:  # noqa: BLE001 - the first error is in the log
                interrupt = interrupt if isinstance(another, Exception) else another
        if interrupt is not None:
            raise interrupt

    def _send_to(self, ticket: Ticket, message: Message, buffers: Buffers) -> None:
        self._send({"v": PROTOCOL} | message | {"id": ticket.id}, buffers)
