"""Figures for notebooks and papers, with matplotlib.

Each function takes ``ax=`` and returns the Axes it drew on; without it, it draws on a new figure, as wide as
``rcParams["figure.figsize"]``, which `style` sets. Nothing is shown, and every backend will do.
"""

from typing import TYPE_CHECKING

from patchwidgets.guesses.answering import module_answering
from patchwidgets.guesses.names import PLOT
from patchwidgets.plot.addition import by_layer, first_component, neuron_roles
from patchwidgets.plot.answers import errors, logit_waves
from patchwidgets.plot.attribution import attribution
from patchwidgets.plot.bars import logits
from patchwidgets.plot.captions import fig_caption
from patchwidgets.plot.circuit import circuit
from patchwidgets.plot.compare import compare
from patchwidgets.plot.dose import dose
from patchwidgets.plot.faithfulness import faithfulness
from patchwidgets.plot.flow import flow, flow_png
from patchwidgets.plot.helix import helix
from patchwidgets.plot.layers import layers
from patchwidgets.plot.lens import lens
from patchwidgets.plot.lens_scores import lens_scores
from patchwidgets.plot.maps import heatmap, heatmaps
from patchwidgets.plot.neurons import neuron_map, neuron_maps, neurons_kept
from patchwidgets.plot.pairs import pairs
from patchwidgets.plot.panels import panels
from patchwidgets.plot.paths import paths
from patchwidgets.plot.pattern import pattern
from patchwidgets.plot.scatters import enough_needed, total_direct
from patchwidgets.plot.spectrum import spectrum
from patchwidgets.plot.style import style

__all__ = [
    "attribution",
    "by_layer",
    "circuit",
    "compare",
    "dose",
    "enough_needed",
    "errors",
    "faithfulness",
    "fig_caption",
    "first_component",
    "flow",
    "flow_png",
    "heatmap",
    "heatmaps",
    "helix",
    "layers",
    "lens",
    "lens_scores",
    "logit_waves",
    "logits",
    "neuron_map",
    "neuron_maps",
    "neuron_roles",
    "neurons_kept",
    "pairs",
    "panels",
    "paths",
    "pattern",
    "spectrum",
    "style",
    "total_direct",
]

if not TYPE_CHECKING:  # a type checker has to find a misspelt name
    __getattr__ = module_answering("pw.plot", __all__, PLOT)
