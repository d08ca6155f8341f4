"""What the package computes, one call after the other, as plain numbers: to compare a device with another one."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import patchwidgets as pw
from patchwidgets import sources
from patchwidgets.facade import Experiment
from patchwidgets.models.model import Model
from patchwidgets.sweep.continuation import late_form
from patchwidgets.sweep.late_patching import LatePatching
from tests.support.sweeps import every_grid, one_pair, several_pairs, sweep
from tests.support.unequal_prompts import unequal_task

EVERY_METRIC = ["logit_diff", "kl", "rank", "answer_logprob"]
Numbers = Callable[[], Any]


def patches_and_sweeps(model: Model) -> Iterator[tuple[str, Numbers]]:
    """Names of what all else rests on, each with a function that returns its numbers."""
    several, one = several_pairs(model, EVERY_METRIC), one_pair(model, ["logit_diff"])
    yield "logits", lambda: several.clean.logits
    yield "patch", lambda: _readings(several.patch("L1.H2"))
    cells = "L1.H2", "L0.mlp_out@-1", "L2.resid_pre@-1"
    yield "joint patch", lambda: _readings(several.patch(*cells))
    yield "late", lambda: _late(several)
    yield from _sweeps(several, one)


def every_method(model: Model) -> Iterator[tuple[str, Numbers]]:
    """The same of everything else that needs no gradients."""
    several, one = several_pairs(model, EVERY_METRIC), one_pair(model, ["logit_diff"])
    yield from _sources(several, one)
    yield from _paths(one)
    yield "lens", lambda: model.run("w3 w14 w15 w9").lens().to_xarray()["top_logit"].values
    yield "attribution", lambda: _data(one.clean.logit_attribution(" w8", " w9"))
    yield "written", lambda: [each.logit for each in one.clean.written("L1.H0").up]
    yield "generated", lambda: len(repr(one.generate("L1.H2", max_new_tokens=4)))
    yield "page", lambda: float("</html>" in one.to_html())


def gradients(model: Model) -> Iterator[tuple[str, Numbers]]:
    """The same of methods that need a backward pass."""
    one = one_pair(model, ["logit_diff"])
    if "neuron" in model.components:
        yield "top neurons", lambda: one.sweep("neuron", top=3, progress=False).effect.values
    for method in ("atp", "ig"):
        yield method, lambda m=method: one.estimate("z", method=m, progress=False).effect.values
    for method in ("eap", "eap-ig"):
        yield method, lambda m=method: one.estimate_edges(method=m, progress=False).effect.values
    yield "jacobian", lambda: _jacobian(model)


def _sources(several: Experiment, one: Experiment) -> Iterator[tuple[str, Numbers]]:
    for name, source in {
        "mean": sources.mean(per="pos_name"),
        "zero": sources.zero(),
        "resample": sources.resample(n=2, seed=0),
        "noise": sources.noise(n=2, seed=0),
        "steer": sources.steer(np.ones(8), 2.0),
    }.items():
        site = "embed" if name == "noise" else "L1.H2@end"
        yield f"source {name}", lambda s=source, at=site: _readings(several.patch(pw.Patch(at, s)))
    moved = pw.Patch("L1.H2", sources.at("L0.H1"))
    yield "source at", lambda: _readings(several.patch(moved))
    yield "reach", lambda: [*map(float, one.reach("L0.H1").to_frame()["along"])]
    yield (
        "several tokens",
        lambda: _readings(
            Experiment(
                one.model, pw.Task("w3 w14 w15 w9", "w3 w14 w42 w9", " w8 w5", " w9 w6")
            ).patch("L1.H2")
        ),
    )
    yield (
        "unequal",
        lambda: Experiment(one.model, unequal_task()).sweep("z", progress=False).effect.values,
    )


def _sweeps(several: Experiment, one: Experiment) -> Iterator[tuple[str, Numbers]]:
    for name, experiment in {"sweeps": several, "sweep of logits alone": one}.items():
        yield name, lambda e=experiment: _effects(e)
    yield (
        "reach of a sweep",
        lambda: one.sweep("z", reach=True, progress=False).effect.values,
    )
    yield "method", lambda: float(one.plan("z").method == "descent")
    yield "late passes", lambda: float(late_form(one) is not None)


def _paths(one: Experiment) -> Iterator[tuple[str, Numbers]]:
    yield "edges", lambda: one.edges(progress=False).effect.values
    yield "path", lambda: one.path("L0.H1", "L1.mlp_in", "logits").effect
    yield "direct", lambda: one.direct_effects("z").effect.values
    circuit = pw.Circuit(["L0.H1", "L1.H2", "L2.mlp_out"])
    yield "circuit", lambda: one.evaluate(circuit, ablation=sources.zero()).value
    yield "pattern", lambda: _data(one.clean.pattern("L1.H0"))


def _readings(result: pw.PatchResult) -> list[np.ndarray]:
    return [reading.patched for reading in result.readings.values()]


def _effects(experiment: Experiment) -> list[np.ndarray]:
    found = sweep(experiment, *every_grid(experiment))
    return [numbers for each in found for numbers in each.effects.values()]


def _late(experiment: Experiment) -> list[np.ndarray]:
    cells = [(pw.Patch("L1.H2"),), (pw.Patch("L0.mlp_out@-1"), pw.Patch("L2.H0"))]
    results = LatePatching().run(experiment, cells)
    return [numbers for each in results for numbers in _readings(each)]


def _jacobian(model: Model) -> np.ndarray:
    lens = pw.fit_lens(model, ["w3 w14 w15 w9 w26 w5"], skip_first=1, progress=False)
    return lens.matrix("L1.resid_post").numpy()


def _data(data: Any) -> np.ndarray:
    array = data.to_xarray() if hasattr(data, "to_xarray") else data
    array = array.to_array() if hasattr(array, "to_array") else array
    return np.asarray(array.values)


def as_numbers(found: Any) -> np.ndarray:
    """All numbers of a result in one row."""
    if isinstance(found, list | tuple):
        return np.concatenate([as_numbers(each) for each in found])
    array = found.detach().cpu().float().numpy() if hasattr(found, "detach") else found
    return np.asarray(array, dtype=float).ravel()
