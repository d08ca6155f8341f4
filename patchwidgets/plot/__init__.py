"""Figures for notebooks and papers, with matplotlib.

Each function takes ``ax=`` and returns the Axes it drew on; without it, it draws on a new figure, as wide as
``rcParams["figure.figsize"]``, which `style` sets. Nothing is shown, and every backend will do.
"""

from typing import TYPE_CHECKING

from patchwidgets.guesses.answering import module_answering
from patchwidgets.guesses.names import PLOT
from patchwidgets.plot.attribution import attribution
from patchwidgets.plot.bars import logits
from patchwidgets.plot.captions import fig_caption
from patchwidgets.plot.estimates import estimates
from patchwidgets.plot.faithfulness import faithfulness
from patchwidgets.plot.flow import flow, flow_png
from patchwidgets.plot.helix import helix
from patchwidgets.plot.layers import layers
from patchwidgets.plot.maps import heatmap, heatmaps
from patchwidgets.plot.pairs import pairs
from patchwidgets.plot.panels import panels
from patchwidgets.plot.pattern import pattern
from patchwidgets.plot.spectrum import spectrum
from patchwidgets.plot.style import style

__all__ = [
    "attribution",
    "estimates",
    "faithfulness",
    "fig_caption",
    "flow",
    "flow_png",
    "heatmap",
    "heatmaps",
    "helix",
    "layers",
    "logits",
    "pairs",
    "panels",
    "pattern",
    "spectrum",
    "style",
]

if not TYPE_CHECKING:  # a type checker has to find a misspelt name
    __getattr__ = module_answering("pw.plot", __all__, PLOT)
