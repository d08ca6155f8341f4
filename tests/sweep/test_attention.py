"""Sweeps of queries, keys, values and patterns: every cell as one patch on its own gives it."""

import pytest

from patchwidgets.facade import Experiment
from patchwidgets.models.model import Model
from patchwidgets.sites import Site
from patchwidgets.tasks import Task
from tests.support.families import VOCABULARY, random_model
from tests.support.toy_tokenizer import toy_tokenizer


@pytest.fixture(scope="module")
def experiment() -> Experiment:
    model = Model(random_model("llama"), toy_tokenizer(VOCABULARY))
    clean, corrupted = ["w3 w14 w15 w9", "w5 w6 w7 w8"], ["w3 w21 w15 w9", "w5 w6 w11 w8"]
    return Experiment(model, Task(clean, corrupted, " w8", " w9"))


@pytest.mark.parametrize("component", ["q", "k", "v", "pattern"])
@pytest.mark.parametrize("over", [None, "pos"])
def test_every_cell_is_one_patch(experiment: Experiment, component: str, over: str | None) -> None:
    unit = "kv_head" if component in ("k", "v") else "head"
    axes = ("layer", unit) if over is None else ("layer", unit, "pos")
    effects = experiment.sweep(component, over=axes, progress=False).effect  # type: ignore[arg-type]
    for layer in range(3):
        for head in range(2):
            site = Site(component, layer, head, -1 if over else None, kv=unit == "kv_head")  # type: ignore[arg-type]
            chosen = effects.isel({"layer": layer, unit: head})
            found = float(chosen.isel(pos=-1) if over else chosen)
            assert found == pytest.approx(experiment.patch(site).effect, abs=1e-4), str(site)
