"""The session under fire: requests of every kind, faults in sending, in the model and in metrics, closes, at random.

Whatever happens, each request gets one final answer, its numbers are those of `exp.patch`, no thread and no lock stays,
and the next request is served.
"""

import json
import random
import signal
import threading
import time
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import seed as with_seed
from hypothesis.stateful import run_state_machine_as_test

from patchwidgets.errors import PatchwidgetsError
from patchwidgets.explorer.session import PatchSession
from patchwidgets.facade import Experiment
from patchwidgets.models.model import Model
from patchwidgets.tasks import Task
from tests.attack.conftest import Attack
from tests.support.families import VOCABULARY, random_model
from tests.support.page import HEADS, LONG
from tests.support.session_machine import FINAL_OF, SITES, Faults, SessionMachine
from tests.support.toy_tokenizer import toy_tokenizer


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


class CtrlC:
    """A Ctrl-C after some time of the processor: one at most, and none after `disarm`."""

    def __init__(self) -> None:
        self._is_armed = False

    def __call__(self, *_: object) -> None:
        # The signal may come to another thread, and Python then calls this when the main thread is further on.
        if self._is_armed:
            self._is_armed = False
            raise Interrupted

    def arm(self, seconds: float) -> None:
        self._is_armed = True
        signal.setitimer(signal.ITIMER_VIRTUAL, seconds)

    def disarm(self) -> None:
        self._is_armed = False
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs timers that send signals")
def test_real_signals_anywhere_in_the_session(
    attack: Attack, experiment: Experiment, faults: Faults, caplog: pytest.LogCaptureFixture
) -> None:
    """A Ctrl-C comes between any two instructions of the main thread: no lock stays held, no answer is lost."""
    caplog.set_level("CRITICAL")

    ctrl_c = CtrlC()
    former = signal.signal(signal.SIGVTALRM, ctrl_c)
    try:
        for rng in attack("session: 40 real signals", 8):
            faults.clear()
            under_signals(experiment, ctrl_c, rng)
            wait_for_no_thread()
    finally:
        ctrl_c.disarm()
        signal.signal(signal.SIGVTALRM, former)


def under_signals(experiment: Experiment, ctrl_c: CtrlC, rng: random.Random) -> None:
    events: list[dict[str, Any]] = []
    cut: set[int] = set()
    asked: dict[int, str] = {}

    def send(event: dict[str, Any], _: list[bytes]) -> None:
        try:
            events.append(event)
            json.dumps(event)
        except Interrupted:
            cut.add(event["id"])  # it has left, but who sends cannot know that
            raise

    session = PatchSession(experiment, send)
    for i in range(1, 41):
        asked[i] = kind = rng.choice(["patch", "patch", "sweep", "hello", "cancel"])
        fields = {
            "patches": [{"site": rng.choice(SITES)}],
            "maps": [HEADS],
            "direction": "denoise",
            "metric": rng.choice(["logit_diff", "kl"]),
        }
        with suppress(Interrupted, PatchwidgetsError):  # around `finally`: it comes there too
            try:
                ctrl_c.arm(rng.uniform(1e-5, 2e-3))
                session.handle({"v": 1, "kind": kind, "id": i} | fields)
                session.wait_for_patches(0.001)
            finally:
                ctrl_c.disarm()
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
    # An id without an event was interrupted before it arrived.
    for i in {event["id"] for event in events} - {99} - cut:
        kinds = [event["kind"] for event in events if event["id"] == i]
        assert sum(kind in FINAL_OF[asked[i]] for kind in kinds) == 1, (asked[i], kinds)
