"""The patches of a sweep, laid out along named axes. Costs nothing, except with `top`, which takes a gradient."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, fields
from itertools import product
from typing import Any, Literal

from patchwidgets.components import ALL_COMPONENTS
from patchwidgets.errors import PatchError, SiteError, shown
from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.hooks.cancellation import cancellation_check
from patchwidgets.sites import (
    Component,
    Patch,
    Patchable,
    Position,
    Site,
)
from patchwidgets.sources.source import in_words
from patchwidgets.sweep.attribution import AttributionRanking, rank_by_attribution
from patchwidgets.sweep.axes import AXES, UNITS, Coordinates, axes_of, unit_of
from patchwidgets.sweep.request import CellPatch, SweepRequest, Top
from patchwidgets.sweep.rows import JointPatches


@dataclass(frozen=True, eq=False)
class Grid:
    """Cells along named axes, each with the patches that it makes jointly.

    Attributes
    ----------
    component
        What is patched; None for a list of sites; ``"edges"`` for edges and paths, whose cells have no patches.
    axes
        The coordinates of each axis by name, in order; ``site`` alone for a list of sites.
    cells
        The patches of each cell, in row-major order over the axes.
    window
        How many neighbouring layers each cell patches.
    ranking
        For the top few of many sites, how these were chosen; else None.
    sample
        With a ranking, some of the sites that were not chosen.
    labels
        More names for the places along an axis, by coordinate: ``sender`` and ``receiver`` of each ``edge``.
    attrs
        What else a result has to say about how it was made.
    """

    component: Component | Literal["edges"] | None
    axes: dict[str, Coordinates]
    cells: list[JointPatches]
    window: int = 1
    ranking: AttributionRanking | None = None
    sample: "Grid | None" = None
    labels: dict[str, tuple[str, Coordinates]] = field(default_factory=dict)
    attrs: dict[str, str | float] = field(default_factory=dict)

    @property
    def shape(self) -> tuple[int, ...]:
        """How many cells along each axis."""
        return tuple(len(coordinates) for coordinates in self.axes.values())


def make_grid(
    experiment: BaseExperiment, request: SweepRequest, budget: float | None = None
) -> Grid:
    """The patches of a request, checked against the model and the prompts.

    Parameters
    ----------
    budget
        Bytes in addition to the model that `top` may use for its gradient; half of what is free by default.

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
        got = "neither" if request.sites is None else f"{request.component!r} and sites"
        raise PatchError(
            f"A sweep needs a component, as in exp.sweep('z'), or sites=[...]: expected one of the two, got {got}."
        )
    if request.component is not None:
        _check_component(request.component)
    if request.top is not None:
        return _top_grid(experiment, request, Top.of(request.top), budget)
    if request.sites is not None:
        return _list_grid(experiment, request, request.sites)
    return _product_grid(experiment, request)


def _check_component(given: object) -> None:
    """Refuse several components, and sites in place of one."""
    if isinstance(given, list | tuple):
        kinds = all(each in ALL_COMPONENTS for each in given)
        call = "exp.sweep_many(" if kinds else "exp.sweep(sites="
        raise PatchError(
            f"A sweep is of one component, as in exp.sweep('z'); got {shown(given)}. Use {call}{shown(list(given))})."
        )
    if isinstance(given, str) and given not in ALL_COMPONENTS and _is_site(given):
        raise PatchError(
            f"A sweep is of a component, as in exp.sweep('z'), and {given!r} is one site: exp.patch({given!r}), or "
            f"exp.sweep(sites=[{given!r}, ...])."
        )


def _is_site(text: str) -> bool:
    try:
        Site.parse(text)
    except SiteError:
        return False
    return True


def _list_grid(
    experiment: BaseExperiment, request: SweepRequest, sites: Sequence[CellPatch]
) -> Grid:
    unused = {
        "over": request.over is not None,
        "layers": request.layers is not None,
        "window": request.window != 1,
    }
    if any(unused.values()):
        given = ", ".join(f"{name}=" for name, is_given in unused.items() if is_given)
        raise PatchError(
            f"{given} cannot go with sites=[...], which names every cell itself. Leave it out, or sweep a component, "
            "as in exp.sweep('mlp_out', layers=[0, 1])."
        )
    listed = [] if isinstance(sites, str | Site | Patch) else list(sites)
    if not listed:
        raise PatchError(
            f"Expected sites as a list, as in sites=['L9.H6', 'L4.mlp_out@-1']; got {sites!r}."
        )
    cells = [_joint_patches(experiment, [site], request.make) for site in listed]
    return Grid(None, {"site": cell_names(cells)}, cells)


def _joint_patches(
    experiment: BaseExperiment,
    patched: Iterable[CellPatch],
    make: Callable[[Site], CellPatch] | None = None,
) -> JointPatches:
    """The checked patches of one cell; `make` turns each site, but no `Patch`, into what is patched there."""
    joint = _flat(patched)
    if make is not None:
        joint = _flat(each if isinstance(each, Patch) else make(Site.parse(each)) for each in joint)
    return tuple(experiment.checked(joint))


def _flat(patched: Iterable[CellPatch]) -> list[Patchable]:
    """Patches and lists of patches as one list; anything else stays in it, for `checked` to refuse."""
    flat: list[Patchable] = []
    for each in patched:
        if isinstance(each, str | Site | Patch) or not isinstance(each, Iterable):
            flat.append(each)
        else:
            flat += each
    return flat


def cell_names(cells: Iterable[JointPatches]) -> list[str]:
    """Each cell as text, as in ``L1.H2 + L3.mlp_out@4``; with its sources where sites alone do not tell cells apart."""
    cells = list(cells)
    sites = [" + ".join(str(patch.site) for patch in patches) for patches in cells]
    with_sources = [" + ".join(map(in_words, patches)) for patches in cells]
    counts = Counter(sites)
    return [
        whole if counts[site] > 1 else site for site, whole in zip(sites, with_sources, strict=True)
    ]


def _product_grid(experiment: BaseExperiment, request: SweepRequest) -> Grid:
    component = request.component
    assert component is not None
    axes = axes_of(experiment, request)
    cells, stop_if_cancelled = [], cancellation_check()
    for coordinates in product(*axes.values()):
        stop_if_cancelled()
        at = dict(zip(axes, coordinates, strict=True))
        index = next((at[axis] for axis in UNITS if axis in at), None)
        pos: Position = at.get("pos", at.get("pos_name"))
        sites = [
            Site(component, layer, index, pos, kv="kv_head" in at)
            for layer in _window(at.get("layer"), request.window, experiment.model.n_layers)
        ]
        cells.append(_joint_patches(experiment, sites, request.make))
    return Grid(component, axes, cells, request.window)


def _window(layer: int | None, window: int, n_layers: int) -> Sequence[int | None]:
    """The layers around one, fewer at the ends: with a window of 5, two on each side."""
    if layer is None:
        return [None]
    return range(max(0, layer - window // 2), min(n_layers, layer + (window + 1) // 2))


def _top_grid(
    experiment: BaseExperiment, request: SweepRequest, top: Top, budget: float | None
) -> Grid:
    component = request.component
    unit = None if component is None else unit_of(component)
    if unit not in ("neuron", "feature") or request.make is not None or request.window != 1:
        raise PatchError(
            f"top= chooses among single neurons, as in exp.sweep('neuron', top=100), or features, without sites=, "
            f"make= and window=; got {_given(request)}. Leave top= out: of other components every site can be tried."
        )
    assert component is not None
    axes = axes_of(experiment, request)
    if unit not in axes:
        raise SiteError(f"top= chooses among single {unit}s; add {unit!r} to {tuple(axes)!r}.")
    axes = {axis: axes[axis] for axis in AXES if axis in axes}
    ranking = rank_by_attribution(experiment, component, axes, top, budget)
    chosen, others = (
        _neurons(experiment, component, each) for each in (ranking.coordinates, ranking.sample)
    )
    sample = Grid(component, {"site": cell_names(others)}, others) if others else None
    return Grid(component, {"site": cell_names(chosen)}, chosen, ranking=ranking, sample=sample)


def _neurons(
    experiment: BaseExperiment, component: Component, coordinates: dict[str, list[int | str]]
) -> list[JointPatches]:
    cells = []
    for each in zip(*coordinates.values(), strict=True):
        at: dict[str, Any] = dict(zip(coordinates, each, strict=True))
        index = next(at[axis] for axis in UNITS if axis in at)
        site = Site(component, at["layer"], index, at.get("pos", at.get("pos_name")))
        cells.append(_joint_patches(experiment, [site]))
    return cells


def _given(request: SweepRequest) -> str:
    """What a request asks for, without arguments that have their default."""
    arguments = {field.name: getattr(request, field.name) for field in fields(request)}
    given = [(k, v) for k, v in arguments.items() if v is not None and (k, v) != ("window", 1)]
    return ", ".join(f"{name}={value!r}" for name, value in given)
