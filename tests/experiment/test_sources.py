"""What a patch writes: the source run, a run or a tensor of your own, the host itself, or what a function makes."""

import pytest
import torch

import patchwidgets as pw
from patchwidgets.errors import (
    PatchError,
)
from patchwidgets.facade import Experiment
from patchwidgets.models.model import Model
from patchwidgets.sites import Patch
from patchwidgets.tasks import Task

FLOOR = 1e-4


def test_a_run_as_source_is_the_same_as_its_name(toy: Model, toy_experiment: Experiment) -> None:
    by_name = toy_experiment.patch("L1.H2@3")
    run = toy.run("w3 w14 w15 w9 w26", record=["L1.H2"])
    assert torch.equal(toy_experiment.patch(Patch("L1.H2@3", source=run)).logits, by_name.logits)
    tensor = run["L1.H2@3"]
    assert tensor.shape == (1, 1, 8)
    assert torch.equal(toy_experiment.patch(Patch("L1.H2@3", source=tensor)).logits, by_name.logits)
    assert torch.equal(
        toy_experiment.patch(Patch("L1.H2@3", source="clean")).logits, by_name.logits
    )


def test_what_a_run_hands_out_is_a_clone(toy: Model) -> None:
    run = toy.run("w3 w14 w15")
    run["L1.H2"].fill_(7.0)
    assert (run["L1.H2"] != 7.0).all()


def test_freezing_the_host_takes_back_what_reached_a_later_site(toy_experiment: Experiment) -> None:
    patched = toy_experiment.patch("L0.H1")
    frozen = toy_experiment.patch(
        "L0.H1", Patch("L2.attn_out", "host"), Patch("L2.mlp_out", "host")
    )
    assert frozen.value != pytest.approx(patched.value, abs=1e-3)
    everything = [
        Patch(f"L{layer}.{part}", "host") for layer in range(3) for part in ("attn_out", "mlp_out")
    ]
    assert toy_experiment.patch("L0.H1", *everything).value == pytest.approx(
        toy_experiment.host.value, abs=FLOOR
    )


def test_fn_gets_the_site_and_may_mix(toy_experiment: Experiment) -> None:
    seen = {}

    def halfway(host: torch.Tensor, source: torch.Tensor) -> torch.Tensor:
        seen["shapes"] = (tuple(host.shape), tuple(source.shape))
        return (host + source) / 2

    mixed = toy_experiment.patch(Patch("L1.H2@1:3", fn=halfway))
    assert seen["shapes"] == ((1, 2, 8), (1, 2, 8))
    halves = (toy_experiment.host["L1.H2@1:3"] + toy_experiment.source["L1.H2@1:3"]) / 2
    assert torch.equal(mixed.logits, toy_experiment.patch(Patch("L1.H2@1:3", source=halves)).logits)


def test_a_source_that_does_not_fit(toy: Model, toy_experiment: Experiment) -> None:
    with pytest.raises(
        PatchError,
        match=r"L1.H2: the source has shape \(3,\); expected one that broadcasts to \(1, 5, 8\)",
    ):
        toy_experiment.patch(Patch("L1.H2", source=torch.zeros(3)))
    with pytest.raises(
        PatchError, match="the source is an int; expected a name, a Run, a tensor, or one of"
    ):
        toy_experiment.patch(Patch("L1.H2", source=3))
    with pytest.raises(PatchError, match=r"one of pw\.sources, as in pw\.sources\.zero\(\)\.$"):
        toy_experiment.patch(Patch("L1.H2", source=0))
    with pytest.raises(
        PatchError, match=r"the source is the function zero itself; call it: pw\.sources\.zero\(\)"
    ):
        toy_experiment.patch(Patch("L1.H2", source=pw.sources.zero))
    with pytest.raises(PatchError, match=r"goes into fn=, as in pw\.Patch\(site, fn=\.\.\.\)"):
        toy_experiment.patch(Patch("L1.H2", source=lambda host: host))
    with pytest.raises(PatchError, match="the result of fn is a float"):
        toy_experiment.patch(Patch("L1.H2", fn=lambda host, source: 1.0))
    with pytest.raises(PatchError, match="the source run has 3 tokens and the clean prompt 5"):
        toy_experiment.patch(Patch("L1.H2", source=toy.run("w1 w2 w3")))
    with pytest.raises(PatchError, match="the source run has only 3 tokens"):
        toy_experiment.patch(Patch("L1.H2@4", source=toy.run("w1 w2 w3")))
    with pytest.raises(PatchError, match="2 prompts for 1 pairs"):
        toy_experiment.patch(Patch("L1.H2", source=toy.run(["w1 w2 w3 w4 w5", "w1 w2 w3 w4 w6"])))
    with pytest.raises(PatchError, match="patched twice"):
        toy_experiment.patch("L1.H2", "L1.H2.z")


def test_the_source_s_batch_of_a_host_s_batch_holds_the_same_pairs(toy: Model) -> None:
    """Three shapes: 5 and 5 tokens, 3 and 3, and 3 and 4 with a map; pairs 0 and 2 run together."""
    clean = ["w3 w14 w15 w9 w26", "w5 w6 w7", "w1 w2 w3 w4 w5", "w5 w6 w7"]
    corrupted = ["w3 w14 w42 w9 w26", "w5 w8 w7", "w1 w9 w3 w4 w5", "w5 w8 w9 w7"]
    align = [None, None, None, [(0, 0), (2, 3)]]
    experiment = Experiment(toy, Task(clean, corrupted, " w8", " w9", align=align))
    for turned in (experiment, experiment.flip()):
        source = corrupted if turned.direction == "noise" else clean
        assert [batch.rows for batch in turned.sources.host.batches] == [[0, 2], [1], [3]]
        for batch in turned.sources.host.batches:
            found = turned.sources.source_batch(batch)
            assert found in turned.sources.source.batches
            assert found.rows == batch.rows
            expected = [[int(word[1:]) for word in source[row].split()] for row in batch.rows]
            assert found.ids.tolist() == expected
