"""Whether a figure can be read: no text lies over another or leaves the page, and a PDF's fonts are as journals ask."""

from io import BytesIO
from itertools import combinations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import Bbox
from pypdf import PdfReader

TOLERANCE = 1.5
"""Pixels: boxes of texts are a little larger than their letters."""


def texts_of(figure: Figure) -> list[tuple[str, Bbox]]:
    """Every text that is drawn, with its box in pixels."""
    figure.draw_without_rendering()
    hidden = {id(text) for axes in figure.axes for text in _not_drawn(axes)}
    found = figure.findobj(Text)
    return [
        (text.get_text(), Text.get_window_extent(text))
        for text in found
        if isinstance(text, Text)
        and id(text) not in hidden
        and text.get_visible()
        and text.get_text().strip()
    ]


def _not_drawn(axes: Axes) -> list[Text]:
    """Names of ticks outside of the axes, and all of axes that are off."""
    hidden: list[Text] = []
    for axis in (axes.xaxis, axes.yaxis):
        low, high = sorted(axis.get_view_interval())
        margin = 1e-9 * (high - low)
        labels = list(axis.get_ticklabels())
        hidden += [axis.label, axis.get_offset_text(), *labels] if not axes.axison else []
        hidden += [
            label
            for label, place in zip(labels, axis.get_ticklocs(), strict=True)
            if not low - margin <= place <= high + margin
        ]
    return hidden


def assert_nothing_overlaps(figure: Figure) -> None:
    """No two texts overlap, and none leaves the page."""
    texts = texts_of(figure)
    assert texts
    page = figure.bbox
    for text, box in texts:
        inside = (
            box.x0 >= page.x0 - TOLERANCE
            and box.x1 <= page.x1 + TOLERANCE
            and box.y0 >= page.y0 - TOLERANCE
            and box.y1 <= page.y1 + TOLERANCE
        )
        assert inside, f"{text!r} is at {box.extents.round()} on a page of {page.extents.round()}"
    for (a, box_a), (b, box_b) in combinations(texts, 2):
        shared = Bbox.intersection(box_a, box_b)
        overlap = shared is not None and shared.width > TOLERANCE and shared.height > TOLERANCE
        assert not overlap, f"{a!r} {box_a.extents.round()} lies over {b!r} {box_b.extents.round()}"


def assert_printable(figure: Figure, *words: str) -> None:
    """A PDF of it has only embedded TrueType fonts, its words can be searched, and it is under 200 KB."""
    file = BytesIO()
    figure.savefig(file, format="pdf")
    assert len(file.getvalue()) < 200_000
    file.seek(0)
    (page,) = PdfReader(file).pages
    fonts = [font.get_object() for font in page["/Resources"]["/Font"].values()]  # type: ignore[index]
    assert fonts
    for font in fonts:
        assert font["/Subtype"] == "/Type0", font["/Subtype"]
        descendant = font["/DescendantFonts"][0].get_object()
        assert descendant["/Subtype"] == "/CIDFontType2"
        assert "/FontFile2" in descendant["/FontDescriptor"]
    text = "".join(page.extract_text().split())
    for word in words:
        assert "".join(word.split()) in text, f"{word!r} is not in {text!r}"


def grey_distance(first: str, second: str) -> float:
    """How far two colours are apart in CIE L*, which is what is left of them in grey print."""
    return abs(_lightness(first) - _lightness(second))


def _lightness(colour: str) -> float:
    channels = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    luminance = float(linear @ [0.2126, 0.7152, 0.0722])
    return float(116 * np.cbrt(luminance) - 16)
