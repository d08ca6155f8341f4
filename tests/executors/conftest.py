"""The teaching model on sums, and work in many small pieces."""

import numpy as np
import pytest
from numpy.typing import NDArray

import patchwidgets as pw
from patchwidgets.sweep import pieces

VALUES = ("value", "effect", "share", "recovery", "noise_floor", "zero", "unpatchable")


@pytest.fixture(scope="session")
def sums():
    return pw.Experiment(
        pw.load(), pw.tasks.addition(n=8, seed=0), metric=["logit_diff", "kl", "rank"]
    )


@pytest.fixture(autouse=True)
def _small_pieces(monkeypatch):
    monkeypatch.setitem(pieces.PIECE_FLOPS, "cpu", 1e6)
    monkeypatch.setattr(pieces, "RECORDINGS", 0.0)


def numbers_of(result: pw.SweepResult) -> dict[str, NDArray]:
    """All numbers of a sweep, pair by pair, over pairs and their intervals."""
    of_pairs = {name: result.to_xarray()[name].values for name in VALUES}
    over = result.over_pairs()
    return of_pairs | {f"over pairs: {name}": over[name].values for name in over.data_vars}


def assert_same_bits(result: pw.SweepResult, expected: pw.SweepResult) -> None:
    found, wanted = numbers_of(result), numbers_of(expected)
    unlike = [name for name, each in found.items() if not np.array_equal(each, wanted[name], True)]
    assert unlike == []
