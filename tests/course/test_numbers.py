"""Every decimal number and percentage in the prose of a lecture is printed by a cell of it, there or more precisely."""

import re
from typing import Any

import nbformat
import pytest

from tools.course import FOLDERS, sources

_NUMBER = re.compile(
    r"(?<![\w.])[-+−]?(?:\d+\.\d+|\.\d+|\d+(?=\s?%)|\d{1,3}(?:,\d{3})+|\d{3,})(?:\s?%)?(?![\w.]*\d)"
)
_PRINTED = re.compile(r"(?<![\w.])[-+]?\d[\d,]*(?:\.\d+)?(?:e-?\d+)?%?")
_YEARS = re.compile(r"\((?:19|20)\d\d\)")
KNOWN = {
    "01_splice": {
        "270": "30 layers with 9 heads each",
        "1 %": "a guess",
        "10 %": "a guess",
        ".416": "a guess: the rest, 1 - .584",
    },
    "06_helix": {"10,000": "100 times 100 sums"},
}
"""Numbers that no cell prints, and why they may stand there."""


def printed(notebook: Any) -> str:
    """All that cells print, and what is written in them."""
    texts = []
    for cell in notebook.cells:
        if cell.cell_type == "code":
            texts.append(cell.source)
            texts += [
                output.get("text", "") or output.get("data", {}).get("text/plain", "")
                for output in cell.outputs
            ]
    return "\n".join(texts)


def values(text: str) -> list[float]:
    """The sizes of all numbers; percentages as parts of one."""
    found = []
    for number in _PRINTED.findall(text):
        value = abs(float(number.rstrip("%").replace(",", "")))
        found.append(value / 100 if number.endswith("%") else value)
    return found


def is_printed(number: str, shown: list[float]) -> bool:
    """Whether a number of the prose is one of those printed, rounded as it is."""
    percent = number.endswith("%")
    plain = number.rstrip("% ").lstrip("+-−").replace(",", "")
    decimals = len(plain.partition(".")[2]) + (2 if percent else 0)
    value = float(plain) / (100 if percent else 1)
    half = 0.5 * 10**-decimals + 1e-9
    return any(abs(value - each) <= half for each in shown)


@pytest.mark.parametrize("source", sources(), ids=lambda source: source.stem)
def test_numbers_in_prose_are_printed(source) -> None:  # type: ignore[no-untyped-def]
    notebook = nbformat.read(FOLDERS["instructor"] / f"{source.stem}.ipynb", as_version=4)
    shown = values(printed(notebook))
    prose = [
        _YEARS.sub("", cell.source)
        for cell in notebook.cells
        if cell.cell_type == "markdown" and "instructor" not in cell.metadata.get("tags", [])
    ]
    missing = [
        number
        for text in prose
        for number in _NUMBER.findall(text)
        if not is_printed(number, shown) and number not in KNOWN.get(source.stem, {})
    ]
    assert missing == []


def test_a_number_that_is_not_printed_is_found() -> None:
    shown = values("recovery +0.584   share 61.0%  1,024 runs")
    assert [is_printed(number, shown) for number in (".584", "−.58", "61 %", "1,024", ".585")] == [
        *(True,) * 4,
        False,
    ]
