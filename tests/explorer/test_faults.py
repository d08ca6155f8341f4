"""Whatever fails while a request is answered, it gets one final answer, and the next request is served."""

import json
import threading
import time
from typing import Any

import pytest
import torch

from patchwidgets.errors import PatchwidgetsError, WaitError
from patchwidgets.explorer.session import PatchSession
from patchwidgets.facade import Experiment
from patchwidgets.hooks.cancellation import Cancelled
from tests.support.page import HEADS, LONG, MLP, Gate, Page

MANY = [f"L{i // 4}.H{i % 4}" for i in range(9)]
"""More patches than are computed alone together with the joint one."""
FINAL = {"result", "dropped", "error", "swept", "scene", "code"}


class Faulty:
    """A metric that raises what it is told to."""

    def __init__(self) -> None:
        self.raises: BaseException | None = None
        self.__name__ = "faulty"

    def __call__(self, readout: Any) -> torch.Tensor:
        if self.raises is not None:
            raise self.raises
        return readout.logits[:, 3]


@pytest.fixture
def faulty() -> Faulty:
    return Faulty()


@pytest.fixture
def faulty_page(experiment: Experiment, faulty: Faulty) -> Page:
    return Page(experiment.measuring(["logit_diff", faulty]))


def finals(page: Page, message_id: int) -> list[str]:
    return [kind for kind in page.kinds(message_id) if kind in FINAL]


class Unprintable(Exception):
    def __str__(self) -> str:
        raise SystemExit("even its text fails")


@pytest.mark.parametrize(
    "raised",
    [
        SystemExit(3),
        KeyboardInterrupt(),
        GeneratorExit(),
        MemoryError(),
        RecursionError("deep"),
        Cancelled(),
        Unprintable(),
        BaseException("of its own kind"),
    ],
    ids=lambda raised: type(raised).__name__,
)
@pytest.mark.parametrize("kind", ["patch", "sweep"])
def test_whatever_a_metric_raises_is_answered_and_the_next_request_is_served(
    faulty_page: Page, faulty: Faulty, raised: BaseException, kind: str
) -> None:
    faulty.raises = raised
    if kind == "patch":
        faulty_page.patch(1, "L1.H2")
    else:
        faulty_page.sweep(1, HEADS, metric="faulty")
    assert faulty_page.session.wait(10)
    assert faulty_page.kinds(1) == ["ack", "error"]
    assert faulty_page.last("error")["code"] == type(raised).__name__
    assert faulty_page.last("error")["message"]
    faulty.raises = None
    faulty_page.patch(2, "L1.H2")
    faulty_page.sweep(3, HEADS)
    assert faulty_page.session.wait(10)
    assert (finals(faulty_page, 2), finals(faulty_page, 3)) == (["result"], ["swept"])


def test_an_error_with_half_of_a_surrogate_pair_can_be_sent(
    faulty_page: Page, faulty: Faulty, caplog: pytest.LogCaptureFixture
) -> None:
    """Jupyter packs messages as JSON in UTF-8, which has no form for it: not even the error arrived."""
    caplog.set_level("CRITICAL", "patchwidgets")  # xdist cannot send it either
    faulty.raises = ValueError("token \ud800 of the vocabulary")
    faulty_page.patch(1, "L1.H2")
    assert faulty_page.session.wait(10)
    assert faulty_page.kinds(1) == ["ack", "error"]
    error = faulty_page.last("error")
    assert r"failed: token \ud800 of the vocabulary. A metric" in error["message"]
    json.dumps(error, ensure_ascii=False).encode()


def test_an_error_whose_class_has_no_name(faulty_page: Page, faulty: Faulty) -> None:
    class Nameless(type):
        @property
        def __name__(cls) -> str:
            raise SystemExit("even its name fails")

    class Failure(Exception, metaclass=Nameless):
        pass

    faulty.raises = Failure("what it was")
    faulty_page.patch(1, "L1.H2")
    assert faulty_page.session.wait(10)
    assert faulty_page.kinds(1) == ["ack", "error"]
    assert faulty_page.last("error")["message"] == "what it was"


def test_an_error_that_ends_a_thread_says_what_it_was(faulty_page: Page, faulty: Faulty) -> None:
    faulty.raises = SystemExit(3)
    faulty_page.patch(1, "L1.H2")
    assert faulty_page.session.wait(10)
    assert "SystemExit" in faulty_page.last("error")["message"]
    assert "model is unchanged" in faulty_page.last("error")["message"]


# ---- sending ---------------------------------------------------------------------------------


class BrokenLine(Page):
    """A page whose line refuses some messages."""

    def __init__(self, experiment: Experiment, refuses: Any) -> None:
        super().__init__(experiment)
        received = self.events

        def send(event: dict[str, Any], buffers: list[bytes]) -> None:
            if refuses(event):
                raise OSError("the line is down")
            received.append((event, buffers))

        self.session = PatchSession(experiment, send)


@pytest.mark.parametrize("kind", ["ack", "result", "cells", "swept", "singles"])
def test_a_message_that_cannot_be_sent_does_not_stop_the_session(
    experiment: Experiment, kind: str
) -> None:
    page = BrokenLine(experiment, lambda event: event["kind"] == kind and event["id"] < 10)
    page.patch(1, "L1.H2", "L0.H0")
    assert page.session.wait(10)
    page.sweep(2, HEADS)
    assert page.session.wait(10)
    expected = {
        "result": (["error"], ["swept"]),
        "cells": (["result"], ["error"]),
        "swept": (["result"], ["error"]),
    }.get(kind, (["result"], ["swept"]))
    assert (finals(page, 1), finals(page, 2)) == expected
    page.patch(11, "L1.H2")
    page.sweep(12, HEADS)
    assert page.session.wait(10)
    assert (finals(page, 11), finals(page, 12)) == (["result"], ["swept"])


def test_a_cancel_whose_acknowledgement_is_lost_is_answered_by_an_error(
    experiment: Experiment,
) -> None:
    page = BrokenLine(experiment, lambda event: event["kind"] == "ack")
    page.say("cancel", 1)
    assert page.kinds(1) == ["error"]


def test_a_line_that_is_down_for_good_ends_nothing(experiment: Experiment) -> None:
    down = [True]
    page = BrokenLine(experiment, lambda _: down[0])
    page.patch(1, "L1.H2")
    page.sweep(2, HEADS)
    page.say("hello", 3)
    assert page.session.wait(10)
    down[0] = False
    page.patch(4, "L1.H2")
    assert page.session.wait(10)
    assert page.kinds(4) == ["ack", "result"]


def test_who_sends_may_ask_at_once_and_the_order_is_kept(experiment: Experiment) -> None:
    page = Page(experiment)
    received = page.events

    def send(event: dict[str, Any], buffers: list[bytes]) -> None:
        if event["kind"] == "ack" and event["id"] < 5:
            page.patch(event["id"] + 1, "L0.H0")
        received.append((event, buffers))

    page.session = PatchSession(experiment, send)
    page.patch(1, "L1.H2")
    assert page.session.wait(10)
    for message_id in range(1, 5):
        assert page.kinds(message_id) == ["ack", "dropped"]
    assert page.kinds(5) == ["ack", "result"]


def test_a_line_that_blocks_holds_nobody_who_asks(experiment: Experiment) -> None:
    page, blocked, free = Page(experiment), threading.Event(), threading.Event()
    received = page.events

    def send(event: dict[str, Any], buffers: list[bytes]) -> None:
        received.append((event, buffers))
        if event["kind"] == "result" and event["id"] == 1:
            blocked.set()
            assert free.wait(LONG)

    page.session = PatchSession(experiment, send)
    page.patch(1, "L1.H2")
    assert blocked.wait(LONG)
    asking = threading.Thread(target=lambda: page.patch(2, "L0.H0"), daemon=True)
    asking.start()
    asking.join(5)
    held = asking.is_alive()
    free.set()
    assert not held
    assert page.session.wait(LONG)
    assert page.kinds(2) == ["ack", "result"]


def test_a_result_is_never_followed_by_dropped(page: Page, experiment: Experiment) -> None:
    """The patches of a joint patch, each alone, still run when the next request comes."""
    gates: list[Gate] = []
    sent = page.events

    def send(event: dict[str, Any], buffers: list[bytes]) -> None:
        sent.append((event, buffers))
        if event["kind"] == "result" and event["id"] == 1:
            gates.append(Gate(experiment))

    page.session = PatchSession(experiment, send)
    page.patch(1, *MANY)
    until = time.monotonic() + LONG
    while not (gates and gates[0].reached.wait(0.01)) and time.monotonic() < until:
        time.sleep(0.01)
    page.patch(2, "L1.H2")
    gates[0].open()
    page.wait()
    assert page.kinds(1) == ["ack", "result"]
    assert page.kinds(2) == ["ack", "result"]


# ---- waiting ---------------------------------------------------------------------------------


def test_waiting_ends_with_words_at_its_limit(page: Page, experiment: Experiment) -> None:
    gate = Gate(experiment)
    page.patch(1, "L1.H2", "L0.H0")
    assert gate.reached.wait(LONG)
    try:
        with pytest.raises(WaitError, match=r"L1.H2 \+ L0.H0 .* 0\.2 s"):
            page.session.wait_for_patches(0.2)
        assert issubclass(WaitError, PatchwidgetsError)
        assert issubclass(WaitError, TimeoutError)
    finally:
        gate.open()
    page.session.wait_for_patches(LONG)
    assert page.session.result is not None


def test_who_waits_inside_the_computation_is_told_at_once(experiment: Experiment) -> None:
    said: list[BaseException] = []

    def asks(readout: Any) -> torch.Tensor:
        if sessions:
            try:
                sessions[0].wait_for_patches(LONG)
            except PatchwidgetsError as error:
                said.append(error)
        return readout.logits[:, 3]

    sessions: list[PatchSession] = []
    page = Page(experiment.measuring([asks]))
    sessions.append(page.session)
    page.patch(1, "L1.H2", metric="asks")
    assert page.session.wait(10)
    assert page.kinds(1) == ["ack", "result"]
    assert "waits for its own result" in str(said[0])


def test_waiting_for_a_patch_does_not_wait_for_each_alone(
    page: Page, experiment: Experiment
) -> None:
    gate: list[Gate] = []
    sent = page.events

    def send(event: dict[str, Any], buffers: list[bytes]) -> None:
        sent.append((event, buffers))
        if event["kind"] == "result":
            gate.append(Gate(experiment))

    page.session = PatchSession(experiment, send)
    page.patch(1, *MANY)
    page.session.wait_for_patches(LONG)
    assert "singles" not in page.kinds(1)
    gate[0].open()
    page.wait()
    assert page.kinds(1) == ["ack", "result", "singles"]


def test_a_thread_that_cannot_start_is_said(
    page: Page, experiment: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuses)
        page.patch(1, "L1.H2")
        page.sweep(2, HEADS)
    assert page.session.wait(10)
    assert (finals(page, 1), finals(page, 2)) == (["error"], ["error"])
    page.patch(3, "L1.H2")
    page.sweep(4, MLP)
    assert page.session.wait(10)
    assert (finals(page, 3), finals(page, 4)) == (["result"], ["swept"])


def test_a_metric_that_never_returns_does_not_stop_the_explorer(
    experiment: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("patchwidgets.explorer.worker.PATIENCE", 0.05)
    free, hanging = threading.Event(), threading.Event()

    def hangs(readout: Any) -> torch.Tensor:
        if threading.current_thread().name == "patchwidgets" and not hanging.is_set():
            hanging.set()
            assert free.wait(LONG)
        return readout.logits[:, 3]

    page = Page(experiment.measuring(["logit_diff", hangs]))
    page.patch(1, "L1.H2", metric="hangs")
    page.sweep(2, HEADS)
    assert hanging.wait(LONG)
    page.patch(3, "L0.H0")
    time.sleep(0.1)
    page.patch(4, "L1.H1")
    assert page.session.wait(LONG)
    assert page.kinds(1) == ["ack", "dropped"]
    assert page.kinds(3) == ["ack", "dropped"]
    assert page.kinds(4) == ["ack", "result"]
    assert finals(page, 2) == ["swept"]
    assert [result.sites for result in page.session.history] == [("L1.H1",)]
    free.set()
