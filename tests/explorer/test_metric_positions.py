"""The explorer of metrics at chosen positions."""

import pytest
import torch

import patchwidgets as pw
from patchwidgets.metrics import METRICS, Readout
from patchwidgets.models.model import Model
from tests.support.page import HEADS, MLP, Page
from tests.support.sweeps import one_pair
from tests.support.toy_models import make_model


@pytest.fixture(scope="module")
def llama() -> Model:
    return make_model("llama")


def test_an_explorer_of_such_a_metric(llama: Model) -> None:
    def mine(readout: Readout) -> torch.Tensor:
        return readout.logits[:, 8]

    experiment = one_pair(llama, ["kl@first", pw.At(mine, 3)])  # type: ignore[list-item]
    page = Page(experiment)
    page.say("hello", 1)
    metrics = {metric["name"]: metric["label"] for metric in page.last("scene")["metrics"]}
    assert set(metrics) == {"kl@first", "mine@3", *METRICS}
    assert metrics["kl@first"] == "kl@first"
    for number, name in enumerate(("kl@first", "mine@3"), 2):
        page.patch(number, "L0.resid_pre@2", metric=name)
        page.wait()
        expected = experiment.focused(name).patch("L0.resid_pre@2")[name]
        found = page.last("result")["readings"][name]
        assert found["value"] == pytest.approx(expected.value, abs=1e-4)
        assert found["share"] == pytest.approx(expected.share, abs=1e-4)
        page.sweep(10 + number, HEADS, MLP, metric=name)
        page.wait()
        assert page.kinds(10 + number)[-1] == "swept"
        effect = page.maps("mlp")[-1]["effect"][0]
        assert effect[2] == pytest.approx(experiment.patch("L0.mlp_out@2")[name].effect, abs=1e-3)
        assert (effect[4:] == 0).all()


def test_code_of_the_explorer_names_the_position(llama: Model) -> None:
    widget = one_pair(llama, ["kl@first"]).explore("L1.H2")
    assert "metric='kl@first'" in widget.to_code()
    assert widget.result is not None
    widget.close()
