"""A random model whose number embeddings are a helix, and a task of additions."""

import pytest

from patchwidgets.facade import Experiment
from patchwidgets.models.model import Model
from patchwidgets.tasks import addition
from tests.support.number_model import number_model


@pytest.fixture(scope="module")
def model() -> Model:
    return number_model()


@pytest.fixture(scope="module")
def exp(model: Model) -> Experiment:
    return Experiment(model, addition(12, varies="both"))
