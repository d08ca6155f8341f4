"""What a map can show: total and direct effects, effects through a receiver, estimates; heads of one layer as rows."""

from functools import partial
from typing import Any

import numpy as np
import pytest

from patchwidgets.edges import Receiver, comes_after
from patchwidgets.explorer.map_sweep import MapSweep
from patchwidgets.facade import Experiment
from patchwidgets.sites import Site
from tests.support.page import HEADS, LONG, MLP, Gate, Page

SMALL_PIECES = partial(MapSweep, runs_at_once=3, pause=0.0)
ATTN = {"name": "attn", "component": "attn_out", "over": ["layer", "pos"]}


@pytest.fixture
def page(experiment: Experiment) -> Page:
    return Page(experiment, SMALL_PIECES)


def last(page: Page, name: str) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    event = [each for each, _ in page.events if each.get("name") == name][-1]
    return event, page.maps(name)[-1]


def test_direct_effects(page: Page, experiment: Experiment) -> None:
    page.sweep(1, HEADS, MLP, field="direct")
    page.wait()
    assert page.kinds(1)[-1] == "swept"
    event, heads = last(page, "heads")
    assert (event["field"], event["done"], event["total"]) == ("direct", 12, 12)
    expected = experiment.direct_effects("z", progress=False).effect.values
    assert heads["effect"] == pytest.approx(expected, abs=1e-5)
    expected = experiment.direct_effects("mlp_out", ("layer", "pos"), progress=False).effect.values
    assert last(page, "mlp")[1]["effect"] == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("receiver", ["L2.H3.q", "L1.KV1.v", "L1.mlp_in", "logits"])
def test_effects_through_a_receiver(page: Page, experiment: Experiment, receiver: str) -> None:
    page.sweep(1, HEADS, MLP, field=receiver, direction="noise")
    page.wait()
    noise = experiment.turned("noise")
    event, heads = last(page, "heads")
    assert event["field"] == receiver
    after = Receiver.parse(receiver)
    for i, effect in enumerate(heads["effect"].ravel()):
        site = Site("z", i // 4, i % 4)
        assert (i in event["unpatchable"]) == (not comes_after(site, after))
        if i not in event["unpatchable"]:
            known = noise.path(site, receiver)
            assert effect == pytest.approx(known.effect, abs=1e-5)
            assert heads["share"].ravel()[i] == pytest.approx(known.share, abs=1e-5)
    effect = last(page, "mlp")[1]["effect"][0, 2]
    assert effect == pytest.approx(noise.path("L0.mlp_out@2", receiver).effect, abs=1e-5)


def test_what_has_no_such_effect_says_why_and_the_other_map_fills(page: Page) -> None:
    stream = {"name": "stream", "component": "resid_pre", "over": ["layer", "pos"]}
    page.sweep(1, HEADS, stream, field="direct")
    page.wait()
    assert page.kinds(1)[-1] == "swept"
    assert "has no direct effect" in last(page, "stream")[0]["reason"]
    assert last(page, "heads")[0]["done"] == 12
    page.sweep(2, HEADS, field="L0.H1.q")
    page.wait()
    assert "No z writes into the stream before L0.H1.q" in last(page, "heads")[0]["reason"]


def test_estimates(page: Page, experiment: Experiment) -> None:
    page.sweep(1, HEADS, MLP, field="estimate")
    page.wait()
    assert page.kinds(1)[-1] == "swept"
    event, heads = last(page, "heads")
    assert (event["field"], event["done"], event["total"]) == ("estimate", 12, 12)
    assert heads["effect"] == pytest.approx(
        experiment.estimate("z", progress=False).effect.values, abs=1e-5
    )
    page.sweep(2, HEADS, field="estimate", metric="rank")
    page.wait()
    assert "rank" in last(page, "heads")[0]["reason"]


def test_an_estimate_comes_first_where_exact_effects_take_long(experiment: Experiment) -> None:
    page = Page(experiment, partial(SMALL_PIECES, estimate_from=0.0))
    page.sweep(1, HEADS, MLP)
    page.wait()
    told = [(e["name"], e["field"], e["done"]) for e, _ in page.events if e["kind"] == "cells"]
    first = told.index(("heads", "estimate", 12))
    assert told.index(("mlp", "estimate", 15)) > first
    assert [each for each in told if each[1] == "estimate"] == [
        ("heads", "estimate", 12),
        ("mlp", "estimate", 15),
    ]
    assert ("heads", "total", 12) not in told[:first]
    assert told[-1] == ("mlp", "total", 15)
    # A metric without a gradient is swept without one.
    page.sweep(2, HEADS, metric="rank")
    page.wait()
    assert page.kinds(2)[-1] == "swept"
    assert {e["field"] for e, _ in page.events if e["kind"] == "cells" and e["id"] == 2} == {
        "total"
    }


def test_a_failed_estimate_does_not_end_the_sweep(
    experiment: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(*_: object) -> None:
        raise RuntimeError("no gradients today")

    monkeypatch.setattr("patchwidgets.explorer.map_fill.estimate_together", breaks)
    page = Page(experiment, partial(SMALL_PIECES, estimate_from=0.0))
    page.sweep(1, HEADS)
    page.wait()
    assert page.kinds(1)[-1] == "swept"


@pytest.mark.parametrize(("component", "rows"), [("z", 4), ("q", 4), ("k", 2), ("v", 2)])
def test_the_heads_of_one_layer_over_positions(
    page: Page, experiment: Experiment, component: str, rows: int
) -> None:
    asked = {"name": "positions", "component": component, "over": ["head", "pos"], "layer": 1}
    page.sweep(1, asked)
    page.wait()
    event, shown = last(page, "positions")
    described = (event["shape"], event["over"], event["layer"])
    assert described == ([rows, 5], ["head", "pos"], 1)
    unit = f"KV{1}" if component in "kv" else "H1"
    site = f"L1.{unit}.{component}@3" if component != "z" else "L1.H1@3"
    assert shown["effect"][1, 3] == pytest.approx(experiment.patch(site).effect, abs=1e-5)


def test_the_heads_map_of_keys_has_a_column_for_each_key_value_head(
    page: Page, experiment: Experiment
) -> None:
    page.sweep(1, HEADS | {"component": "k"})
    page.wait()
    event, shown = last(page, "heads")
    assert (event["shape"], event["over"]) == ([3, 2], ["layer", "head"])
    assert shown["effect"][2, 1] == pytest.approx(experiment.patch("L2.KV1.k").effect, abs=1e-5)


def test_maps_that_another_request_has_filled_are_not_computed_again(
    page: Page, experiment: Experiment
) -> None:
    page.sweep(1, HEADS, MLP)
    page.wait()
    passes: list[int] = []
    handle = experiment.model.layout.blocks[0].register_forward_hook(lambda *_: passes.append(1))
    page.sweep(2, MLP, HEADS | {"name": "the same heads"})
    page.wait()
    assert (passes, page.kinds(2)) == ([], ["ack", "cells", "cells", "swept"])
    assert last(page, "the same heads")[0]["done"] == 12
    gate = Gate(experiment)
    page.sweep(3, HEADS, ATTN)
    assert gate.reached.wait(LONG)
    assert last(page, "heads")[0]["done"] == 12
    gate.open()
    page.wait()
    handle.remove()


@pytest.mark.parametrize(
    ("fields", "code", "says"),
    [
        ({"field": "indirect"}, "SiteError", "Expected a field: 'total', 'direct', 'estimate'"),
        ({"field": 3}, "ProtocolError", "Expected a field"),
        ({"field": "L9.H0.q"}, "SiteError", "layer 9 is out of range"),
        ({"field": "L1.H3.k"}, "RefusedError", "Use L1.KV1.k"),
        ({"maps": [HEADS | {"layer": 1}]}, "ProtocolError", "Expected a layer where heads"),
        ({"maps": [HEADS | {"over": ["head", "pos"]}]}, "ProtocolError", "Expected a layer where"),
        (
            {"maps": [HEADS | {"over": ["head", "pos"], "layer": 9}]},
            "SiteError",
            "layer 9 is out of range",
        ),
        (
            {"maps": [HEADS | {"over": ["head", "pos"], "layer": -1}]},
            "SiteError",
            "count from 0",
        ),
    ],
)
def test_bad_fields_are_answered_by_what_is_wrong(
    page: Page, fields: dict[str, Any], code: str, says: str
) -> None:
    page.sweep(1, HEADS, **fields)
    page.wait()
    assert page.kinds(1) == ["error"]
    assert (page.last("error")["code"], says in page.last("error")["message"]) == (code, True)


def test_another_source_goes_with_total_effects_alone(page: Page) -> None:
    page.sweep(1, HEADS, field="direct", source={"kind": "zero"})
    page.wait()
    assert "are of the other run's values" in last(page, "heads")[0]["reason"]
    page.sweep(2, HEADS, source={"kind": "zero"})
    page.wait()
    assert last(page, "heads")[0]["done"] == 12
    page.sweep(3, HEADS)
    page.wait()
    zero, other = page.maps("heads")[-2:]
    assert not np.allclose(zero["effect"], other["effect"])


def test_fields_at_one_position(page: Page, experiment: Experiment) -> None:
    for field in ("total", "direct", "L2.H3.q", "estimate"):
        page.sweep(1, HEADS | {"position": "-1"}, field=field)
        page.wait()
        event, heads = last(page, "heads")
        assert (event["field"], event["position"]) == (field, "-1")
        if field == "estimate":
            known = experiment.estimate("z", ("layer", "head", "pos"), progress=False)
            assert heads["effect"] == pytest.approx(known.effect.values[..., -1], abs=1e-5)
            continue
        if field == "total":
            effect = experiment.patch("L0.H1@-1").effect
        else:
            effect = experiment.path("L0.H1@-1", "logits" if field == "direct" else field).effect
        assert heads["effect"][0, 1] == pytest.approx(effect, abs=1e-5)
