"""Lanes show what was measured: who was patched from where, how far it reached, what each run says."""

import re
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from PIL import Image

import patchwidgets as pw
from patchwidgets.errors import PatchError, TaskError
from patchwidgets.facade import Experiment
from patchwidgets.plot.colours import DARK, LIGHT
from patchwidgets.plot.finding import finding, numbers
from patchwidgets.plot.flow import few_colours
from patchwidgets.plot.lanes.arrows import splice
from patchwidgets.plot.lanes.cells import moved_boxes
from patchwidgets.plot.lanes.layout import Cell, layout_of
from patchwidgets.plot.lanes.places import replaced_cells
from patchwidgets.plot.lanes.ruler import Ruler
from patchwidgets.plot.lanes.slim import slim_names
from patchwidgets.plot.lanes.words import role_of
from patchwidgets.plot.numbers import capped_percent, signed
from patchwidgets.plot.shown import Shown
from patchwidgets.sites import Patch
from tests.support.unequal_prompts import unequal_task


@pytest.fixture(scope="module")
def experiment() -> Experiment:
    return pw.Experiment(
        pw.load(),
        pw.Task(
            clean="When Mary and John went to the store, John gave a drink to",
            corrupted="When Mary and John went to the store, Mary gave a drink to",
            answer=" Mary", foil=" John", positions={"S2": 10},
        ),
    )  # fmt: skip


@pytest.fixture(scope="module")
def dataset() -> Experiment:
    return pw.Experiment(pw.load(), pw.tasks.ioi(6))


def texts(ax: Axes) -> list[str]:
    return [text.get_text() for text in ax.texts]


def drawn(ax: Axes, gid: str) -> list[Any]:
    return [artist for artist in ax.get_children() if artist.get_gid() == gid]


def test_lanes_say_what_was_patched_and_what_it_did(experiment: Experiment) -> None:
    ax = plt.figure(figsize=(11, 5)).subplots()
    assert pw.plot.flow(experiment.patch("L0.H1"), ax=ax) is ax
    assert ax.get_title(loc="left") == (
        "L0.H1 restores 99 % of the difference and puts ␣Mary back on top.\n"
        "logit diff −6.15 → +6.49: effect +12.6, recovery 0.992"
    )
    said = texts(ax)
    assert {"Clean", "Patched", "Corrupted", "source", "host", "+6.59", "+6.49", "−6.15"} <= set(
        said
    )
    assert " ".join(said[said.index("Patched") + 1 :]).startswith(
        "corrupted prompt with clean L0.H1"
    )
    differing = [text.get_text() for text in ax.texts if text.get_fontweight() == "bold"]
    assert [each for each in differing if each.startswith("␣")] == ["␣John", "␣Mary", "␣Mary"]


def test_a_splice_leads_from_the_source_into_the_patched_box(experiment: Experiment) -> None:
    for exp, source in ((experiment, "Clean"), (experiment.flip(), "Corrupted")):
        ax = pw.plot.flow(exp.patch("L0.H1", "L2.mlp_out"), title="")
        tips = [tip.get_xy() for tip in drawn(ax, "splice")]
        assert len(tips) == 2
        lanes = {text.get_text(): text.get_position()[1] for text in ax.texts}
        heads, mlps = lanes["H1"], lanes["MLP"]
        assert abs(tips[0][:, 1].mean() - heads) < 5
        assert abs(tips[1][:, 1].mean() - mlps) < 5
        # Its line comes from above out of the clean run, and from below out of the corrupted one.
        assert (lanes["Patched"] > lanes[source]) == (source == "Clean")
        assert ax.get_title(loc="left") == ""


@pytest.mark.parametrize("n_layers", [2, 4, 12, 30])
@pytest.mark.parametrize("component", ["embed", "resid_mid"])
def test_an_arrow_into_the_stream_before_a_layer_runs_over_no_box(
    n_layers: int, component: str
) -> None:
    layout = layout_of(960, 1.0, n_layers, 9)
    for layer in range(1 if component == "embed" else n_layers):
        points, _ = splice(layout, "clean", Cell(component, layer))
        at = {x for x, _ in points}
        boxes = [layout.box("patched", Cell("z", each, 0)) for each in range(n_layers)]
        assert all(x < box.x - 1 or x > box.x + box.w + 1 for x in at for box in boxes)


def test_what_is_frozen_comes_from_the_host(experiment: Experiment) -> None:
    """The clean run has nothing to do with it, so its box in that lane is hollow."""
    shown = Shown.of(experiment.patch("L0.H1", Patch("L2.H0", "host")))
    layout, ruler = layout_of(960, 1.0, 4, 4), Ruler(1.0)
    used = {
        lane: [named.used for named in slim_names(shown, layout, lane, ruler)]
        for lane in ("clean", "corrupted")
    }
    assert used == {"clean": [True, False], "corrupted": [False, True]}
    assert replaced_cells(shown) == {Cell("z", 0, 1)}
    role = role_of(shown, "patched", in_lines=True)
    assert role == "corrupted prompt with clean L0.H1 with L2.H0 frozen"


def test_a_box_is_filled_as_far_as_the_patch_reached(experiment: Experiment) -> None:
    result = experiment.patch("L0.H1")
    along = result.reach().along
    ax = pw.plot.flow(result)
    blue = [
        patch.get_path().vertices.reshape(-1, 5, 2)
        for patch in ax.patches
        if patch.get_zorder() == 2.2
        and to_hex(patch.get_facecolor()).upper() == LIGHT.runs["clean"]
    ]
    [fills] = blue
    heights = np.ptp(fills[..., 1], axis=1)
    moved = np.concatenate(
        [along["z"], along["attn_out"][:, None], along["mlp_out"][:, None]], axis=1
    )
    sizes = result.reach().size["z"]
    assert len(fills) == int((moved > 0.05).sum()) or (sizes > 0.5).any()
    full = heights.max()
    of_mlp = along["mlp_out"][1]
    x = sorted({round(float(x), 3) for x in fills[..., 0].min(axis=1)})
    in_layer = fills[np.isclose(fills[..., 0].min(axis=1), x[1], atol=0.01)]
    lowest = in_layer[in_layer[..., 1].max(axis=1).argmax()]
    assert np.ptp(lowest[:, 1]) == pytest.approx(full * min(1.0, of_mlp), rel=0.15)


def test_bars_are_the_probabilities_of_the_next_tokens(experiment: Experiment) -> None:
    result = experiment.patch("L0.H1")
    ax = pw.plot.flow(result)
    bars = drawn(ax, "patched output")
    whole = max(bar.get_width() for bar in bars) / result.run_tokens(1)[0].prob
    expected = [token.prob * whole for token in result.run_tokens(len(bars))]
    assert [bar.get_width() for bar in bars] == pytest.approx([max(1.0, w) for w in expected])


def test_numbers_of_a_dataset_say_that_they_are_means_and_whose_prompt_is_shown(
    dataset: Experiment,
) -> None:
    result = dataset.patch("L0.H1")
    ax = pw.plot.flow(result, ax=plt.figure(figsize=(11, 5)).subplots())
    said = texts(ax)
    assert {
        "host, pair\xa01\xa0of\xa06",
        "mean logit diff",
        "next tokens: pair\xa01\xa0of\xa06",
    } <= set(said)
    assert "mean of 6 pairs" not in said
    assert ax.get_title(loc="left").startswith("Over all 6 pairs, L0.H1 restores")
    one = pw.plot.flow(result, pair=3, ax=plt.figure(figsize=(11, 5)).subplots())
    said = texts(one)
    assert {"host, pair\xa04\xa0of\xa06", "logit diff"} <= set(said)
    assert one.get_title(loc="left").startswith("In pair 4, L0.H1 restores")
    value = float(result.per_pair.value[3])
    assert signed(value) in said
    with pytest.raises(TaskError, match="There is no pair 6; expected 0 to 5"):
        pw.plot.flow(result, pair=6)


@pytest.mark.parametrize("width", [3.25, 5.5, 11])
def test_next_tokens_are_those_of_the_prompt_that_is_shown(
    dataset: Experiment, width: float
) -> None:
    """A mean over pairs would stand beside a prompt that never has it."""
    result = dataset.patch("L0.H1")
    ax = pw.plot.flow(result, ax=plt.figure(figsize=(width, 5)).subplots())
    bars = [bar.get_width() for bar in drawn(ax, "patched output")]
    first = result.run_tokens(len(bars), pair=0)
    whole = max(bars) / first[0].prob
    assert bars == pytest.approx([max(1.0, token.prob * whole) for token in first])
    answer = f"␣{dataset.clean.top_tokens(1, 0)[0].token.strip()}"
    assert any(text.split(" ")[0] == answer for text in texts(ax))
    assert any(text.startswith("mean") for text in texts(ax))


def test_only_what_is_known_to_be_unchanged_has_a_dot(experiment: Experiment) -> None:
    """Of a path the pass that is measured has nothing in the boxes that it leads through."""
    shown = Shown.of(experiment.path("L0.H1", "L1.H1.v", "logits"))
    model = experiment.model
    layout = layout_of(900, 1, model.n_layers, model.n_heads)
    moved = moved_boxes(shown, shown.reach(), layout)
    n = model.n_heads + 2
    blank = {0 * n + 1, 0 * n + n - 2, 1 * n + 1, 1 * n + n - 2}
    assert set(np.flatnonzero(~moved.zero)) == blank
    assert np.isnan(moved.along[[*blank]]).all()
    through_mlp = Shown.of(experiment.path("L0.H1", "L1.mlp_in", "logits"))
    assert not moved_boxes(through_mlp, through_mlp.reach(), layout).zero[2 * n - 1]


def in_column(ax: Axes, first: str) -> list[str]:
    """The lines of text that begin below each other where `first` begins."""
    x = {text.get_position()[0] for text in ax.texts if text.get_text() == first}
    at = [text for text in ax.texts if text.get_position()[0] in x]
    return [text.get_text() for text in sorted(at, key=lambda text: text.get_position()[1])]


def test_a_metric_with_a_long_name_is_named_whole_beside_its_number() -> None:
    sums = pw.Experiment(pw.load(), pw.tasks.addition(3, varies="both"), ["answer_prob"])
    ax = pw.plot.flow(sums.patch("embed@a"), ax=plt.figure(figsize=(9.6, 4)).subplots())
    said = in_column(ax, "mean answer")
    assert said.count("mean answer") == said.count("probability") == 3
    narrow = pw.plot.flow(sums.patch("embed@a"), ax=plt.figure(figsize=(5, 5)).subplots())
    assert texts(narrow).count("mean answer probability") == 3


def test_what_a_run_is_leaves_room_for_the_name_of_what_is_patched(dataset: Experiment) -> None:
    """The embeddings are named at the left of the stream, where else the line goes on."""
    for site, lines in (("L1.H0", ["Clean", "source, pair 1 of 6"]),
                        ("embed", ["Clean", "source,", "pair 1 of 6"])):  # fmt: skip
        ax = pw.plot.flow(dataset.patch(site), ax=plt.figure(figsize=(11, 5)).subplots())
        said = [text.replace("\xa0", " ") for text in in_column(ax, "Clean")]
        assert said[: len(lines)] == lines


def test_a_probability_that_has_no_room_is_left_out(dataset: Experiment) -> None:
    """Cut in its middle it would be another number."""
    for width in (2.5, 3, 3.5, 4):
        ax = pw.plot.flow(dataset.patch("L0.H1"), ax=plt.figure(figsize=(width, 5)).subplots())
        assert not [text for text in texts(ax) if re.search(r"\d…|…\d|… ?%", text)]


def test_a_path_is_a_line_from_its_sender_over_its_receivers(experiment: Experiment) -> None:
    for result in (
        experiment.path("L0.H1", "L1.H1.v", "logits"),
        experiment.path("L0.H1", "L1.mlp_in", "logits"),
    ):
        ax = pw.plot.flow(result, ax=plt.figure(figsize=(11, 5)).subplots())
        assert len(drawn(ax, "path")) == 2
        assert not drawn(ax, "splice")
        assert "→ the logits carries" in ax.get_title(loc="left")
    assert "L1’s MLP sees clean L0.H1" in " ".join(texts(ax)).replace("\n", " ")


def test_an_ablation_is_grey_and_has_no_splice(experiment: Experiment) -> None:
    ax = pw.plot.flow(experiment.patch(Patch("L0.H1", pw.sources.zero())))
    assert not drawn(ax, "splice")
    colours = {
        to_hex(patch.get_facecolor()).upper() for patch in ax.patches if patch.get_zorder() == 2.2
    }
    assert colours == {LIGHT.faint}
    assert "changed" in texts(ax)
    assert ax.get_title(loc="left").startswith("Setting L0.H1 to zero restores 50 %")
    assert not any(text.startswith("beyond") for text in texts(ax))
    written = [text for text in texts(ax) if re.fullmatch(r"\d+\xa0%", text)]
    percents = [int(text[:-2]) for text in written]
    assert max(percents) > 105
    assert max(percents) <= 999


def test_percents_of_almost_nothing_are_capped() -> None:
    assert [capped_percent(each) for each in (158.59, 9.99, -12.0, 0.5)] == [
        ">\xa0999\xa0%", "999\xa0%", "<\xa0−999\xa0%", "50\xa0%",
    ]  # fmt: skip


def test_nothing_patched_and_the_other_direction(experiment: Experiment) -> None:
    ax = pw.plot.flow(experiment.patch())
    assert ax.get_title(loc="left") == "Nothing patched: the patched run is the corrupted run."
    noised = pw.plot.flow(experiment.flip().patch("L0.H1"))
    assert noised.get_title(loc="left").startswith("Corrupting L0.H1 costs")


@pytest.mark.parametrize(
    ("patches", "says"),
    [
        (["L0.H1", "L1.H1"], "L0.H1 and L1.H1 "),
        ([f"L{i}.H{j}" for i in range(4) for j in range(4) if i + j], "All heads but L0.H0 "),
        (["L0.H1@S2", "L1.H1", "L2.H0", "L3.H1"], "4 sites "),
        ([Patch("L1.H1", pw.sources.zero())], "Setting L1.H1 to zero pushes away from the clean answer: −27"),
        ([Patch("L0.H1", "host")], "L0.H1 frozen, and nothing else is patched: all stays as it was."),
        ([Patch("L0.H1", "corrupted")], "Giving L0.H1 its corrupted value changes nothing: exactly 0."),
        (["L0.H1", Patch("L1.H1", "host")], "L0.H1 with L1.H1 frozen restores "),
        (["L0.H1", *(Patch(f"L1.H{i}.k", "host") for i in range(4))], "L0.H1 with 4 sites frozen restores "),
        ([Patch("L1.H1", pw.sources.zero()), Patch("L2.H0", "host")], "Setting L1.H1 to zero with L2.H0 frozen pushes"),
        ([Patch("L1.H1.pattern@-1", pw.sources.cut("S2"))], "Cutting L1.H1 @-1 → @S2 "),
        ([Patch("L1.mlp_out", pw.sources.steer("clean - corrupted", 0.5))], "Steering L1.mlp_out by α = 0.500 "),
        ([Patch("L1.mlp_out", fn=lambda host, source: host)], "Changing L1.mlp_out changes nothing: exactly 0."),
        ([Patch("L1.H1@-1", pw.sources.at("L1.H1@-2"))], "Giving L1.H1@-1 the clean value of L1.H1@-2 "),
    ],
)  # fmt: skip
def test_the_finding_says_what_was_done(
    experiment: Experiment, patches: list[Any], says: str
) -> None:
    sentence = finding(Shown.of(experiment.patch(*patches)))
    assert sentence.startswith(says)


def test_an_undefined_recovery_has_its_reason(experiment: Experiment) -> None:
    constant = experiment.measuring(lambda readout: readout.logits[:, 0] * 0)
    shown = Shown.of(constant.patch("L0.H1"))
    assert finding(shown).startswith("No recovery: the clean prompt gives +0 and the corrupted +0")
    assert numbers(shown).endswith("effect 0.000, recovery undefined")


def test_prompts_of_unequal_length_keep_counterparts_in_one_column(toy: pw.Model) -> None:
    result = Experiment(toy, unequal_task()).patch("L1.H2")
    ax = pw.plot.flow(result, ax=plt.figure(figsize=(11, 5)).subplots())
    places: dict[str, set[float]] = {}
    for text in ax.texts:
        if text.get_text() in ("␣w9", "␣w26", "␣w5"):
            places.setdefault(text.get_text(), set()).add(round(text.get_position()[0], 3))
    assert all(len(x) == 1 for token, x in places.items() if token != "␣w9")
    alone = [text.get_text() for text in ax.texts if text.get_fontstyle() == "italic"]
    assert alone == ["␣w15", "␣w42", "␣w43", "␣w42", "␣w43"]


def test_long_prompts_fold_and_keep_what_differs(toy: pw.Model) -> None:
    words = [f"w{i % 50 + 1}" for i in range(60)]
    other = [*words[:40], "w58", *words[41:]]
    exp = Experiment(toy, pw.Task(" ".join(words), " ".join(other), " w8", " w9"))
    ax = pw.plot.flow(exp.patch("L1.H2@40"))
    folds = [text.get_text() for text in ax.texts if "alike" in text.get_text()]
    hidden = sum(int(fold.split()[1]) for fold in folds) / 3
    shown = sum(text.get_text().startswith(("␣w", "w")) for text in ax.texts)
    assert {"␣w41", "␣w58"} <= set(texts(ax))
    assert 0 < hidden < 60
    assert shown >= 3 * (60 - hidden)


def test_dark_pages_have_the_dark_colours(experiment: Experiment) -> None:
    with plt.style.context("dark_background"):
        ax = pw.plot.flow(experiment.patch("L0.H1"))
    [name] = [text for text in ax.texts if text.get_text() == "Clean"]
    assert to_hex(name.get_color()).upper() == DARK.runs["clean"]


def test_the_picture_is_of_twice_the_pixels_and_small(experiment: Experiment) -> None:
    before = dict(plt.rcParams)
    png = pw.plot.flow_png(experiment.patch("L0.H1"), note="A note.")
    image = Image.open(BytesIO(png)).convert("RGB")
    assert image.size[0] == 1920
    assert image.getpixel((0, 0)) == (255, 255, 255)
    assert len(png) < 100_000
    assert dict(plt.rcParams) == before
    assert not plt.get_fignums()


def test_grounds_keep_their_colour_in_the_picture() -> None:
    """Pale grounds that are nearly alike, among thousands of colours of edges."""
    grounds = [(251 - i, 242 + i // 8, 235) for i in range(40)]
    edges = [np.linspace(ground, (20, 30, 90 + i), 100) for i, ground in enumerate(grounds)]
    flat = np.repeat(np.array(grounds, dtype=np.uint8)[:, None], 200, axis=1)
    picture = np.concatenate([flat, np.stack(edges).astype(np.uint8)], axis=1)
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 3000
    few = few_colours(Image.fromarray(picture))
    seen = np.asarray(few.convert("RGB")).astype(int)
    assert few.mode == "P"
    np.testing.assert_array_equal(seen[:, :200], flat)
    assert np.abs(seen - picture).max() <= 12


def test_what_is_no_result_is_refused(experiment: Experiment) -> None:
    with pytest.raises(
        PatchError, match=r"what exp.patch\(...\) or exp.path\(...\) returns; got str"
    ):
        pw.plot.flow("L0.H1")  # type: ignore[arg-type]
