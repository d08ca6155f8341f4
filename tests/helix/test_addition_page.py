"""Every row of the table in docs/addition.md has a call and a plot, which run as they are written there."""

import re
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import pytest

import patchwidgets as pw

PAGE = (Path(__file__).parents[2] / "docs" / "addition.md").read_text(encoding="utf-8")
ROWS = [
    [cell.strip() for cell in line.strip("| ").split(" | ")]
    for line in PAGE.splitlines()
    if line.startswith("| ") and "pw." in line
]
FIGURES = ("2", "3", "4", "5", "6", "7", "8", "9", "10")


@pytest.fixture(scope="module")
def names() -> dict[str, Any]:
    """What the page defines before and after its table, for few pairs."""
    (block,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    defined: dict[str, Any] = {"pw": pw}
    exec(block.replace("addition(100", "addition(8"), defined)
    defined["numbers"] = pw.helix.NUMBERS
    defined["activations"] = pw.helix.number_activations(defined["model"], "L0.resid_post")
    return defined


def test_no_figure_is_missing() -> None:
    found = [row[0].partition(":")[0] for row in ROWS]
    assert [figure for figure in FIGURES if figure not in found] == []


@pytest.mark.slow
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_a_row_runs(names: dict[str, Any], row: list[str]) -> None:
    _, call, plot, prompts, flops = row
    assert re.search(r"\d", prompts)
    assert re.search(r"\d", flops)
    here = dict(names)
    for line in re.findall("`([^`]+)`", call):
        if line != '"attn_out"':
            exec(line, here)
    drawn = [eval(line, here) for line in re.findall("`([^`]+)`", plot)]
    assert drawn
    assert plt.get_fignums()
    plt.close("all")
