"""How wide texts are, in the pixels of a layout. Costs some microseconds for each text."""

from dataclasses import dataclass
from typing import Literal

from patchwidgets.plot.lanes.layout import TYPE
from patchwidgets.plot.texts import short, text_width, wrapped


@dataclass(frozen=True, eq=False)
class Ruler:
    """Measures texts.

    Attributes
    ----------
    px
        Points of a pixel.
    """

    px: float

    def size(self, pixels: float) -> float:
        """Points of a type of so many pixels; no smaller than can be read, and no larger than the style's."""
        largest = TYPE * self.px
        return max(pixels * self.px, min(7.0, largest))

    def width(self, text: str, pixels: float, *, bold: bool = False, mono: bool = False) -> float:
        """How many pixels a text is wide."""
        generic: Literal["monospace", "sans-serif"] = "monospace" if mono else "sans-serif"
        return text_width(text, self.size(pixels), generic, bold=bold) / self.px

    def fitting(
        self, text: str, pixels: float, room: float, *, bold: bool = False, mono: bool = False
    ) -> str:
        """As much of a text as has room, with both its ends; nothing if there is hardly any."""
        if self.width(text, pixels, bold=bold, mono=mono) <= room:
            return text
        for longest in range(min(len(text) - 1, int(room / pixels * 4) + 3), 2, -1):
            shorter = short(text, longest)
            if self.width(shorter, pixels, bold=bold, mono=mono) <= room:
                return shorter
        return ""

    def lines(self, text: str, pixels: float, room: float, most: int) -> list[str]:
        """A text in lines of `room` pixels, at most so many; then the last one ends with dots."""
        lines = wrapped(text, room * self.px, self.size(pixels))
        if len(lines) <= most:
            return lines
        last = " ".join(lines[most - 1 :])
        return [*lines[: most - 1], self.fitting(last, pixels, room)]
