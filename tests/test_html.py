"""What a notebook shows of results: words, numbers and a small map, as HTML that runs nothing and has no theme."""

import re
from xml.etree import ElementTree as ET

import nbformat
import numpy as np
import pandas as pd
import pytest
from nbconvert import HTMLExporter

import patchwidgets as pw
from patchwidgets.html import MOST_COLUMNS, in_figures, table
from patchwidgets.sweep.small_map import CLEAN, CORRUPTED, LEVELS, SmallMap
from tests.support.odd_tokens import ODD_TOKENS

MOST_BYTES = 30_000
TAGS = {
    "div",
    "span",
    "table",
    "thead",
    "tbody",
    "tr",
    "th",
    "td",
    "svg",
    "g",
    "path",
    "rect",
    "text",
}
ATTRIBUTES = {
    *(
        "class",
        "style",
        "role",
        "aria-label",
        "width",
        "height",
        "font-size",
        "fill",
        "fill-opacity",
    ),
    *("transform", "d", "x", "y", "stroke", "stroke-opacity", "text-anchor"),
}
AXES = (("layer", "0", "3"), ("head", "0", "3"))


@pytest.fixture(scope="module")
def exp() -> pw.Experiment:
    sums = pw.tasks.addition(3)
    return pw.Experiment(pw.load(), sums, ["logit_diff", "kl"])


def parsed(html: str) -> ET.Element:
    """What a parser reads that allows no slip; no scripts, no styles of a theme, nothing from elsewhere."""
    assert len(html.encode()) < MOST_BYTES
    page = ET.fromstring(html)
    assert {each.tag for each in page.iter()} <= TAGS
    assert {name for each in page.iter() for name in each.attrib} <= ATTRIBUTES
    assert "url(" not in "".join(each.get("style", "") for each in page.iter())
    return page


def cells_of(svg: ET.Element) -> dict[tuple[int, int], tuple[str, float]]:
    """The colour and strength of each cell of a map."""
    found = {}
    for path in svg.iter("path"):
        look = path.attrib["fill"], float(path.attrib["fill-opacity"])
        for left, row, length in re.findall(r"M(\d+) (\d+)h(\d+)v1h-\3z", path.attrib["d"]):
            found |= {(int(row), int(left) + i): look for i in range(int(length))}
    return found


def test_a_sweep_shows_its_words_its_map_and_its_largest_effects(exp: pw.Experiment) -> None:
    s = exp.sweep("z", progress=False)
    page = parsed(s._repr_html_())
    texts = ["".join(each.itertext()) for each in page]
    assert texts[0] == repr(s)
    rows = [[cell.text for cell in row] for row in page.iter("tr")]
    assert rows[0] == ["site", "effect", "share"]
    assert [row[0] for row in rows[1:]] == s.top_sites(5)
    assert rows[1][1] == in_figures(float(s.effect.max()))
    full = float(re.search(r"full colour at ±([\d.]+)", texts[3])[1])
    shares = s.share.values / full
    assert cells_of(page.find("svg")) == {
        (layer, head): (CLEAN if share > 0 else CORRUPTED, round(abs(share) * LEVELS) / LEVELS)
        for (layer, head), share in np.ndenumerate(np.clip(shares, -1, 1))
        if round(abs(share) * LEVELS)
    }


def test_towards_clean_is_blue_in_both_directions(exp: pw.Experiment) -> None:
    both = [exp.turned(direction).sweep("z", progress=False) for direction in ("denoise", "noise")]
    largest = [np.unravel_index(np.abs(s.share.values).argmax(), s.shape) for s in both]
    colours = [
        cells_of(parsed(s._repr_html_()).find("svg"))[tuple(map(int, at))][0]
        for s, at in zip(both, largest, strict=True)
    ]
    assert colours == [CLEAN, CORRUPTED]


def test_one_axis_is_one_row_and_single_sites_have_no_map(exp: pw.Experiment) -> None:
    layers = exp.sweep("mlp_out", progress=False)
    assert {row for row, _ in cells_of(parsed(layers._repr_html_()).find("svg"))} == {0}
    edges = exp.edges(progress=False)
    assert parsed(edges._repr_html_()).find("svg") is None
    cell = exp.sweep("z", progress=False).sel(layer=0, head=1)
    rows = [[each.text for each in row] for row in parsed(cell._repr_html_()).iter("tr")]
    assert [row[0] for row in rows] == ["site", "L0.H1"]
    assert cell.to_frame()["site"].tolist() == ["L0.H1"] * 2  # of two metrics


def test_what_is_unknown_is_grey_and_what_is_nothing_is_the_page() -> None:
    values = np.array([[1.0, np.nan, 0.01], [-0.5, -2.0, 0.0]])
    found = cells_of(ET.fromstring(SmallMap(values, AXES, "a map").svg()))
    assert found == {
        (0, 0): (CLEAN, 1.0),
        (0, 1): ("currentColor", 0.12),
        (1, 0): (CORRUPTED, 0.5),
        (1, 1): (CORRUPTED, 1.0),
    }


def test_a_large_map_stays_small_and_shows_the_largest() -> None:
    values = np.random.default_rng(0).normal(0, 0.3, (80, 1536))
    values[79, 1535], values[0, 0] = -1.0, np.nan
    small = SmallMap(values, AXES, "a map")
    pooled, by = small.pooled()
    assert by == (3, 26)
    assert pooled.shape == (27, 60)
    assert pooled[-1, -1] == -1.0
    assert np.abs(pooled[0, 0]) == np.nanmax(np.abs(values[:3, :26]))
    assert len(small.svg()) < MOST_BYTES


def test_texts_are_escaped_wherever_they_come_from(exp: pw.Experiment) -> None:
    odd = [token for token in ODD_TOKENS if "<" in token or '"' in token]
    page = parsed(table(pd.DataFrame({"<b>": odd})).replace(" in to_frame()", ""))
    assert [cell.text for cell in page.iter("td")] == odd[: len(list(page.iter("td")))]
    dataset = exp.sweep("z", progress=False).to_xarray()
    dataset.attrs["model"] = "<img src=x onerror=alert(1)>"
    shown = pw.SweepResult(dataset)._repr_html_()
    assert "<img" not in shown
    assert "&lt;img src=x" in shown


def test_other_results_show_their_table_and_print_as_before(exp: pw.Experiment) -> None:
    r = exp.patch("L0.H1")
    estimate = exp.estimate("z", progress=False)
    for result in (
        r,
        exp.clean.lens(),
        exp.clean.logit_attribution(),
        exp.evaluate(pw.Circuit(["L0.H1"])),
        estimate.compare(exp.sweep("z", progress=False)),
    ):
        page = parsed(result._repr_html_())
        assert "".join(page[0].itertext()) == repr(result)
        assert len(list(page.iter("th"))) <= MOST_COLUMNS
    cells = [[cell.text for cell in row] for row in parsed(r._repr_html_()).iter("tr")]
    assert cells[0] == ["metric", "value", "effect", "share", "recovery"]
    assert cells[1][:3] == ["logit_diff", in_figures(r.value), in_figures(r.effect)]


def test_experiments_and_tasks_show_their_runs_and_prompts(exp: pw.Experiment) -> None:
    cells = [[cell.text for cell in row] for row in parsed(exp._repr_html_()).iter("tr")]
    assert cells[1][:3] == [
        "logit_diff",
        in_figures(exp.clean.value),
        in_figures(exp.corrupted.value),
    ]
    page = parsed(exp.task._repr_html_())
    assert [cell.text for cell in page.iter("td")][:2] == [exp.task.clean[0], exp.task.corrupted[0]]
    assert "… 12 more rows in to_frame()" in pw.tasks.ioi(20)._repr_html_()


def test_figures() -> None:
    given = [12.64213, np.float32(-0.5), float("nan"), None, pd.NA, 3, True, "L0.H1"]
    assert [in_figures(each) for each in given] == [
        "12.64",
        "−0.5",
        "",
        "",
        "",
        "3",
        "True",
        "L0.H1",
    ]


def test_a_page_of_nbconvert_has_the_map(exp: pw.Experiment) -> None:
    s = exp.sweep("z", progress=False)
    data = {"text/html": s._repr_html_(), "text/plain": repr(s)}
    output = nbformat.v4.new_output("execute_result", data)
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("s", outputs=[output])])
    body, _ = HTMLExporter(sanitize_html=False).from_notebook_node(notebook)
    assert len(re.findall("<path d=", body)) == s._repr_html_().count("<path ") > 3
    assert 'aria-label="Map of the share of logit_diff over layer and head"' in body
