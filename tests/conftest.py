"""What many tests share: SmolLM2 with the prompts of the names task, and small random models of every family."""

import os
from pathlib import Path

import pytest
import torch

import patchwidgets as pw
from patchwidgets.facade import Experiment
from patchwidgets.models.model import Model
from patchwidgets.tasks import Task
from tests.support.families import VOCABULARY, random_model
from tests.support.prompts import CLEAN, CORRUPTED
from tests.support.toy_tokenizer import toy_tokenizer

# Test files run side by side, and threads of several processes that wait for each other are slow.
if workers := int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "0")):
    torch.set_num_threads(max(1, (os.cpu_count() or 1) // workers))


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "slow: takes a minute; leave it out with -m 'not slow'")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out what needs a GPU, unless somebody asks for it: `make test-gpu`."""
    gpu = Path(__file__).parent / "gpu"
    asked = (Path(str(each).partition("::")[0]).resolve() for each in config.args)
    if collection_path == gpu and not any(each.is_relative_to(gpu) for each in asked):
        return True
    return None


@pytest.fixture(scope="session")
def smollm2() -> Model:
    return pw.load("smollm2")


@pytest.fixture(scope="session")
def names() -> Task:
    return Task(clean=CLEAN, corrupted=CORRUPTED, answer=" Mary", foil=" John", positions={"S2": 9})


@pytest.fixture(scope="session")
def names_experiment(smollm2: Model, names: Task) -> Experiment:
    return Experiment(
        smollm2, names, ["logit_diff", "kl", "answer_prob", "answer_logprob", "prob_diff", "rank"]
    )


@pytest.fixture(scope="session")
def toy() -> Model:
    return Model(random_model("llama"), toy_tokenizer(VOCABULARY), "toy")


@pytest.fixture(scope="session")
def toy_experiment(toy: Model) -> Experiment:
    task = Task("w3 w14 w15 w9 w26", "w3 w14 w42 w9 w26", " w8", " w9", {"X": 2})
    return Experiment(toy, task, ["logit_diff", "kl"])


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)
