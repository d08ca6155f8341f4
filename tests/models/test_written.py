"""What a head writes, as tokens: the part that logit attribution says, in every family; and what is refused."""

import pytest

from patchwidgets.errors import LensError, PatchError, RefusedError, SiteError, TaskError
from patchwidgets.facade import Experiment
from patchwidgets.models.model import Model
from patchwidgets.sites import Patch
from patchwidgets.sources import noise
from tests.models.test_logit_attribution import NORM_AFTER
from tests.support.families import CASES, VOCABULARY, random_model
from tests.support.toy_tokenizer import toy_tokenizer

PROMPT = "w3 w14 w15 w9 w26"


@pytest.mark.parametrize("family", CASES)
def test_a_token_is_written_as_logit_attribution_says(family: str) -> None:
    model = Model(random_model(family), toy_tokenizer(VOCABULARY), family)
    run = model.run(PROMPT)
    if family in NORM_AFTER:
        with pytest.raises(RefusedError, match="cannot be told from what other heads write"):
            run.written("L1.H1")
        return
    for pos in (-1, 2):
        written = run.written("L1.H1", pos, k=3)
        for token in (*written.up, *written.down):
            parts = run.logit_attribution(token.id, pos=pos).to_xarray()
            part = float(parts["z"].sel(layer=1, head=1).item())
            assert token.logit == pytest.approx(part, abs=1e-5, rel=1e-4)


def test_tokens_are_ordered_from_both_ends(toy: Model) -> None:
    written = toy.run(PROMPT).written("L2.H0", k=4)
    up, down = ([each.logit for each in tokens] for tokens in (written.up, written.down))
    assert up == sorted(up, reverse=True)
    assert down == sorted(down)
    assert down[-1] < up[-1]
    every = toy.run(PROMPT).written("L2.H0", k=VOCABULARY).up
    assert [each.logit for each in every[-4:]] == down[::-1]


def test_the_three_runs_of_a_patch(toy_experiment: Experiment) -> None:
    for exp in (toy_experiment, toy_experiment.flip()):
        result = exp.patch("L0.H1", "L0.mlp_out")
        written = result.written("L2.H1", k=2)
        assert written["clean"] == exp.clean.written("L2.H1", k=2)
        assert written["corrupted"] == exp.corrupted.written("L2.H1", k=2)
        for token in written["patched"].up:
            part = result.logit_attribution(token.id).to_xarray()["z"].sel(layer=2, head=1)
            assert token.logit == pytest.approx(float(part.item()), abs=1e-5)
        assert exp.patch().written("L2.H1", k=2)["patched"] == written[exp.host_name]


def test_a_name_stands_for_its_position(toy_experiment: Experiment) -> None:
    result = toy_experiment.patch("L0.mlp_out@X")
    assert result.written("L1.H0", "X") == result.written("L1.H0", 2)
    assert toy_experiment.corrupted.written("L1.H0", "X") == result.written("L1.H0", 2)["corrupted"]


def test_another_site_than_a_head_is_refused(toy: Model) -> None:
    run = toy.run(PROMPT)
    for site in ("L1.mlp_out", "L1.z", "L1.H0@2", "L1.H0.pattern"):
        with pytest.raises(SiteError, match="is no head"):
            run.written(site)
    with pytest.raises(LensError, match="got k=0"):
        run.written("L1.H0", k=0)
    with pytest.raises(SiteError, match="out of range"):
        run.written("L1.H0", 9)
    with pytest.raises(TaskError, match="no pair 1"):
        run.written("L1.H0", pair=1)


def test_a_patch_that_is_drawn_more_than_once_has_no_single_run(toy_experiment: Experiment) -> None:
    result = toy_experiment.patch(Patch("embed", noise(scale=1.0, n=2)))
    with pytest.raises(PatchError, match="has 2 draws"):
        result.written("L1.H0")
