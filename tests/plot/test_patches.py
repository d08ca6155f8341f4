"""Figures of one patch: what is drawn is what was measured; each takes ax= and returns it."""

import matplotlib as mpl
import pytest
from matplotlib import pyplot as plt
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


def test_lanes_say_what_was_patched_and_what_it_did(names_experiment: Experiment, ax: Axes) -> None:
    assert pw.plot.flow(names_experiment.patch("L23.H3"), ax=ax) is ax
    assert ax.get_title(loc="left") == (
        "L23.H3 from the clean run into the corrupted run: logit diff +1.29, effect +6.77, "
        "recovery 58% (corrupted 0%, clean 100%)"
    )
    assert {"logit diff +6.12", "logit diff +1.29", "logit diff -5.49"} <= set(texts(ax))
    assert any(text.startswith("CLEAN") and "[␣John]" in text for text in texts(ax))


def test_a_cell_is_filled_as_far_as_the_patch_reached(
    names_experiment: Experiment, ax: Axes
) -> None:
    result = names_experiment.patch("L23.H3")
    pw.plot.flow(result, ax=ax)
    lanes = [
        collection.get_paths() for collection in ax.collections if collection.get_zorder() == 3
    ]
    reach = result.reach()
    reached = sum(int((reach.along[name] > 0.05).sum()) for name in ("z", "mlp_out"))
    assert [len(paths) for paths in lanes] == [0, reached, 0]
    assert reached > 20


def test_nothing_patched_and_the_other_direction(names_experiment: Experiment, ax: Axes) -> None:
    pw.plot.flow(names_experiment.patch(), ax=ax)
    assert "nothing patched, so the patched run is the corrupted run" in ax.get_title(loc="left")
    noised = pw.plot.flow(names_experiment.flip().patch("L23.H3"), ax=plt.subplots()[1])
    assert "from the corrupted run into the clean run" in noised.get_title(loc="left")


def test_tokens_that_look_like_formulas_are_text(names_experiment: Experiment, ax: Axes) -> None:
    from patchwidgets.plot.axes import literal

    ax.set_title(literal("$x^2$ and $"))
    ax.figure.canvas.draw()
    assert ax.get_title() == r"\$x^2\$ and \$"
