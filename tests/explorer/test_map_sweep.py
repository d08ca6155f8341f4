"""Maps as a front end asks for them: they fill while patches come first, and end when they are no longer wanted."""

import sys
from collections.abc import Iterator
from functools import partial
from threading import Thread
from typing import Any, ClassVar

import numpy as np
import pytest

from patchwidgets.explorer.map_requests import Map, MapSweepRequest
from patchwidgets.explorer.map_sweep import MapSweep
from patchwidgets.explorer.session import PatchSession
from patchwidgets.facade import Experiment
from patchwidgets.tasks import Task
from tests.support.page import HEADS, LONG, MLP, Gate, Page

SMALL_PIECES = partial(MapSweep, runs_at_once=3, pause=0.0)
"""All of them are sent."""


@pytest.fixture
def page(experiment: Experiment) -> Page:
    return Page(experiment, SMALL_PIECES)


def test_two_maps_fill_and_end(page: Page, experiment: Experiment) -> None:
    page.sweep(7, HEADS, MLP)
    page.wait()
    kinds = page.kinds(7)
    assert (kinds[0], kinds[-1], set(kinds[1:-1])) == ("ack", "swept", {"cells"})
    last = [event for event, _ in page.events if event.get("name") == "heads"][-1]
    described = ("component", "over", "shape", "done", "total", "zero")
    assert [last[field] for field in described] == ["z", ["layer", "head"], [3, 4], 12, 12, 0]
    assert page.last("swept")["total"] == 12 + 15
    assert page.last("cells")["zero"] == 3 * 2 + 2
    heads, mlp = page.maps("heads"), page.maps("mlp")
    assert np.isnan(heads[0]["effect"]).sum() == 12
    for layer in range(3):
        patched = experiment.patch(f"L{layer}.H2")
        assert heads[-1]["effect"][layer, 2] == pytest.approx(patched.effect, abs=1e-3)
        assert heads[-1]["share"][layer, 2] == pytest.approx(patched.share, abs=1e-3)
        effect = experiment.patch(f"L{layer}.mlp_out@4").effect
        assert mlp[-1]["effect"][layer, 4] == pytest.approx(effect, abs=1e-3)
    assert (mlp[0]["effect"][:, :2] == 0).all()


def test_direction_and_metric_belong_to_the_request(page: Page, experiment: Experiment) -> None:
    page.sweep(7, HEADS, direction="noise", metric="kl")
    page.wait()
    expected = experiment.measuring("kl").turned("noise").patch("L1.H2").effect
    assert page.maps("heads")[-1]["effect"][1, 2] == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize("position", ["2", "-1", "X", "1:4"])
def test_a_map_of_heads_can_be_about_one_position(
    page: Page, experiment: Experiment, position: str
) -> None:
    page.sweep(7, HEADS | {"position": position}, direction="noise", metric="kl")
    page.wait()
    said = page.last("cells")
    assert [said[field] for field in ("position", "direction", "metric")] == [
        position,
        "noise",
        "kl",
    ]
    expected = experiment.measuring("kl").turned("noise").patch(f"L1.H2@{position}").effect
    assert page.maps("heads")[-1]["effect"][1, 2] == pytest.approx(expected, abs=1e-3)


def test_a_position_before_the_first_difference_costs_nothing(page: Page) -> None:
    page.sweep(7, HEADS | {"position": "1"})
    page.wait()
    assert page.last("cells")["zero"] == 12
    assert page.last("swept")["total"] == 12


@pytest.mark.parametrize(
    ("wrong", "code", "says"),
    [
        (HEADS | {"position": 2}, "ProtocolError", "as a site writes it"),
        (MLP | {"position": "2"}, "ProtocolError", "none for a map over positions"),
        (HEADS | {"position": "zz"}, "SiteError", "zz"),
        (HEADS | {"position": "99"}, "SiteError", "99"),
    ],
)
def test_a_position_that_is_not_there_is_refused(
    page: Page, wrong: dict[str, Any], code: str, says: str
) -> None:
    page.sweep(7, wrong)
    page.wait()
    assert page.kinds(7) == ["error"]
    assert page.last("error")["code"] == code
    assert says in page.last("error")["message"]


def test_messages_are_not_sent_faster_than_they_can_be_drawn(experiment: Experiment) -> None:
    page = Page(experiment, partial(MapSweep, runs_at_once=3, pause=1e9))
    page.sweep(7, HEADS)
    page.wait()
    assert page.kinds(7) == ["ack", "cells", "cells", "swept"]


def test_a_patch_comes_first_and_the_sweep_goes_on(page: Page, experiment: Experiment) -> None:
    gate = Gate(experiment)
    page.sweep(1, HEADS)
    assert gate.reached.wait(LONG)
    page.patch(2, "L0.H1")
    gate.open()
    page.wait()
    assert page.kinds(2) == ["ack", "result"]
    assert page.kinds(1)[-1] == "swept"
    order = [(event["kind"], event["id"]) for event, _ in page.events]
    filled = [i for i, (kind, _) in enumerate(order) if kind == "cells"]
    assert order.index(("result", 2)) < filled[1]
    assert not np.isnan(page.maps("heads")[-1]["effect"]).any()


def test_a_newer_sweep_drops_the_older(page: Page, experiment: Experiment) -> None:
    gate = Gate(experiment)
    page.sweep(1, HEADS)
    assert gate.reached.wait(LONG)
    page.sweep(2, MLP)
    assert page.kinds(1)[-1] == "dropped"
    assert page.last("dropped")["why"] == "superseded"
    gate.open()
    page.wait()
    assert page.kinds(2)[-1] == "swept"
    assert page.kinds(1)[-1] == "dropped"


def test_cancel_ends_a_sweep_within_a_layer(page: Page, experiment: Experiment) -> None:
    gate = Gate(experiment)
    layers: list[int] = []
    last = experiment.model.layout.blocks[2].register_forward_hook(lambda *_: layers.append(2))
    page.sweep(1, HEADS)
    assert gate.reached.wait(LONG)
    layers.clear()
    page.say("cancel", 2)
    assert page.kinds(1)[-1] == "dropped"
    gate.open()
    page.wait()
    last.remove()
    assert layers == []
    assert page.kinds(1)[-1] == "dropped"


def test_a_closed_session_sweeps_no_more(page: Page) -> None:
    page.session.close()
    page.sweep(1, HEADS)
    assert page.kinds(1) == ["ack", "dropped"]


def test_an_error_ends_the_sweep_and_patches_still_work(page: Page, experiment: Experiment) -> None:
    def breaks(*_: object) -> None:
        raise RuntimeError("out of luck")

    handle = experiment.model.layout.blocks[1].register_forward_pre_hook(breaks)
    page.sweep(1, HEADS)
    page.wait()
    handle.remove()
    assert page.kinds(1)[-1] == "error"
    assert page.last("error")["message"] == "out of luck"
    page.patch(2, "L0.H0")
    page.wait()
    assert page.kinds(2) == ["ack", "result"]


@pytest.mark.parametrize(
    ("fields", "code", "says"),
    [
        ({"maps": []}, "ProtocolError", "Expected maps as a list"),
        ({"maps": [HEADS | {"name": 3}]}, "ProtocolError", "Expected a map with a name"),
        ({"maps": [HEADS | {"over": ["head"]}]}, "ProtocolError", "over ['layer', 'head']"),
        ({"maps": [HEADS | {"component": "embed"}]}, "ProtocolError", "component with layers"),
        ({"direction": "up"}, "ProtocolError", "Expected direction"),
        ({"metric": "loss"}, "MetricError", "does not measure 'loss'"),
    ],
)
def test_bad_requests_are_answered_by_what_is_wrong(
    page: Page, fields: dict[str, Any], code: str, says: str
) -> None:
    page.sweep(1, HEADS, **fields)
    page.wait()
    assert page.kinds(1) == ["error"]
    assert page.last("error")["code"] == code
    assert says in page.last("error")["message"]


def test_a_map_that_this_component_does_not_have(page: Page) -> None:
    page.sweep(1, MLP | {"over": ["layer", "head"]})
    page.wait()
    assert page.kinds(1) == ["ack", "cells", "swept"]
    assert "Cannot sweep mlp_out" in page.last("cells")["reason"]
    assert page.last("cells")["shape"] == [0, 0]


def test_who_waits_for_a_patch_does_not_wait_for_maps(page: Page, experiment: Experiment) -> None:
    page.patch(1, "L1.H2")
    page.session.wait_for_patches(LONG)
    assert page.session.result is not None
    gate = Gate(experiment)
    page.sweep(2, HEADS)
    assert gate.reached.wait(LONG)
    page.session.wait_for_patches(LONG)
    assert "swept" not in page.kinds(2)
    gate.open()
    page.wait()


def test_what_was_done_is_not_done_again(page: Page, experiment: Experiment) -> None:
    gate = Gate(experiment)
    page.sweep(1, HEADS)
    assert gate.reached.wait(LONG)
    page.say("cancel", 2)
    gate.open()
    page.wait()
    page.sweep(3, HEADS)
    page.wait()
    assert page.kinds(3)[-1] == "swept"
    passes: list[int] = []
    handle = experiment.model.layout.blocks[0].register_forward_hook(lambda *_: passes.append(1))
    page.sweep(4, HEADS)
    page.wait()
    handle.remove()
    assert page.kinds(4) == ["ack", "cells", "swept"]
    assert passes == []
    assert page.maps("heads")[-1]["effect"] == pytest.approx(page.maps("heads")[-2]["effect"])


# ---- what messages cost ----------------------------------------------------------------------


class Watched(MapSweep):
    """Notes whether somebody else could take the session's lock while a message is built."""

    session: PatchSession
    free: ClassVar[list[bool]] = []

    def news(self) -> Iterator[tuple[dict[str, Any], list[bytes]]]:
        for message in super().news():
            other = Thread(target=self._try_the_lock)
            other.start()
            other.join(LONG)
            yield message

    def _try_the_lock(self) -> None:
        lock = self.session._queue.lock
        self.free.append(lock.acquire(blocking=False))
        if self.free[-1]:
            lock.release()


def test_messages_are_built_while_the_session_is_free(experiment: Experiment) -> None:
    """A click takes the session's lock, and must not wait for a message about a map."""
    page = Page(experiment, partial(Watched, runs_at_once=3, pause=0.0))
    Watched.session, Watched.free[:] = page.session, []
    page.sweep(1, HEADS, MLP)
    page.wait()
    assert len(Watched.free) == len(page.kinds(1)) - 1 > 4
    assert all(Watched.free)


def test_the_lock_is_seen_when_it_is_held(experiment: Experiment) -> None:
    """The test above would hold of anything if it could not see the lock."""
    page = Page(experiment, partial(Watched, runs_at_once=3, pause=0.0))
    Watched.session, Watched.free[:] = page.session, []
    map_sweep = Watched(experiment)
    map_sweep.ask(
        MapSweepRequest(1, (Map("heads", "z", ("layer", "head")),), "denoise", "logit_diff")
    )
    map_sweep.step()
    with page.session._queue.lock:
        assert len(list(map_sweep.news())) == 1
    assert Watched.free == [False]


def test_a_map_sweep_decodes_no_token(
    page: Page, experiment: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The scene has the tokens; the messages about maps hold numbers alone."""
    decoded: list[object] = []
    tokenizer = experiment.model.tokenizer
    decode = tokenizer.decode
    monkeypatch.setattr(
        tokenizer, "decode", lambda ids, **how: decoded.append(ids) or decode(ids, **how)
    )
    page.say("hello", 1)
    assert decoded
    decoded.clear()
    page.sweep(2, HEADS, MLP)
    page.wait()
    assert page.kinds(2).count("cells") > 6
    assert decoded == []


def test_a_map_sweep_makes_no_dataset(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    """Messages are made from arrays: no xarray, no task as JSON, no look at installed versions."""
    monkeypatch.setitem(sys.modules, "xarray", None)
    for place in ("sweep_result.sweep_dataset", "dataset.version"):
        monkeypatch.setattr(f"patchwidgets.sweep.{place}", None)
    monkeypatch.setattr(Task, "json_text", None)
    page.sweep(1, HEADS, MLP)
    page.wait()
    assert page.kinds(1)[-1] == "swept"


def test_maps_asked_for_again_while_their_messages_are_built_end_once(
    experiment: Experiment,
) -> None:
    class AskedAgain(MapSweep):
        """Another view asks for the same maps while the last messages are built."""

        def news(self) -> Iterator[tuple[dict[str, Any], list[bytes]]]:
            messages = list(super().news())
            if self.finished and self.request.id == 1:
                page.sweep(2, HEADS)
            yield from messages

    page = Page(experiment, AskedAgain)
    page.sweep(1, HEADS)
    page.wait()
    assert page.kinds(1)[-1] == "dropped"
    assert "swept" not in page.kinds(1)
    assert page.kinds(2).count("swept") == 1
    assert page.kinds(2)[-1] == "swept"


def test_a_finished_map_asked_for_again_took_as_long_as_before(page: Page) -> None:
    page.sweep(1, HEADS)
    page.wait()
    page.sweep(2, HEADS)
    page.wait()
    first, second = (e["seconds"] for e, _ in page.events if e["kind"] == "swept")
    assert first == second > 0
