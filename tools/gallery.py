"""Every figure at every size and as different eyes see it, on one page: ``python -m tools.gallery FOLDER``."""

import argparse
import html
from contextlib import ExitStack
from io import BytesIO
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from PIL import Image
from tqdm import tqdm

import patchwidgets as pw
from tools.gallery_figures import Draw, figures

SIZES: dict[str, tuple[str, str | None]] = {
    "column, 3.25 in": ("paper", "column"),
    "text, 5.5 in": ("paper", "text"),
    "page, 6.75 in": ("paper", "page"),
    "notebook": ("notebook", None),
    "slide": ("slide", None),
}
SEEN_AT = "text, 5.5 in"
"""The size that is shown to other eyes."""
DPI = 110

# Machado, Oliveira and Fernandes (2009), severity 1, on linear RGB.
VISIONS = {
    "grey print": [[0.2126, 0.7152, 0.0722]] * 3,
    "without red cones": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "without green cones": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", default="", help="figures whose name has this in it")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    mpl.use("agg")
    drawn = {name: draw for name, draw in figures().items() if arguments.only in name}
    sections = [
        _section(name, draw, arguments.folder) for name, draw in tqdm(drawn.items(), desc="figures")
    ]
    page = arguments.folder / "index.html"
    page.write_text(_PAGE.format(sections="\n".join(sections)), encoding="utf-8")
    print(page)


def _section(name: str, draw: Draw, folder: Path) -> str:
    """One figure: its pictures as files, and the part of the page that shows them."""
    pictures = {}
    for size, (style, width) in SIZES.items():
        with pw.plot.style(style, width):  # type: ignore[arg-type]
            pictures[size] = picture(draw)
    with plt.style.context("dark_background"), on_dark():
        pictures["dark"] = picture(draw)
    for vision, matrix in VISIONS.items():
        pictures[vision] = _seen(pictures[SEEN_AT], np.array(matrix))
    shown = []
    for label, shown_as in pictures.items():
        file = f"{name} {label}".replace(" ", "-").replace(",", "").replace(".", "") + ".png"
        shown_as.save(folder / file)
        shown.append(
            f'<figure><img src="{html.escape(file)}" alt="{html.escape(f"{name}, {label}")}" '
            f'width="{shown_as.width}"><figcaption>{html.escape(label)}</figcaption></figure>'
        )
    return f"<section><h2>{html.escape(name)}</h2><div>{''.join(shown)}</div></section>"


def on_dark() -> ExitStack:
    """The notebook's sizes on another style's background."""
    colours = {
        name: value
        for name, value in mpl.rcParams.items()
        if name.endswith("color") or name == "axes.prop_cycle"
    }
    stack = pw.plot.style("notebook")
    mpl.rcParams.update(colours)
    return stack


def picture(draw: Draw) -> Image.Image:
    drawn = draw()
    figure = drawn if isinstance(drawn, Figure) else drawn.get_figure(root=True)
    assert figure is not None
    with BytesIO() as file:
        figure.savefig(file, dpi=DPI, format="png")
        plt.close(figure)
        return Image.open(BytesIO(file.getvalue())).convert("RGB")


def _seen(picture: Image.Image, matrix: np.ndarray) -> Image.Image:
    """A picture through another eye, by a matrix on linear RGB."""
    encoded = np.asarray(picture, dtype=np.float64) / 255
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    seen = np.clip(linear @ matrix.T, 0, 1)
    back = np.where(seen <= 0.0031308, 12.92 * seen, 1.055 * seen ** (1 / 2.4) - 0.055)
    return Image.fromarray(np.round(back * 255).astype(np.uint8))


_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>patchwidgets: figures</title>
<style>
body {{ font: 15px/1.4 system-ui, sans-serif; margin: 2rem; color: #1f2328; background: #f6f7f8 }}
div {{ display: flex; flex-wrap: wrap; gap: 1rem; align-items: flex-end }}
figure {{ margin: 0; padding: .5rem; background: #fff; border: 1px solid #d8dce0 }}
img {{ max-width: 100%; height: auto; display: block }}
figcaption {{ color: #57606a; font-size: .85rem }}
</style>
<h1>Figures of patchwidgets</h1>
<p>Each at the widths of papers, of a notebook and of a slide, on a dark page, in grey print, and as people see it who
lack red or green cones.</p>
{sections}
</html>
"""

if __name__ == "__main__":
    main()
