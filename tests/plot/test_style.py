"""Styles, composed figures and captions."""

from functools import partial
from io import BytesIO
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.colors import to_hex

import patchwidgets as pw
from patchwidgets.errors import PatchError
from patchwidgets.facade import Experiment
from patchwidgets.plot.captions import escape
from patchwidgets.plot.colours import DARK, HATCHES, LIGHT, LINES, MARKERS
from patchwidgets.plot.texts import NO_BREAK, text_width, wrapped
from tests.plot.layout import grey_distance


@pytest.fixture(scope="module")
def experiment() -> Experiment:
    return pw.Experiment(pw.load(), pw.tasks.ioi(6))


def test_a_style_holds_in_its_block_and_is_undone_after_it() -> None:
    before = dict(mpl.rcParams)
    with pw.plot.style("paper", "column"):
        assert mpl.rcParams["figure.figsize"][0] == 3.25
        assert (mpl.rcParams["pdf.fonttype"], mpl.rcParams["svg.fonttype"]) == (42, "none")
        sizes = [
            mpl.rcParams[f"{name}size"] for name in ("xtick.label", "axes.label", "legend.font")
        ]
        assert all(7 <= size <= 8 for size in sizes)
    assert dict(mpl.rcParams) == before
    stack = pw.plot.style("slide", 8)
    assert (mpl.rcParams["figure.figsize"][0], mpl.rcParams["font.size"]) == (8, 16)
    stack.close()
    assert dict(mpl.rcParams) == before


def test_the_style_files_are_matplotlibs_own() -> None:
    with plt.style.context("patchwidgets.plot.paper"):
        assert mpl.rcParams["font.size"] == 8


def test_styles_and_widths_that_do_not_exist_are_named() -> None:
    with pytest.raises(PatchError, match="no style 'poster'; there are paper, slide, notebook"):
        pw.plot.style("poster")  # type: ignore[arg-type]
    for width in ("wide", 0, True, float("nan"), 1000):
        with pytest.raises(PatchError, match=r"'column' \(3.25\)"):
            pw.plot.style("paper", width)  # type: ignore[arg-type]


def test_the_style_rules_every_size(experiment: Experiment) -> None:
    """Twice the type, twice as thick lines."""
    heads = experiment.sweep("z", progress=False)
    found: dict[Any, Any] = {}
    for name in ("paper", "slide"):
        with pw.plot.style(name, 6):  # type: ignore[arg-type]
            ax = pw.plot.layers(heads)
            found[name] = [
                ax.xaxis.label.get_fontsize(), ax.texts[0].get_fontsize(), ax.lines[-1].get_markersize()
            ]  # fmt: skip
    assert np.all(np.array(found["slide"]) / np.array(found["paper"]) > 1.9)


@pytest.mark.parametrize(("style", "palette"), [("default", LIGHT), ("dark_background", DARK)])
def test_colours_follow_the_background(experiment: Experiment, style: str, palette: Any) -> None:
    with plt.style.context(style):
        ax = pw.plot.layers(experiment.sweep("z", progress=False))
    assert to_hex(ax.lines[-1].get_color()).upper() == palette.runs["patched"].upper()
    assert to_hex(ax.texts[0].get_color()).upper() == palette.ink.upper()


def test_runs_can_be_told_apart_in_grey() -> None:
    """Patched by its brightness; clean and corrupted, as bright as each other, by marker, line and hatching."""
    for palette in (LIGHT, DARK):
        assert grey_distance(palette.runs["patched"], palette.runs["clean"]) > 15
        assert grey_distance(palette.runs["patched"], palette.runs["corrupted"]) > 15
    for marks in (MARKERS, LINES, HATCHES):
        assert marks["clean"] != marks["corrupted"]


def test_panels_have_letters_and_places(experiment: Experiment) -> None:
    heads = experiment.sweep("z", progress=False)
    figure = pw.plot.panels(
        "aab;ccc", height=4, a=partial(pw.plot.heatmap, heads), b=lambda ax: pw.plot.layers(heads, ax=ax),
        c=partial(pw.plot.pairs, heads),
    )  # fmt: skip
    figure.draw_without_rendering()
    letters = {
        text.get_text(): ax for ax in figure.axes for text in ax.texts if text.get_gid() == "panel"
    }
    a, b, c = (letters[letter].get_position() for letter in "abc")
    assert a.x1 < b.x1
    assert a.y0 > c.y1
    assert b.y0 > c.y1
    assert c.width > a.width > b.width
    assert figure.get_figheight() == 4
    figure.savefig(BytesIO())


@pytest.mark.parametrize(
    ("layout", "names", "says"),
    [
        ("ab", "a", r"each of the letters in 'ab' \(a, b\); got a"),
        ("a", "ab", r"letters in 'a' \(a\); got a, b"),
        ("", "", r"\(none\); got nothing"),
        ("ab;ba", "ab", "is no layout of panels"),
        ("abc;ab", "abc", "is no layout of panels"),
    ],
)
def test_layouts_that_are_none_are_refused(layout: str, names: str, says: str) -> None:
    with pytest.raises(PatchError, match=says):
        pw.plot.panels(layout, **{name: (lambda ax: ax) for name in names})
    assert not plt.get_fignums()


def test_a_result_in_place_of_a_function_is_answered(experiment: Experiment) -> None:
    heads = experiment.sweep("z", progress=False)
    with pytest.raises(
        PatchError, match=r"Panel a is SweepResult; .*a=functools\.partial\(pw\.plot"
    ):
        pw.plot.panels("a", a=heads)  # type: ignore[arg-type]


def test_captions_say_the_numbers(experiment: Experiment) -> None:
    heads, result = experiment.sweep("z", progress=False), experiment.patch("L0.H1")
    caption = pw.plot.fig_caption(heads)
    assert "every attention head" in caption
    assert r"4 layers $\times$ 4 heads" in caption
    assert f"L0.H1, {float(heads.share[0, 1]):.2f}" in caption
    assert f"clean {experiment.clean.value:.2f}" in caption
    assert "over 6 pairs" in caption
    caption = pw.plot.fig_caption(result)
    assert f"patched {result.value:.2f}; effect {result.effect:+.2f}, recovery" in caption
    assert "6 pairs of prompts" in caption
    noise = pw.plot.fig_caption(experiment.flip().sweep("z", progress=False))
    assert "from the corrupted run into the clean run" in noise
    assert pw.plot.fig_caption(experiment.direct_effects("z", progress=False)).startswith("Direct")
    estimate = experiment.estimate("z", progress=False)
    assert pw.plot.fig_caption(estimate).startswith("Estimated effects of every attention head")
    comparison = pw.plot.fig_caption(estimate.compare(heads))
    assert r"effects on logit\_diff" in comparison
    curve = experiment.faithfulness_curve(heads, (0.5, 1), n_random=3, progress=False)
    caption = pw.plot.fig_caption(curve)
    assert r"90\% of 3 random circuits" in caption
    assert "of the largest of 16 scores in teaching model, by" in caption
    assert r"measured by logit\_diff, over 6 pairs" in caption
    assert f"The area under the curve (CPR) is {curve.cpr:.3f}, " in caption
    assert f"that between the curve and 1 (CMD) {curve.cmd:.3f}." in caption
    numbers = pw.helix.number_activations(experiment.model, "L0.resid_pre")
    assert r"100 (42\%)" in pw.plot.fig_caption(pw.helix.spectrum(numbers))
    circuit = pw.Circuit(["L0.H1", "L1.mlp_out"])
    assert pw.plot.fig_caption(circuit).startswith("A circuit of 2 nodes")
    evaluated = experiment.evaluate(circuit)
    assert f"faithfulness is {evaluated.faithfulness:.2f}" in pw.plot.fig_caption(evaluated)
    lens = pw.plot.fig_caption(experiment.clean.lens())
    assert "after each of 4 layers, read by the logit lens" in lens
    assert "on 6 prompts" in lens
    parts = experiment.clean.logit_attribution()
    assert f"L1.mlp\\_out, {parts['L1.mlp_out']:.2f}" in pw.plot.fig_caption(parts)
    vector = experiment.source["L1.resid_post@-1"] - experiment.host["L1.resid_post@-1"]
    doses = experiment.dose_curve(
        "L1.resid_post@-1", vector.mean(0).flatten(), [0, 1], progress=False
    )
    caption = pw.plot.fig_caption(doses)
    assert f"{float(doses.value[1]):.2f} at dose 1" in caption.replace("$-$", "-")
    with pytest.raises(PatchError, match=r"There are captions for .*; got float"):
        pw.plot.fig_caption(1.0)


def test_the_prompts_of_one_pair_are_quoted_for_latex() -> None:
    exp = pw.Experiment(
        pw.load(),
        pw.Task(
            clean="When Mary and John went to the store, John gave a drink to",
            corrupted="When Mary and John went to the store, Mary gave a drink to",
            answer=" Mary",
            foil=" John",
        ),
    )
    caption = pw.plot.fig_caption(exp.patch("L0.H1"))
    assert "store, John gave a drink to''; corrupted prompt: ``" in caption
    assert "corrupted prompt: ``When Mary" in caption


def test_nothing_is_read_as_a_command_of_latex() -> None:
    assert escape("50% of $x_1$ & {a}\\b ~^#") == (
        r"50\% of \$x\_1\$ \& \{a\}\textbackslash{}b \textasciitilde{}\textasciicircum{}\#"
    )


def test_lines_break_between_words_before_they_break_one() -> None:
    """Also within a part of a title, whose words stay together only where they fit."""
    part = "z: share of logit_diff".replace(" ", NO_BREAK)
    room = text_width("z: share of log", 8)
    broken = wrapped(f"{part}, denoise", room, 8)
    assert [line.replace(NO_BREAK, " ") for line in broken] == [
        "z: share of",
        "logit_diff,",
        "denoise",
    ]
    assert wrapped(f"a {part}", 200, 8) == [f"a {part}"]
    assert "".join(wrapped("x" * 40, room, 8)) == "x" * 40
