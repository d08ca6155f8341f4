"""Half precision on a GPU: how far other batches move a sweep is within the floor that is told."""

from typing import Any

import numpy as np
import pytest

import patchwidgets as pw
from patchwidgets.sweep.grid import make_grid
from patchwidgets.sweep.request import SweepRequest
from tests.support.sweeps import one_by_one, sweep


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
@pytest.mark.parametrize("component", ["z", "mlp_out"])
def test_sweeps_are_within_the_floor_of_single_patches(dtype: Any, component: Any) -> None:
    model = pw.load(dtype=dtype, device="cuda")
    exp = pw.Experiment(model, pw.tasks.ioi(n=8, seed=0), ["logit_diff", "kl", "answer_prob"])
    (found,) = sweep(exp, make_grid(exp, SweepRequest(component)))
    for name, values in one_by_one(exp, found.grid).items():
        assert np.abs(found.values[name] - values).max() <= found.noise_floor[name], name


def test_the_same_sweep_twice_is_equal_to_the_last_bit() -> None:
    """No kernel that is used here adds in an order of chance."""
    exp = pw.Experiment(pw.load(dtype="bfloat16", device="cuda"), pw.tasks.ioi(n=8, seed=0))
    one, other = (exp.sweep("z", progress=False).effect.values for _ in range(2))
    assert (one == other).all()
