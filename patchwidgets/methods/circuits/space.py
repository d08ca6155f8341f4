"""What may be ablated, and what of it each row of a pass keeps: the same for nodes and edges."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from jaxtyping import Bool, Int
from torch import Tensor

from patchwidgets.arrays import NDArray
from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.experiment.teacher_forcing import ScoredOutput
from patchwidgets.hooks.hooks import Edit, Key
from patchwidgets.methods.circuits.members import Member
from patchwidgets.sites import Patch, Position, Site, Source

Indices = Int[NDArray[np.int64], "member"]


@dataclass(frozen=True, eq=False)
class Chosen:
    """The part of what may be ablated that one run keeps.

    Attributes
    ----------
    indices
        Numbers of members of a `Space`, which are kept.
    inverted
        Keep everything else instead: the complement.
    """

    indices: Indices
    inverted: bool = False

    @property
    def key(self) -> tuple[bytes, bool]:
        """The same for two that keep the same."""
        return np.sort(self.indices).tobytes(), self.inverted


@dataclass(frozen=True, eq=False)
class Rows:
    """The rows of one pass: for each of some circuits, all of some pairs of equal length.

    Attributes
    ----------
    experiment
        Its host is the run that the circuits should do what it does.
    ablation
        Where ablated values come from.
    chosen
        The circuits.
    pairs, ids
        The pairs, and their host prompts.
    """

    experiment: BaseExperiment
    ablation: Source
    chosen: Sequence[Chosen]
    pairs: list[int]
    ids: Int[Tensor, "pair pos"]

    @property
    def length(self) -> int:
        """Tokens of each prompt."""
        return self.ids.shape[1]

    def positions(self, pos: Position, pair: int) -> list[int]:
        """The positions of the host prompt that the position of a member stands for."""
        of_pair = self.experiment.pairs[pair]
        if pos is None:
            return list(range(self.length))
        if self.experiment.host_name == "clean":
            return of_pair.indices(pos)
        return [j for _, j in of_pair.columns_at(pos)]

    def patches(self, sites: Sequence[Site]) -> list[Patch]:
        """What would ablate whole components."""
        return [Patch(site, self.ablation) for site in sites]

    def ablations(self, sites: Sequence[Site]) -> dict[Key, Edit]:
        """From what a whole component is now to its ablated value, for all rows of the pass."""
        edits = self.experiment.sources.edits(self.patches(sites), self.pairs)
        return {key: _for_each(edit, len(self.chosen)) for key, edit in edits.items()}

    def scored(self, edits: Mapping[Key, Edit], **run: object) -> ScoredOutput:
        """Run all rows with edits, and read them where the metrics do."""
        exp, n = self.experiment, len(self.chosen)
        read = [exp.evaluation.read_positions.in_prompt(exp.host_name, pair) for pair in self.pairs]
        return exp.measurements.baselines.scored_pass(
            self.pairs * n,
            self.ids.repeat(n, 1),
            edits,
            read_positions=read * n,
            **run,  # type: ignore[arg-type]
        )


def _for_each(edit: Edit, n: int) -> Edit:
    """An edit of some pairs, for rows that hold these pairs `n` times."""
    if n == 1:
        return edit
    return lambda activation: torch.cat([edit(part) for part in activation.chunk(n)])


class Space(Protocol):
    """What may be ablated: nodes or edges."""

    @property
    def members(self) -> Sequence[Member]:
        """What circuits may be made of."""

    def ablated(self) -> list[int]:
        """The numbers of those members that are ablated where they are not kept."""

    def pruned(self, indices: Indices) -> Indices:
        """The numbers of those members that lead somewhere, through them and what is never ablated."""

    def rows_at_once(self, length: int) -> int:
        """How many rows of so many tokens to run in one pass, at most."""

    def sites(self) -> list[Site]:
        """The whole components that are ablated, wholly or in part."""

    def run(self, rows: Rows) -> ScoredOutput:
        """Run some circuits."""


def region(
    base: Bool[Tensor, "*shape"], inside: Bool[Tensor, "*shape"], inverted: bool
) -> Bool[Tensor, "*shape"]:
    """What is kept of what may be ablated (`base`): what is `inside`, or all but that. The rest is always kept."""
    return ~(base & inside) if inverted else ~base | inside
