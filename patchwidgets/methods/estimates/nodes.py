"""Attribution patching (AtP): Σ gradient · (source − host) at every site of a component at once.

It is what patching the site would do if the model were linear from there on. AtP takes the gradient in the host run.
IG takes the mean of gradients at several points, with the input embeddings that part of the way to the source's: the
points of EAP-IG. `methods` has the references.

Costs a forward pass over both prompts; then for each point a forward pass and, for each metric, a backward pass.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from patchwidgets.bars import progress_bar
from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.hooks.hooks import Key
from patchwidgets.methods.estimates.methods import Method, check_effects, check_metrics
from patchwidgets.methods.estimates.points import EMBED, differentiable, embeddings_on_the_way
from patchwidgets.models.attached import attached_to
from patchwidgets.sites import HEAD_COMPONENTS, Component, Site
from patchwidgets.sweep.axes import Coordinates, axes_of, unit_of
from patchwidgets.sweep.differentiable import Way, ways
from patchwidgets.sweep.grid import Grid
from patchwidgets.sweep.grid_values import GridValues
from patchwidgets.sweep.request import SweepRequest
from patchwidgets.sweep.rows import JointPatches, Row, Rows, make_rows
from patchwidgets.sweep.savings import Savings

Products = dict[Key, Float[Tensor, "pair column unit"]]
"""Gradient · change by layer, of each head, neuron or feature, or of the whole component."""


def estimate_nodes(
    experiment: BaseExperiment,
    request: SweepRequest,
    method: Method,
    budget: float | None = None,
    progress: bool = False,
) -> GridValues:
    """Estimate the effect of every site of a component.

    Parameters
    ----------
    request
        A component, perhaps with `over` and `layers`, and a `make` that moves a site to a position; nothing else of it
        is used.
    budget
        Bytes in addition to the model; half of what is free by default.
    progress
        Show a bar.

    Raises
    ------
    SiteError, RefusedError, CounterpartError
        As in a sweep; and a model without gradients.
    MetricError
        A metric without a gradient, or with one that is 0.
    """
    return estimate_together(experiment, [request], method, budget, progress)[0]


def estimate_together(
    experiment: BaseExperiment,
    requests: Sequence[SweepRequest],
    method: Method,
    budget: float | None = None,
    progress: bool = False,
) -> list[GridValues]:
    """Estimate the effects of several components by the same gradients; as `estimate_nodes`."""
    started = time.perf_counter()
    check_metrics(experiment, method)
    parts = [_Part.of(experiment, request) for request in requests]
    grids = [part.grid for part in parts]
    with progress_bar(len(experiment.pairs), "pair", progress) as bar:
        for way in ways(
            experiment, lambda length: sum(grid.held_bytes(length) for grid in grids), budget
        ):
            if any(pair in part.by_pair for part in parts for pair in way.pairs):
                for part, products in zip(parts, _products(way, grids, method), strict=True):
                    part.add(way, products)
            bar.update(len(way.pairs))
    experiment.check_weights()
    seconds = time.perf_counter() - started
    return [part.values(experiment, method, seconds) for part in parts]


@dataclass(frozen=True, eq=False)
class _Grid:
    """The sites to be estimated; what holds for one head, neuron or feature of a layer holds for the others.

    Attributes
    ----------
    component, axes
        Of all sites.
    unit
        The axis of heads, neurons or features; None if the component is taken as a whole.
    cells
        Only those of the first head, neuron or feature.
    width, n_heads
        The most numbers that a component has at a position, but for a pattern; and the model's heads.
    """

    component: Component
    axes: dict[str, Coordinates]
    unit: str | None
    cells: list[JointPatches]
    width: int
    n_heads: int

    @classmethod
    def of(cls, experiment: BaseExperiment, request: SweepRequest) -> "_Grid":
        component, axes = request.component, axes_of(experiment, request)
        assert component is not None
        unit = unit_of(component)
        unit = unit if unit in axes else None
        cells = []
        for coordinates in product(
            *(axes[axis][:1] if axis == unit else axes[axis] for axis in axes)
        ):
            at: dict[str, Any] = dict(zip(axes, coordinates, strict=True))
            index = None if unit is None else at[unit]
            pos = at.get("pos", at.get("pos_name"))
            site = Site(component, at.get("layer"), index, pos, kv=unit == "kv_head")
            moved = site if request.make is None else request.make(site)
            cells.append(tuple(experiment.checked([moved])))  # type: ignore[list-item]
        model = experiment.model
        dictionaries = model.layout.dictionaries
        found = [attached_to(dictionaries, (component, i)) for i in axes.get("layer", [])]
        n_features = max((each.n_features for each in found if each), default=0)
        width = max(2 * model.d_model, model.d_mlp or 0, n_features)
        return cls(component, axes, unit, cells, width, model.n_heads)

    @property
    def keys(self) -> list[Key]:
        """The component in every layer."""
        return [(self.component, layer) for layer in self.axes.get("layer", [None])]

    @property
    def n_units(self) -> int:
        return 1 if self.unit is None else len(self.axes[self.unit])

    def held_bytes(self, length: int) -> int:
        """What is held of each pair: the component in both runs, their difference and products."""
        width = max(self.width, self.n_heads * length)
        return 8 * 4 * (len(self.keys) + 1) * length * width

    def per_unit(
        self, product: Float[Tensor, "pair column *unit"]
    ) -> Float[Tensor, "pair column unit"]:
        """Sum over all but the heads, neurons or features that have a cell of their own."""
        if self.component in HEAD_COMPONENTS:
            product = product.sum(-1)
        return product if self.unit is not None else product.sum(-1, keepdim=True)

    def values(
        self,
        experiment: BaseExperiment,
        effects: dict[str, Float[np.ndarray, "cell unit pair"]],
        rows: Rows,
        method: Method,
        seconds: float,
    ) -> GridValues:
        """The estimates of all sites, with the heads, neurons or features along their axis."""
        everywhere = {metric: self._along_unit(each) for metric, each in effects.items()}
        host = experiment.evaluation.values[experiment.host_name]
        patched, unpatchable = (
            np.isin(np.arange(len(self.cells)), cells)
            for cells in ([row.cell for row in rows.rows], [cell for cell, _ in rows.unpatchable])
        )
        return GridValues(
            grid=Grid(self.component, self.axes, []),
            values={metric: host[metric] + each for metric, each in everywhere.items()},
            effects=everywhere,
            noise_floor=experiment.noise_floor,
            zero=self._along_unit(~(patched | unpatchable)),
            unpatchable=self._along_unit(unpatchable),
            method=method.name,
            seconds=seconds,
            estimate=str(method),
        )

    def _along_unit(self, of_cells: np.ndarray) -> np.ndarray:
        """From what the first unit has (a flag), or each (``[cell, unit, pair]``), to all cells in order."""
        if of_cells.ndim == 1:
            of_cells = np.repeat(of_cells[:, None], self.n_units, axis=1)
        others = [len(each) for axis, each in self.axes.items() if axis != self.unit]
        place = len(others) if self.unit is None else list(self.axes).index(self.unit)
        by_axis = of_cells.reshape(*others, *of_cells.shape[1:])
        in_order = np.moveaxis(by_axis, len(others), place)
        return in_order.reshape(-1, *of_cells.shape[2:])


@dataclass(frozen=True, eq=False)
class _Part:
    """The estimates of one request: its sites, where they act, and their effects so far."""

    grid: _Grid
    rows: Rows
    by_pair: dict[int, list[Row]]
    effects: dict[str, Float[np.ndarray, "cell unit pair"]]

    @classmethod
    def of(cls, experiment: BaseExperiment, request: SweepRequest) -> "_Part":
        grid = _Grid.of(experiment, request)
        rows = make_rows(experiment, grid.cells, Savings())
        shape = (len(grid.cells), grid.n_units, len(experiment.pairs))
        by_pair: dict[int, list[Row]] = {}
        for row in rows.rows:
            by_pair.setdefault(row.pair, []).append(row)
        return cls(grid, rows, by_pair, {metric: np.zeros(shape) for metric in experiment.metrics})

    def add(self, way: Way, products: dict[str, Products]) -> None:
        """Add what was computed of some pairs, by metric."""
        for metric, of_metric in products.items():
            _add(self.effects[metric], way, self.grid, of_metric, self.by_pair)

    def values(self, experiment: BaseExperiment, method: Method, seconds: float) -> GridValues:
        """The estimates, once all pairs are done."""
        check_effects(self.effects, any_expected=bool(self.rows.rows))
        for cell, pair in self.rows.unpatchable:
            for of_metric in self.effects.values():
                of_metric[cell, :, pair] = np.nan
        return self.grid.values(experiment, self.effects, self.rows, method, seconds)


def _products(way: Way, grids: Sequence[_Grid], method: Method) -> list[dict[str, Products]]:
    """Σ gradient · (source − host) of each grid, by metric and layer, with the mean of the gradients at all points."""
    keys = list(dict.fromkeys(key for grid in grids for key in grid.keys))
    host, source = way.host.recorded([EMBED, *keys]), way.source.recorded([EMBED, *keys])
    changes = {key: source[key] - host[key] for key in keys}
    metrics = way.host.experiment.metrics
    products: list[dict[str, Products]] = [{metric: {} for metric in metrics} for _ in grids]
    for embeddings in embeddings_on_the_way(way, host[EMBED], source[EMBED], method):
        with differentiable(way, keys, embeddings) as backward:
            for metric in metrics:
                for key, gradient in backward.gradients(metric, keys).items():
                    at_columns = way.host.at_columns(key, gradient).double()
                    product = changes[key].double() * at_columns
                    for grid, of_grid in zip(grids, products, strict=True):
                        if key in grid.keys:
                            of_units = grid.per_unit(product).cpu() / method.steps
                            known = of_grid[metric].get(key, torch.zeros(()))
                            of_grid[metric][key] = known + of_units
    return products


def _add(
    effects: Float[np.ndarray, "cell unit pair"],
    way: Way,
    grid: _Grid,
    products: Products,
    rows: dict[int, list[Row]],
) -> None:
    """Sum the products of each cell over its positions."""
    arrays = {key: each.numpy() for key, each in products.items()}
    for i, pair in enumerate(way.pairs):
        column = {int(pos): j for j, pos in enumerate(way.host.positions[i])}
        for row in rows.get(pair, ()):
            for patch in row.patches:
                columns = [column[pos] for pos in patch.host_positions]
                of_layer = arrays[grid.component, patch.patch.site.layer]
                effects[row.cell, :, pair] += of_layer[i, columns].sum(0)
