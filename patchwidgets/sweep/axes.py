"""The axes of a sweep over one component: which it can have, and their coordinates. Costs nothing."""

from collections.abc import Sequence
from typing import Any, get_args

from patchwidgets.directions import Direction
from patchwidgets.errors import PatchError, SiteError
from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.guesses import names
from patchwidgets.guesses.answering import did_you_mean
from patchwidgets.sites import (
    DICTIONARY_COMPONENTS,
    FEATURE_COMPONENTS,
    HEAD_COMPONENTS,
    NEURON_COMPONENTS,
    Component,
    Site,
    stream_of,
)
from patchwidgets.sweep.request import SweepRequest

AXES = ("layer", "head", "kv_head", "neuron", "feature", "pos", "pos_name")
"""All axes that a component can have, in the order in which `top` uses them."""

UNITS = ("head", "kv_head", "neuron", "feature")
"""The axes of a component's parts."""

Coordinates = list[Any]
"""Indices along an axis; names along ``pos_name`` and ``site``."""


def axes_of(experiment: BaseExperiment, request: SweepRequest) -> dict[str, Coordinates]:
    """Return the axes of a request for a component, each with its coordinates.

    Raises
    ------
    SiteError, RefusedError
        An axis, a layer or positions that the component, the model or the prompts do not have.
    PatchError
        A window of no layers, or layers that are no list.
    """
    component = request.component
    assert component is not None
    if request.window < 1:
        raise PatchError(f"window is {request.window}; expected a number of layers, at least 1.")
    unit = unit_of(component)
    over = _given_axes(request.over) or _default_axes(component, unit)
    allowed = [axis for axis in ("layer", unit, "pos", "pos_name") if axis is not None]
    if component == "embed":
        allowed.remove("layer")
    if not over or set(over) - set(allowed) or {"pos", "pos_name"} <= set(over):
        raise SiteError(
            f"Cannot sweep {component} over {over!r}; expected some of {', '.join(allowed)}, "
            f"with at most one of pos and pos_name, as in over=('layer', 'pos').{_meant(over, allowed)}"
        )
    if component != "embed" and "layer" not in over:
        raise SiteError(f"A sweep of {component} runs over layers; add 'layer' to {over!r}.")
    return {axis: _coordinates(experiment, request, axis) for axis in over}


def _given_axes(over: Sequence[str] | str | None) -> tuple[str, ...] | None:
    """The axes that are asked for; a text is one of them."""
    if over is None:
        return None
    if over in get_args(Direction):
        raise PatchError(
            f"The second argument of a sweep is over=, its axes; got {over!r}. Give direction={over!r}."
        )
    return (over,) if isinstance(over, str) else tuple(over)


def _meant(over: Sequence[str], allowed: Sequence[str]) -> str:
    return next(
        (did_you_mean(axis, allowed, names.AXES) for axis in over if axis not in allowed), ""
    )


def unit_of(component: Component) -> str | None:
    """The axis of a component's parts, if it has any."""
    if component in ("k", "v"):
        return "kv_head"
    if component in HEAD_COMPONENTS:
        return "head"
    if component in FEATURE_COMPONENTS:
        return "feature"
    return "neuron" if component in NEURON_COMPONENTS else None


def _default_axes(component: Component, unit: str | None) -> tuple[str, ...]:
    if component == "embed":
        return ("pos",)
    if unit is not None:
        return ("layer", unit)
    return ("layer", "pos") if component.startswith("resid") else ("layer",)


def _coordinates(experiment: BaseExperiment, request: SweepRequest, axis: str) -> Coordinates:
    model = experiment.model
    if axis == "layer":
        if isinstance(request.layers, int):
            raise PatchError(
                f"layers is {request.layers}; expected a list, as in layers=[{request.layers}]."
            )
        return _layers(experiment, request)
    if axis == "pos":
        return list(range(_common_length(experiment)))
    if axis == "pos_name":
        return _position_names(experiment)
    if axis == "feature":
        return list(range(_common_features(experiment, request)))
    model.resolve(Site(request.component, 0))  # type: ignore[arg-type]
    units = {"head": model.n_heads, "kv_head": model.n_kv_heads, "neuron": model.d_mlp}
    return list(range(units[axis] or 0))


def _layers(experiment: BaseExperiment, request: SweepRequest) -> list[int]:
    """The layers that are asked for; by default all, or all that have a dictionary."""
    model, component = experiment.model, request.component
    assert component is not None
    if request.layers is None and component in DICTIONARY_COMPONENTS:
        return [site.layer or 0 for site in model.sites(component)]
    layers = list(range(model.n_layers) if request.layers is None else request.layers)
    for layer in layers:
        model.resolve(Site(component, layer))
    return layers


def _common_features(experiment: BaseExperiment, request: SweepRequest) -> int:
    dictionaries = experiment.model.dictionaries
    sites = [
        f"L{layer}.{stream_of(str(request.component))}" for layer in _layers(experiment, request)
    ]
    counts = {site: dictionaries[site].n_features or 0 for site in sites}
    if len(set(counts.values())) > 1:
        named = ", ".join(f"{n} of {site}" for site, n in counts.items())
        raise SiteError(
            f"The dictionaries have unlike numbers of features ({named}), and features of layers do not correspond. "
            "Sweep one layer at a time, as in layers=[0]."
        )
    return max(counts.values(), default=0)


def _common_length(experiment: BaseExperiment) -> int:
    lengths = {len(pair) for pair in experiment.pairs}
    if len(lengths) > 1:
        raise SiteError(
            f"The pairs have {min(lengths)} to {max(lengths)} tokens, so their positions do not correspond. "
            "Name positions with Task(positions={...}) and sweep over 'pos_name'."
        )
    return lengths.pop()


def _position_names(experiment: BaseExperiment) -> list[str]:
    positions = experiment.pairs[0].positions
    if not positions:
        raise SiteError("The task names no positions; give Task(positions={'S2': ...}).")
    return sorted(positions, key=lambda name: positions[name])
