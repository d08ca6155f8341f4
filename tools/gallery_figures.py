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
    return (
        _of_sweeps(pair, names)
        | _of_patches(pair, names)
        | _of_numbers(model)
        | _of_paths(names)
        | _of_lenses(pair, names)
        | _of_scores(names)
        | _of_neurons(model)
    )


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


def _of_paths(names: pw.Experiment) -> dict[str, Draw]:
    edges = names.edges(progress=False)
    estimates = names.estimate_edges(progress=False)
    heads = pw.Circuit.top(names.sweep("z", progress=False), 6) | pw.Circuit(
        ["embed", "L1.mlp_out"]
    )
    evaluated = names.evaluate(heads)
    path = names.path("L0.H1", "L1.mlp_in", "logits")
    return {
        "paths": lambda: pw.plot.paths(edges, label=8),
        "paths, estimated": lambda: pw.plot.paths(estimates, k=12),
        "one path": lambda: pw.plot.paths(path),
        "circuit of edges": lambda: pw.plot.circuit(pw.Circuit.top(edges, 20).prune()),
        "circuit of nodes": lambda: pw.plot.circuit(heads),
        "circuit of nodes with its edges": lambda: pw.plot.circuit(evaluated, edges=edges, k=15),
    }


def _of_lenses(pair: pw.Experiment, names: pw.Experiment) -> dict[str, Draw]:
    positions, tops = pair.clean.lens(pos=None), pair.clean.lens(k=5)
    runs = names.patch("L0.H1").lens()
    return {
        "lens": lambda: pw.plot.lens(positions),
        "lens of one position": lambda: pw.plot.lens(tops),
        "lens of three runs": lambda: pw.plot.lens(runs),
        "lens scores": lambda: pw.plot.lens_scores(runs),
    }


def _of_scores(names: pw.Experiment) -> dict[str, Draw]:
    heads, noise = (each.sweep("z", progress=False) for each in (names, names.flip()))
    direct = names.direct_effects("z", progress=False)
    compared = names.estimate("z", progress=False).compare(heads)
    parts = (0.1, 0.2, 0.4, 0.7, 1)
    edges, estimated = names.edges(progress=False), names.estimate_edges(progress=False)
    curves = [
        names.faithfulness_curve(
            scores, (0.005, 0.01, 0.02, 0.05, *parts), n_random=n, progress=False
        )
        for scores, n in ((edges, 10), (estimated, 0))
    ]
    vector = names.source["L1.resid_post@-1"] - names.host["L1.resid_post@-1"]
    doses = names.dose_curve("L1.resid_post@-1", vector, [-1, 0, 0.5, 1, 2], progress=False)
    return {
        "faithfulness": lambda: pw.plot.faithfulness(
            *curves, labels=["measured", "estimated (EAP)"]
        ),
        "compare": lambda: pw.plot.compare(compared),
        "total and direct": lambda: pw.plot.total_direct(heads, direct),
        "enough and needed": lambda: pw.plot.enough_needed(heads, noise),
        "dose": lambda: pw.plot.dose(doses),
    }


def _of_neurons(model: pw.Model) -> dict[str, Draw]:
    additions = pw.Experiment(model, pw.tasks.addition(8, varies="both"))
    scores = additions.sweep("neuron", layers=[3], progress=False)
    curve = additions.faithfulness_curve(
        scores, (0.01, 0.03, 0.1, 0.3, 1), n_random=5, progress=False
    )
    fits = pw.helix.fit_neurons(additions, 3, n_fit=300, n_test=100)
    grid = [(a, b) for a in range(100) for b in range(100)]
    prompts = [f"{a}+{b}=" for a, b in grid]
    neuron = model.run(prompts)["L3.N5.neuron_pre@-1"].numpy().reshape(100, 100)
    maps = {"L3.N5": neuron, "its fit": fits.predict(grid)[:, 5].reshape(100, 100)}
    return {
        "neurons kept": lambda: pw.plot.neurons_kept(curve),
        "neuron map": lambda: pw.plot.neuron_map(neuron, title="L3.N5"),
        "neuron maps": lambda: pw.plot.neuron_maps(maps),
    }
