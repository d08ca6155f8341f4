"""A toy model and an experiment on one pair."""

import pytest

from patchwidgets.facade import Experiment
from patchwidgets.models.model import Model
from patchwidgets.tasks import Task
from tests.support.families import VOCABULARY, random_model
from tests.support.toy_tokenizer import toy_tokenizer


@pytest.fixture(scope="module")
def toy() -> Model:
    return Model(random_model("llama"), toy_tokenizer(VOCABULARY), "toy")


@pytest.fixture(scope="module")
def toy_experiment(toy: Model) -> Experiment:
    task = Task("w3 w14 w15 w9 w26", "w3 w14 w42 w9 w26", " w8", " w9", {"X": 2})
    return Experiment(toy, task, ["logit_diff", "kl"])
