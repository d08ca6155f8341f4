"""Reach where the source equals the host: rounding is no movement."""

from typing import Any

import numpy as np
import pytest
import torch

from patchwidgets.facade import Experiment
from patchwidgets.sites import Patch
from patchwidgets.tasks import Task
from tests.support.toy_models import make_model
from tests.support.unequal_prompts import CLEAN, CORRUPTED

ALIGN = ((0, 0), (1, 1), (3, 4), (4, 5), (5, 6))
"""Both prompts begin with the same two tokens; from then on the states differ."""


@pytest.mark.parametrize("direction", ["denoise", "noise"])
@pytest.mark.parametrize("case", ["llama", "gpt2", "gemma2"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_rounding_in_an_equal_beginning_is_no_movement(
    case: str, dtype: torch.dtype, direction: Any
) -> None:
    task = Task(CLEAN, CORRUPTED, " w8", " w9", align=ALIGN)
    experiment = Experiment(make_model(case, dtype), task, direction=direction)
    push = Patch("L0.resid_pre@0", fn=lambda host, _source: host * (1 + 2**-6))
    for pos in (0, 1):
        reach = experiment.patch(push).reach(pos)
        for ratios in (reach.along, reach.size, reach.cos):
            assert all(np.isnan(of_component).all() for of_component in ratios.values())
    after = experiment.patch("L1.resid_pre").reach(-1)
    assert (after.size["resid_post"][1:] > 0.5).all()


def test_rounding_is_no_movement_where_nothing_was_patched() -> None:
    """The patch acts after the position that is looked at, where source and host differ."""
    task = Task("w3 w14 w15 w9 w26", "w3 w14 w42 w9 w26", " w8", " w9")
    reach = Experiment(make_model("llama"), task).patch("L1.resid_pre@3").reach(2)
    assert all((of_component == 0).all() for of_component in reach.along.values())
    assert all(np.isnan(of_component).all() for of_component in reach.cos.values())
