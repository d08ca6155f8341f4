"""An explorer goes on from its file with the model; another model, and what no file holds, are said in words."""

import copy
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch

import patchwidgets as pw
from patchwidgets.errors import FileWarning, LensError, MetricError, ModelError, NoModelError
from patchwidgets.facade import Experiment
from patchwidgets.metrics import Metric, Readout
from patchwidgets.models.model import Model
from tests.files.conftest import Saved
from tests.support.saved_files import changed, dataset

STATE = ("selection", "direction", "metric", "source", "position", "pair", "field")
NUMBERS = ["sites", "direction", "metric", "effect", "recovery", "note"]


def other_weights(model: Model) -> Model:
    hf_model = copy.deepcopy(model.hf_model)
    with torch.no_grad():
        hf_model.lm_head.weight.mul_(1.5)
    return Model(hf_model, model.tokenizer, "tuned")


def test_a_live_explorer_is_as_it_was(saved: Saved) -> None:
    w = saved.objects["explorer"]
    again = pw.open(saved.folder / "explorer", saved.experiment.model)
    assert isinstance(again, pw.PatchExplorer)
    assert [getattr(again, name) for name in STATE] == [getattr(w, name) for name in STATE]
    assert again.result.value == w.result.value
    frames = [each.history.to_frame().drop(columns="seconds") for each in (again, w)]
    pd.testing.assert_frame_equal(*frames)
    listed = again._session._history.listed
    assert [each.pinned for each in listed] == [True, True, False, False]
    assert again.to_code() == w.to_code()
    assert again.experiment.task == w.experiment.task
    assert list(again.experiment.metrics) == list(w.experiment.metrics)
    again.source = "source"
    again.select("L0.H1", direction="denoise")
    assert again.result.value == saved.experiment.patch("L0.H1").value
    assert again.history[0].reach().along["z"].shape == (3, 4)  # computed when it is asked for
    again.close()


def test_saving_again_writes_the_same_file(saved: Saved, tmp_path: Path) -> None:
    again = pw.open(saved.folder / "explorer", saved.experiment.model)
    again.save(tmp_path / "again.json")
    one, other = (pw.open(path) for path in (saved.folder / "explorer", tmp_path / "again.json"))
    assert one.content.shown == other.content.shown
    pd.testing.assert_frame_equal(
        one.history.to_frame().drop(columns="seconds"),
        other.history.to_frame().drop(columns="seconds"),
    )
    again.close()


def test_edited_prompts_come_back(saved: Saved, tmp_path: Path) -> None:
    w = saved.experiment.explore("L0.H1")
    assert w.result is not None
    edit = {"pair": 1, "clean": "w5 w14 w15 w9 w26", "corrupted": "w5 w14 w41 w9 w26"}
    edit |= {"answer": " w7", "foil": " w9", "align": False}
    asked = {"patches": [{"site": "L1.H1"}], "direction": "denoise", "metric": "kl", "pair": 1}
    w._session.handle({"v": 1, "kind": "patch", "id": 4, "edits": [edit]} | asked)
    edited = w.result
    w.save(tmp_path / "s.json")
    saved_one = pw.open(tmp_path / "s.json")
    assert saved_one.task == dataset()
    assert [each.task.clean[1][:2] for each in saved_one.history] == ["w4", "w5"]
    assert saved_one.to_code() == w.to_code()
    again = pw.open(tmp_path / "s.json", saved.experiment.model)
    assert again.result.value == edited.value
    assert again.experiment.task == w.experiment.task
    assert [each.value for each in again.history] == [each.value for each in w.history]
    for each in (w, again):
        each.close()


def test_other_weights_are_refused_and_can_be_gone_on_with(saved: Saved) -> None:
    tuned = other_weights(saved.experiment.model)
    says = (
        r"explorer' is about 'toy' with the weights [0-9a-f]{12}…, and the model that was given, 'tuned', has the "
        r"weights [0-9a-f]{12}…\. Give the model that it is about, or pass other_weights=True: everything is patched"
    )
    with pytest.raises(pw.errors.WeightsChangedError, match=says):
        pw.open(saved.folder / "explorer", tuned)
    w = pw.open(saved.folder / "explorer", tuned, other_weights=True)
    fresh = Experiment(tuned, dataset(), ["logit_diff", "kl"])
    assert w.history[0].value == fresh.patch("L0.H1", "L1.H2@X").value
    assert w.history[1].value == pytest.approx(fresh.path("L0.H1", "L1.H1.q").value)
    assert [each.note for each in w.history] == ["two ✓", "", "", ""]
    w.close()
    for name in ("sweep", "edges", "result", "curve", "history"):
        with pytest.raises(pw.errors.WeightsChangedError, match="numbers stay those of the file"):
            pw.open(saved.folder / name, tuned)
        pw.open(saved.folder / name, tuned, other_weights=True)
        pw.open(saved.folder / name, saved.experiment.model)
    assert pw.open(saved.folder / "task", tuned) == dataset()
    assert pw.open(saved.folder / "circuit", tuned) == saved.objects["circuit"]
    assert pw.open(saved.folder / "mib", tuned) == saved.objects["mib"]
    with pytest.raises(LensError, match="Fit one on this model"):
        pw.open(saved.folder / "lens", tuned)
    assert pw.open(saved.folder / "lens", tuned, other_weights=True).sites == ("L0.resid_pre",)


def test_a_circuit_is_compared_where_it_was_saved_with_its_model(
    saved: Saved, tmp_path: Path
) -> None:
    pw.Circuit(["L0.H1"]).save(tmp_path / "c.json", saved.experiment.model)
    assert pw.open(tmp_path / "c.json", saved.experiment.model) == pw.Circuit(["L0.H1"])
    with pytest.raises(pw.errors.WeightsChangedError):
        pw.open(tmp_path / "c.json", other_weights(saved.experiment.model))


def test_a_file_without_a_fingerprint_and_another_dtype_are_warned_of(
    saved: Saved, tmp_path: Path, recwarn: pytest.WarningsRecorder
) -> None:
    def without(whole: dict[str, Any]) -> None:
        whole["patchwidgets"]["model"]["weights"] = ""

    (tmp_path / "c.json").write_bytes(changed((saved.folder / "curve").read_bytes(), without))
    model = saved.experiment.model
    pw.open(tmp_path / "c.json", model)
    half = copy.deepcopy(model.hf_model).bfloat16()
    pw.open(saved.folder / "curve", half, tokenizer=model.tokenizer)
    told = [each for each in recwarn if each.category is FileWarning]
    assert [each.filename for each in told] == [__file__] * 2
    without_mark, other = (str(each.message) for each in told)
    assert "c.json: the file has no fingerprint, so nothing says whether" in without_mark
    assert re.search(r"its numbers are of float32, and .* runs in bfloat16\.", other)


def test_what_is_no_model(saved: Saved) -> None:
    path, model = saved.folder / "explorer", saved.experiment.model
    with pytest.raises(
        ModelError, match=r"^Expected a model, as in pw.open\(path, pw.load\(\)\); got a str"
    ):
        pw.open(path, "toy")
    with pytest.raises(ModelError, match=r"has no tokenizer; pass it, as in pw.open\(path, hf_mo"):
        pw.open(path, model.hf_model)
    w = pw.open(path, model.hf_model, tokenizer=model.tokenizer)
    assert w.selection == ["embed"]
    w.close()


def test_without_a_model_it_can_be_read(saved: Saved) -> None:
    w, again = saved.objects["explorer"], pw.open(saved.folder / "explorer")
    assert repr(again) == (
        "SavedExplorer('toy', embed, noise, logit_diff; 4 patches in the history)"
    )
    assert [getattr(again, name) for name in STATE] == [getattr(w, name) for name in STATE]
    assert again.task == w.experiment.task
    assert again.metrics == list(w._session.experiment.metrics)
    assert again.circuit == w.circuit
    assert again.stamp.name == "toy"
    assert not hasattr(again, "experiment")
    with pytest.raises(NoModelError, match=r"^select needs the model, and this explorer was read"):
        again.select("L0.H1")
    with pytest.raises(AttributeError, match="'SavedExplorer' object has no attribute 'selct'"):
        again.selct  # noqa: B018


def entropy(readout: Readout) -> torch.Tensor:
    logprobs = readout.logits.log_softmax(-1)
    return -(logprobs.exp() * logprobs).sum(-1)


def test_functions_of_the_user_are_asked_for(toy: Model, tmp_path: Path) -> None:
    own = Metric("own", entropy, "my entropy", "nats", median=True, needs_answer=False)
    experiment = Experiment(toy, dataset(), [pw.At(entropy, "X"), own, "kl@-2"])
    w = experiment.explore("L0.H1")
    w.save(tmp_path / "s.json")
    path = tmp_path / "s.json"
    saved = pw.open(path)
    assert saved.history.to_frame()["own"].tolist() == w.history.to_frame()["own"].tolist()
    assert saved.history[0]["own"].metric.unit == "nats"
    for given in (None, {"own": entropy}):
        with pytest.raises(MetricError) as raised:
            pw.open(path, toy, metrics=given)
        assert str(raised.value).startswith("The explorer measures entropy@X")
        assert f"metrics={{'entropy@X': function{'' if given else ', '}" in str(raised.value)
    again = pw.open(path, toy, metrics={"entropy": entropy, "own": own})
    assert again.result["own"].value == w.result["own"].value
    assert again.metric == "entropy@X"
    assert again.result.value == w.result.value
    assert again.experiment.metrics["own"].label == "my entropy"
    missing = saved.history[0]["own"].metric.function
    with pytest.raises(MetricError, match=r"'own' is not in the file.*metrics=\{'own': function\}"):
        missing(None)
    for each in (w, again):
        each.close()


def test_a_field_that_the_model_lacks_is_refused(saved: Saved, tmp_path: Path) -> None:
    def far(whole: dict[str, Any]) -> None:
        whole["shown"] |= {"field": "L9.H1.q", "patches": [{"site": "L9.H1", "source": "source"}]}

    (tmp_path / "s.json").write_bytes(changed((saved.folder / "explorer").read_bytes(), far))
    assert pw.open(tmp_path / "s.json").selection == ["L9.H1"]
    with pytest.raises(pw.errors.SiteError, match="layer 9 is out of range"):
        pw.open(tmp_path / "s.json", saved.experiment.model)
