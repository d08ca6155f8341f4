"""One file of each kind, of a toy model and a task of two pairs."""

from pathlib import Path
from typing import Any, NamedTuple

import pytest

from patchwidgets.facade import Experiment
from patchwidgets.models.model import Model
from tests.support.saved_files import dataset, save_all


class Saved(NamedTuple):
    folder: Path
    objects: dict[str, Any]
    experiment: Experiment


@pytest.fixture(scope="session")
def saved(toy: Model, tmp_path_factory: pytest.TempPathFactory) -> Saved:
    folder = tmp_path_factory.mktemp("saved")
    experiment = Experiment(toy, dataset(), ["logit_diff", "kl"])
    return Saved(folder, save_all(experiment, folder), experiment)
