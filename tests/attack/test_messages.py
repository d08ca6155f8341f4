"""Hostile messages: mutated, huge, deep, of wrong types, with markup. Only errors of ours come back, and short ones."""

import json
import random
import threading
from typing import Any

import pytest

from patchwidgets import errors
from patchwidgets.explorer.session import PatchSession
from patchwidgets.facade import Experiment
from tests.attack.conftest import Attack
from tests.support.page import HEADS, LONG, MLP, Page

LONGEST_ANSWER = 60_000
"""Characters of an answer to a hostile message, as JSON: an error with its traceback is far below."""

OF_A_PERSON = 20_260
"""An id that no hostile message has."""

PATCH = {
    "v": 1,
    "kind": "patch",
    "id": 7,
    "patches": [{"site": "L1.H2", "source": "source"}, {"site": "L0.mlp_out@X", "source": "host"}],
    "direction": "denoise",
    "metric": "logit_diff",
}
SWEEP = {
    "v": 1,
    "kind": "sweep",
    "id": 8,
    "maps": [HEADS, MLP],
    "direction": "noise",
    "metric": "kl",
}
SEEDS = [
    PATCH,
    SWEEP,
    PATCH | {"kind": "code"},
    {"v": 1, "kind": "hello", "id": 9},
    {"v": 1, "kind": "cancel", "id": 10},
]
TEXTS = [
    "",
    "L1.H2@",
    "L1.H2@-1:-1",
    "L-1.H0",
    "L1.H2.z.z",
    "L１.H2",
    "L1.N" + "9" * 9,
    "L1.H" + "9" * 5000,
    "L1.H2@" + "9" * 5000,
    "L1.H2@" + "-9" * 5,
    "logit_diff@99",
    "kl@X",
    "kl@@@",
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "\u202etxt.exe",
    "\x00\x07\x1b[31m",
    "\ud800",
    "a" * 100_000,
    "𝓛" * 2000,
    "__class__",
    "{0.__class__}",
    "%s%n",
    "$\\bad$",
    "constructor",
    "../../etc/passwd",
]
NUMBERS = [0, -1, 1, 2, 2**31, 2**53, -(2**63), 10**400, 1.5, 1e308, float("nan"), float("inf")]
OTHERS = [None, True, False, [], {}, [[]], [None], {"site": None}, [{}], b"bytes", {1: 2}, object()]


def value(rng: random.Random) -> Any:
    """Anything at all."""
    kind = rng.randrange(7)
    if kind == 0:
        return rng.choice(TEXTS)
    if kind == 1:
        return rng.choice(NUMBERS)
    if kind == 2:
        return rng.choice(OTHERS)
    if kind == 3:
        return "".join(
            chr(rng.choice([rng.randrange(128), rng.randrange(0x11000)])) for _ in range(8)
        )
    if kind == 4:
        nested: Any = rng.choice(TEXTS)
        for _ in range(rng.choice([3, 50, 5000])):
            nested = [nested] if rng.random() < 0.5 else {"a": nested}
        return nested
    if kind == 5:
        return [value(rng) for _ in range(rng.randrange(4))]
    return [rng.choice(TEXTS[:12])] * rng.choice([1, 100, 3000])


def mutated(given: Any, rng: random.Random) -> Any:
    """A message with one place changed."""
    if isinstance(given, dict) and given and rng.random() < 0.85:
        key = rng.choice(list(given))
        action = rng.random()
        if action < 0.1:
            return {k: v for k, v in given.items() if k != key}
        if action < 0.2:
            return given | {rng.choice(TEXTS): value(rng)}
        return given | {key: mutated(given[key], rng)}
    if isinstance(given, list) and given and rng.random() < 0.6:
        i = rng.randrange(len(given))
        return [*given[:i], mutated(given[i], rng), *given[i + 1 :]]
    if isinstance(given, str) and given and rng.random() < 0.4:
        i = rng.randrange(len(given))
        return (
            given[:i]
            + rng.choice([*TEXTS, chr(rng.randrange(0x3000))])
            + given[i + rng.randrange(3) :]
        )
    return value(rng)


def hostile(rng: random.Random) -> Any:
    message: Any = rng.choice(SEEDS)
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        message = mutated(message, rng)
    return message


@pytest.fixture(scope="module")
def session_events(toy_experiment: Experiment) -> tuple[PatchSession, list[dict[str, Any]]]:
    events: list[dict[str, Any]] = []
    session = PatchSession(toy_experiment, lambda event, _: events.append(event))
    return session, events


def test_hostile_messages_get_short_errors_of_ours(
    attack: Attack,
    toy_experiment: Experiment,
    session_events: tuple[PatchSession, list[dict[str, Any]]],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("CRITICAL")
    session, events = session_events
    for rng in attack("messages: 100 hostile ones", 25):
        for _ in range(100):
            events.clear()
            session.handle(hostile(rng))
            for event in list(events):
                check(event)
        session.handle(PATCH | {"id": OF_A_PERSON})
        assert session.wait(LONG)
        for event in list(events):
            check(event)
        # The last hostile message may get its answer in between.
        (result,) = (e for e in events if (e["kind"], e["id"]) == ("result", OF_A_PERSON))
        effect = result["readings"]["logit_diff"]
        if "expected" not in vars(toy_experiment):
            page = Page(toy_experiment)
            page.session.handle(PATCH)
            page.wait()
            vars(toy_experiment)["expected"] = page.last("result")["readings"]["logit_diff"]
        assert effect == vars(toy_experiment)["expected"]
    assert session.wait(LONG)
    assert threading.active_count() < 20


def check(event: dict[str, Any]) -> None:
    """An answer is JSON of bounded size, and an error is one of ours."""
    if event["kind"] in ("result", "scene", "code", "singles"):
        return
    assert len(json.dumps(event)) < LONGEST_ANSWER
    if event["kind"] == "error":
        assert issubclass(getattr(errors, event["code"], str), errors.PatchwidgetsError), event
        assert 0 < len(event["message"]) <= 2_100
