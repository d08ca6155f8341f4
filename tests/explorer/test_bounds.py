"""What an explorer keeps and sends is bounded: numbers stay, tensors go, echoed texts are short."""

import gc
import json
import weakref
from typing import Any

import numpy as np
import pytest
import torch

from patchwidgets.facade import Experiment
from patchwidgets.models.model import Model
from patchwidgets.tasks import Task
from tests.support.families import VOCABULARY, random_model
from tests.support.page import HEADS, MLP, Page
from tests.support.rounding import ROUNDING
from tests.support.toy_tokenizer import toy_tokenizer

TASK = Task("w3 w14 w15 w9 w26", "w3 w14 w42 w9 w26", " w8", " w9", {"X": 2})


def n_logits(experiment: Experiment) -> int:
    """How many tensors of a patched run's logits are alive."""
    gc.collect()
    shape = experiment.host.logits.shape
    return sum(type(each) is torch.Tensor and each.shape == shape for each in gc.get_objects())


def test_history_keeps_numbers_and_drops_tensors(page: Page, experiment: Experiment) -> None:
    page.patch(0, "L0.H0")
    page.wait()
    before = n_logits(experiment)
    for i in range(12):
        page.patch(1 + i, f"L1.N{i}")
        page.wait()
    assert n_logits(experiment) == before
    assert len(page.session.history) == 13
    old, same = page.session.history[1], experiment.patch("L1.N0", record_reach=True)
    for name in ("value", "effect", "share", "recovery", "reason", "sites", "patches", "seconds"):
        assert hasattr(old, name)
    assert (old.effect, old.share, old.recovery) == (same.effect, same.share, same.recovery)
    assert old.per_pair.effect.tolist() == same.per_pair.effect.tolist()
    along = (each.reach().along["z"] for each in (old, same))
    np.testing.assert_allclose(*along, rtol=0, atol=ROUNDING)


def test_what_history_has_dropped_is_computed_again(page: Page, experiment: Experiment) -> None:
    page.patch(1, "L1.H2")
    page.wait()
    page.patch(2, "L0.H0")
    page.wait()
    old = page.session.history[0]
    passes: list[int] = []
    handle = experiment.model.layout.blocks[0].register_forward_hook(lambda *_: passes.append(1))
    assert torch.equal(old.logits, experiment.patch("L1.H2").logits)
    handle.remove()
    assert len(passes) == 2
    assert old.top_tokens(3) == experiment.patch("L1.H2").top_tokens(3)
    assert page.session.history[0].run_tokens(2) == experiment.patch("L1.H2").run_tokens(2)


def test_superseded_maps_keep_no_recording_and_finished_ones_only_numbers(
    page: Page, experiment: Experiment
) -> None:
    from patchwidgets.sweep.passes import Recording
    from patchwidgets.sweep.sweep import Sweep

    def alive(kind: type) -> int:
        gc.collect()
        return sum(isinstance(each, kind) for each in gc.get_objects())

    # What other tests of this process still hold is none of this page's.
    recordings, sweeps = alive(Recording), alive(Sweep)
    message_id = 0
    for direction in ("denoise", "noise") * 3:
        for metric in ("logit_diff", "kl", "answer_prob"):
            message_id += 1
            page.sweep(message_id, HEADS, MLP, direction=direction, metric=metric)
            if message_id % 2:
                page.wait()
    page.wait()
    assert alive(Recording) <= recordings
    assert alive(Sweep) <= sweeps + 2


def test_a_page_that_asks_for_ever_other_maps_fills_nothing(page: Page) -> None:
    for i in range(200):
        page.sweep(i, HEADS | {"name": f"map {i}"})
    page.wait()
    assert page.session._queue.n_kept_maps <= 64


def test_a_closed_explorer_is_freed_with_its_model() -> None:
    refs: list[weakref.ref[Any]] = []
    for _ in range(3):
        model = Model(random_model("llama"), toy_tokenizer(VOCABULARY), "toy")
        experiment = Experiment(model, TASK)
        explorer = experiment.explore("L1.H2")
        assert explorer.result is not None
        explorer.close()
        refs += map(weakref.ref, (model, model.hf_model, experiment, explorer, explorer._session))
        del model, experiment, explorer
    gc.collect()
    assert [ref() for ref in refs] == [None] * len(refs)


def test_the_front_end_is_given_as_text() -> None:
    """anywidget watches the file behind a path, and its watcher holds every widget."""
    from patchwidgets.explorer.widget import PatchExplorer

    assert isinstance(PatchExplorer._esm, str)


# ---- hostile sizes ---------------------------------------------------------------------------

HUGE = "x" * 10_000_000
PATCH = {
    "v": 1,
    "kind": "patch",
    "id": 1,
    "patches": [],
    "direction": "denoise",
    "metric": "logit_diff",
}


def deep(n: int) -> list[Any]:
    nested: list[Any] = []
    for _ in range(n):
        nested = [nested]
    return nested


@pytest.mark.parametrize(
    "fields",
    [
        {"metric": HUGE},
        {"direction": HUGE},
        {"kind": HUGE},
        {"v": HUGE},
        {"id": HUGE},
        {"patches": HUGE},
        {"patches": [HUGE]},
        {"patches": [{"site": HUGE}]},
        {"patches": [{"site": "L1.H2@" + HUGE}]},
        {"patches": [{"site": "L1.H" + "9" * 10_000}]},
        {"patches": [{"site": "L1.H2@" + "9" * 10_000}]},
        {"patches": [{"site": "L1.H2", "source": HUGE}]},
        {"patches": deep(100_000)},
        {"patches": [{"site": deep(100_000)}]},
        {"metric": "kl@" + "9" * 10_000},
        {"kind": "sweep", "maps": HUGE},
        {"kind": "sweep", "maps": [{"name": HUGE, "component": "z", "over": ["layer", "head"]}]},
        {"kind": "sweep", "maps": [{"name": "a", "component": HUGE, "over": ["layer", "head"]}]},
        {"kind": "sweep", "maps": [{"name": "a", "component": "z", "over": HUGE}]},
        {"kind": "sweep", "maps": [HEADS] * 1000},
    ],
    ids=range(20),
)
def test_a_huge_field_gets_a_short_error_of_ours(page: Page, fields: dict[str, Any]) -> None:
    page.session.handle(PATCH | fields)
    page.wait()
    (event,) = [event for event, _ in page.events]
    assert event["kind"] == "error"
    assert event["code"] in ("ProtocolError", "SiteError", "MetricError")
    assert len(json.dumps(event)) < 20_000
    assert len(event["message"]) < 1_000


@pytest.mark.parametrize(
    "message_id",
    [2**53, -(2**53), 10**5000, True, 1.5, None, "7"],
    ids=lambda value: str(type(value)),
)
def test_an_id_that_no_page_can_hold_is_refused_in_words(page: Page, message_id: Any) -> None:
    page.session.handle(PATCH | {"id": message_id})
    page.wait()
    (event,) = [event for event, _ in page.events]
    assert (event["kind"], event["code"], event["id"]) == ("error", "ProtocolError", 0)
    assert "integer id" in event["message"]


def test_an_error_of_ten_megabytes_is_cut(page: Page, experiment: Experiment) -> None:
    def breaks(*_: object) -> None:
        raise RuntimeError(HUGE)

    handle = experiment.model.layout.blocks[1].register_forward_pre_hook(breaks)
    page.patch(1, "L0.H0")
    page.wait()
    handle.remove()
    assert page.kinds(1) == ["ack", "error"]
    assert len(page.last("error")["message"]) < 3_000
    assert len(page.last("error")["details"]) < 30_000


def test_many_patches_at_once_are_quick_and_can_be_cancelled() -> None:
    """Four times as many take about four times as long, not sixteen times."""
    import time

    model = Model(random_model("llama", intermediate_size=4096), toy_tokenizer(VOCABULARY), "toy")
    experiment = Experiment(model, TASK)

    def seconds(n: int) -> float:
        sites = [f"L{i % 3}.N{i // 3}" for i in range(n)]
        started = time.perf_counter()
        experiment.patch(*sites)
        return time.perf_counter() - started

    seconds(100)
    assert seconds(12_000) < 8 * max(seconds(3_000), 0.05)
    page = Page(experiment)
    page.patch(1, *(f"L{i % 3}.N{i // 3}" for i in range(12_000)))
    started = time.monotonic()
    page.say("cancel", 2)
    page.wait()
    assert time.monotonic() - started < 1
    assert page.kinds(1) == ["ack", "dropped"]


def test_joint_patches_of_one_component_write_what_each_of_them_says(
    experiment: Experiment,
) -> None:
    sites = [f"L1.N{i}" for i in range(12)]
    joint = experiment.patch(*sites, record_reach=True)
    run = experiment.model.run  # the recorded activation of the source, at these neurons
    assert callable(run)
    source = experiment.source["L1.neuron"]
    host = experiment.host["L1.neuron"].clone()
    host[..., :12] = source[..., :12]
    by_hand = experiment.patch(_tensor_patch("L1.neuron", host))
    assert np.allclose(joint.value, by_hand.value)


def _tensor_patch(site: str, tensor: torch.Tensor) -> Any:
    from patchwidgets.sites import Patch

    return Patch(site, tensor)
