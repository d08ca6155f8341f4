"""Whether a model can go on from recorded keys and values is tried, and said."""

from typing import Any

import pytest

from patchwidgets.sweep import continuation as sweep_continuation
from patchwidgets.sweep.grid import make_grid
from patchwidgets.sweep.request import SweepRequest
from patchwidgets.sweep.sweep import Sweep
from tests.support.sweeps import APART, one_pair
from tests.support.toy_models import make_model


def test_which_way_is_chosen_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "patchwidgets")
    for case, says in (("llama", "go on from recorded"), ("bloom", "run whole prompts")):
        experiment = one_pair(make_model(case))
        for _ in range(2):
            Sweep(experiment, [make_grid(experiment, SweepRequest("z"))], savings=APART)
        told = [
            each.message
            for each in caplog.records
            if each.name == "patchwidgets.sweep.continuation"
        ]
        assert [says in message for message in told if case in message] == [True]


def test_a_wrong_continuation_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    experiment = one_pair(make_model("llama"))
    descend = sweep_continuation.descend

    def wrong(*args: Any, **options: Any) -> Any:
        ends = descend(*args, **options)
        ends.hidden[2] *= 1.01
        return ends

    monkeypatch.setattr(sweep_continuation, "descend", wrong)
    assert (
        Sweep(experiment, [make_grid(experiment, SweepRequest("z"))], savings=APART).method
        == "plain"
    )
