"""Exceptions at random calls of modules, hooks, metrics and patch functions harm no model and no later patch."""

import random
from collections.abc import Callable
from typing import Any

import pytest
import torch

from patchwidgets.errors import PatchwidgetsError
from patchwidgets.facade import Experiment
from patchwidgets.metrics import Readout
from patchwidgets.models.model import Model
from patchwidgets.sites import Patch
from patchwidgets.tasks import Task
from tests.attack.conftest import Attack
from tests.support.families import VOCABULARY, random_model
from tests.support.toy_tokenizer import toy_tokenizer

TASK = Task("w3 w14 w15 w9 w26", "w3 w14 w42 w9 w26", " w8", " w9")
CASES = ("llama", "gpt2", "bloom", "mixtral", "gemma2", "gptj")


class Fault(Exception):
    """Was raised on purpose."""


class Fuse:
    """Raises at one of its calls, which is chosen at random."""

    def __init__(self, rng: random.Random) -> None:
        self.left = rng.randrange(12)
        self.raised = False
        self.kind = rng.choice([Fault, KeyboardInterrupt, SystemExit, RuntimeError, MemoryError])

    def burn(self, *_: Any, **__: Any) -> None:
        self.left -= 1
        if self.left < 0 and not self.raised:
            self.raised = True
            raise self.kind("on purpose")


def snapshot(hf_model: torch.nn.Module) -> list[Any]:
    """All that a module holds, by identity; of its weights, the bits."""
    attributes = [
        {name: list(value) if "hooks" in name else id(value) for name, value in m.__dict__.items()}
        for m in hf_model.modules()
    ]
    weights = [parameter.detach().clone() for parameter in hf_model.parameters()]
    return [attributes, weights, hf_model.config._attn_implementation, torch.is_grad_enabled()]


def assert_same(one: list[Any], other: list[Any]) -> None:
    assert one[0] == other[0]
    assert all(torch.equal(a, b) for a, b in zip(one[1], other[1], strict=True))
    assert one[2:] == other[2:]


def in_a_forward(exp: Experiment, fuse: Fuse, rng: random.Random) -> Callable[[], object]:
    """Put the fault into the code of a module, before or after it has computed."""
    module: Any = rng.choice(list(exp.model.hf_model.modules()))
    former, after = module.forward, rng.random() < 0.5

    def forward(*args: Any, **kwargs: Any) -> Any:
        if not after:
            fuse.burn()
        output = former(*args, **kwargs)
        fuse.burn()
        return output

    module.forward = forward
    return lambda: module.__dict__.pop("forward")


def in_a_hook(exp: Experiment, fuse: Fuse, rng: random.Random) -> Callable[[], object]:
    """Put it into a hook of the user's own."""
    module = rng.choice(list(exp.model.hf_model.modules()))
    register = rng.choice([module.register_forward_hook, module.register_forward_pre_hook])
    return register(fuse.burn).remove


def nowhere(_exp: Experiment, _fuse: Fuse, _rng: random.Random) -> Callable[[], object]:
    return lambda: None


def work(exp: Experiment, fuse: Fuse, rng: random.Random) -> None:
    """Something that runs the model, with the fault in a patch function or a metric too."""

    def write(host: torch.Tensor, _source: torch.Tensor) -> torch.Tensor:
        fuse.burn()
        return 2 * host

    def metric(readout: Readout) -> torch.Tensor:
        fuse.burn()
        return readout.logits[:, 8] - readout.logits[:, 9]

    ids, sites = torch.tensor([exp.pairs[0].clean]), ["L1.H2", "L2.mlp_out", "L0.z"]
    for step in rng.sample(range(6), 6):
        if step == 0:
            exp.patch(Patch(rng.choice(sites), fn=write), "L1.attn_out")
        elif step == 1:
            exp.measuring(metric).patch(rng.choice(sites))
        elif step == 2:
            exp.sweep("attn_out", progress=False)
        elif step == 3:
            with exp.model.patching(Patch(rng.choice(sites), "host", fn=write)):
                exp.model.hf_model(ids)
        elif step == 4:
            exp.reach(*rng.sample(sites, 2))
        else:
            exp.model.run("w9 w8")[f"L{rng.randrange(3)}.resid_post"]


@pytest.fixture(scope="module")
def experiments() -> dict[str, Experiment]:
    return {}


def test_a_fault_changes_nothing(attack: Attack, experiments: dict[str, Experiment]) -> None:
    for rng in attack("exceptions in forwards, hooks, metrics, functions", 8):
        case = rng.choice(CASES)
        if case not in experiments:
            model = Model(random_model(case), toy_tokenizer(VOCABULARY), case)
            experiments[case] = Experiment(model, TASK)
        exp = experiments[case]
        expected, before = exp.patch("L1.H2").logits, snapshot(exp.model.hf_model)
        fuse = Fuse(rng)
        remove = rng.choice([in_a_forward, in_a_hook, nowhere])(exp, fuse, rng)
        try:
            work(exp, fuse, rng)
        except (fuse.kind, PatchwidgetsError):
            assert fuse.raised
        remove()
        assert_same(snapshot(exp.model.hf_model), before)
        assert torch.equal(exp.patch("L1.H2").logits, expected)
        assert exp.sweep("attn_out", progress=False).effect.notnull().all()
