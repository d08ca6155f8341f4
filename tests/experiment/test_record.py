"""What is recorded beforehand is not recorded again."""

from typing import Any

from patchwidgets.experiment import patching
from patchwidgets.experiment.reach import reach_keys
from tests.support.sweeps import one_pair
from tests.support.toy_models import make_model


def test_a_patch_after_record_runs_the_model_once() -> None:
    experiment = one_pair(make_model("llama"))
    experiment.record()
    for run in (experiment.clean, experiment.corrupted):
        (batch,) = run.batches
        assert set(reach_keys(experiment)) <= batch.activations.keys()
    passes: list[Any] = []
    layout = experiment.model.layout
    handle = layout.hf_model.register_forward_pre_hook(lambda *args: passes.append(args))
    patching.run_patch(experiment, "L1.H2", record_reach=True)
    handle.remove()
    assert len(passes) == 1
