"""Figures of one patch: what is drawn is what was measured; each takes ax= and returns it."""

import matplotlib as mpl
import pytest
from matplotlib.axes import Axes

import patchwidgets as pw
from patchwidgets.facade import Experiment
from patchwidgets.plot.colours import LIGHT


def texts(ax: Axes) -> list[str]:
    return [text.get_text() for text in ax.texts]


def test_bars_are_the_logits_of_the_three_runs(names_experiment: Experiment, ax: Axes) -> None:
    result = names_experiment.patch("L23.H3")
    assert pw.plot.logits(result, k=3, ax=ax) is ax
    rows = result.top_tokens(3)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["␣Mary", "␣John", "␣the"]
    widths = [bar.get_width() for bar in ax.patches]
    expected = [
        getattr(row, run).logit for run in ("clean", "patched", "corrupted") for row in rows
    ]
    assert widths == pytest.approx(expected)
    assert mpl.colors.to_hex(ax.patches[0].get_facecolor()).upper() == LIGHT.runs["clean"]
    assert ax.get_xlabel() == "logit"


def test_tokens_that_look_like_formulas_are_text(names_experiment: Experiment, ax: Axes) -> None:
    from patchwidgets.plot.texts import literal

    ax.set_title(literal("$x^2$ and $"))
    ax.figure.canvas.draw()
    assert ax.get_title() == r"\$x^2\$ and \$"
