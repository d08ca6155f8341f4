"""The requests of a front end, one at a time: which lane is served next, and who is told of what is dropped.

Patches come first, then questions, then maps, which wait while anything else is computed. Costs nothing.
"""

import threading
from collections.abc import Callable, Hashable
from typing import Any

from patchwidgets.errors import WaitError, listed
from patchwidgets.explorer.lanes import Lane
from patchwidgets.explorer.map_lane import MapLane
from patchwidgets.explorer.map_requests import MapSweepRequest
from patchwidgets.explorer.map_sweep import MapSweep
from patchwidgets.explorer.messages import Buffers, Message
from patchwidgets.explorer.outbox import Outbox, Ticket
from patchwidgets.explorer.patch_lane import Asked, PatchLane
from patchwidgets.explorer.question_lane import AskedQuestion, QuestionLane
from patchwidgets.explorer.requests import PatchRequest
from patchwidgets.explorer.worker import Job, Worker


class RequestQueue:
    """Decides what the worker does next, and tells those who have asked for something else.

    Parameters
    ----------
    outbox
        Takes the messages. Whoever calls a method here flushes it afterwards.
    answer, answer_alone
        As in `PatchLane`.
    answer_question
        As in `QuestionLane`.
    make_maps
        As in `MapLane`.
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
        answer_question: Callable[[str, Any], tuple[Message, Buffers]],
        make_maps: Callable[[], MapSweep],
        latest: PatchRequest,
    ) -> None:
        self.latest = latest
        self._outbox = outbox
        self._closed = False
        self._worker = Worker(self._take, self._forget, self.close)
        self._patches = PatchLane(self._worker, outbox, answer, answer_alone)
        self._questions = QuestionLane(self._worker, outbox, answer_question)
        self._maps = MapLane(self._worker, outbox, make_maps)
        self._lanes: tuple[Lane, ...] = (self._patches, self._questions, self._maps)
        self._served: Lane | None = None
        self._pause = threading.Event()

    @property
    def lock(self) -> threading.RLock:
        """Guards the queue. Nobody holds it while he computes or sends."""
        return self._worker.lock

    @property
    def n_kept_maps(self) -> int:
        """How many maps are kept."""
        return len(self._maps.kept)

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
        if not self._worker.wait_until(lambda: self._patches.unanswered is None, limit):
            asked = self._patches.unanswered
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
            self._maps.kept.forget()

    def drop(self, why: str) -> None:
        """Drop whatever runs or waits."""
        with self.lock:
            for lane in self._lanes:
                lane.drop(why)
            self._pause.set()

    def put(self, request: PatchRequest, ticket: Ticket) -> None:
        """Let a patch wait, in place of whatever waits or runs.

        Raises
        ------
        RuntimeError
            No thread can be started.
        """
        with self.lock:
            if self._refuses(ticket):
                return
            try:
                self.latest = request
                self._patches.put(Asked(request, ticket))
                self._pause.set()
                if self._worker.interrupt():
                    for lane in self._lanes:
                        lane.abandon()
            except BaseException:
                self._patches.take_back()
                raise

    def turn_to(self, prompts: Hashable) -> None:
        """Other prompts are shown from now on: whatever is asked about those before is dropped, and their maps stay."""
        with self.lock:
            for lane in self._lanes[1:]:
                lane.drop("superseded")
            self._maps.turn_to(prompts)

    def put_question(self, kind: str, request: Any, ticket: Ticket) -> None:
        """Let a question wait where no patch does, in place of one of its kind; raises as `put`."""
        with self.lock:
            if self._refuses(ticket):
                return
            asked = AskedQuestion(kind, request, ticket)
            try:
                if self._questions.put(asked) or self._served is self._maps:
                    self._pause.set()
                self._worker.wake()
            except BaseException:
                self._questions.take_back(asked)
                raise

    def put_maps(self, request: MapSweepRequest, ticket: Ticket) -> None:
        """Let maps be computed where nothing else waits, in place of other maps; raises as `put`."""
        with self.lock:
            if self._refuses(ticket):
                return
            try:
                self._maps.put(request, ticket)
                if self._served is self._maps:
                    self._pause.set()
                self._worker.wake()
            except BaseException:
                self._maps.take_back()
                raise

    def settle(
        self, asked: Asked, message: Message, buffers: Buffers, singles: Message | None
    ) -> bool:
        """Answer a patch, unless it is not wanted any more; return whether it was. See `PatchLane`."""
        return self._patches.settle(asked, message, buffers, singles)

    def _refuses(self, ticket: Ticket) -> bool:
        """Whether the queue is closed; the asker is told."""
        if self._closed:
            self._outbox.put(ticket, {"kind": "dropped", "why": "closed"})
        return self._closed

    # ---- for the worker's thread -----------------------------------------------------------------

    def _take(self) -> Job | None:
        """The next job of the first lane that has one."""
        self._pause = threading.Event()
        for lane in self._lanes:
            lane.rest()
        for lane in self._lanes:
            if (job := lane.take(self._pause)) is not None:
                self._served = lane
                return job
        self._served = None
        return None

    def _forget(self) -> None:
        self._outbox.forget()
        for lane in self._lanes:
            lane.forget()
        self._served = None
        self._pause = threading.Event()
