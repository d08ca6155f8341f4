"""What a page may put into a host: the numbers are those of `Experiment.patch` and `sweep` with the same source."""

from typing import Any

import numpy as np
import pytest

import patchwidgets as pw
from patchwidgets.errors import PatchError, ProtocolError, SiteError
from patchwidgets.explorer.sources import AnotherPosition, checked_choice, checked_source, offered
from patchwidgets.explorer.widget import PatchExplorer
from patchwidgets.facade import Experiment
from patchwidgets.models.model import Model
from patchwidgets.sites import Patch, Site
from patchwidgets.tasks import Task
from tests.support.families import VOCABULARY, random_model
from tests.support.page import HEADS, MLP, Page
from tests.support.toy_tokenizer import toy_tokenizer

S = pw.sources
ZERO, STEER = {"kind": "zero"}, {"kind": "steer", "vector": "clean - corrupted", "alpha": 0.5}
PAIRS = Task(
    ["w3 w14 w15 w9", "w5 w14 w15 w2", "w6 w1 w15 w9"],
    ["w3 w14 w42 w9", "w5 w14 w43 w2", "w6 w1 w44 w9"],
    " w8",
    " w9",
)


@pytest.fixture(scope="module")
def dataset(experiment: Experiment) -> Experiment:
    return Experiment(
        Model(random_model("llama"), toy_tokenizer(VOCABULARY), "toy"), PAIRS, direction="noise"
    )


@pytest.mark.parametrize("direction", ["denoise", "noise"])
@pytest.mark.parametrize(
    "source",
    [
        ZERO,
        {"kind": "mean", "per": None},
        STEER,
        {"kind": "at", "site": "L1.H2@1"},
        {"kind": "at", "site": "L1.H2@X", "run": "host"},
    ],
    ids=str,
)
def test_a_click_gives_the_numbers_of_patch(
    page: Page, experiment: Experiment, source: dict[str, Any], direction: Any
) -> None:
    patches = [{"site": "L1.H2", "source": source}]
    page.patch(4, patches=patches, direction=direction)
    page.wait()
    expected = experiment.turned(direction).patch(Patch("L1.H2", checked_source(source)))
    told = page.last("result")
    assert told["patches"] == patches
    assert told["readings"]["logit_diff"]["effect"] == expected.effect != 0


def test_what_is_chosen_stands_for_patches_that_name_no_source(
    page: Page, experiment: Experiment
) -> None:
    elsewhere = {"kind": "at", "pos": 1}
    page.patch(4, patches=[{"site": "L1.H2@2"}], source=elsewhere)
    page.wait()
    told = page.last("result")
    assert told["source"] == elsewhere
    assert told["patches"] == [{"site": "L1.H2@2", "source": {"kind": "at", "site": "L1.H2@1"}}]
    expected = experiment.patch(Patch("L1.H2@2", S.at("L1.H2@1")))
    told_effect = told["readings"]["logit_diff"]["effect"]
    assert told_effect == pytest.approx(expected.effect, abs=1e-6)
    assert "source=pw.sources.at('L1.H2@1')" in page.session.code_of(page.session.latest)


@pytest.mark.parametrize("source", [ZERO, STEER, {"kind": "at", "pos": 1}], ids=str)
def test_maps_with_another_source_equal_the_sweep_and_the_click(
    page: Page, experiment: Experiment, source: dict[str, Any]
) -> None:
    page.sweep(4, HEADS, MLP, direction="noise", source=source)
    page.wait()
    noising, chosen = experiment.turned("noise"), checked_choice(source)

    def make(site: Site) -> Patch:
        if isinstance(chosen, AnotherPosition):
            return Patch(site, S.at(site.at(1)))
        return Patch(site, chosen)

    expected = noising.sweep("z", make=make, progress=False).effect.values
    assert np.allclose(page.maps("heads")[-1]["effect"], expected, rtol=1e-6, atol=1e-6)
    page.patch(5, patches=[{"site": "L1.H2"}], source=source, direction="noise")
    page.wait()
    click = page.last("result")["readings"]["logit_diff"]["effect"]
    assert click == pytest.approx(expected[1, 2], abs=1e-5)
    assert page.session.latest.direction == "noise"
    page.sweep(6, HEADS, direction="noise")
    page.wait()
    assert not np.allclose(page.maps("heads")[-1]["effect"], expected, atol=1e-4)


def test_steering_by_the_difference_is_exactly_nothing_before_it(experiment: Experiment) -> None:
    steered = experiment.sweep(
        "resid_pre", make=lambda site: Patch(site, S.steer("clean - corrupted")), progress=False
    )
    plain = experiment.sweep("resid_pre", progress=False)
    assert (steered.effect.values[:, :2] == 0).all()
    assert np.allclose(steered.effect.values, plain.effect.values, atol=1e-5)


def test_steering_goes_both_ways(experiment: Experiment) -> None:
    site = "L1.resid_post@2"
    back = experiment.flip().patch(Patch(site, S.steer("clean - corrupted", alpha=-1.0)))
    assert back.effect == pytest.approx(experiment.flip().patch(site).effect, abs=1e-5)
    doses = experiment.dose_curve(site, "clean - corrupted", [0, 0.5, 1], progress=False)
    half = experiment.patch(Patch(site, S.steer("clean - corrupted", alpha=0.5)))
    assert doses.effect.values[1] == pytest.approx(half.effect, abs=1e-5)


def test_draws_show_their_spread(dataset: Experiment) -> None:
    page = Page(dataset)
    source = {"kind": "resample", "n": 3, "seed": 0}
    page.patch(4, patches=[{"site": "L1.H2"}], source=source, direction="noise")
    page.wait()
    reading = page.last("result")["readings"]["logit_diff"]
    expected = dataset.patch(Patch("L1.H2", S.resample(n=3, seed=0)))
    assert (reading["draws"], reading["spread"]) == (3, expected.spread)
    page.patch(5, "L1.H2")
    page.wait()
    reading = page.last("result")["readings"]["logit_diff"]
    assert (reading["draws"], reading["spread"]) == (1, None)


def test_a_page_is_offered_what_fits_the_prompts(
    experiment: Experiment, dataset: Experiment
) -> None:
    of_one = {each["source"]["kind"]: each for each in offered(experiment)}
    assert list(of_one) == ["zero", "mean", "resample", "noise", "steer", "at"]
    assert of_one["mean"]["source"] == {"kind": "mean", "per": None}
    assert "no other prompts" in of_one["resample"]["reason"]
    assert of_one["at"]["source"] == {"kind": "at", "pos": 2}
    of_several = {each["source"]["kind"]: each for each in offered(dataset)}
    assert of_several["mean"]["source"] == {"kind": "mean"}
    assert all(each["reason"] is None for each in of_several.values())
    for each in [*of_one.values(), *of_several.values()]:
        checked_choice(each["source"])


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("nowhere", ProtocolError),
        (None, ProtocolError),
        ({"kind": "zero", "n": 1}, PatchError),
        ({"kind": "resample", "n": 101, "seed": 0}, ProtocolError),
        ({"kind": "cut", "keys": []}, ProtocolError),
        ({"kind": "at", "pos": "3:7"}, PatchError),
        ({"kind": "at", "pos": True}, PatchError),
        ({"kind": "at", "pos": 3, "run": "mine"}, PatchError),
        ({"kind": "at", "site": "L1"}, SiteError),
        ({"kind": "steer", "vector": [1.0]}, PatchError),
        ({"kind": "mean", "of": "x" * 200_000}, ProtocolError),
    ],
)
def test_what_is_no_source_is_refused(source: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        checked_choice(source)


@pytest.mark.parametrize(
    ("site", "source", "says"),
    [
        ("L1.H2", {"kind": "noise", "n": 2, "seed": 0}, "goes onto the input embedding"),
        ("L1.H2", {"kind": "cut", "keys": [1]}, "goes into a pattern"),
        ("L1.H2", {"kind": "at", "site": "L9.H2@1"}, "L9"),
    ],
)
def test_a_source_that_does_not_go_with_its_site(
    page: Page, site: str, source: dict[str, Any], says: str
) -> None:
    page.patch(4, patches=[{"site": site, "source": source}])
    assert page.kinds(4) == ["error"]
    assert says in page.last("error")["message"]
    page.sweep(5, HEADS, source={"kind": "noise", "n": 2, "seed": 0})
    assert page.kinds(5) == ["error"]


def test_the_source_is_a_trait(experiment: Experiment) -> None:
    w = PatchExplorer(experiment, ["L1.H2"])
    w.source = S.zero()
    assert w.source == ZERO
    assert w.result is not None
    assert w.result.effect == experiment.patch(Patch("L1.H2", S.zero())).effect
    assert "pw.sources.zero()" in w.to_code()
    with pytest.raises(PatchError):
        w.source = S.steer([1.0])
    with pytest.raises(ProtocolError):
        w.source = 3
    with pytest.raises(PatchError, match="input embedding"):
        w.source = S.noise()
    assert w.source == ZERO
    asked = {"patches": [{"site": "L0.H1"}], "direction": "noise", "metric": "logit_diff"}
    w._receive(w, {"v": 1, "kind": "patch", "id": 3, "source": STEER} | asked, [])
    assert (w.source, w.selection, w.direction) == (STEER, ["L0.H1"], "noise")
    w.close()
