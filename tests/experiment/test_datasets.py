"""Datasets: each pair as it would be alone, and ratios of means over them."""

import numpy as np
import pytest
import torch

from patchwidgets.errors import (
    SiteError,
)
from patchwidgets.facade import Experiment
from patchwidgets.models import batches
from patchwidgets.models.model import Model
from patchwidgets.sites import Patch
from patchwidgets.tasks import Task

FLOOR = 1e-4
PAIRS = [
    ("w3 w14 w15 w9 w26", "w3 w14 w42 w9 w26", 1),
    ("w5 w6 w7", "w5 w8 w7", 1),
    ("w1 w2 w3 w4 w5", "w1 w9 w3 w4 w5", 3),
    ("w50 w51 w52", "w50 w51 w53", 2),
]


@pytest.fixture(scope="module")
def dataset(toy: Model) -> Experiment:
    clean, corrupted, positions = map(list, zip(*PAIRS, strict=True))
    task = Task(
        clean, corrupted, [" w8", " w9", (" w10", " w11"), " w12"], " w13", {"X": positions}
    )
    return Experiment(toy, task, ["logit_diff", "kl", "rank"])


@pytest.mark.parametrize("direction", ["denoise", "noise"])
@pytest.mark.parametrize("site", ["L1.H2", "L1.H2@X", "L0.mlp_out@-1", "embed"])
def test_a_dataset_is_its_pairs_one_by_one(dataset: Experiment, site: str, direction: str) -> None:
    turned = dataset.turned(direction)  # type: ignore[arg-type]
    together = turned.patch(site)
    alone = [
        Experiment(
            dataset.model, dataset.task.pair(i), ["logit_diff", "kl", "rank"], turned.direction
        ).patch(site)
        for i in range(len(PAIRS))
    ]
    for name in dataset.metrics:
        assert together[name].per_pair.value == pytest.approx(
            [each[name].value for each in alone], abs=FLOOR
        )
        assert together[name].per_pair.effect == pytest.approx(
            [each[name].effect for each in alone], abs=2 * FLOOR
        )
    effects = np.array([each.effect for each in alone])
    whole = turned.source.value - turned.host.value
    assert together.effect == pytest.approx(effects.mean(), abs=FLOOR)
    assert together.share == pytest.approx(effects.mean() / whole, abs=1e-3)


def test_over_pairs_recovery_is_a_ratio_of_means(dataset: Experiment) -> None:
    result = dataset.patch("L1.H2")
    ratios = result.per_pair.recovery
    expected = (result.value - dataset.corrupted.value) / (
        dataset.clean.value - dataset.corrupted.value
    )
    assert result.recovery == pytest.approx(expected)
    assert result.recovery != pytest.approx(float(np.mean(ratios)), abs=1e-3)


def test_the_reach_of_a_dataset_sums_over_pairs(dataset: Experiment) -> None:
    reach = dataset.patch("L0.resid_pre").reach("X")
    assert reach.along["resid_post"] == pytest.approx(np.ones(3), abs=1e-4)
    nothing = dataset.patch().reach("X")
    assert (nothing.size["resid_post"] == 0).all()
    assert np.isnan(nothing.cos["resid_post"]).all()
    recorded = dataset.patch("L1.H2", record_reach=True)
    later = dataset.patch("L1.H2")
    assert recorded.reach().along["z"] == pytest.approx(later.reach().along["z"], nan_ok=True)


def test_a_tensor_with_an_entry_for_each_pair(dataset: Experiment) -> None:
    tensor = dataset.clean["L1.H2@-1"]
    assert tensor.shape == (4, 1, 8)
    by_tensor = dataset.patch(Patch("L1.H2@-1", source=tensor))
    assert by_tensor.per_pair.value == pytest.approx(
        dataset.patch("L1.H2@-1").per_pair.value, abs=FLOOR
    )


def test_all_positions_of_prompts_of_unequal_length(dataset: Experiment) -> None:
    with pytest.raises(SiteError, match="The prompts differ in length; name one position"):
        dataset.clean["L1.H2"]
    assert dataset.clean["L1.H2@-1"].shape == (4, 1, 8)
    alone = dataset.model.run("w5 w6 w7")["L1.H2@-1"]
    assert torch.allclose(dataset.clean["L1.H2@-1"][1], alone[0], atol=1e-6)


def test_a_large_dataset_is_run_in_pieces(
    toy: Model, dataset: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "MAX_TOKENS", 6)
    pieces = Experiment(toy, dataset.task, ["logit_diff", "kl", "rank"])
    assert [batch.rows for batch in pieces.host.batches] == [[0], [2], [1, 3]]
    whole = dataset.patch("L1.H2@X", Patch("L0.mlp_out@-1", source=dataset.clean))
    again = pieces.patch("L1.H2@X", Patch("L0.mlp_out@-1", source=dataset.clean))
    assert again.per_pair.value == pytest.approx(whole.per_pair.value, abs=FLOOR)
    assert again.reach().along["z"] == pytest.approx(
        whole.reach().along["z"], abs=1e-3, nan_ok=True
    )
