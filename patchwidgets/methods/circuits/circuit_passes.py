"""The passes that measure some circuits: each of some circuits on some pairs. In any order, and in any process.

Costs what the space of the circuits says.
"""

from collections.abc import Generator, Iterator, Sequence
from functools import cached_property

import numpy as np
from jaxtyping import Float, Int
from torch import Tensor

from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.methods.circuits.space import Chosen, Rows, Space
from patchwidgets.models.indexing import key_of
from patchwidgets.models.run import Run
from patchwidgets.sites import Patch, Source
from patchwidgets.sources.source import draws_of
from patchwidgets.sweep.cost import Cost
from patchwidgets.sweep.pieces import Arrays, Item, Piece, checksum, cut

Values = dict[str, Float[np.ndarray, "circuit pair"]]
"""By metric."""
Pass = tuple[int, list[int], Int[Tensor, "pair pos"], slice]
"""The draw, the pairs with their prompts, and which circuits."""


class CircuitPasses:
    """Some circuits of one experiment, to be measured.

    Parameters
    ----------
    experiment
        From `model_side`.
    ablation
        What the rest gets, as the source of a `Patch`; of several draws the values are means.
    circuits
        Those that keep the same are run once.
    rows_at_once
        For each batch of the host run, the most rows in one pass; by default what the space says.

    Attributes
    ----------
    experiment, space, ablation, circuits, rows_at_once
        As given.

    Raises
    ------
    PatchError, SiteError, CounterpartError
        As for a patch from this source at every node.
    """

    def __init__(
        self,
        experiment: BaseExperiment,
        space: Space,
        ablation: Source,
        circuits: Sequence[Chosen],
        rows_at_once: Sequence[int] | None = None,
    ) -> None:
        self.experiment, self.space, self.ablation = experiment, space, ablation
        self.circuits = list(circuits)
        batches = experiment.host.batches
        self.rows_at_once = list(
            rows_at_once or [space.rows_at_once(batch.ids.shape[1]) for batch in batches]
        )
        unlike = {chosen.key: chosen for chosen in circuits}
        numbers = {key: i for i, key in enumerate(unlike)}
        self._unlike = list(unlike.values())
        self._back = [numbers[chosen.key] for chosen in circuits]
        self._draws = [patch.source for (patch,) in draws_of([Patch("embed", ablation)])]
        shape = (len(self._draws), len(self._unlike), len(experiment.pairs))
        self._values = {name: np.full(shape, np.nan) for name in experiment.metrics}
        self._passes = list(self._all_passes())
        self._patches: list[Patch] = []
        self._draw: int | None = None

    @property
    def total(self) -> int:
        """How many circuits there are on how many pairs, the same ones and draws counted once."""
        return len(self._unlike) * len(self.experiment.pairs)

    @property
    def done(self) -> int:
        """How many of `total` are measured on all draws."""
        measured = next(iter(self._values.values()))
        return int((~np.isnan(measured)).all(0).sum())

    def run(self) -> Generator[None]:
        """Measure pass by pass.

        Raises
        ------
        WeightsChangedError
            The weights have changed since the runs of the experiment.
        """
        for i in range(len(self._passes)):
            piece = range(i, i + 1)
            self.take_piece(piece, self.compute_piece(piece))
            yield

    def values(self) -> Values:
        """Every metric of each circuit, pair by pair: means over draws."""
        return {name: np.mean(each, axis=0)[self._back] for name, each in self._values.items()}

    def pieces(self) -> list[Piece]:
        """The work in pieces that can be computed in any order and place."""
        cost, device = Cost(self.experiment.model.layout), self.experiment.model.layout.device.type
        items = []
        for each in self._passes:
            draw, pairs, ids, chosen = each
            n = len(range(*chosen.indices(len(self._unlike)))) * len(pairs)
            items.append(Item(cost.recording_flops(n, ids.shape[1]), draw, 0.0, self._check(each)))
        return cut(items, device)

    def check_of(self, piece: range) -> str:
        """The checksum of what a piece computes."""
        return checksum(self._check(each) for each in self._passes[piece.start : piece.stop])

    def _check(self, one: Pass) -> str:
        draw, pairs, _, chosen = one
        kept = (each.key[0].hex() for each in self._unlike[chosen])
        return checksum([f"{draw} {pairs}", *kept])

    def compute_piece(self, piece: range) -> Arrays:
        """Measure some passes, and return their values one after the other as plain arrays."""
        parts: dict[str, list[np.ndarray]] = {name: [] for name in self._values}
        for draw, pairs, ids, chosen in self._passes[piece.start : piece.stop]:
            self._begin(draw)
            rows = Rows(self.experiment, self._draws[draw], self._unlike[chosen], pairs, ids)
            starts = self.experiment.sources.starts(self._patches, pairs)
            for name, of_rows in _read(self.space, rows, starts).items():
                parts[name].append(of_rows.ravel())
        self.experiment.check_weights(self._patches)
        return {name: np.concatenate(each) for name, each in parts.items()}

    def take_piece(self, piece: range, arrays: Arrays) -> None:
        """Take the values of some passes."""
        start = 0
        for draw, pairs, _, chosen in self._passes[piece.start : piece.stop]:
            n = len(range(*chosen.indices(len(self._unlike))))
            for name, values in self._values.items():
                of_pass = arrays[name][start : start + n * len(pairs)]
                values[draw][chosen, pairs] = of_pass.reshape(n, len(pairs))
            start += n * len(pairs)

    def _all_passes(self) -> Iterator[Pass]:
        for draw in range(len(self._draws)):
            for batch, at_once in zip(self.experiment.host.batches, self.rows_at_once, strict=True):
                for first in range(0, len(batch.rows), at_once):
                    part = slice(first, first + at_once)
                    pairs, ids = batch.rows[part], batch.ids[part]
                    n = max(1, at_once // len(pairs))
                    for start in range(0, len(self._unlike), n):
                        yield draw, pairs, ids, slice(start, start + n)

    @cached_property
    def _sites(self) -> list[Patch]:
        return [Patch(site) for site in self.space.sites()]

    def _begin(self, draw: int) -> None:
        """Record all that is written of a run in one pass, and not component by component."""
        if self._draw == draw:
            return
        self._draw = draw
        self._patches = [Patch(each.site, self._draws[draw]) for each in self._sites]
        self.experiment.sources.record(self._patches)
        patches = self._patches
        run = self.experiment.sources.run_of(patches[0].source) if patches else None
        if isinstance(run, Run):
            for batch in run.batches:
                run.record(batch, [key_of(patch.site) for patch in patches])


def _read(space: Space, rows: Rows, starts: Sequence[int]) -> Values:
    exp, n = rows.experiment, len(rows.pairs)
    output = space.run(rows)
    n_entries = len(exp.evaluation.read_positions.entries(rows.pairs))
    of_circuits = []
    for i in range(len(rows.chosen)):
        logits = output.read[i * n_entries : (i + 1) * n_entries]
        joint = None if output.joint is None else output.joint[i * n : (i + 1) * n]
        of_circuits.append(
            exp.evaluation.measure_patched(logits, rows.pairs, starts, exp.host_name, joint)
        )
    return {name: np.stack([each[name] for each in of_circuits]) for name in exp.metrics}
