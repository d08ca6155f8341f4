"""The session as a front end meets it: messages in, messages out, no comm; what is stale never answers last."""

import threading
from typing import Any

import pytest

from patchwidgets.facade import Experiment
from patchwidgets.sites import Patch
from tests.support.page import LONG, Gate, Page
from tests.support.rounding import ROUNDING
from tests.support.toy_models import make_model
from tests.support.unequal_prompts import unequal_task


def test_a_patch_is_acknowledged_and_answered(page: Page, experiment: Experiment) -> None:
    page.patch(5, "L1.H2@-1")
    page.wait()
    assert page.kinds(5) == ["ack", "result"]
    expected = experiment.patch("L1.H2@-1")
    reading = page.last("result")["readings"]["logit_diff"]
    assert reading["effect"] == pytest.approx(expected.effect, abs=ROUNDING)
    assert reading["recovery"] == pytest.approx(expected.recovery, abs=ROUNDING)
    assert reading["reason"] is None
    assert page.last("result")["patches"] == [{"site": "L1.H2@-1", "source": "source"}]


def test_direction_and_metric_belong_to_the_request(page: Page, experiment: Experiment) -> None:
    page.patch(5, "L1.H2", direction="noise", metric="kl")
    page.wait()
    result = page.last("result")
    assert (result["direction"], result["metric"]) == ("noise", "kl")
    expected = experiment.measuring("kl").turned("noise").patch("L1.H2")
    assert result["readings"]["kl"]["value"] == pytest.approx(expected.value, abs=1e-6)


def test_the_sources_of_a_request_are_kept(page: Page, experiment: Experiment) -> None:
    page.say(
        "patch",
        5,
        patches=[{"site": "L0.H1", "source": "source"}, {"site": "L2.mlp_out", "source": "host"}],
        direction="denoise",
        metric="logit_diff",
    )
    page.wait()
    expected = experiment.patch("L0.H1", Patch("L2.mlp_out", "host"))
    assert page.last("result")["readings"]["logit_diff"]["value"] == pytest.approx(
        expected.value, abs=1e-6
    )


def test_of_very_many_patches_none_is_made_alone(page: Page) -> None:
    page.patch(5, *(f"L0.N{neuron}" for neuron in range(17)))
    page.wait()
    assert page.kinds(5) == ["ack", "result", "singles"]
    assert page.last("singles")["singles"] == []


def test_a_joint_patch_is_followed_by_each_alone(page: Page, experiment: Experiment) -> None:
    page.patch(5, "L1.H2", "L0.mlp_out")
    page.wait()
    assert page.kinds(5) == ["ack", "result", "singles"]
    singles = page.last("singles")["singles"]
    assert [single["site"] for single in singles] == ["L1.H2", "L0.mlp_out"]
    effects = [single["readings"]["logit_diff"]["effect"] for single in singles]
    assert effects == pytest.approx(
        [experiment.patch(site).effect for site in ("L1.H2", "L0.mlp_out")], abs=1e-6
    )


def test_many_joint_patches_are_followed_by_each_alone_later(
    page: Page, experiment: Experiment
) -> None:
    sites = [f"L{i // 4}.H{i % 4}" for i in range(9)]
    page.patch(5, *sites)
    page.wait()
    assert page.kinds(5) == ["ack", "result", "singles"]
    effects = [single["readings"]["kl"]["effect"] for single in page.last("singles")["singles"]]
    measured = experiment.measuring("kl")
    assert effects == pytest.approx([measured.patch(site).effect for site in sites], abs=1e-6)


def test_the_newest_request_wins(page: Page, experiment: Experiment) -> None:
    gate = Gate(experiment)
    page.patch(1, "L0.H0")
    assert gate.reached.wait(LONG)
    for message_id in range(2, 21):
        page.patch(message_id, f"L1.H{message_id % 4}")
    gate.open()
    page.wait()
    assert [event["id"] for event, _ in page.events if event["kind"] == "result"] == [20]
    assert all(page.kinds(message_id) == ["ack", "dropped"] for message_id in range(1, 20))
    assert page.kinds(20) == ["ack", "result"]
    assert [result.sites for result in page.session.history] == [("L1.H0",)]


def test_cancel_ends_the_running_patch_before_the_next_layer(
    page: Page, experiment: Experiment
) -> None:
    gate = Gate(experiment)
    layers = []
    last = experiment.model.layout.blocks[2].register_forward_hook(lambda *_: layers.append(2))
    page.patch(1, "L0.H0")
    assert gate.reached.wait(LONG)
    page.say("cancel", 2)
    assert page.kinds(1) == ["ack", "dropped"]
    assert page.last("dropped")["why"] == "cancelled"
    gate.open()
    page.wait()
    last.remove()
    assert layers == []
    assert page.kinds(2) == ["ack"]
    assert page.session.history == []
    page.patch(3, "L0.H0")
    page.wait()
    assert page.kinds(3) == ["ack", "result"]


def test_a_closed_session_takes_nothing_more(page: Page) -> None:
    page.session.close()
    page.patch(1, "L0.H0")
    page.wait()
    assert page.kinds(1) == ["ack", "dropped"]
    assert page.last("dropped")["why"] == "closed"


def test_a_second_view_gets_the_last_result(page: Page) -> None:
    page.patch(5, "L1.H2")
    page.wait()
    page.say("hello", 9)
    assert page.kinds(9) == ["ack", "scene", "history", "result"]
    assert page.last("scene")["direction"] == "denoise"


def test_the_history_has_each_patch_once_and_a_second_view_gets_it(page: Page) -> None:
    asked: list[tuple[list[str], dict[str, str]]] = [
        (["L1.H2"], {}),
        (["L0.H0", "L1.H2"], {}),
        (["L1.H2"], {"metric": "kl"}),
        ([], {}),
        (["L1.H2", "L0.H0"], {}),
        (["L1.H2"], {"direction": "noise"}),
    ]
    for number, (sites, view) in enumerate(asked):
        page.patch(number, *sites, **view)
        page.wait()
    history = page.session.history
    assert [set(result.sites) for result in history] == [{"L1.H2"}, {"L0.H0", "L1.H2"}, {"L1.H2"}]
    assert [next(iter(result.readings)) for result in history] == ["kl", "logit_diff", "logit_diff"]
    page.say("hello", 99)
    listed = page.last("history")["results"]
    assert [each["direction"] for each in listed] == ["denoise", "denoise", "noise"]
    for each, result in zip(listed, history, strict=True):
        assert {patch["site"] for patch in each["patches"]} == set(result.sites)
        assert each["readings"]["logit_diff"]["effect"] == result.readings["logit_diff"].effect


def test_asked_from_python(page: Page) -> None:
    page.session.ask(["L1.H2.z"], "denoise", "kl")
    page.wait()
    assert page.last("result")["patches"] == [{"site": "L1.H2", "source": "source"}]
    assert page.last("result")["id"] < 0


@pytest.mark.parametrize(
    ("content", "code", "says"),
    [
        (None, "ProtocolError", "Expected a message with v, kind and id"),
        ({"v": 2, "kind": "hello", "id": 1}, "ProtocolError", "reload the page"),
        ({"v": 1, "kind": "eval", "id": 1}, "ProtocolError", "Unknown kind 'eval'"),
        ({"v": 1, "kind": "hello", "id": "1"}, "ProtocolError", "integer id"),
        ({"patches": "L1.H2"}, "ProtocolError", "Expected patches as a list"),
        (
            {"patches": [{"site": "L1.H2", "source": "nowhere"}]},
            "ProtocolError",
            "Expected a source",
        ),
        ({"patches": [{"site": 7}]}, "SiteError", "7 is not a site"),
        ({"patches": [{"site": "L1.H9"}]}, "SiteError", "head 9 is out of range"),
        ({"patches": [{"site": "L1.H2@7"}]}, "SiteError", "Position 7 is out of range"),
        ({"patches": [{"site": "L1.H2.k"}]}, "RefusedError", "No L1.H2.k here: H2 reads KV1"),
        ({"direction": "up"}, "ProtocolError", "Expected direction"),
        ({"metric": "loss"}, "MetricError", "does not measure 'loss'"),
    ],
)
def test_bad_messages_are_answered_by_what_is_wrong(
    page: Page, content: Any, code: str, says: str
) -> None:
    if isinstance(content, dict) and "v" not in content:
        whole = {
            "v": 1,
            "kind": "patch",
            "id": 1,
            "patches": [],
            "direction": "denoise",
            "metric": "kl",
        }
        content = whole | content
    page.session.handle(content)
    page.wait()
    assert [event["kind"] for event, _ in page.events] == ["error"]
    assert page.last("error")["code"] == code
    assert says in page.last("error")["message"]


def test_an_error_while_it_runs_is_sent_and_the_next_patch_works(
    page: Page, experiment: Experiment
) -> None:
    def breaks(*_: object) -> None:
        raise RuntimeError("out of luck")

    handle = experiment.model.layout.blocks[1].register_forward_pre_hook(breaks)
    page.patch(1, "L0.H0")
    page.wait()
    handle.remove()
    assert page.kinds(1) == ["ack", "error"]
    assert page.last("error")["message"] == "out of luck"
    assert "RuntimeError: out of luck" in page.last("error")["details"]
    page.patch(2, "L0.H0")
    page.wait()
    assert page.kinds(2) == ["ack", "result"]


def test_no_thread_is_left(page: Page) -> None:
    page.patch(1, "L0.H0")
    page.wait()
    for thread in [thread for thread in threading.enumerate() if thread.name == "patchwidgets"]:
        thread.join(LONG)
    assert not [thread for thread in threading.enumerate() if thread.name == "patchwidgets"]


def test_the_host_s_own_value_needs_no_counterpart() -> None:
    experiment = Experiment(make_model("llama"), unequal_task())
    page = Page(experiment)
    site = "L1.mlp_out@lone"
    page.patch(1, site)
    assert page.last("error")["code"] == "CounterpartError"
    page.patch(2, patches=[{"site": site, "source": "host"}], direction="noise")
    page.wait()
    assert page.kinds(2) == ["ack", "result"]
    assert page.last("result")["readings"]["logit_diff"]["effect"] == 0
