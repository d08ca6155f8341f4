"""Names of metrics are other people's text: a figure shows them as they are, and never reads them as formulas."""

from io import BytesIO

import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import patchwidgets as pw
from patchwidgets.facade import Experiment
from patchwidgets.metrics import Readout
from tests.support.toy_models import make_model

NAME = r"$\bad$"


@pytest.fixture(scope="module")
def experiment() -> Experiment:
    def metric(readout: Readout) -> object:
        return readout.logits[:, 0]

    metric.__name__ = NAME
    task = pw.Task("w3 w14 w15 w9 w26", "w3 w14 w42 w9 w26", " w8", " w9")
    return Experiment(make_model("llama"), task, metric)


def drawn(ax: Axes) -> None:
    figure = ax.figure
    assert isinstance(figure, Figure)
    figure.savefig(BytesIO())


def test_a_metric_named_like_a_wrong_formula_is_drawn(experiment: Experiment, ax: Axes) -> None:
    result = experiment.patch("L0.H1")
    pw.plot.flow(result, ax=ax)
    assert any(text.get_text().startswith(r"\$\bad\$ ") for text in ax.texts)
    drawn(ax)
    drawn(pw.plot.logits(result, ax=Figure().subplots()))


def test_so_is_its_sweep(experiment: Experiment) -> None:
    sweep = experiment.sweep("z", progress=False)
    heatmap = pw.plot.heatmap(sweep, ax=Figure().subplots())
    assert heatmap.get_title(loc="left").startswith(r"z: share of \$\bad\$, denoise")
    layers = pw.plot.layers(sweep, ax=Figure().subplots())
    assert layers.get_ylabel() == r"recovery (\$\bad\$)"
    drawn(heatmap)
    drawn(layers)
