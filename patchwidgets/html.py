"""What results show in a notebook: a line of words and a small table, as HTML without scripts or styles of its own.

Colours are those of the page, so that it is read in light and in dark. Texts are escaped. Costs nothing.
"""

from collections.abc import Iterable
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from patchwidgets.tokens import isolated, printable

if TYPE_CHECKING:
    import pandas as pd

MOST_ROWS, MOST_COLUMNS = 8, 9
MOST_LETTERS = 80
"""Longer texts in cells are cut in the middle."""
_CAPTION_LETTERS = 600
_TABLE = "border-collapse:collapse;margin:2px 0;font:inherit;color:inherit"
_CELL = "text-align:{};padding:1px 8px;white-space:pre-wrap"


class Shown:
    """A result that a notebook shows as its words and the first rows of its table; printed, it stays as it is."""

    def to_frame(self) -> "pd.DataFrame":
        """The table; each result documents its own."""
        raise NotImplementedError

    def _repr_html_(self) -> str:
        return block(words(repr(self)), table(self.to_frame()))


def block(*parts: str) -> str:
    """Put parts of HTML one below the other."""
    return f'<div class="patchwidgets-result" style="text-align:left">{"".join(parts)}</div>'


def words(text: str) -> str:
    """Return a text as a paragraph; what is long is cut."""
    return f'<div style="padding:2px 0;white-space:pre-wrap">{_text(text, _CAPTION_LETTERS)}</div>'


def table(frame: "pd.DataFrame", most: int = MOST_ROWS) -> str:
    """Return the first rows and columns of a table, with its index where that has a name, and how many more it has."""
    shown = frame.head(most)
    if frame.index.name is not None:
        shown = shown.reset_index()
    n_columns = shown.shape[1]
    shown = shown.iloc[:, :MOST_COLUMNS]
    numeric = [kind.kind in "fiub" for kind in shown.dtypes]
    head = "".join(
        _cell("th", str(name), right) for name, right in zip(shown.columns, numeric, strict=True)
    )
    rows = [_row(row, numeric) for row in shown.itertuples(index=False, name=None)]
    more = {"rows": len(frame) - len(shown), "columns": n_columns - shown.shape[1]}
    left_out = " and ".join(f"{n:,} more {what}" for what, n in more.items() if n)
    rest = words(f"… {left_out} in to_frame()") if left_out else ""
    return f'<table style="{_TABLE}"><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table>{rest}'


def _row(values: Iterable[Any], numeric: Iterable[bool]) -> str:
    cells = (
        _cell("td", in_figures(value), right) for value, right in zip(values, numeric, strict=True)
    )
    return f"<tr>{''.join(cells)}</tr>"


def _cell(tag: str, text: str, right: bool) -> str:
    style = _CELL.format("right" if right else "left")
    return f'<{tag} style="{style}">{_text(text, MOST_LETTERS)}</{tag}>'


def in_figures(value: Any) -> str:
    """Return a number with four digits, and anything else as text; nothing for what is missing.

    Examples
    --------
    >>> from patchwidgets.html import in_figures
    >>> in_figures(12.64213), in_figures(-0.5), in_figures(float("nan")), in_figures(3), in_figures("L0.H1")
    ('12.64', '−0.5', '', '3', 'L0.H1')
    """
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return ""
    if isinstance(value, float | np.floating):
        if np.isnan(value):
            return ""
        return f"{value:.4g}".replace("-", "−")
    return str(value)


def _text(text: str, most: int) -> str:
    if len(text) > most:
        text = f"{text[: most // 2]}…{text[-(most // 2) :]}"
    return escape(isolated(printable(text)))
