"""What a session sends: the scene, results and their buffers, numbers that are undefined."""

from typing import Any

import numpy as np
import pytest
import torch

from patchwidgets.facade import Experiment
from patchwidgets.metrics import METRICS
from patchwidgets.tasks import Task
from tests.support.page import HEADS, Page


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


def test_the_reach_travels_as_buffers(page: Page, experiment: Experiment) -> None:
    page.patch(5, "L1.H2@-1")
    page.wait()
    event, buffers = page.events[-1]
    arrays = {
        each["name"]: np.frombuffer(buffer, each["dtype"]).reshape(each["shape"])
        for each, buffer in zip(event["buffers"], buffers, strict=True)
    }
    reach = experiment.patch("L1.H2@-1").reach()
    assert arrays["z.along"] == pytest.approx(reach.along["z"], abs=1e-5, nan_ok=True)
    assert arrays["mlp_out.cos"] == pytest.approx(reach.cos["mlp_out"], abs=1e-5, nan_ok=True)
    assert event["reach"] == {"position": 4}


def test_a_dataset_shows_the_mean_and_no_pairs_words(experiment: Experiment) -> None:
    task = Task(["w3 w4", "w5 w6"], ["w7 w4", "w8 w6"], [" w8", " w9"], " w10")
    dataset = Experiment(experiment.model, task)
    page = Page(dataset)
    page.say("hello", 1)
    page.patch(2, "L1.H2")
    page.wait()
    scene, outcome = page.last("scene"), dataset.patch("L1.H2")
    assert (scene["task"]["n_pairs"], scene["task"]["clean"]) == (2, [None, None])
    assert (scene["task"]["answer"], scene["task"]["foil"]) == ([], [" w10"])
    assert scene["runs"]["clean"]["values"]["logit_diff"] == dataset.clean.value
    mean = dataset.clean.logits.softmax(-1).mean(0).max()
    assert scene["runs"]["clean"]["top"][0]["prob"] == pytest.approx(float(mean))
    result = page.last("result")
    assert result["readings"]["logit_diff"]["value"] == pytest.approx(outcome.value)
    assert result["patched"]["top"][0]["prob"] == pytest.approx(
        float(outcome.logits.softmax(-1).mean(0).max())
    )
    assert result["tokens"][0]["token"] == outcome.top_tokens(1)[0].token


def test_undefined_numbers_are_null_with_a_reason(experiment: Experiment) -> None:
    def nothing(readout: Any) -> torch.Tensor:
        return readout.logits[:, 0] * 0

    page = Page(experiment.measuring(nothing))
    page.patch(5, "L1.H2", metric="nothing")
    page.wait()
    reading = page.last("result")["readings"]["nothing"]
    assert (reading["share"], reading["recovery"]) == (None, None)
    assert "No recovery" in reading["reason"]


@pytest.fixture
def unequal_page(experiment: Experiment) -> Page:
    task = Task(
        "w3 w14 w15 w9",
        "w3 w42 w43 w14 w9",
        " w8",
        " w9",
        align=[(0, 0), (1, 3), (3, 4)],
    )
    return Page(Experiment(experiment.model, task))


def test_the_scene_has_the_tokens_of_both_prompts_and_their_counterparts(
    unequal_page: Page,
) -> None:
    unequal_page.say("hello", 1)
    task = unequal_page.last("scene")["task"]
    assert (len(task["clean"]), len(task["corrupted"])) == (4, 5)
    assert task["counterparts"] == [0, 3, None, 4]
    assert task["differs"] == [2]


def test_a_site_without_a_counterpart_is_answered_with_the_reason(unequal_page: Page) -> None:
    unequal_page.patch(1, "L1.H2@2")
    assert unequal_page.kinds(1) == ["error"]
    assert unequal_page.last("error")["code"] == "CounterpartError"
    assert "Position 2 of the clean prompt has no" in unequal_page.last("error")["message"]
    unequal_page.patch(2, "L1.H2@1", direction="noise")
    unequal_page.wait()
    assert unequal_page.kinds(2) == ["ack", "result"]
    assert unequal_page.last("result")["reach"]["position"] == 3


def test_a_map_marks_what_it_cannot_have(unequal_page: Page) -> None:
    maps = [{"name": "positions", "component": "mlp_out", "over": ["layer", "pos"]}]
    unequal_page.say("sweep", 1, maps=maps, direction="denoise", metric="logit_diff")
    unequal_page.wait()
    cells = unequal_page.last("cells")
    assert cells["unpatchable"] == [2, 6, 10]
    assert (cells["done"], cells["total"], cells["shape"]) == (9, 9, [3, 4])


def test_the_explorer_shows_whole_answers(experiment: Experiment) -> None:
    task = Task("w3 w14 w15", "w3 w14 w42", (" w8 w9 w10", " w7"), " w11 w12")
    page = Page(Experiment(experiment.model, task))
    page.say("hello", 1)
    shown = page.last("scene")["task"]
    assert (shown["answer"], shown["foil"]) == ([" w8 w9 w10", " w7"], [" w11 w12"])


def test_maps_of_answers_of_several_tokens(experiment: Experiment) -> None:
    task = Task("w3 w14 w15", "w3 w14 w42", (" w8 w9 w10", " w7"), " w9 w8")
    several = Experiment(experiment.model, task)
    page = Page(several)
    page.say("hello", 1)
    assert page.last("scene")["can_sweep"] is True
    page.sweep(2, HEADS)
    page.wait()
    shares = page.maps("heads")[-1]["share"]
    expected = [[several.patch(f"L{i}.H{j}").share for j in range(4)] for i in range(3)]
    assert shares == pytest.approx(np.array(expected), abs=1e-4)
