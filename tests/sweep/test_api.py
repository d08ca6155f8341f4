"""Ways to ask for sweeps: several at once, step by step, in the other direction."""

import re
from typing import Any

import numpy as np
import pytest

import patchwidgets as pw
from patchwidgets.errors import PatchError
from patchwidgets.facade import Experiment
from tests.support.sweeps import one_pair, several_pairs
from tests.support.toy_models import make_model


@pytest.fixture(scope="module")
def pairs() -> Experiment:
    return several_pairs(make_model("llama"), ["logit_diff", "rank"])


def test_shared_passes_give_the_same(pairs: Experiment) -> None:
    heads, mlps = pairs.sweep_many(
        ["z", {"component": "mlp_out", "over": ("layer", "pos_name")}], progress=False
    )
    alone = pairs.sweep("z", progress=False)
    assert heads.effect.values == pytest.approx(alone.effect.values, abs=1e-4)
    assert mlps.axes == ("layer", "pos_name")


def test_results_as_they_come() -> None:
    experiment = one_pair(make_model("llama"))
    parts = list(experiment.iter_sweep("resid_pre", batch=4))
    assert [part.done + part.left for part in parts] == [21] * len(parts)
    assert (parts[0].done, parts[0].zero, parts[-1].left) == (6, 6, 0)
    assert "6 of 21 done" not in repr(parts[-1].result)
    assert parts[-1].result.top_sites(1) == experiment.sweep("resid_pre", progress=False).top_sites(
        1
    )


def test_wrong_lists_of_sweeps(pairs: Experiment) -> None:
    with pytest.raises(PatchError, match="list of sweeps"):
        pairs.sweep_many("z")


def test_a_direction_of_its_own(pairs: Experiment) -> None:
    turned = pairs.flip().sweep("z", progress=False)
    asked = pairs.sweep("z", direction="noise", progress=False)
    assert asked.attrs["direction"] == "noise"
    assert (asked.effect.values == turned.effect.values).all()
    assert not np.allclose(asked.effect, pairs.sweep("z", progress=False).effect)
    (many,) = pairs.sweep_many(["z"], direction="noise", progress=False)
    assert (many.effect.values == turned.effect.values).all()
    *_, last = pairs.iter_sweep("z", direction="noise")
    assert last.result.effect.values == pytest.approx(turned.effect.values, abs=1e-4)
    assert pairs.direction == "denoise"
    with pytest.raises(PatchError, match="Unknown direction 'up'"):
        pairs.sweep("z", direction="up", progress=False)  # type: ignore[arg-type]


def test_a_plan_is_made_for_the_direction(pairs: Experiment) -> None:
    """Its own value into a run changes nothing: corrupted into corrupted, clean into clean."""
    asked = {"sites": ["L1.H2"], "make": lambda site: pw.Patch(site, "corrupted")}
    assert pairs.plan(**asked).zero == 1
    assert pairs.plan(**asked, direction="noise").zero == 0


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"component": "z", "ovr": ("layer",)}, "has no argument 'ovr'. Did you mean 'over'?"),
        ({"komponent": "z"}, "has no argument 'komponent'. Did you mean 'component'?"),
        ({"component": "z", "layer": [1]}, "has no argument 'layer'. Give layers=[3]."),
        ({"component": "z", "direction": "noise"}, "has no argument 'direction'"),
        ({"component": "z", "wxyz": 1}, "has no argument 'wxyz'. Expected component, over, sites"),
        (3, "Expected a component such as 'z', or the arguments of a sweep as a dict; got 3"),
    ],
)
def test_a_misspelt_argument_names_the_right_one(pairs: Experiment, asked: Any, says: str) -> None:
    with pytest.raises(PatchError, match=re.escape(says)):
        pairs.sweep_many(["z", asked], progress=False)


def test_an_argument_that_does_not_exist_is_answered(pairs: Experiment) -> None:
    for ask in (pairs.sweep, pairs.plan, lambda **asked: list(pairs.iter_sweep(**asked))):
        with pytest.raises(TypeError, match="has no argument 'ovr'"):
            ask(component="z", ovr=("layer",))
