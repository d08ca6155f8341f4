"""The session as a front end meets it: messages in, messages out, no comm; what is stale never answers last."""

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.explorer.map_sweep import MapSweep
from patchwidgets.explorer.session import PatchSession
from patchwidgets.facade import Experiment
from patchwidgets.metrics import METRICS
from patchwidgets.models.model import Model
from patchwidgets.sites import Patch
from patchwidgets.tasks import Task
from tests.support.families import VOCABULARY, random_model
from tests.support.toy_tokenizer import toy_tokenizer

LONG = 60.0


class Page:
    """Collects what a session sends, as a front end would see it."""

    def __init__(
        self,
        experiment: Experiment,
        map_sweep: Callable[[BaseExperiment], MapSweep] = MapSweep,
    ) -> None:
        self.events: list[tuple[dict[str, Any], list[bytes]]] = []
        self.session = PatchSession(
            experiment, lambda event, buffers: self.events.append((event, buffers)), map_sweep
        )

    def say(self, kind: str, message_id: int, **fields: Any) -> None:
        self.session.handle({"v": 1, "kind": kind, "id": message_id} | fields)

    def patch(self, message_id: int, *sites: str, **fields: Any) -> None:
        patches = [{"site": site, "source": "source"} for site in sites]
        self.say(
            "patch",
            message_id,
            **({"patches": patches, "direction": "denoise", "metric": "logit_diff"} | fields),
        )

    def wait(self) -> None:
        assert self.session.wait(LONG)

    def kinds(self, message_id: int) -> list[str]:
        return [event["kind"] for event, _ in self.events if event["id"] == message_id]

    def last(self, kind: str) -> dict[str, Any]:
        return [event for event, _ in self.events if event["kind"] == kind][-1]


@pytest.fixture(scope="module")
def experiment() -> Experiment:
    model = Model(random_model("llama"), toy_tokenizer(VOCABULARY), "toy")
    return Experiment(model, Task("w3 w14 w15 w9 w26", "w3 w14 w42 w9 w26", " w8", " w9", {"X": 2}))


@pytest.fixture
def page(experiment: Experiment) -> Page:
    return Page(experiment)


class Gate:
    """Holds the model in the middle of a layer until it is opened, so that a test decides what comes first."""

    def __init__(self, experiment: Experiment) -> None:
        self.reached = threading.Event()
        self.opened = threading.Event()
        block = experiment.model.layout.blocks[1]
        self.handle = block.register_forward_pre_hook(self._hold)

    def _hold(self, *_: object) -> None:
        self.reached.set()
        assert self.opened.wait(LONG)

    def open(self) -> None:
        self.handle.remove()
        self.opened.set()


def test_hello_is_answered_by_the_scene(page: Page, experiment: Experiment) -> None:
    page.say("hello", 1)
    assert page.kinds(1) == ["ack", "scene"]
    scene = page.last("scene")
    assert (
        scene["model"]["n_layers"],
        scene["model"]["n_heads"],
        scene["model"]["n_kv_heads"],
    ) == (3, 4, 2)
    assert scene["model"]["checks"]["passed"] is True
    assert scene["task"]["clean"] == [" w3", " w14", " w15", " w9", " w26"]
    assert scene["task"]["differs"] == [2]
    assert (scene["task"]["answer"], scene["task"]["foil"]) == ([" w8"], [" w9"])
    assert scene["task"]["positions"] == {"X": 2}
    assert scene["runs"]["clean"]["values"]["logit_diff"] == experiment.clean.value
    metrics = [metric["name"] for metric in scene["metrics"]]
    assert metrics[0] == scene["metric"] == "logit_diff"
    assert set(metrics) == set(METRICS)


def test_a_patch_is_acknowledged_and_answered(page: Page, experiment: Experiment) -> None:
    page.patch(5, "L1.H2@-1")
    page.wait()
    assert page.kinds(5) == ["ack", "result"]
    expected = experiment.patch("L1.H2@-1")
    reading = page.last("result")["readings"]["logit_diff"]
    assert reading["effect"] == pytest.approx(expected.effect)
    assert reading["recovery"] == pytest.approx(expected.recovery)
    assert reading["reason"] is None
    assert page.last("result")["patches"] == [{"site": "L1.H2@-1", "source": "source"}]


def test_the_reach_travels_as_buffers(page: Page, experiment: Experiment) -> None:
    page.patch(5, "L1.H2@-1")
    page.wait()
    event, buffers = page.events[-1]
    arrays = {
        each["name"]: np.frombuffer(buffer, each["dtype"]).reshape(each["shape"])
        for each, buffer in zip(event["buffers"], buffers, strict=True)
    }
    reach = experiment.patch("L1.H2@-1").reach()
    assert arrays["z.along"] == pytest.approx(reach.along["z"], nan_ok=True)
    assert arrays["mlp_out.cos"] == pytest.approx(reach.cos["mlp_out"], nan_ok=True)
    assert event["reach"] == {"position": 4}


def test_a_dataset_shows_its_first_pair_and_measures_all(experiment: Experiment) -> None:
    task = Task(["w3 w4", "w5 w6"], ["w7 w4", "w8 w6"], [" w8", " w9"], " w10")
    dataset = Experiment(experiment.model, task)
    page = Page(dataset)
    page.say("hello", 1)
    page.patch(2, "L1.H2")
    page.wait()
    scene, outcome = page.last("scene"), dataset.patch("L1.H2")
    assert (scene["task"]["n_pairs"], scene["task"]["clean"]) == (2, [" w3", " w4"])
    assert scene["runs"]["clean"]["values"]["logit_diff"] == dataset.clean.value
    first = dataset.clean.logits[0].softmax(-1).max()
    assert scene["runs"]["clean"]["top"][0]["prob"] == pytest.approx(float(first))
    result = page.last("result")
    assert result["readings"]["logit_diff"]["value"] == pytest.approx(outcome.value)
    assert result["patched"]["top"][0]["prob"] == pytest.approx(
        float(outcome.logits[0].softmax(-1).max())
    )
    assert result["tokens"][0]["token"] == outcome.top_tokens(1, pair=0)[0].token


def test_direction_and_metric_belong_to_the_request(page: Page, experiment: Experiment) -> None:
    page.patch(5, "L1.H2", direction="noise", metric="kl")
    page.wait()
    result = page.last("result")
    assert (result["direction"], result["metric"]) == ("noise", "kl")
    expected = experiment.measuring("kl").turned("noise").patch("L1.H2")
    assert result["readings"]["kl"]["value"] == pytest.approx(expected.value)


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
    assert page.last("result")["readings"]["logit_diff"]["value"] == pytest.approx(expected.value)


def test_a_joint_patch_is_followed_by_each_alone(page: Page, experiment: Experiment) -> None:
    page.patch(5, "L1.H2", "L0.mlp_out")
    page.wait()
    assert page.kinds(5) == ["ack", "result", "singles"]
    singles = page.last("singles")["singles"]
    assert [single["site"] for single in singles] == ["L1.H2", "L0.mlp_out"]
    effects = [single["readings"]["logit_diff"]["effect"] for single in singles]
    assert effects == pytest.approx(
        [experiment.patch(site).effect for site in ("L1.H2", "L0.mlp_out")]
    )


def test_undefined_numbers_are_null_with_a_reason(experiment: Experiment) -> None:
    def nothing(readout: Any) -> torch.Tensor:
        return readout.logits[:, 0] * 0

    page = Page(experiment.measuring(nothing))
    page.patch(5, "L1.H2", metric="nothing")
    page.wait()
    reading = page.last("result")["readings"]["nothing"]
    assert (reading["share"], reading["recovery"]) == (None, None)
    assert "No recovery" in reading["reason"]


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
    assert page.kinds(9) == ["ack", "scene", "result"]
    assert page.last("scene")["direction"] == "denoise"


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


# ---- prompts of unequal token counts --------------------------------------------------------


@pytest.fixture
def aligned_page(experiment: Experiment) -> Page:
    task = Task(
        "w3 w14 w15 w9",
        "w3 w42 w43 w14 w9",
        " w8",
        " w9",
        align=[(0, 0), (1, 3), (3, 4)],
    )
    return Page(Experiment(experiment.model, task))


def test_the_scene_has_the_tokens_of_both_prompts_and_their_counterparts(
    aligned_page: Page,
) -> None:
    aligned_page.say("hello", 1)
    task = aligned_page.last("scene")["task"]
    assert (len(task["clean"]), len(task["corrupted"])) == (4, 5)
    assert task["counterparts"] == [0, 3, None, 4]
    assert task["differs"] == [2]


def test_a_site_without_a_counterpart_is_answered_with_the_reason(aligned_page: Page) -> None:
    aligned_page.patch(1, "L1.H2@2")
    assert aligned_page.kinds(1) == ["error"]
    assert aligned_page.last("error")["code"] == "CounterpartError"
    assert "Position 2 of the clean prompt has no" in aligned_page.last("error")["message"]
    aligned_page.patch(2, "L1.H2@1", direction="noise")
    aligned_page.wait()
    assert aligned_page.kinds(2) == ["ack", "result"]
    assert aligned_page.last("result")["reach"]["position"] == 3


def test_a_map_marks_what_it_cannot_have(aligned_page: Page) -> None:
    maps = [{"name": "positions", "component": "mlp_out", "over": ["layer", "pos"]}]
    aligned_page.say("sweep", 1, maps=maps, direction="denoise", metric="logit_diff")
    aligned_page.wait()
    cells = aligned_page.last("cells")
    assert cells["unpatchable"] == [2, 6, 10]
    assert (cells["done"], cells["total"], cells["shape"]) == (9, 9, [3, 4])
