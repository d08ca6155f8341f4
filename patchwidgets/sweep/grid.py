"""The patches of a sweep, laid out along named axes. Costs nothing, except with `top`, which takes a gradient."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from patchwidgets.errors import PatchError, SiteError
from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.hooks.cancellation import cancellation_check
from patchwidgets.sites import (
    HEAD_COMPONENTS,
    NEURON_COMPONENTS,
    Component,
    Patch,
    Position,
    Site,
)
from patchwidgets.sweep.attribution import AttributionRanking, rank_by_attribution
from patchwidgets.sweep.request import CellPatch, SweepRequest
from patchwidgets.sweep.rows import Variant

AXES = ("layer", "head", "kv_head", "neuron", "pos", "pos_name")


@dataclass(frozen=True, eq=False)
class Grid:
    """Patches along named axes.

    Attributes
    ----------
    component
        What is patched, or None for a list of sites.
    axes
        By name the coordinates, in order; ``site`` alone for a list of sites.
    variants
        One for each cell, row-major over the axes.
    window
        How many neighbouring layers are patched jointly.
    ranking
        How the sites were chosen, if they are the top few of many; else None.
    """

    component: Component | None
    axes: dict[str, list[Any]]
    variants: list[Variant]
    window: int = 1
    ranking: AttributionRanking | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """How many cells along each axis."""
        return tuple(len(coordinates) for coordinates in self.axes.values())

    def names(self) -> list[str]:
        """Each cell as text, as in ``L1.H2 + L3.mlp_out@4``."""
        return [" + ".join(str(patch.site) for patch in variant) for variant in self.variants]


def make_grid(
    experiment: BaseExperiment, request: SweepRequest, budget: float | None = None
) -> Grid:
    """The patches of a request, checked against the model and the prompts.

    Parameters
    ----------
    budget
        Bytes above the model that `top` may take for its gradient; half of what is free by default.

    Raises
    ------
    SiteError, RefusedError
        A site or an axis that the model, the component or the prompts do not have.
    PatchError
        Neither a component nor sites, or both; `top` with anything else than neurons.
    MetricError
        `top` with a metric that has no gradient.
    """
    if (request.component is None) == (request.sites is None):
        raise PatchError(
            "A sweep needs a component, as in exp.sweep('z'), or sites=[...]; give one of the two."
        )
    if request.top is not None:
        return _top(experiment, request, request.top, budget)
    if request.sites is not None:
        return _listed(experiment, request.sites, request.make)
    return _product(experiment, request)


def _listed(experiment: BaseExperiment, sites: Sequence[CellPatch], make: Any) -> Grid:
    if isinstance(sites, str | Site | Patch) or not list(sites):
        raise PatchError(
            f"Expected sites as a list, as in sites=['L9.H6', 'L4.mlp_out@-1']; got {sites!r}."
        )
    variants = [_variant(experiment, _made(each, make)) for each in sites]
    names = Grid(None, {}, variants).names()
    return Grid(None, {"site": names}, variants)


def _made(each: CellPatch, make: Any) -> CellPatch:
    return make(Site.parse(each)) if make is not None and isinstance(each, str | Site) else each


def _variant(experiment: BaseExperiment, made: CellPatch) -> Variant:
    single = isinstance(made, str | Site | Patch)
    return tuple(experiment.checked([made] if single else list(made)))  # type: ignore[list-item, arg-type]


def _product(experiment: BaseExperiment, request: SweepRequest) -> Grid:
    component = request.component
    assert component is not None
    axes = _axes(experiment, request)
    variants, stop_if_cancelled = [], cancellation_check()
    for cell in product(*axes.values()):
        stop_if_cancelled()
        at = dict(zip(axes, cell, strict=True))
        index = next((at[axis] for axis in ("head", "kv_head", "neuron") if axis in at), None)
        pos: Position = at.get("pos", at.get("pos_name"))
        sites = [
            Site(component, layer, index, pos, kv="kv_head" in at)
            for layer in _window(at.get("layer"), request.window, experiment.model.n_layers)
        ]
        made = sites if request.make is None else [_made(site, request.make) for site in sites]
        variants.append(_variant(experiment, [each for part in made for each in _flat(part)]))
    return Grid(component, axes, variants, request.window)


def _top(experiment: BaseExperiment, request: SweepRequest, n: int, budget: float | None) -> Grid:
    component = request.component
    if component not in NEURON_COMPONENTS or request.make is not None or request.window != 1:
        raise PatchError(
            "top= chooses among single neurons, as in exp.sweep('neuron', top=100); make= and window= do not go "
            "with it, and of other components every site can be tried."
        )
    if n < 1:
        raise PatchError(f"top is {n}; expected how many neurons, at least 1.")
    axes = _axes(experiment, request)
    if "neuron" not in axes:
        raise SiteError(f"top= chooses among single neurons; add 'neuron' to {tuple(axes)!r}.")
    axes = {axis: axes[axis] for axis in AXES if axis in axes}
    ranking = rank_by_attribution(experiment, component, axes, n, budget)
    variants = [
        _variant(
            experiment,
            Site(component, at["layer"], at["neuron"], at.get("pos", at.get("pos_name"))),
        )
        for at in (
            dict(zip(ranking.cells, cell, strict=True))
            for cell in zip(*ranking.cells.values(), strict=True)
        )
    ]
    names = Grid(None, {}, variants).names()
    return Grid(component, {"site": names}, variants, ranking=ranking)


def _flat(made: CellPatch) -> list[Any]:
    return [made] if isinstance(made, str | Site | Patch) else list(made)


def _window(layer: int | None, window: int, n_layers: int) -> Sequence[int | None]:
    """The layers around one, fewer at the ends: of five, two on each side."""
    if layer is None:
        return [None]
    return range(max(0, layer - window // 2), min(n_layers, layer + (window + 1) // 2))


def _axes(experiment: BaseExperiment, request: SweepRequest) -> dict[str, list[Any]]:
    component = request.component
    assert component is not None
    if request.window < 1:
        raise PatchError(f"window is {request.window}; expected how many layers, at least 1.")
    unit = _unit(component)
    over = tuple(request.over) if request.over is not None else _usual(component, unit)
    allowed = [axis for axis in ("layer", unit, "pos", "pos_name") if axis is not None]
    if component == "embed":
        allowed.remove("layer")
    if not over or set(over) - set(allowed) or {"pos", "pos_name"} <= set(over):
        raise SiteError(
            f"Cannot sweep {component} over {over!r}; expected some of {', '.join(allowed)}, "
            "and one of pos and pos_name, as in over=('layer', 'pos')."
        )
    if component != "embed" and "layer" not in over:
        raise SiteError(f"A sweep of {component} runs over layers; add 'layer' to {over!r}.")
    return {axis: _coordinates(experiment, request, axis) for axis in over}


def _unit(component: Component) -> str | None:
    if component in ("k", "v"):
        return "kv_head"
    if component in HEAD_COMPONENTS:
        return "head"
    return "neuron" if component in NEURON_COMPONENTS else None


def _usual(component: Component, unit: str | None) -> tuple[str, ...]:
    if component == "embed":
        return ("pos",)
    if unit is not None:
        return ("layer", unit)
    return ("layer", "pos") if component.startswith("resid") else ("layer",)


def _coordinates(experiment: BaseExperiment, request: SweepRequest, axis: str) -> list[Any]:
    model = experiment.model
    if axis == "layer":
        layers = list(range(model.n_layers) if request.layers is None else request.layers)
        for layer in layers:
            model.resolve(Site(request.component, layer))  # type: ignore[arg-type]
        return layers
    if axis == "pos":
        return list(range(_common_length(experiment)))
    if axis == "pos_name":
        return _position_names(experiment)
    model.resolve(Site(request.component, 0))  # type: ignore[arg-type]
    units = {"head": model.n_heads, "kv_head": model.n_kv_heads, "neuron": model.d_mlp}
    return list(range(units[axis] or 0))


def _common_length(experiment: BaseExperiment) -> int:
    lengths = {len(pair) for pair in experiment.pairs}
    if len(lengths) > 1:
        raise SiteError(
            f"The pairs have {min(lengths)} to {max(lengths)} tokens, so their positions do not correspond. "
            "Name positions with Task(positions={...}) and sweep over 'pos_name'."
        )
    return lengths.pop()


def _position_names(experiment: BaseExperiment) -> list[str]:
    names = sorted(
        experiment.pairs[0].positions, key=lambda name: experiment.pairs[0].positions[name]
    )
    if not names:
        raise SiteError("The task names no positions; give Task(positions={'S2': ...}).")
    return names
