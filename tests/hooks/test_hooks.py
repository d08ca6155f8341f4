"""Whose forward passes hooks act on: not those of other threads, nor our own inside a block of the user's."""

import threading

import torch

from patchwidgets.facade import Experiment
from patchwidgets.models.model import Model
from patchwidgets.sites import Patch


def test_hooks_are_inert_for_other_threads(toy: Model, toy_experiment: Experiment) -> None:
    ids = torch.tensor([toy_experiment.pairs[0].corrupted])
    with torch.no_grad():
        plain = toy.hf_model(ids).logits
    found = []

    def elsewhere() -> None:
        with torch.no_grad():
            found.append(toy.hf_model(ids).logits)

    with toy.patching(Patch("L1.mlp_out", torch.zeros(1))), torch.no_grad():
        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
        here = toy.hf_model(ids).logits
    assert torch.equal(found[0], plain)
    assert not torch.equal(here, plain)


def test_our_own_passes_are_not_touched_by_a_block_of_the_users(
    toy: Model, toy_experiment: Experiment
) -> None:
    expected = toy_experiment.patch("L1.H2").logits
    ids = torch.tensor([toy_experiment.pairs[0].clean])
    with toy.patching(Patch("L0.mlp_out", torch.zeros(1))), torch.no_grad():
        inside = toy_experiment.patch("L1.H2").logits
        patched = toy.hf_model(ids).logits
    assert torch.equal(inside, expected)
    assert not torch.equal(patched[:, -1], toy_experiment.clean.logits)
