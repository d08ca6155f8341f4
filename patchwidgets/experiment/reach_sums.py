"""What a reach is a ratio of: sums over features of products of movements, by component and pair, at one position.

Costs nothing beside the runs that are compared.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor

from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.hooks.hooks import Key
from patchwidgets.models.batches import Batch
from patchwidgets.sites import Position

REACH_COMPONENTS = ("z", "attn_out", "mlp_out", "resid_post")
"""The components whose movement is measured, in every layer."""

AtPosition = dict[str, Float[Tensor, "layer row *unit"]]
"""Activations at one position, by component."""
Sums = dict[str, Float[Tensor, "4 layer *head row"]]
"""⟨Δp,Δs⟩, ⟨Δp,Δp⟩, ⟨Δs,Δs⟩ and what of these is rounding, by component, stacked so."""


@dataclass(frozen=True, eq=False)
class ReachBaseline:
    """The unpatched runs of a batch at one position: what movements are compared with.

    Attributes
    ----------
    columns
        For each pair the position in its host prompt.
    host, towards
        By component, the activations of the host run, and how far those of the source run are from them; in float64.
    fixed
        By component, ⟨Δs,Δs⟩ and what of it is rounding.
    """

    columns: list[int]
    host: AtPosition
    towards: AtPosition
    fixed: dict[str, Float[Tensor, "2 layer *head row"]]

    @classmethod
    def of(cls, experiment: BaseExperiment, batch: Batch, pos: Position) -> "ReachBaseline":
        """Record what is needed of both runs.

        Parameters
        ----------
        pos
            A position of the clean prompt; it must have a counterpart in the corrupted one.
        """
        pairs = [experiment.pairs[row] for row in batch.rows]
        columns = [pair.columns_at(pos)[0] for pair in pairs]
        clean, corrupted = ([pair[i] for pair in columns] for i in (0, 1))
        in_host, in_source = (
            (clean, corrupted) if experiment.host_name == "clean" else (corrupted, clean)
        )
        keys, source_batch = reach_keys(experiment), experiment.sources.source_batch(batch)
        experiment.host.record(batch, keys)
        experiment.source.record(source_batch, keys)
        host = at_position(batch.activations, in_host)
        source = at_position(source_batch.activations, in_source)
        # In equal beginnings both runs are the same; rounding differs if the prompts have unequal lengths.
        for row, (pair, (i, j)) in enumerate(zip(pairs, columns, strict=True)):
            if i == j < pair.prefix:
                for component in REACH_COMPONENTS:
                    source[component][:, row] = host[component][:, row]
        noise = experiment.measurements.baselines.activation_noise(keys)
        by_component = {
            component: torch.tensor(
                [noise[(component, layer)] for layer in range(experiment.model.n_layers)]
            )
            for component in REACH_COMPONENTS
        }
        towards = {component: source[component] - host[component] for component in host}
        return cls(in_host, host, towards, _fixed_sums(host, towards, by_component))

    def at_position(
        self, activations: Mapping[Key, Float[Tensor, "row pos *unit"]], begin: int = 0
    ) -> AtPosition:
        """Activations of this batch's prompts, of which the first `begin` positions are missing, at the position."""
        return at_position(activations, [column - begin for column in self.columns])

    def sums(self, patched: AtPosition, rows: Sequence[int] | None = None) -> Sums:
        """The sums of patched runs; `rows` are their pairs within the batch, by default all of them in order."""
        chosen = slice(None) if rows is None else list(rows)
        found = {}
        for component, moved in patched.items():
            delta_p = moved - self.host[component][:, chosen]
            along, square = delta_p * self.towards[component][:, chosen], delta_p**2
            products = torch.stack([_over_features(along), _over_features(square)])
            found[component] = torch.cat([products, self.fixed[component][..., chosen]])
        return found


@dataclass(eq=False)
class ReachSums:
    """The sums of a patch by component, ``[4, layer, *head, pair]``.

    Parameters
    ----------
    n_pairs
        How many pairs there are.
    """

    n_pairs: int
    sums: dict[str, Float[Tensor, "4 layer *head pair"]] = field(default_factory=dict)

    def add(self, pairs: Sequence[int], sums: Sums) -> None:
        """Add what was summed of some pairs."""
        for component, of_rows in sums.items():
            if component not in self.sums:
                self.sums[component] = of_rows.new_zeros(*of_rows.shape[:-1], self.n_pairs)
            self.sums[component][..., list(pairs)] += of_rows


def reach_keys(experiment: BaseExperiment) -> list[Key]:
    """The components and layers whose movement is measured: `REACH_COMPONENTS` in every layer."""
    return [
        (component, layer)
        for component in REACH_COMPONENTS
        for layer in range(experiment.model.n_layers)
    ]


def at_position(
    activations: Mapping[Key, Float[Tensor, "row pos *unit"]], columns: Sequence[int]
) -> AtPosition:
    """Every layer of the recorded components that a reach compares, at one position of each row, in float64."""
    rows = range(len(columns))
    n_layers = 1 + max(layer for _, layer in activations if layer is not None)
    alike = len(set(columns)) == 1

    def at_columns(key: Key) -> Float[Tensor, "row *unit"]:
        return activations[key][:, columns[0]] if alike else activations[key][rows, columns]

    found = {}
    for component in REACH_COMPONENTS:
        device = activations[(component, 0)].device  # all layers in one transfer to the CPU
        of_layers = [at_columns((component, layer)).to(device) for layer in range(n_layers)]
        found[component] = torch.stack(of_layers).cpu().double()
    return found


def _fixed_sums(
    host: AtPosition, towards: AtPosition, noise: Mapping[str, Float[Tensor, "layer"]]
) -> dict[str, Float[Tensor, "2 layer *head row"]]:
    fixed = {}
    for component, base in host.items():
        rounding = base * noise[component].view(-1, *[1] * (base.dim() - 1))
        fixed[component] = torch.stack(
            [_over_features(towards[component] ** 2), _over_features(rounding**2)]
        )
    return fixed


def _over_features(
    products: Float[Tensor, "layer row *head_and_feature"],
) -> Float[Tensor, "layer *head row"]:
    return products.sum(-1).movedim(1, -1)
