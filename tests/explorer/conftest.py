"""An experiment on a toy model, and a page that shows it."""

import pytest

from patchwidgets.facade import Experiment
from patchwidgets.models.model import Model
from patchwidgets.tasks import Task
from tests.support.families import VOCABULARY, random_model
from tests.support.page import Page
from tests.support.toy_tokenizer import toy_tokenizer


@pytest.fixture(scope="module")
def experiment() -> Experiment:
    model = Model(random_model("llama"), toy_tokenizer(VOCABULARY), "toy")
    return Experiment(model, Task("w3 w14 w15 w9 w26", "w3 w14 w42 w9 w26", " w8", " w9", {"X": 2}))


@pytest.fixture
def page(experiment: Experiment) -> Page:
    return Page(experiment)
