"""An experiment on one pair."""

import pytest

from patchwidgets.facade import Experiment
from tests.support.sweeps import one_pair
from tests.support.toy_models import make_model


@pytest.fixture
def llama() -> Experiment:
    return one_pair(make_model("llama"))
