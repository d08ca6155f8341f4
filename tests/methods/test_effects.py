"""Total and direct effects on a random model, against the definition."""

import pytest

from patchwidgets import helix
from patchwidgets.errors import PatchError
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


def test_direct_effects_of_neurons_are_part_of_their_layer(exp):
    neurons = [f"L1.N{i}@-1" for i in range(exp.model.d_mlp)]
    assert helix.direct(exp, *neurons).effect == pytest.approx(
        helix.direct(exp, "L1.mlp_out@-1").effect, abs=1e-4
    )


@pytest.mark.parametrize(
    ("sites", "got"),
    [
        ([], "none"),
        (["L0.mlp_out@-1", "L1.mlp_out@-1"], "L0.mlp_out@-1, L1.mlp_out@-1"),
        (["L1.mlp_out@-1", "L1.attn_out@-1"], "L1.mlp_out@-1, L1.attn_out@-1"),
        (["L1.resid_post@-1"], "L1.resid_post@-1"),
        (["L1.H0.q@-1"], "L1.H0.q@-1"),
        (["embed@-1"], "embed@-1"),
        (["L1.attn_out@2"], "L1.attn_out@2"),
        (["L1.attn_out"], "L1.attn_out"),
    ],
)
def test_a_direct_effect_is_of_one_place(exp, sites, got):
    with pytest.raises(PatchError, match=rf"direct\(\) expects patches of one layer.*got {got}\.$"):
        helix.direct(exp, *sites)


def test_the_last_position_may_have_a_name_or_an_index(exp):
    last = len(exp.pairs[0]) - 1
    assert helix.direct(exp, f"L1.H0@{last}").effect == helix.direct(exp, "L1.H0@-1").effect


def test_the_last_mlp_has_only_a_direct_effect(exp):
    table = helix.layer_effects(exp)
    assert list(zip(table["layer"], table["component"], strict=True)) == [
        (layer, kind) for layer in range(LAYERS) for kind in ("attn_out", "mlp_out")
    ]
    last = table.iloc[-1]
    assert last["total"] == pytest.approx(last["direct"], abs=1e-4)
    first = table.iloc[0]
    assert first["total"] == pytest.approx(exp.patch("L0.attn_out@-1").effect, abs=1e-5)
    assert first["direct"] == pytest.approx(helix.direct(exp, "L0.attn_out@-1").effect, abs=1e-5)
    assert first["share"] == pytest.approx(exp.patch("L0.attn_out@-1").share, abs=1e-5)


def test_head_effects(exp):
    table = helix.head_effects(exp)
    assert list(table["head"]) == [0, 1] * LAYERS
    row = table[(table["layer"] == 1) & (table["head"] == 1)].iloc[0]
    assert row["total"] == pytest.approx(exp.patch("L1.H1@-1").effect, abs=1e-5)
    assert row["direct"] == pytest.approx(helix.direct(exp, "L1.H1@-1").effect, abs=1e-5)
    assert row["share"] == pytest.approx(exp.patch("L1.H1@-1").share, abs=1e-5)
