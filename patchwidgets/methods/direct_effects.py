"""Direct effects: what components write into the last residual stream themselves, as the logits read it.

Exact; costs a pass over both prompts, and for each component a product with its output projection (a row from its layer
on where that is not linear), the final norm and the output embedding.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from typing import Literal, get_args

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from patchwidgets.components import ALL_COMPONENTS
from patchwidgets.directions import Direction
from patchwidgets.edges import SENDER_COMPONENTS, Path, Receiver, parse_sender
from patchwidgets.errors import PatchError, RefusedError, shown
from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.hooks.hooks import Edit, Key
from patchwidgets.methods.paths.path_sweep import PathSweep
from patchwidgets.methods.paths.steps import step_of
from patchwidgets.metrics import Metric, answer_logit, logit_diff
from patchwidgets.models.final_norm import FinalNorm, find_final_norm
from patchwidgets.sites import Site
from patchwidgets.sweep.grid import Grid, make_grid
from patchwidgets.sweep.grid_values import GridValues
from patchwidgets.sweep.groups import Group
from patchwidgets.sweep.passes import FinalStates, Recording
from patchwidgets.sweep.reads import RowPositions
from patchwidgets.sweep.request import SweepRequest

Norm = Literal["live", "frozen"]
"""The final norm acts on the changed stream, or keeps the host's scale; then effects on logits add up."""
LINEAR = (answer_logit, logit_diff)
"""Metrics that are sums of logits, where answers and foils are single tokens."""


def make_direct_sweep(
    experiment: BaseExperiment,
    request: SweepRequest,
    norm: Norm = "live",
    direction: Direction | None = None,
    batch: int | None = None,
    budget: float | None = None,
) -> PathSweep:
    """Plan direct effects; `Experiment.direct_effects` documents the arguments.

    Raises
    ------
    PatchError
        A component that writes nothing into the stream, or another `norm`.
    SiteError, RefusedError, CounterpartError
        As of a sweep; with ``norm="frozen"``, a model whose final norm is of no known kind.
    """
    if norm not in get_args(Norm):
        raise PatchError(f"norm is {shown(norm)}; expected 'live' or 'frozen'.")
    if request.component in ALL_COMPONENTS and request.component not in SENDER_COMPONENTS:
        raise PatchError(
            f"{shown(request.component)} has no direct effect: it writes nothing into the residual stream itself. "
            f"Choose one of {', '.join(sorted(SENDER_COMPONENTS))}."
        )
    if direction is not None:
        experiment = experiment.turned(direction)
    grid = make_grid(experiment, request)
    grid = replace(grid, attrs={"effects": "direct", "norm": norm})
    logits = (Receiver("logits"),)
    paths = [Path(parse_sender(cell[0].site), logits) for cell in grid.cells]
    if norm == "live":
        return PathSweep(experiment, grid, paths, batch=batch, budget=budget)
    # The whole difference of the last streams, beside which the parts are seen.
    whole = Path(Site("resid_post", experiment.model.n_layers - 1), logits)
    return _FrozenNormSweep(experiment, grid, [*paths, whole], batch=batch, budget=budget)


class _FrozenNormSweep(PathSweep):
    """Direct effects with the scale of the final norm frozen at the host's; the last path is the whole difference."""

    @cached_property
    def _norm(self) -> FinalNorm:
        return find_final_norm(self.experiment.model.layout)

    def grid_values(self) -> list[GridValues]:
        """The numbers so far, with how much of the whole effect they explain where effects add up."""
        values = self.values_of(self.grid)
        first, metric = next(iter(self.experiment.metrics.items()))
        if not self._adds_up(metric):
            return [values]
        whole = float(np.mean(self._effects.effects[first][-1]))
        total = float(np.nansum(values.effects[first].mean(axis=-1)))
        attrs = {**self.grid.attrs, "sum": total, "whole": whole}
        grid: Grid = replace(self.grid, attrs=attrs)
        return [replace(values, grid=grid)]

    def _adds_up(self, metric: Metric) -> bool:
        """Whether a metric is linear in logits on every pair: that of one token, or a difference of two, uncapped."""
        if metric.function not in LINEAR or self._reader.caps_logits:
            return False
        read = [ids for pair in self.experiment.pairs for ids in (pair.answers, pair.foils)]
        of_metric = read if metric.needs_foil else read[::2]
        return all(ids is not None and len(ids) == 1 for ids in of_metric)

    def _host_keys(self) -> list[Key]:
        return [*super()._host_keys(), self._final]

    def _edits(self, _group: Group, _recording: Recording) -> Mapping[Key, Edit]:
        return {}

    def _final_states(
        self, group: Group, recording: Recording, row_positions: RowPositions
    ) -> FinalStates:
        """The host's final states, with what the frozen norm makes of each row's difference."""
        if self._reader.all_logits:
            raise RefusedError(
                f"The logits of {self.experiment.model.name} are no known function of what its output embedding reads, "
                "so the final norm cannot be frozen. Use norm='live'."
            )
        final = super()._final_states(group, recording, row_positions)
        entries = [
            (recorded, pos, self._change(number, pos, group.length))
            for recorded, number, read in zip(
                group.recorded_rows, self._numbers(group), row_positions, strict=True
            )
            for pos in read
        ]
        # From the host's own entry, and with more digits: errors that are alike in all rows would add up.
        first = {(recorded, pos): i for i, (recorded, pos, _) in reversed(list(enumerate(entries)))}
        host = final.hidden[[first[recorded, pos] for recorded, pos, _ in entries]]
        streams = torch.stack([recording.host[self._final][r, pos] for r, pos, _ in entries])
        changes = torch.stack([change for _, _, change in entries]).to(streams)
        change = self._norm.frozen(streams)(changes)
        wide = torch.float64 if self._reader.reads_answer_tokens else final.hidden.dtype
        return replace(final, hidden=(host.double() + change.double()).to(wide))

    def _numbers(self, group: Group) -> list[int | None]:
        """For each row of a pass its row in the differences; None for host rows."""
        of_rows = [self._row_of[(step_of(self.paths[row.cell]), row.pair)] for row in group.rows]
        numbers: list[int | None] = [None] * len(group.pairs)
        return [number for number in (*numbers, *of_rows) for _ in range(group.n_forced)]

    def _change(self, number: int | None, pos: int, length: int) -> Float[Tensor, "d_model"]:
        differences = self._measured[0]
        of_stream = differences.by_key[self._final]
        if number is None or not differences.start <= pos < length:
            return torch.zeros_like(of_stream[0, 0])
        return of_stream[number, pos - differences.start]
