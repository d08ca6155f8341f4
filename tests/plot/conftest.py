"""Figures without a window."""

import matplotlib as mpl
import pytest
from matplotlib import pyplot as plt
from matplotlib.axes import Axes


@pytest.fixture(autouse=True)
def _headless() -> None:
    mpl.use("agg")


@pytest.fixture
def ax() -> Axes:
    return plt.subplots()[1]
