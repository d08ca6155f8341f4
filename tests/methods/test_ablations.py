"""Sources of `pw.sources` in what lies above patches and sweeps: circuits and generation."""

import numpy as np
import pytest
import torch

import patchwidgets as pw
from patchwidgets.errors import PatchError
from patchwidgets.facade import Experiment
from patchwidgets.methods.circuits.circuit import Circuit
from patchwidgets.models.model import Model
from patchwidgets.sites import Patch
from patchwidgets.tasks import Task

S = pw.sources
KEPT = ["L0.H1", "L1.mlp_out", "L2.H2"]
REST = [
    "L0.mlp_out",
    "L2.mlp_out",
    *(f"L{i}.H{j}" for i in range(3) for j in range(4) if f"L{i}.H{j}" not in KEPT),
]


@pytest.fixture(scope="module")
def experiment(toy: Model) -> Experiment:
    clean = ["w3 w14 w15 w9 w26", "w7 w5 w9 w33 w6", "w30 w4 w1 w52 w8"]
    corrupted = ["w3 w14 w42 w9 w26", "w7 w5 w9 w34 w6", "w30 w4 w1 w50 w8"]
    return Experiment(toy, Task(clean, corrupted, " w8", " w9"), ["logit_diff", "kl"])


@pytest.mark.parametrize(
    "source", [S.zero(), S.mean(), S.mean(per=None, run="source"), S.resample(n=2, seed=0)], ids=str
)
def test_the_rest_of_a_circuit_is_ablated_as_by_a_patch_of_every_node(
    experiment: Experiment, source: object
) -> None:
    found = experiment.evaluate(Circuit(KEPT), ablation=source)
    expected = experiment.turned("noise").patch(*(Patch(site, source) for site in REST))
    for name in experiment.metrics:
        np.testing.assert_allclose(found[name].circuit, expected[name].patched, atol=1e-4)
    assert abs(expected.effect) > 1e-2


def test_a_source_that_does_not_go_with_a_node(experiment: Experiment) -> None:
    with pytest.raises(PatchError, match="goes onto the input embedding"):
        experiment.evaluate(Circuit(KEPT), ablation=S.noise())
    with pytest.raises(PatchError, match="reads each prompt at the position that the site names"):
        experiment.evaluate(Circuit(KEPT), ablation=S.mean(per="pos_name"))


def test_zeros_and_steering_of_every_generated_token(experiment: Experiment) -> None:
    vector = 3 * torch.linspace(-1, 2, 32)
    by_source = [
        Patch("L1.resid_post@-1", S.steer(vector, 0.5)),
        Patch("L2.mlp_out@-1", S.zero()),
    ]
    by_function = [
        Patch("L1.resid_post@-1", "host", lambda host, _: host + 0.5 * vector),
        Patch("L2.mlp_out@-1", torch.zeros(1)),
    ]
    found, expected = (
        experiment.generate(*patches, max_new_tokens=5, every_step=True)
        for patches in (by_source, by_function)
    )
    for one, other in zip(found, expected, strict=True):
        assert one.patched.ids == other.patched.ids
    assert any(one.patched.ids != one.host.ids for one in found)


def test_what_cannot_be_generated_with(experiment: Experiment) -> None:
    with pytest.raises(PatchError, match=r"generate\(\) reads one run, and this patch has 2 draws"):
        experiment.generate(Patch("L1.H2", S.resample(n=2, seed=0)))
    with pytest.raises(
        PatchError, match=r"cannot repeat mean\(\), whose values belong to positions"
    ):
        experiment.generate(Patch("L1.H2@-1", S.mean()), every_step=True)
