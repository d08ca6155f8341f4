"""Several components estimated by the same gradients have the numbers of each alone."""

import numpy as np

from patchwidgets.facade import Experiment
from patchwidgets.methods.estimates.methods import Method
from patchwidgets.methods.estimates.nodes import estimate_nodes, estimate_together
from patchwidgets.sweep.request import SweepRequest
from tests.support.sweeps import several_pairs
from tests.support.toy_models import make_model

REQUESTS = [
    SweepRequest("z"),
    SweepRequest("mlp_out", ("layer", "pos_name")),
    SweepRequest("z", ("layer",)),
]


def test_together_is_as_each_alone() -> None:
    experiment: Experiment = several_pairs(make_model("llama"))
    if not experiment.pairs[0].positions:
        REQUESTS[1] = SweepRequest("mlp_out", ("layer",))
    for method in (Method("atp", 1), Method("ig", 3)):
        together = estimate_together(experiment, REQUESTS, method)
        for request, values in zip(REQUESTS, together, strict=True):
            alone = estimate_nodes(experiment, request, method)
            assert values.grid.axes == alone.grid.axes
            for metric, effects in alone.effects.items():
                np.testing.assert_allclose(values.effects[metric], effects, atol=1e-6)
