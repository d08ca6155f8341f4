"""The session under fire: requests of every kind, faults in sending, in the model and in metrics, closes, at random.

Whatever happens, each request gets one final answer, its numbers are those of `exp.patch`, no thread and no lock stays,
and the next request is served.
"""

import json
import random
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, Phase, settings
from hypothesis import seed as with_seed
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from patchwidgets.errors import PatchwidgetsError
from patchwidgets.explorer.outbox import ATTEMPTS
from patchwidgets.explorer.session import PatchSession
from patchwidgets.facade import Experiment
from patchwidgets.hooks.cancellation import Cancelled
from patchwidgets.models.model import Model
from patchwidgets.tasks import Task
from tests.attack.conftest import Attack
from tests.support.families import VOCABULARY, random_model
from tests.support.page import HEADS, LONG, MLP
from tests.support.toy_tokenizer import toy_tokenizer

FINAL_OF = {
    "patch": {"result", "dropped", "error"},
    "sweep": {"swept", "dropped", "error"},
    "hello": {"scene", "error"},
    "code": {"code", "error"},
    "cancel": {"ack", "error"},
}
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


@pytest.fixture(scope="module")
def faults() -> Faults:
    return Faults()


@pytest.fixture(scope="module")
def experiment(faults: Faults) -> Experiment:
    model = Model(random_model("llama"), toy_tokenizer(VOCABULARY), "toy")
    task = Task("w3 w14 w15 w9 w26", "w3 w14 w42 w9 w26", " w8", " w9", {"X": 2})
    made = Experiment(model, task, ["logit_diff", "kl", faults])
    model.layout.blocks[1].register_forward_pre_hook(faults.before_layer)
    return made


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
        if (
            not finals
        ):  # sending did not work at all: the answer and the error in its place were tried
            tried = [event["kind"] for event in self.attempts if event["id"] == message_id]
            assert sum(each in FINAL_OF[kind] for each in tried) >= ATTEMPTS, (kind, tried)
            return
        assert len(finals) == 1, (kind, sent)
        after = sent[sent.index(finals[0]) + 1 :]
        assert set(after) <= ({"singles"} if kind == "patch" else {"result"}), (kind, sent)

    def _check_numbers(self, fields: dict[str, Any], event: dict[str, Any]) -> None:
        key = (repr(fields["patches"]), fields["direction"])
        if key not in self.expected:
            patches = [self._patch(each) for each in fields["patches"]]
            self.expected[key] = self.experiment.turned(fields["direction"]).patch(*patches).effect
        found = event["readings"]["logit_diff"]["effect"]
        assert found == pytest.approx(self.expected[key], abs=1e-4)

    @staticmethod
    def _patch(each: dict[str, Any]) -> Any:
        from patchwidgets.sites import Patch

        return Patch(each["site"], each.get("source", "source"))


def n_threads() -> int:
    return sum(thread.name == "patchwidgets" for thread in threading.enumerate())


def test_sessions_survive_whatever_comes(
    attack: Attack, experiment: Experiment, faults: Faults, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("CRITICAL")
    SessionMachine.experiment, SessionMachine.faults = experiment, faults
    SessionMachine.expected = {}
    for rng in attack("session: requests and faults", 12):
        machine = with_seed(rng.getrandbits(64))(type("Machine", (SessionMachine,), {}))
        run_state_machine_as_test(
            machine,
            settings=settings(
                max_examples=3,
                stateful_step_count=25,
                deadline=None,
                database=None,
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            ),
        )
        wait_for_no_thread()


def wait_for_no_thread() -> None:
    until = time.monotonic() + LONG
    while n_threads() and time.monotonic() < until:
        time.sleep(0.005)
    assert n_threads() == 0


def test_threads_that_ask_at_once_are_all_answered(
    attack: Attack, experiment: Experiment, faults: Faults
) -> None:
    for rng in attack("session: threads at once", 6):
        faults.clear()
        events: list[dict[str, Any]] = []
        session = PatchSession(experiment, lambda event, _, events=events: events.append(event))
        threads = [
            threading.Thread(target=ask_at_random, args=(session, 1000 * i, rng.getrandbits(32)))
            for i in range(1, 5)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(LONG)
        assert session.wait(LONG)
        kinds = {"patch": 0, "sweep": 1, "hello": 2}
        for i in range(1, 5):
            for k in range(12):
                sent = [event["kind"] for event in events if event["id"] == 1000 * i + k]
                kind = next(kind for kind, number in kinds.items() if number == k % 3)
                assert sum(each in FINAL_OF[kind] for each in sent) == 1, sent
        wait_for_no_thread()


def ask_at_random(session: PatchSession, first_id: int, seed: int) -> None:
    rng = random.Random(seed)
    for k in range(12):
        kind = ("patch", "sweep", "hello")[k % 3]
        fields = {
            "patches": [{"site": rng.choice(SITES)}],
            "maps": [HEADS],
            "direction": rng.choice(["denoise", "noise"]),
            "metric": rng.choice(["logit_diff", "kl"]),
        }
        session.handle({"v": 1, "kind": kind, "id": first_id + k} | fields)
        time.sleep(rng.random() * 0.004)


class Interrupted(KeyboardInterrupt):
    """A Ctrl-C of the attack."""


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs timers that send signals")
def test_real_signals_anywhere_in_the_session(
    attack: Attack, experiment: Experiment, faults: Faults, caplog: pytest.LogCaptureFixture
) -> None:
    """A Ctrl-C comes between any two instructions of the main thread: no lock stays held, no answer is lost."""
    caplog.set_level("CRITICAL")

    def interrupt(*_: object) -> None:
        raise Interrupted

    former = signal.signal(signal.SIGVTALRM, interrupt)
    try:
        for rng in attack("session: 40 real signals", 8):
            faults.clear()
            under_signals(PatchSession, experiment, rng)
            wait_for_no_thread()
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, former)


def under_signals(make: Any, experiment: Experiment, rng: random.Random) -> None:
    events: list[dict[str, Any]] = []
    cut: set[int] = set()

    def send(event: dict[str, Any], _: list[bytes]) -> None:
        try:
            events.append(event)
            json.dumps(event)
        except Interrupted:
            cut.add(event["id"])  # it has left, but who sends cannot know that
            raise

    session = make(experiment, send)
    for i in range(1, 41):
        kind = rng.choice(["patch", "patch", "sweep", "hello", "cancel"])
        fields = {
            "patches": [{"site": rng.choice(SITES)}],
            "maps": [HEADS],
            "direction": "denoise",
            "metric": rng.choice(["logit_diff", "kl"]),
        }
        try:
            signal.setitimer(signal.ITIMER_VIRTUAL, rng.uniform(1e-5, 2e-3))
            session.handle({"v": 1, "kind": kind, "id": i} | fields)
            session.wait_for_patches(0.001)
        except (Interrupted, PatchwidgetsError):
            pass
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    assert session.wait(LONG)
    session.handle(
        {"v": 1, "kind": "patch", "id": 99, "patches": [], "direction": "denoise", "metric": "kl"}
    )
    assert session.wait(LONG)
    lock = session._queue.lock
    free: list[bool] = []

    def try_the_lock() -> None:
        free.append(lock.acquire(timeout=LONG))
        lock.release()

    other = threading.Thread(target=try_the_lock)
    other.start()
    other.join()
    assert free == [True]
    assert [event["kind"] for event in events if event["id"] == 99] == ["ack", "result"]
    any_final = {"result", "dropped", "error", "swept", "scene"}
    for i in {event["id"] for event in events} - {99} - cut:
        kinds = [event["kind"] for event in events if event["id"] == i]
        finals = sum(kind in any_final for kind in kinds)
        is_greeting = kinds[:2] == ["ack", "scene"]
        assert finals == 1 or kinds == ["ack"] or (is_greeting and finals == 2), kinds
