"""A training loop in one thread, clicks in another: each keeps its modes, its dropout and its numbers."""

import random
import threading

import torch

from patchwidgets.facade import Experiment
from patchwidgets.models.model import Model
from patchwidgets.tasks import Task
from tests.attack.conftest import Attack
from tests.support.families import VOCABULARY, random_model
from tests.support.toy_tokenizer import toy_tokenizer

TASK = Task("w3 w14 w15 w9 w26", "w3 w14 w42 w9 w26", " w8", " w9")
SITES = ("L1.H2", "L2.mlp_out@2", "L0.pattern", "L1.q", "L2.resid_mid")
CASES = {
    "llama": {"attention_dropout": 0.5},
    "gpt2": {"resid_pdrop": 0.5, "attn_pdrop": 0.5},
    "bloom": {"hidden_dropout": 0.5, "attention_dropout": 0.5},
}


class Training(threading.Thread):
    """Runs a model in turn in both modes until it is stopped, and looks at what it gets.

    Attributes
    ----------
    forwards
        How many there were in training mode.
    flips
        How often a module's mode was not the one that was set.
    without_dropout
        How many forwards in training mode gave what a forward in eval mode gives.
    """

    def __init__(self, hf_model: torch.nn.Module, rng: random.Random) -> None:
        super().__init__()
        self.hf_model, self.rng = hf_model, rng
        self.ids = torch.tensor([[3, 14, 15, 9]])
        self.stopped = threading.Event()
        self.forwards = self.flips = self.without_dropout = 0
        self.error: Exception | None = None
        with torch.no_grad():
            self.plain = hf_model.eval()(self.ids).logits

    def run(self) -> None:
        try:
            while not self.stopped.is_set():
                self.hf_model.train()
                for _ in range(self.rng.randrange(1, 4)):
                    self._forward()
                self._count_flips(True)
                self.hf_model.eval()
                with torch.no_grad():
                    assert torch.equal(self.hf_model(self.ids).logits, self.plain)
                self._count_flips(False)
        except Exception as error:  # noqa: BLE001 - shown by the test
            self.error = error

    def _forward(self) -> None:
        logits = self.hf_model(self.ids).logits
        logits.sum().backward()
        self.forwards += 1
        self.without_dropout += torch.allclose(logits, self.plain, atol=1e-3)

    def _count_flips(self, training: bool) -> None:
        self.flips += sum(module.training != training for module in self.hf_model.modules())


def test_clicks_beside_a_training_loop(attack: Attack) -> None:
    for rng in attack("training loop beside clicks", 2):
        case = rng.choice(list(CASES))
        hf_model = random_model(case, **CASES[case])
        experiment = Experiment(Model(hf_model, toy_tokenizer(VOCABULARY)), TASK)
        sites = [site for site in SITES if site.split(".")[1][0] == "H" or has(experiment, site)]
        quiet = {site: experiment.patch(site).logits for site in sites}
        training = Training(hf_model, rng)
        training.start()
        try:
            for site in rng.choices(sites, k=10):
                assert torch.equal(experiment.patch(site).logits, quiet[site]), site
        finally:
            training.stopped.set()
            training.join()
        assert training.error is None
        assert training.forwards > 0
        assert (training.flips, training.without_dropout) == (0, 0)


def has(experiment: Experiment, site: str) -> bool:
    component = site.split(".")[1].partition("@")[0]
    return component in experiment.model.components
