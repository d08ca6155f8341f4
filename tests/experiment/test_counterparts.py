"""Patches between prompts of unequal token counts, against hooks by hand that map the positions themselves."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from patchwidgets.directions import Direction
from patchwidgets.errors import CounterpartError, PatchError
from patchwidgets.facade import Experiment
from patchwidgets.models.model import Model
from patchwidgets.sites import Patch
from patchwidgets.tasks import Task
from tests.support.toy_models import make_model
from tests.support.unequal_prompts import (
    ALIGN,
    CLEAN,
    CORRUPTED,
    DIRECTIONS,
    FLOOR,
    by_hand,
    unequal_task,
)


@pytest.fixture(scope="module")
def toy() -> Model:
    return make_model("llama")


@pytest.fixture(scope="module")
def experiment(toy: Model) -> Experiment:
    return Experiment(toy, unequal_task(), ["logit_diff", "kl"])


HEAD2 = slice(16, 24)
ALL = slice(None)


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize(
    ("sites", "places"),
    [
        (["L1.H2"], [("z", 1, HEAD2, ALIGN)]),
        (["L1.H2@3"], [("z", 1, HEAD2, [(3, 4)])]),
        (["L0.mlp_out@-1"], [("mlp_out", 0, ALL, [(5, 6)])]),
        (["L0.mlp_out@X"], [("mlp_out", 0, ALL, [(3, 4)])]),
        (["L1.resid_pre@3:"], [("resid_pre", 1, ALL, ALIGN[2:])]),
        (["L2.resid_pre"], [("resid_pre", 2, ALL, ALIGN)]),
        (["L1.KV1.v@4"], [("v", 1, slice(8, 16), [(4, 5)])]),
        (
            ["L0.H2", "L2.mlp_out@5", "L1.H2@3:5"],
            [
                ("z", 0, HEAD2, ALIGN),
                ("mlp_out", 2, ALL, [(5, 6)]),
                ("z", 1, HEAD2, [(3, 4), (4, 5)]),
            ],
        ),
    ],
    ids=lambda value: "+".join(value) if isinstance(value[0], str) else "",
)
def test_a_patch_goes_from_counterpart_to_counterpart(
    experiment: Experiment, direction: Direction, sites: list[str], places: Any
) -> None:
    turned = experiment.turned(direction)
    result = turned.patch(*sites, record_reach=True)
    assert torch.allclose(result.logits[0], by_hand(turned.model, direction, places), atol=FLOOR)
    assert abs(result.effect) > 1e-3
    assert result.reach().along["z"] == pytest.approx(turned.reach(*sites).along["z"], nan_ok=True)


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_the_reach_is_between_counterparts(experiment: Experiment, direction: Direction) -> None:
    turned = experiment.turned(direction)
    reach = turned.patch("L0.resid_pre@3").reach(4)
    assert reach.pos == 4
    here, there = (5, 4) if direction == "denoise" else (4, 5)
    source, host = turned.source[f"L1.mlp_out@{there}"], turned.host[f"L1.mlp_out@{here}"]
    tokens = turned.pairs[0].prompt(turned.host_name)
    at = 4 if direction == "denoise" else 3
    patch = Patch(f"L0.resid_pre@{at}", turned.source[f"L0.resid_pre@{7 - at}"])
    recorded = []
    with turned.model.patching(patch), torch.no_grad():
        mlp = turned.model.hf_model.model.layers[1].mlp
        handle = mlp.register_forward_hook(lambda _m, _a, out: recorded.append(out[:, [here]]))
        turned.model.hf_model(torch.tensor([tokens]))
        handle.remove()
    moved, whole = (recorded[0] - host).flatten(), (source - host).flatten()
    assert reach.along["mlp_out"][1] == pytest.approx(
        float(moved @ whole / (whole @ whole)), abs=1e-3
    )
    with pytest.raises(CounterpartError, match="Position 2 of the clean prompt"):
        turned.patch("L0.H1").reach("lone")


def test_flip_and_effects(experiment: Experiment) -> None:
    flipped = experiment.flip()
    assert flipped.patch().effect == experiment.patch().effect == 0
    assert flipped.patch("L1.H2@3").value == experiment.turned("noise").patch("L1.H2@3").value
    swapped = Task(CORRUPTED, CLEAN, " w8", " w9", align=[(b, a) for a, b in ALIGN])
    back = Experiment(experiment.model, swapped, direction="noise")
    assert torch.equal(back.patch("L1.H2@4").logits, experiment.patch("L1.H2@3").logits)


def test_the_identity_written_out_changes_no_bit(toy: Model) -> None:
    task = Task(CLEAN, "w3 w14 w42 w9 w26 w5", " w8", " w9")
    plain, mapped = (
        Experiment(toy, each, ["logit_diff", "kl"])
        for each in (task, task.aligned([(i, i) for i in range(6)]))
    )
    assert plain.noise_floor == mapped.noise_floor
    for site in ("L1.H2", "L0.mlp_out@3", "L1.KV1.k", "L1.H0.pattern@-1", "L1.H1.q@2:4"):
        assert torch.equal(plain.patch(site).logits, mapped.patch(site).logits)
        assert np.array_equal(
            plain.patch(site).reach().along["z"], mapped.patch(site).reach().along["z"]
        )
    for component, over in (("z", None), ("mlp_out", ("layer", "pos"))):
        first, second = (
            exp.sweep(component, over, progress=False).to_xarray()  # type: ignore[arg-type]
            for exp in (plain, mapped)
        )
        assert first.drop_attrs().identical(second.drop_attrs())


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize(
    ("site", "says"),
    [
        ("L1.H2@2", "Position 2 of the clean prompt has no counterpart in the corrupted prompt"),
        ("L1.H2@lone", "Position 2 of the clean prompt has no counterpart"),
        ("L1.H2@1:4", "Position 2 of the clean prompt has no counterpart"),
        ("L1.KV0.k@3", r"L1.KV0.k@3: q and k carry the position .* position 3 .* at 4 in the cor"),
        ("L1.H1.q", "L1.H1.q: q and k carry the position at which they were computed"),
        ("L1.H1.pattern@0", "these prompts have other keys: 6 and 7 tokens with 5 counterparts"),
    ],
)
def test_what_has_no_counterpart_is_refused(
    experiment: Experiment, direction: Direction, site: str, says: str
) -> None:
    with pytest.raises(CounterpartError, match=says) as error:
        experiment.turned(direction).patch(site)
    assert "  corrupted|␣w3|␣w14|    |␣w42|␣w43|" in str(error.value)
    with pytest.raises(CounterpartError):
        experiment.turned(direction).sweep(sites=[site], progress=False)


def test_queries_and_keys_at_the_same_position_may_be_patched(experiment: Experiment) -> None:
    assert experiment.patch("L1.KV0.k@0", "L1.H1.q@1").effect == pytest.approx(0, abs=FLOOR)


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_other_sources(experiment: Experiment, toy: Model, direction: Direction) -> None:
    turned = experiment.turned(direction)
    by_name = turned.patch("L1.H2@3").logits
    own = toy.run(CLEAN if direction == "denoise" else CORRUPTED, record=["L1.H2"])
    there = 3 if direction == "denoise" else 4
    for patch in (
        Patch("L1.H2@3", own),
        Patch("L1.H2@3", turned.measuring("kl").source),
        Patch("L1.H2@3", own[f"L1.H2@{there}"]),
        Patch("L1.H2@3", fn=lambda _host, source: source),
        Patch("L1.H2@3", turned.source, lambda _host, source: source),
        Patch("L1.H2@3", "clean" if direction == "denoise" else "corrupted"),
    ):
        assert torch.equal(turned.patch(patch).logits, by_name)
        swept = turned.sweep(sites=[patch], progress=False)
        assert float(swept.effect[0]) == pytest.approx(turned.patch(patch).effect, abs=FLOOR)
    other, named = toy.run("w1 w2 w3"), "clean" if direction == "denoise" else "corrupted"
    with pytest.raises(
        PatchError, match=rf"source run has 3 tokens and the {named} prompt {3 + there}"
    ):
        turned.patch(Patch("L1.H2", other))
    everywhere = turned.patch("L1.H2").logits
    assert torch.equal(turned.patch(Patch("L1.H2", own)).logits, everywhere)


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_what_freezes_or_brings_its_own_value_acts_on_the_whole_host(
    experiment: Experiment, direction: Direction
) -> None:
    turned = experiment.turned(direction)
    length = len(turned.pairs[0].prompt(turned.host_name))
    seen = []

    def zero(host: Tensor, _source: Tensor) -> Tensor:
        seen.append(host.shape[1])
        return 0 * host

    turned.patch(Patch("L1.H2", torch.zeros(1), zero))
    assert seen == [length]
    parts = ("attn_out", "mlp_out")
    frozen = [Patch(f"L{layer}.{part}", "host") for layer in range(3) for part in parts]
    result = turned.patch("L0.H1", *frozen)
    assert result.effect == pytest.approx(0, abs=FLOOR)
    lone = Patch("L1.H2@2", torch.zeros(1))
    if direction == "noise":
        assert turned.patch(lone).effect != 0
    else:
        with pytest.raises(CounterpartError, match="Position 2"):
            turned.patch(lone)
