"""A stateful machine over the session: what pages, users in Python and bad luck do to it, in any order."""

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from patchwidgets.explorer.outbox import ATTEMPTS
from patchwidgets.explorer.session import PatchSession
from patchwidgets.facade import Experiment
from patchwidgets.hooks.cancellation import Cancelled
from patchwidgets.sites import Patch
from tests.support.page import HEADS, LONG, MLP

FINAL_OF = {
    "patch": {"result", "dropped", "error"},
    "sweep": {"swept", "dropped", "error"},
    "hello": {"scene", "error"},
    "code": {"code", "error"},
    "cancel": {"ack", "error"},
}
AFTER = {"patch": {"singles"}, "hello": {"history", "result"}}
"""What may still come after the final answer."""
FAULTS: list[Callable[[], BaseException]] = [
    lambda: SystemExit(1),
    KeyboardInterrupt,
    GeneratorExit,
    MemoryError,
    RecursionError,
    lambda: RuntimeError("out of memory"),
    lambda: ValueError("x" * 100_000),
    Cancelled,
    lambda: BaseException("of its own kind"),
]
SITES = [f"L{layer}.H{head}" for layer in range(3) for head in range(4)] + [
    "L0.mlp_out",
    "L1.mlp_out@-1",
    "L2.resid_pre@X",
    "L1.N7",
    "L1.H2.q",
    "embed",
]
BAD_SITES = ["L9.H0", "L1.H2@99", "", "L1.KV9.k", "x" * 5000, 7, None, ["L1.H2"]]
METRICS = ["logit_diff", "kl", "faulty"]


class Faults:
    """What goes wrong next: each fault happens once, where it is first met."""

    def __init__(self) -> None:
        self.in_metric: list[BaseException] = []
        self.in_model: list[BaseException] = []
        self.in_send: list[BaseException] = []
        self.send_fails_for_good = False
        self.__name__ = "faulty"

    def __call__(self, readout: Any) -> torch.Tensor:
        self.strike(self.in_metric)
        return readout.logits[:, 3]

    def before_layer(self, *_: object) -> None:
        if threading.current_thread().name == "patchwidgets":
            self.strike(self.in_model)

    def strike(self, faults: list[BaseException]) -> None:
        if faults:
            raise faults.pop()

    def clear(self) -> None:
        for faults in (self.in_metric, self.in_model, self.in_send):
            faults.clear()
        self.send_fails_for_good = False


class SessionMachine(RuleBasedStateMachine):
    """Random steps of pages, of users in Python, and of bad luck."""

    experiment: Experiment
    faults: Faults
    expected: dict[Any, float]

    @initialize()
    def open(self) -> None:
        self.faults.clear()
        self.events: list[dict[str, Any]] = []
        self.attempts: list[dict[str, Any]] = []
        self.asked: dict[int, tuple[str, dict[str, Any]]] = {}
        self.next_id = 1
        self.session = PatchSession(self.experiment, self._send)

    def _send(self, event: dict[str, Any], buffers: list[bytes]) -> None:
        self.attempts.append(event)
        if self.faults.send_fails_for_good:
            raise OSError("the line is down")
        self.faults.strike(self.faults.in_send)
        self.events.append(event)

    def _ask(self, kind: str, **fields: Any) -> None:
        message_id = self.next_id
        self.next_id += 1
        self.asked[message_id] = kind, fields
        self._interruptibly(self.session.handle, {"v": 1, "kind": kind, "id": message_id} | fields)

    @staticmethod
    def _interruptibly(function: Callable[..., Any], *args: Any) -> None:
        """Call as a person who presses Ctrl-C just then: it goes through to him."""
        try:
            function(*args)
        except BaseException as error:
            if isinstance(error, Exception):
                raise

    @rule(
        sites=st.lists(st.sampled_from(SITES), max_size=3, unique=True),
        source=st.sampled_from(["source", "host", "clean"]),
        direction=st.sampled_from(["denoise", "noise"]),
        metric=st.sampled_from(METRICS),
        kind=st.sampled_from(["patch", "patch", "patch", "code"]),
    )
    def ask(self, sites: list[str], source: str, direction: str, metric: str, kind: str) -> None:
        patches = [{"site": site, "source": source} for site in sites]
        self._ask(kind, patches=patches, direction=direction, metric=metric)

    @rule(
        site=st.sampled_from(BAD_SITES),
        direction=st.sampled_from(["denoise", "up", None, 3]),
        metric=st.sampled_from(["kl", "loss", "m" * 5000, None]),
    )
    def ask_what_cannot_be(self, site: Any, direction: Any, metric: Any) -> None:
        self._ask("patch", patches=[{"site": site}], direction=direction, metric=metric)

    @rule(
        maps=st.lists(st.sampled_from([HEADS, MLP]), max_size=2),
        direction=st.sampled_from(["denoise", "noise"]),
        metric=st.sampled_from(METRICS),
    )
    def sweep(self, maps: list[Any], direction: str, metric: str) -> None:
        self._ask("sweep", maps=maps, direction=direction, metric=metric)

    @rule()
    def hello(self) -> None:
        self._ask("hello")

    @rule()
    def cancel(self) -> None:
        self._ask("cancel")

    @rule(site=st.sampled_from(SITES), metric=st.sampled_from(METRICS))
    def ask_from_python(self, site: str, metric: str) -> None:
        self._interruptibly(self.session.ask, [site], "denoise", metric)

    @rule(fault=st.sampled_from(FAULTS), where=st.sampled_from(["in_metric", "in_model"]))
    def bad_luck(self, fault: Callable[[], BaseException], where: str) -> None:
        getattr(self.faults, where).append(fault())

    @rule(fault=st.sampled_from([OSError, TypeError, MemoryError, KeyboardInterrupt, SystemExit]))
    def bad_line(self, fault: Callable[[], BaseException]) -> None:
        self.faults.in_send.append(fault())

    @rule(down=st.booleans())
    def line_down(self, down: bool) -> None:
        self.faults.send_fails_for_good = down

    @rule(seconds=st.sampled_from([0.0, 0.002, 0.01, 0.03]))
    def wait_a_little(self, seconds: float) -> None:
        time.sleep(seconds)

    @rule()
    def several_pages_at_once(self) -> None:
        threads = [
            threading.Thread(
                target=self.session.handle, args=({"v": 1, "kind": "hello", "id": -i},)
            )
            for i in (1, 2, 3)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(LONG)
        assert not any(thread.is_alive() for thread in threads)

    @rule()
    def close(self) -> None:
        self._interruptibly(self.session.close)
        assert self.session.wait(LONG)
        self.faults.clear()
        self.session.close()
        self._check()
        self.open()

    def teardown(self) -> None:
        if not hasattr(self, "session"):
            return
        self.faults.clear()
        assert self.session.wait(LONG)
        self._ask("patch", patches=[{"site": "L1.H2"}], direction="denoise", metric="logit_diff")
        assert self.session.wait(LONG)
        assert [event["kind"] for event in self.events if event["id"] == self.next_id - 1] == [
            "ack",
            "result",
        ]
        self._check()

    def _check(self) -> None:
        lock = self.session._queue.lock
        assert lock.acquire(timeout=LONG)
        lock.release()
        for message_id, (kind, fields) in self.asked.items():
            sent = [event for event in self.events if event["id"] == message_id]
            self._check_answers(kind, [event["kind"] for event in sent], message_id)
            for event in sent:
                if event["kind"] == "result" and kind == "patch":
                    self._check_numbers(fields, event)

    def _check_answers(self, kind: str, sent: list[str], message_id: int) -> None:
        finals = [each for each in sent if each in FINAL_OF[kind]]
        if not finals:  # nothing could be sent: the answer and the error in its place were tried
            tried = [event["kind"] for event in self.attempts if event["id"] == message_id]
            assert sum(each in FINAL_OF[kind] for each in tried) >= ATTEMPTS, (kind, tried)
            return
        assert len(finals) == 1, (kind, sent)
        after = sent[sent.index(finals[0]) + 1 :]
        assert set(after) <= AFTER.get(kind, set()), (kind, sent)

    def _check_numbers(self, fields: dict[str, Any], event: dict[str, Any]) -> None:
        key = (repr(fields["patches"]), fields["direction"])
        if key not in self.expected:
            patches = [
                Patch(each["site"], each.get("source", "source")) for each in fields["patches"]
            ]
            self.expected[key] = self.experiment.turned(fields["direction"]).patch(*patches).effect
        found = event["readings"]["logit_diff"]["effect"]
        assert found == pytest.approx(self.expected[key], abs=1e-4)
