"""What the page asks about a head and about the stream: the numbers of the public functions, to the last digit."""

import functools
from typing import Any

import numpy as np
import pytest

from patchwidgets.directions import Direction
from patchwidgets.facade import Experiment
from patchwidgets.models.model import Model
from patchwidgets.sites import Patch
from patchwidgets.sources import cut
from patchwidgets.tasks import Task
from tests.models.test_written import NORM_AFTER
from tests.support.families import VOCABULARY, random_model
from tests.support.page import HEADS, LONG, Gate, Page, arrays_of
from tests.support.toy_models import make_model
from tests.support.toy_tokenizer import toy_tokenizer
from tests.support.unequal_prompts import unequal_task

ASKED: dict[str, Any] = {"head": "L2.H1", "position": 4}
DEEP: list[Any] = functools.reduce(lambda inner, _: [inner], range(5000), [])
"""Lists in lists, deeper than Python can print."""
NOTHING: dict[str, Any] = {"patches": [], "direction": "denoise", "metric": "logit_diff"}
MLP = NOTHING | {"patches": [{"site": "L0.mlp_out@2", "source": "source"}]}
CUT = NOTHING | {"patches": [{"site": "L2.H1.pattern@-1", "source": {"kind": "cut", "keys": [2]}}]}


def ask(page: Page, kind: str, **fields: Any) -> dict[str, Any]:
    """Ask, wait, and return the answer."""
    page.say(kind, 7, **fields)
    page.wait()
    assert page.kinds(7)[-2:] == ["ack", kind], page.events[-1]
    return page.last(kind)


def attention(page: Page) -> dict[str, np.ndarray]:
    """The patterns in the newest answer about a head."""
    return arrays_of(*[each for each in page.events if each[0]["kind"] == "head"][-1])


@pytest.mark.parametrize("direction", ["denoise", "noise"])
@pytest.mark.parametrize("whole", [True, False])
def test_attention_is_that_of_the_public_pattern(
    page: Page, experiment: Experiment, direction: Direction, whole: bool
) -> None:
    asked = ASKED | MLP | {"direction": direction, "whole": whole}
    answer = ask(page, "head", **asked)
    assert answer["attention"] == {"whole": whole, "reason": None}
    assert answer["patches"] == MLP["patches"]
    pattern = experiment.turned(direction).patch("L0.mlp_out@2").pattern("L2.H1")
    for run, rows in attention(page).items():
        expected = pattern.sel(run=run).values
        np.testing.assert_array_equal(rows, expected if whole else expected[[4]])


def test_written_tokens_are_those_of_the_public_function(
    page: Page, experiment: Experiment
) -> None:
    answer = ask(page, "head", **ASKED | MLP | {"position": 3})
    for run, written in experiment.patch("L0.mlp_out@2").written("L2.H1", 3).items():
        for end in ("up", "down"):
            told = answer["written"]["runs"][run][end]
            assert told == [
                {"token": each.token, "logit": each.logit} for each in getattr(written, end)
            ]


def test_without_a_patch_the_patched_run_is_the_host(page: Page) -> None:
    answer = ask(page, "head", **ASKED | NOTHING)
    arrays, runs = attention(page), answer["written"]["runs"]
    np.testing.assert_array_equal(arrays["patched"], arrays["corrupted"])
    assert runs["patched"] == runs["corrupted"]
    assert not np.array_equal(arrays["clean"], arrays["corrupted"])


@pytest.mark.parametrize("metric", ["logit_diff", "kl"])
@pytest.mark.parametrize("direction", ["denoise", "noise"])
def test_senders_are_those_of_the_public_path_sweep(
    page: Page, experiment: Experiment, direction: Direction, metric: str
) -> None:
    answer = ask(page, "senders", head="L2.H1", direction=direction, metric=metric)
    exp = experiment.turned(direction).measuring(metric)
    names = [each["name"] for each in answer["receivers"]]
    assert names == ["L2.H1.q", "L2.KV0.k", "L2.KV0.v"]
    effect = exp.sweep_paths(names, progress=False).to_xarray()["effect"]
    for receiver in answer["receivers"]:
        into = effect.sel(edge=effect["receiver"] == receiver["name"]).values.ravel()
        assert receiver["n"] == len(into) == 11
        strongest = sorted(into, key=abs, reverse=True)[:5]
        assert [each["effect"] for each in receiver["senders"]] == strongest
        for each in receiver["senders"]:
            alone = exp.path(each["site"], receiver["name"]).effect
            assert each["effect"] == pytest.approx(alone, abs=1e-5)
    assert answer["direct"]["effect"] == exp.path("L2.H1", "logits").effect
    assert answer["total"]["effect"] == exp.patch("L2.H1").effect
    assert answer["total"]["share"] == exp.patch("L2.H1").share


def test_heads_that_share_no_keys_have_their_own_names() -> None:
    page = Page(Experiment(make_model("gpt2"), unequal_task()))
    answer = ask(page, "senders", head="L1.H1", direction="denoise", metric="logit_diff")
    assert [each["name"] for each in answer["receivers"]] == ["L1.H1.q", "L1.H1.k", "L1.H1.v"]


def test_the_first_layer_is_fed_by_the_embedding(page: Page) -> None:
    answer = ask(page, "senders", head="L0.H1", direction="denoise", metric="logit_diff")
    for receiver in answer["receivers"]:
        assert [each["site"] for each in receiver["senders"]] == ["embed"]


@pytest.mark.parametrize("direction", ["denoise", "noise"])
def test_a_lens_reads_what_the_public_lens_reads(
    page: Page, experiment: Experiment, direction: Direction
) -> None:
    answer = ask(page, "lens", **MLP | {"direction": direction, "position": 3})
    assert (answer["method"], answer["methods"], answer["reason"]) == ("logit", ["logit"], None)
    lens = experiment.turned(direction).patch("L0.mlp_out@2").lens(pos=3, k=3)
    numbers = lens.to_xarray().isel(pair=0, pos=0)
    for run, layers in answer["runs"].items():
        assert len(layers) == experiment.model.n_layers
        for layer, told in enumerate(layers):
            tops = lens.top_tokens(layer, run=run)
            assert [(t["token"], t["prob"]) for t in told["top"]] == [
                (top.token, top.prob) for top in tops
            ]
            at = numbers.sel(run=run, layer=layer)
            assert told["answer"] == {
                "prob": float(at["answer_prob"]),
                "rank": int(at["answer_rank"]),
            }


def test_a_lens_that_was_not_fitted_says_how_to_fit_it(page: Page) -> None:
    page.say("lens", 7, **NOTHING, position=4, method="jacobian")
    page.wait()
    assert page.kinds(7) == ["ack", "error"]
    assert "No Jacobian lens was fitted yet" in page.last("error")["message"]


def test_unequal_prompts_have_rows_of_their_own() -> None:
    exp = Experiment(make_model("gpt2"), unequal_task())
    page, pair = Page(exp), exp.pairs[0]
    last = len(pair.clean) - 1
    ask(page, "head", **NOTHING, head="L1.H1", position=last)
    arrays = attention(page)
    assert arrays["clean"].shape == (1, len(pair.clean))
    assert arrays["corrupted"].shape == arrays["patched"].shape == (1, len(pair.corrupted))
    pattern = exp.patch().pattern("L1.H1")
    expected = pattern.sel(run="corrupted").isel(query=pair.counterparts[last]).values
    np.testing.assert_array_equal(arrays["corrupted"][0], expected[: len(pair.corrupted)])
    [alone] = [i for i in range(len(pair.clean)) if i not in pair.counterparts][:1]
    answer = ask(page, "head", **NOTHING, head="L1.H1", position=alone)
    assert list(attention(page)) == ["clean"]
    assert "no counterpart" in answer["written"]["reason"]


def test_what_a_model_cannot_say_is_left_out_with_the_reason() -> None:
    model = Model(random_model(NORM_AFTER[0]), toy_tokenizer(VOCABULARY), "toy")
    task = Task("w3 w14 w15 w9 w26", "w3 w14 w42 w9 w26", " w8", " w9")
    page = Page(Experiment(model, task))
    answer = ask(page, "head", **ASKED | NOTHING)
    assert answer["written"]["runs"] == {}
    assert "cannot be told from what other heads write" in answer["written"]["reason"]
    assert answer["attention"]["reason"] is None


@pytest.mark.parametrize("direction", ["denoise", "noise"])
def test_an_edge_is_cut_like_any_patch(
    page: Page, experiment: Experiment, direction: Direction
) -> None:
    page.say("patch", 3, **CUT | {"direction": direction})
    page.wait()
    assert page.kinds(3) == ["ack", "result"]
    exp = experiment.turned(direction)
    expected = exp.patch(Patch("L2.H1.pattern@-1", cut(2)))
    reading = page.last("result")["readings"]["logit_diff"]
    assert (reading["value"], reading["effect"]) == (expected.value, expected.effect)
    assert page.last("result")["patches"] == CUT["patches"]
    page.say("code", 4, **CUT | {"direction": direction})
    patch = "pw.Patch('L2.H1.pattern@-1', source=pw.sources.cut(2))"
    assert f"r = exp.patch({patch})" in page.last("code")["code"]
    answer = ask(page, "head", **ASKED | CUT | {"direction": direction})
    assert answer["patches"] == CUT["patches"]
    rows = attention(page)
    assert rows["patched"][0, 2] == 0
    assert rows["patched"].sum() == pytest.approx(1)


def test_a_cut_edge_moves_no_position_and_is_not_moved(experiment: Experiment) -> None:
    w = experiment.explore("L2.H1")
    w._receive(w, {"v": 1, "kind": "patch", "id": 5} | CUT, [])
    cut_alone = w.result
    assert (w.position, w.selection) == ("all", ["L2.H1.pattern@-1"])
    w.position = 3
    assert (w.position, w.selection) == (3, ["L2.H1.pattern@-1"])
    assert w.result is cut_alone
    w.close()


def test_the_second_time_nothing_is_computed(page: Page, experiment: Experiment) -> None:
    asked = {
        "head": ASKED | MLP,
        "senders": {"head": "L2.H1", "direction": "noise", "metric": "kl"},
        "lens": MLP | {"position": 2},
    }
    first = {kind: ask(page, kind, **fields) for kind, fields in asked.items()}
    gate = Gate(experiment)
    for kind, fields in asked.items():
        again = ask(page, kind, **fields)
        assert again is not first[kind]
        assert {**again, "id": 0} == {**first[kind], "id": 0}
    assert not gate.reached.is_set()
    gate.open()


def test_a_click_comes_before_senders_and_maps_after_them(
    page: Page, experiment: Experiment
) -> None:
    gate = Gate(experiment)
    page.sweep(1, HEADS)
    assert gate.reached.wait(LONG)
    page.say("senders", 2, head="L2.H1", direction="denoise", metric="prob_diff")
    page.patch(3, "L0.H0")
    gate.open()
    page.wait()
    finals = [e["kind"] for e, _ in page.events if e["kind"] in ("result", "senders", "swept")]
    assert finals == ["result", "senders", "swept"]


@pytest.mark.parametrize(
    ("kind", "fields", "code"),
    [
        ("head", {"head": "L2.mlp_out"}, "ProtocolError"),
        ("head", {"head": "L2.H1@3"}, "ProtocolError"),
        ("head", {"head": "L2.H9"}, "SiteError"),
        ("head", {"head": None}, "SiteError"),
        ("head", {"position": 5}, "SiteError"),
        ("head", {"position": "X"}, "ProtocolError"),
        ("head", {"position": True}, "ProtocolError"),
        ("head", {"whole": 1}, "ProtocolError"),
        ("senders", {"metric": "mine"}, "MetricError"),
        ("lens", {"method": "tuned"}, "ProtocolError"),
        ("lens", {"method": None}, "ProtocolError"),
        ("lens", {"position": -6}, "SiteError"),
    ],
)
def test_what_is_wrong_with_a_question_is_said(
    page: Page, kind: str, fields: dict[str, Any], code: str
) -> None:
    page.say(kind, 7, **NOTHING | ASKED | fields)
    page.wait()
    assert page.kinds(7) == ["error"]
    assert page.last("error")["code"] == code


@pytest.mark.parametrize(
    ("site", "source", "code"),
    [
        ("L2.H1.pattern@-1", {"kind": "cut", "keys": []}, "ProtocolError"),
        ("L2.H1.pattern@-1", {"kind": "cut", "keys": 2}, "ProtocolError"),
        ("L2.H1.pattern@-1", {"kind": "cut", "keys": [2.5]}, "PatchError"),
        ("L2.H1.pattern@-1", {"kind": "cut", "keys": [0] * 1001}, "ProtocolError"),
        ("L2.H1.pattern@-1", {"kind": "cut", "keys": [0], "much": 1}, "PatchError"),
        ("L2.H1.pattern@-1", {"kind": "noise", "n": 10**9}, "ProtocolError"),
        ("L2.H1", {"kind": "cut", "keys": [2]}, "PatchError"),
        ("L2.H1", {}, "ProtocolError"),
        ("L2.H1", ["clean"], "ProtocolError"),
        ("L2.H1", {"kind": "zero", "deep": DEEP}, "ProtocolError"),
    ],
)
def test_what_is_wrong_with_a_source_is_said(page: Page, site: str, source: Any, code: str) -> None:
    page.say("patch", 7, **NOTHING | {"patches": [{"site": site, "source": source}]})
    page.wait()
    assert page.kinds(7) == ["error"]
    assert page.last("error")["code"] == code
