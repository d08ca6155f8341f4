"""Circuit mode: what a page is told of a selection that is kept alone is what the experiment says."""

import json
from typing import Any

import pytest

import patchwidgets as pw
from patchwidgets.explorer.circuit import N_RANDOM
from patchwidgets.explorer.widget import PatchExplorer
from patchwidgets.facade import Experiment
from tests.support.page import Page

SITES = ["L0.H1", "L1.H2@-1", "L1.mlp_out"]
VIEW = {"direction": "denoise", "metric": "logit_diff"}


def patches(*sites: str) -> list[dict[str, str]]:
    return [{"site": site} for site in sites]


@pytest.mark.parametrize("source", ["source", {"kind": "zero"}, {"kind": "mean", "per": None}])
def test_a_selection_is_kept_alone(page: Page, experiment: Experiment, source: Any) -> None:
    page.say("circuit", 5, patches=patches(*SITES), source=source, **VIEW)
    page.wait()
    assert page.kinds(5) == ["ack", "circuit"]
    ablation = "corrupted" if source == "source" else pw.sources.from_json(json.dumps(source))
    expected = experiment.evaluate(pw.Circuit(SITES), ablation)
    told = page.last("circuit")
    assert told["faithfulness"] == expected.faithfulness
    assert (told["value"], told["completeness"]) == (expected.value, expected.completeness)
    assert set(told["sites"]) == set(SITES)
    assert told["random"]["n"] == N_RANDOM
    assert told["random"]["low"] <= told["random"]["high"]
    scope: dict[str, Any] = {"model": experiment.model}
    exec(told["code"], scope)
    assert scope["r"].faithfulness == expected.faithfulness
    assert scope["circuit"] == pw.Circuit(SITES)


def test_random_circuits_are_like_the_selection(page: Page, experiment: Experiment) -> None:
    heads = [str(site) for site in experiment.model.sites("z")]
    page.say("circuit", 5, patches=patches(*heads), **VIEW)
    page.wait()
    told = page.last("circuit")
    # As many heads as there are: every random circuit is the same.
    assert told["random"]["low"] == pytest.approx(told["faithfulness"], abs=1e-5)
    assert told["random"]["high"] == pytest.approx(told["faithfulness"], abs=1e-5)


def test_an_edge_is_a_circuit_without_random_ones(page: Page, experiment: Experiment) -> None:
    page.say("circuit", 5, patches=patches("L0.H1->L1.H2.q"), **VIEW)
    page.wait()
    told = page.last("circuit")
    expected = experiment.evaluate(pw.Circuit(["L0.H1->L1.H2.q"]))
    assert told["faithfulness"] == expected.faithfulness
    assert told["random"] == {"n": 0, "low": None, "high": None}


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"patches": []}, "ProtocolError"),
        ({"patches": patches("L1.resid_pre")}, "SiteError"),
        ({"patches": patches("L9.H2")}, "SiteError"),
        ({"patches": patches("L1.H2"), "source": {"kind": "at", "pos": 1}}, "PatchError"),
        ({"patches": patches("L1.H2"), "metric": "loss"}, "MetricError"),
    ],
)
def test_what_is_no_circuit_is_refused(page: Page, fields: dict[str, Any], code: str) -> None:
    page.say("circuit", 5, **(VIEW | fields))
    assert page.kinds(5) == ["error"]
    assert page.last("error")["code"] == code


def test_the_curve_over_heads(page: Page, experiment: Experiment) -> None:
    page.say("curve", 5, **VIEW)
    page.wait()
    assert page.kinds(5) == ["ack", "curve"]
    told = page.last("curve")
    scores = experiment.sweep("z", progress=False)
    total = scores.effect.size
    assert (told["total"], told["n"][0], told["n"][-1]) == (total, 1, total)
    expected = experiment.faithfulness_curve(
        scores, [n / total + 1e-9 for n in told["n"][:-1]] + [1.0], n_random=10, progress=False
    )
    assert told["faithfulness"] == pytest.approx(list(expected.faithfulness), abs=1e-5)
    assert told["n"] == expected.n_kept
    assert len(told["low"]) == len(told["high"]) == len(told["n"])


def test_the_selection_is_a_circuit_in_python(experiment: Experiment) -> None:
    w = PatchExplorer(experiment, ["L0.H1", "L1.mlp_out@-1"])
    assert w.circuit == pw.Circuit(["L0.H1", "L1.mlp_out@-1"])
    w.close()
