"""Texts in figures: text stays text, long ones are shortened or broken, and a title has the width of its axes."""

from bisect import bisect
from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

from patchwidgets.hooks.interrupts import Uninterrupted
from patchwidgets.plot.colours import palette
from patchwidgets.tokens import visible

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NO_BREAK = "\N{NO-BREAK SPACE}"
LONGEST_TOKEN = 14
"""Characters of a token on an axis."""
EM = 0.6
"""The mean width of a letter, in parts of its size."""
MEASURED = 100.0
"""Points of a text that is measured."""
HINTED = 1.02
"""How much wider it can be on a screen, whose letters begin at whole pixels."""
UNKNOWN = 1.1
"""The width of what is drawn for a character that no font has."""
OWN_FONT = "DejaVu Sans"
"""Matplotlib's, which also has Hebrew, Arabic and many signs."""
BESIDE_OTHERS = 0.7
FEWEST_CHARACTERS = 12
"""In a line of a title, however narrow the axes."""

FALLBACK_FONTS = (
    "Noto Sans SC", "Noto Sans JP", "PingFang SC", "Hiragino Sans", "Microsoft YaHei", "Yu Gothic", "Malgun Gothic",
    "WenQuanYi Zen Hei", "Arial Unicode MS", "Noto Sans Arabic", "Noto Sans Hebrew",
    "Noto Sans Devanagari", "Noto Sans Thai", "Noto Emoji", "Segoe UI Symbol", "Apple Symbols", "Noto Sans CJK SC",
    "Noto Sans CJK JP",
)  # fmt: skip
"""For characters that matplotlib's own font lacks; those are taken that the machine has, the last ones, which are not
TrueType, where nothing else has a character: not every journal takes them."""


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


def text_width(
    text: str,
    size: float,
    generic: Literal["sans-serif", "monospace"] = "sans-serif",
    *,
    bold: bool = False,
) -> float:
    """How many points a line of text of `size` points is wide."""
    drawable = text.encode("utf-8", "backslashreplace").decode("utf-8")
    names, bold = fonts_for(drawable, generic, bold=bold)
    return HINTED * size / MEASURED * _measured(drawable, tuple(names), bold)


@lru_cache(maxsize=20_000)
def _measured(text: str, names: tuple[str, ...], bold: bool) -> float:
    """The width in `MEASURED` points."""
    with Uninterrupted():
        from matplotlib import font_manager

    paths = _paths(names, bold)
    fonts = [font_manager.get_font(path) for path in paths]
    known = [c for c in text if any(font.get_char_index(ord(c)) for font in fonts)]
    font = font_manager.get_font(paths)
    font.set_size(MEASURED, 72)
    font.set_text("".join(known), 0.0)
    width, _ = font.get_width_height()
    return float(width) / 64 + MEASURED * UNKNOWN * (len(text) - len(known))


@lru_cache(maxsize=16)
def _paths(names: tuple[str, ...], bold: bool) -> list[str]:
    with Uninterrupted():
        from matplotlib import font_manager

    weight = "bold" if bold else "normal"
    return [
        str(font_manager.findfont(font_manager.FontProperties(family=[name], weight=weight)))
        for name in names
    ]


def wrapped(text: str, room: float, size: float, *, bold: bool = False) -> list[str]:
    """Break a text into lines of `room` points: between words, then at no-break spaces, only then within a word."""
    lines = [""]
    words = [
        part
        for word in text.split(" ")
        for part in (word.split(NO_BREAK) if text_width(word, size, bold=bold) > room else [word])
    ]
    for word in words:
        longer = f"{lines[-1]} {word}" if lines[-1] else word
        if text_width(longer, size, bold=bold) <= room:
            lines[-1] = longer
            continue
        if lines[-1]:
            lines.append("")
        rest = word
        while text_width(rest, size, bold=bold) > room and len(rest) > 1:
            fits = bisect(
                range(2, len(rest)), room, key=lambda n: text_width(rest[:n], size, bold=bold)
            )
            lines[-1:] = [rest[: max(1, fits + 1)], ""]
            rest = rest[max(1, fits + 1) :]
        lines[-1] = rest
    return lines


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
    # The layout of several axes narrows them afterwards, by what their labels need.
    width *= BESIDE_OTHERS if len(ax.figure.axes) > 1 else 1
    size = float(ax.title.get_fontsize())
    room = max(width, FEWEST_CHARACTERS * EM * size)
    lines = [broken for line in text.split("\n") for broken in wrapped(line, room, size)]
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
    return [generic, OWN_FONT, *(name for name in FALLBACK_FONTS if name in installed)]


def fonts_for(
    text: str, generic: Literal["sans-serif", "monospace"], *, bold: bool
) -> tuple[list[str], bool]:
    """The fonts of a text, and whether it is bold: not with characters that only other fonts have, few of them bold."""
    if not bold:
        return families(generic), False
    own = [generic, OWN_FONT]
    if all(_has(character, tuple(own)) for character in set(text)):
        return own, True
    return families(generic), False


@lru_cache(maxsize=5_000)
def _has(character: str, names: tuple[str, ...]) -> bool:
    with Uninterrupted():
        from matplotlib import font_manager

    paths = _paths(names, True)
    return any(font_manager.get_font(path).get_char_index(ord(character)) for path in paths)
