"""Texts in figures: text stays text, long ones are shortened or broken, and a title has the width of its axes."""

import textwrap
import unicodedata
from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal

from patchwidgets.hooks.interrupts import Uninterrupted
from patchwidgets.plot.colours import palette
from patchwidgets.tokens import visible

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NO_BREAK = "\N{NO-BREAK SPACE}"
LONGEST_TOKEN = 14
"""Characters of a token on an axis."""
EM = 0.62
"""The mean width of a letter, in parts of its size; of Chinese, Japanese and Korean ones it is 1."""
WIDE = "WF"
FEWEST_CHARACTERS = 12
"""In a line of a title, however narrow the axes."""

FALLBACK_FONTS = (
    "Noto Sans CJK SC", "Noto Sans CJK JP", "Noto Sans SC", "Noto Sans JP", "PingFang SC", "Hiragino Sans",
    "Microsoft YaHei", "Yu Gothic", "Malgun Gothic", "WenQuanYi Zen Hei", "Arial Unicode MS", "Noto Sans Arabic",
    "Noto Sans Hebrew", "Noto Sans Devanagari", "Noto Sans Thai", "Noto Emoji", "Segoe UI Symbol", "Apple Symbols",
)  # fmt: skip
"""For characters that matplotlib's own font lacks; those are taken that the machine has."""


def literal(text: str) -> str:
    """Escape what matplotlib would otherwise read as a formula, and halves of characters, which no font can draw."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8").replace("$", r"\$")


def short(text: str, longest: int = LONGEST_TOKEN) -> str:
    """The beginning and the end of a text that is longer than `longest` characters."""
    if len(text) <= longest:
        return text
    end = (longest - 1) // 3
    return f"{text[: longest - 1 - end]}…{text[len(text) - end :]}"


def token_label(token: str) -> str:
    """A token as it stands on an axis."""
    return literal(short(visible(token)))


def text_width(text: str, size: float) -> float:
    """About how many points a line of text of `size` points is wide."""
    wide = sum(unicodedata.east_asian_width(character) in WIDE for character in text)
    return size * (EM * (len(text) - wide) + wide)


def note_size() -> float:
    """Points of the smallest type: names of dots, numbers in cells. At least 7, where the style's own is not less."""
    with Uninterrupted():
        from matplotlib import rcParams

    size = float(rcParams["font.size"])
    return min(size, max(7.0, 0.85 * size))


def set_title(ax: "Axes", parts: Iterable[str], title: str | None = None) -> None:
    """Write what a figure shows above it, in as many lines as the width of the axes asks for.

    Parameters
    ----------
    ax
        The axes.
    parts
        Of the figure's own title; they stay together where lines break.
    title
        In place of it; ``""`` for none.
    """
    whole = [part.replace(" ", NO_BREAK) for part in parts if part]
    text = ", ".join(whole) if title is None else title
    if not text:
        return
    width = ax.bbox.width / ax.figure.dpi * 72
    size = float(ax.title.get_fontsize())
    characters = max(FEWEST_CHARACTERS, int(width / (size * EM)))
    lines = [
        broken for line in text.split("\n") for broken in textwrap.wrap(line, characters) or [""]
    ]
    shown = "\n".join(lines).replace(NO_BREAK, " ")
    ax.set_title(literal(shown), loc="left", color=palette().ink, fontsize=size)


def families(generic: Literal["sans-serif", "monospace"]) -> list[str]:
    """The fonts of a text, the first one that has a character draws it: the set one, and what helps it out.

    Parameters
    ----------
    generic
        ``"monospace"`` is for tokens.
    """
    with Uninterrupted():
        from matplotlib import font_manager

    installed = set(font_manager.get_font_names())
    return [generic, *(name for name in FALLBACK_FONTS if name in installed)]
