"""The colours, the same as in the explorer: blue is clean, orange corrupted, violet patched; nothing else uses them.

Clean and corrupted are about as bright as each other, so that each run also has its marker, its line and its hatching:
a figure that is printed in grey says the same. On a dark background the explorer's dark theme is taken.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from patchwidgets.hooks.interrupts import Uninterrupted

if TYPE_CHECKING:
    from matplotlib.colors import Colormap


@dataclass(frozen=True)
class Palette:
    """The colours of one theme.

    Attributes
    ----------
    runs
        By the name of the run.
    tints
        The background of a lane, by the prompt that runs in it.
    ink, faint
        Of text and of marks; of axes, notes and guides.
    paper
        What lies behind, such as empty cells.
    diverging
        The colour scale of maps: from corrupted (the first) over no change to clean (the last).
    """

    runs: dict[str, str]
    tints: dict[str, str]
    ink: str
    faint: str
    paper: str
    diverging: tuple[str, ...]


LIGHT = Palette(
    runs={"clean": "#0072B2", "patched": "#3D1466", "corrupted": "#C75300"},
    tints={"clean": "#EAF3F9", "corrupted": "#FBF0E8"},
    ink="#1F2328",
    faint="#6A737D",
    paper="#FFFFFF",
    diverging=("#A34700", "#EE9A5B", "#F4F4F2", "#6DB1DE", "#005A92"),
)
DARK = Palette(
    runs={"clean": "#4DA3DA", "patched": "#EBDDFF", "corrupted": "#EE8A45"},
    tints={"clean": "#17232C", "corrupted": "#2B2018"},
    ink="#E6E8EB",
    faint="#9AA4AE",
    paper="#16181B",
    diverging=("#FFB98A", "#C4642A", "#2C2F33", "#2F7FB5", "#A6DBFF"),
)

MARKERS = {"clean": "o", "patched": "D", "corrupted": "s"}
LINES = {"clean": "-", "patched": "-", "corrupted": (0, (4, 1.5))}
HATCHES = {"clean": "", "patched": "", "corrupted": "/////"}


def palette() -> Palette:
    """The colours for the background that matplotlib's rcParams ask for."""
    with Uninterrupted():
        from matplotlib import rcParams
        from matplotlib.colors import to_rgb

    red, green, blue = to_rgb(rcParams["axes.facecolor"])
    return DARK if 0.2126 * red + 0.7152 * green + 0.0722 * blue < 0.4 else LIGHT


def ink_on(colour: Any) -> str:
    """White or black, whichever is read more easily on a colour of matplotlib."""
    with Uninterrupted():
        from matplotlib.colors import to_rgb

    red, green, blue = to_rgb(colour)
    return "white" if 0.2126 * red + 0.7152 * green + 0.0722 * blue < 0.45 else "black"


def bar_of(run: str) -> dict[str, Any]:
    """How the bars of a run are filled: the corrupted run's are hatched."""
    colours = palette()
    return {
        "facecolor": colours.runs[run],
        "edgecolor": colours.paper,
        "hatch": HATCHES[run],
        "linewidth": 0,
    }


def line_of(run: str) -> dict[str, Any]:
    """How the line and the points of a run are drawn: the corrupted run's line is dashed, its points are squares."""
    return {"color": palette().runs[run], "linestyle": LINES[run], "marker": MARKERS[run]}


def diverging(*, reverse: bool = False) -> "Colormap":
    """The colour scale of maps, from corrupted to clean, or the other way round."""
    with Uninterrupted():
        from matplotlib.colors import LinearSegmentedColormap

    colours = list(palette().diverging)
    return LinearSegmentedColormap.from_list("patchwidgets", colours[::-1] if reverse else colours)


def sequential() -> "Colormap":
    """The colour scale of probabilities, from 0, which is the paper, to 1: green, which stands for no run."""
    with Uninterrupted():
        from matplotlib.colors import LinearSegmentedColormap

    light = palette() is LIGHT
    colours = (
        ["#FFFFFF", "#BFE3CF", "#57AF88", "#1E7B59", "#0B4634"]
        if light
        else ["#16181B", "#1D4738", "#2F8463", "#6CC7A0", "#C9F4DF"]
    )
    return LinearSegmentedColormap.from_list("patchwidgets.sequential", colours)
