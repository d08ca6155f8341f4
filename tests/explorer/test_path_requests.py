"""Paths where sites stand: in requests, in the selection, in the history, as code; and the neurons of a layer."""

from typing import Any

import numpy as np
import pytest

from patchwidgets.errors import SiteError
from patchwidgets.explorer.widget import PatchExplorer
from patchwidgets.facade import Experiment
from patchwidgets.methods.paths.api import PathResult
from tests.support.page import Page, arrays_of

PATH = "L0.H1->L2.H3.q"


@pytest.mark.parametrize("written", [PATH, " L0.H1 -> L2.H3.q ", "L0.H1→L2.H3.q"])
def test_a_path_is_answered_like_a_patch(page: Page, experiment: Experiment, written: str) -> None:
    page.patch(5, written)
    page.wait()
    assert page.kinds(5) == ["ack", "result", "singles"]
    result, known = page.last("result"), experiment.path("L0.H1", "L2.H3.q")
    assert result["patches"] == [{"site": PATH, "source": "source"}]
    assert result["readings"]["logit_diff"]["effect"] == pytest.approx(known.effect, abs=1e-6)
    assert result["readings"]["logit_diff"]["value"] == pytest.approx(known.value, abs=1e-6)
    assert set(result["readings"]) == set(page.session.experiment.metrics)
    buffers = next(buffers for event, buffers in page.events if event["kind"] == "result")
    reach = arrays_of(result, buffers)
    before = reach["z.size"][:2].ravel()
    assert np.isnan(before[1]), "the sender, whose change only the receiver sees"
    assert (np.delete(before, 1) == 0).all()
    assert reach["z.size"][2, 3] > 0
    singles = page.last("singles")["singles"]
    assert [each["site"] for each in singles] == ["L0.H1", "L2.H3"]
    effects = [each["readings"]["logit_diff"]["effect"] for each in singles]
    alone = [experiment.patch(s).effect for s in ("L0.H1", "L2.H3")]
    assert effects == pytest.approx(alone, abs=1e-5)


@pytest.mark.parametrize(
    ("path", "ends"),
    [
        ("L0.H1->logits", ["L0.H1"]),
        ("L0.mlp_out@2->L2.KV1.k", ["L0.mlp_out@2", "L2.KV1.k"]),
        ("L0.H1->L1.mlp_in->L2.H3.q", ["L0.H1", "L2.H3"]),
        ("L0.H1->L1.mlp_in", ["L0.H1", "L1.mlp_out"]),
    ],
)
def test_the_ends_of_a_path_follow(page: Page, path: str, ends: list[str]) -> None:
    page.patch(5, path, direction="noise")
    page.wait()
    assert [each["site"] for each in page.last("singles")["singles"]] == ends


@pytest.mark.parametrize(
    ("sites", "code", "says"),
    [
        (["L0.H1->L2.H3.k"], "RefusedError", "Use L2.KV1.k"),
        (["L2.H1->L0.H3.q"], "SiteError", "reads the residual stream before"),
        (["L0.resid_pre->L2.H3.q"], "SiteError", "sends nothing"),
        (["L0.H1->L2.H3"], "SiteError", "receives nothing"),
        (["L0.H1->"], "SiteError", "is not a site"),
        ([PATH, "L0.H1"], "PatchError", "a path is followed alone"),
        (["L0.H1", PATH], "PatchError", "a path is followed alone"),
        (["L0.H1@9->logits"], "SiteError", "out of range"),
    ],
)
def test_a_path_that_is_none_is_answered_by_what_is_wrong(
    page: Page, sites: list[str], code: str, says: str
) -> None:
    page.patch(5, *sites)
    page.wait()
    assert page.kinds(5) == ["error"]
    assert page.last("error")["code"] == code
    assert says in page.last("error")["message"]


def test_only_the_source_goes_along_a_path(page: Page) -> None:
    patches = [{"site": PATH, "source": "host"}]
    page.say("patch", 5, patches=patches, direction="denoise", metric="kl")
    assert page.last("error")["code"] == "PatchError"


def test_history_and_code_hold_paths(page: Page, experiment: Experiment) -> None:
    page.patch(1, "L0.H1")
    page.patch(2, PATH)
    page.wait()
    page.patch(3, "L1.H0")
    page.wait()
    path = page.session.history[-2]
    assert isinstance(path, PathResult)
    assert str(path.path) == PATH
    assert path.effect == page.session.experiment.path(PATH).effect
    page.say("code", 4, patches=[{"site": PATH}], direction="denoise", metric="logit_diff")
    assert "r = exp.path('L0.H1', 'L2.H3.q')\n" in page.last("code")["code"]
    names: dict[str, Any] = {"model": experiment.model}
    exec(page.last("code")["code"], names)
    assert names["r"].effect == pytest.approx(path.effect, abs=1e-6)


def test_a_second_view_gets_the_last_path(page: Page) -> None:
    page.patch(5, PATH)
    page.wait()
    page.say("hello", 9)
    assert page.kinds(9) == ["ack", "scene", "history", "result"]
    assert page.last("result")["patches"][0]["site"] == PATH


def test_the_selection_of_the_widget_can_be_a_path(experiment: Experiment) -> None:
    w = PatchExplorer(experiment, ["L0.H1 -> L2.H3.q"])
    assert w.selection == [PATH]
    assert w.result is not None
    assert w.result.effect == w.experiment.path(PATH).effect
    assert "exp.path" in w.to_code()
    assert "image/png" in (w._repr_mimebundle_() or ({}, {}))[0]
    w.selection = ["L0.H1"]
    assert w.result.effect == pytest.approx(experiment.patch("L0.H1").effect, abs=1e-5)
    assert [type(each).__name__ for each in w.history] == ["PathResult", "PatchResult"]
    w.close()


@pytest.mark.parametrize("layer", [None, 1])
def test_the_neurons_of_the_largest_effect(
    page: Page, experiment: Experiment, layer: int | None
) -> None:
    page.say("neurons", 1, layer=layer, top=5, direction="denoise", metric="logit_diff")
    page.wait()
    assert page.kinds(1) == ["ack", "neurons"]
    message = page.last("neurons")
    d_mlp = experiment.model.d_mlp
    assert (message["layer"], message["of"]) == (layer, d_mlp * (3 if layer is None else 1))
    neurons = message["neurons"]
    assert len(neurons) == 5
    assert layer is None or all(each["site"].startswith("L1.N") for each in neurons)
    effects = [each["effect"] for each in neurons]
    assert effects == sorted(effects, key=lambda effect: -np.abs(effect))
    known = experiment.patch(neurons[0]["site"])
    assert effects[0] == pytest.approx(known.effect, abs=1e-5)
    assert neurons[0]["share"] == pytest.approx(known.share, abs=1e-5)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"top": 0}, "ProtocolError"),
        ({"top": "5"}, "ProtocolError"),
        ({"layer": "1"}, "ProtocolError"),
        ({"layer": 9}, "SiteError"),
        ({"metric": "loss"}, "MetricError"),
        ({"metric": "rank"}, "MetricError"),
    ],
)
def test_bad_questions_for_neurons(page: Page, fields: dict[str, Any], code: str) -> None:
    asked = {"layer": 1, "top": 5, "direction": "denoise", "metric": "logit_diff"} | fields
    page.say("neurons", 1, **asked)
    page.wait()
    assert page.kinds(1)[-1] == "error"
    assert page.last("error")["code"] == code


def test_the_field_of_the_widget_is_checked_and_follows_the_maps(experiment: Experiment) -> None:
    w = PatchExplorer(experiment)
    assert w.field == "total"
    w.field = "L2.H3.q"
    for wrong in ("L2.H3.k", "L9.H0.q", "somewhere"):
        with pytest.raises(SiteError):
            w.field = wrong
    assert w.field == "L2.H3.q"
    maps = [{"name": "heads", "component": "z", "over": ["layer", "head"]}]
    view = {"direction": "denoise", "metric": "logit_diff"}
    ask = {"v": 1, "kind": "sweep", "id": 1, "maps": maps, "field": "direct"} | view
    w._receive(w, ask, [])
    assert w.field == "direct"
    w.close()


@pytest.mark.parametrize("source", [{"kind": "zero"}, "host", "corrupted"])
def test_a_path_carries_the_other_run_alone(page: Page, source: Any) -> None:
    patches = [{"site": PATH}]
    page.say("patch", 5, patches=patches, source=source, direction="denoise", metric="kl")
    assert page.kinds(5) == ["error"]
    assert "A path carries what the other run has there" in page.last("error")["message"]
    page.say("patch", 6, patches=patches, source="clean", direction="denoise", metric="kl")
    page.wait()
    assert page.kinds(6) == ["ack", "result", "singles"]
