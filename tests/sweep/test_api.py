"""Ways to ask for sweeps: several at once, step by step, in the other direction."""

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
