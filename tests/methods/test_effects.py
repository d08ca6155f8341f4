"""Total and direct effects on a random model, against the definition."""

import pytest

from patchwidgets import helix
from patchwidgets.facade import Experiment
from patchwidgets.sites import Patch
from patchwidgets.tasks import addition
from tests.support.number_model import LAYERS, number_model


@pytest.fixture(scope="module")
def exp() -> Experiment:
    return Experiment(number_model(), addition(12, varies="both"))


@pytest.mark.parametrize("site", ["L0.attn_out@-1", "L1.mlp_out@-1", "L2.mlp_out@-1"])
def test_direct_effect_is_its_definition(exp, site):
    change = exp.clean[site] - exp.corrupted[site]
    final = exp.corrupted["L2.resid_post@-1"] + change
    expected = exp.patch(Patch("L2.resid_post@-1", source=final)).effect
    assert helix.direct(exp, site).effect == pytest.approx(expected, abs=1e-4)


def test_direct_effects_of_heads_are_part_of_their_layers(exp):
    both = helix.direct(exp, "L1.H0@-1", "L1.H1@-1").effect
    assert both == pytest.approx(helix.direct(exp, "L1.attn_out@-1").effect, abs=1e-4)


def test_the_last_mlp_has_only_a_direct_effect(exp):
    table = helix.layer_effects(exp)
    assert list(zip(table["layer"], table["component"], strict=True)) == [
        (layer, kind) for layer in range(LAYERS) for kind in ("attn_out", "mlp_out")
    ]
    last = table.iloc[-1]
    assert last["total"] == pytest.approx(last["direct"], abs=1e-4)
    assert table.iloc[0]["total"] == pytest.approx(exp.patch("L0.attn_out@-1").effect)


def test_head_effects(exp):
    table = helix.head_effects(exp)
    assert list(table["head"]) == [0, 1] * LAYERS
    row = table[(table["layer"] == 1) & (table["head"] == 1)].iloc[0]
    assert row["total"] == pytest.approx(exp.patch("L1.H1@-1").effect)
    assert row["share"] == pytest.approx(exp.patch("L1.H1@-1").share)
