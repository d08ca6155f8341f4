"""What the gallery shows: one function for each figure, on the teaching model."""

from collections.abc import Callable
from functools import partial

from matplotlib.axes import Axes
from matplotlib.figure import Figure

import patchwidgets as pw

Draw = Callable[[], Figure | Axes]


def figures() -> dict[str, Draw]:
    """Figures by name, each drawn on a new figure of the style that holds when it is called."""
    model = pw.load()
    pair = pw.Experiment(
        model,
        pw.Task(
            clean="When Mary and John went to the store, John gave a drink to",
            corrupted="When Mary and John went to the store, Mary gave a drink to",
            answer=" Mary",
            foil=" John",
        ),
    )
    names = pw.Experiment(model, pw.tasks.ioi(16))
    return _of_sweeps(pair, names) | _of_patches(pair, names) | _of_numbers(model)


def _of_sweeps(pair: pw.Experiment, names: pw.Experiment) -> dict[str, Draw]:
    heads = names.sweep("z", progress=False)
    direct = names.direct_effects("z", progress=False)
    mlps = names.sweep("mlp_out", progress=False)
    mlps_directly = names.direct_effects("mlp_out", progress=False)
    stream = pair.sweep("resid_pre", ("layer", "pos"), progress=False)
    noise = names.flip().sweep("z", progress=False)
    return {
        "heatmap": lambda: pw.plot.heatmap(heads, annotate=True),
        "heatmap of noise": lambda: pw.plot.heatmap(noise),
        "heatmap of positions": lambda: pw.plot.heatmap(stream),
        "heatmap of effects": lambda: pw.plot.heatmap(heads, quantity="effect"),
        "heatmaps": lambda: pw.plot.heatmaps([heads, direct], titles=["total", "direct"]),
        "layers": lambda: pw.plot.layers(heads),
        "layers, total and direct": lambda: pw.plot.layers(mlps, mlps_directly),
        "pairs": lambda: pw.plot.pairs(heads),
        "panels": lambda: pw.plot.panels(
            "ab;cc", a=partial(pw.plot.heatmap, heads), b=partial(pw.plot.layers, mlps, mlps_directly),
            c=partial(pw.plot.pairs, heads, k=5),
        ),
    }  # fmt: skip


def _of_patches(pair: pw.Experiment, names: pw.Experiment) -> dict[str, Draw]:
    head, both = pair.patch("L0.H1"), pair.patch("L0.H1@-1", "L1.mlp_out")
    path, of_many = pair.path("L0.H1", "L1.H1.v", "logits"), names.patch("L0.H1")
    zero = names.patch(pw.Patch("L0.H1", pw.sources.zero()))
    return {
        "flow": lambda: pw.plot.flow(head),
        "flow of joint patches": lambda: pw.plot.flow(both),
        "flow of a path": lambda: pw.plot.flow(path),
        "flow of an ablation": lambda: pw.plot.flow(zero),
        "flow of noise": lambda: pw.plot.flow(pair.flip().patch("L0.H1")),
        "flow of pairs": lambda: pw.plot.flow(of_many),
        "flow of pair 3": lambda: pw.plot.flow(of_many, pair=2),
        "logits": lambda: pw.plot.logits(head),
        "logits of pairs": lambda: pw.plot.logits(of_many),
        "pattern": lambda: pw.plot.pattern(head, "L1.H1"),
        "pattern with its difference": lambda: pw.plot.pattern(head, "L1.H1", difference=True),
        "attribution": lambda: pw.plot.attribution(names.clean.logit_attribution()),
    }


def _of_numbers(model: pw.Model) -> dict[str, Draw]:
    activations = pw.helix.number_activations(model, "L0.resid_pre")
    spectrum = pw.helix.spectrum(activations)
    fit = pw.helix.fit_numbers(pw.helix.NUMBERS, activations)
    circle = partial(pw.plot.helix, fit, activations, pw.helix.NUMBERS)
    return {
        "spectrum": lambda: pw.plot.spectrum(spectrum),
        "helix": lambda: pw.plot.panels(
            "ab;cd", height=None, a=partial(circle, 2), b=partial(circle, 5), c=partial(circle, 10), d=circle
        ),
    }  # fmt: skip
