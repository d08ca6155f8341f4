"""Prompts in batches of equal length, as they run, and what was computed of batches in the order of the prompts."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import Int
from torch import Tensor

from patchwidgets.hooks.hook_points import Activation
from patchwidgets.hooks.hooks import Key

MAX_TOKENS = 4096
"""The most tokens in one batch; larger datasets run in several batches."""


@dataclass(eq=False)
class Batch:
    """Prompts of equal length that run in one forward pass, without padding.

    Attributes
    ----------
    rows
        The indices of these prompts in the run.
    ids
        Their token ids.
    activations
        What has been recorded so far, by component and layer.
    """

    rows: list[int]
    ids: Int[Tensor, "row pos"]
    activations: dict[Key, Activation] = field(default_factory=dict)


def in_batches(
    prompts: Sequence[Sequence[int]], batch_keys: Sequence[tuple[int, ...]]
) -> list[Batch]:
    """Group prompts with equal keys, at most `MAX_TOKENS` tokens in a batch."""
    by_key: dict[tuple[int, ...], list[int]] = {}
    for row, key in enumerate(batch_keys):
        by_key.setdefault(key, []).append(row)
    sizes = {key: max(1, MAX_TOKENS // max(key)) for key in by_key}
    return [
        Batch(part, torch.tensor([prompts[row] for row in part]))
        for key, rows in by_key.items()
        for part in (rows[i : i + sizes[key]] for i in range(0, len(rows), sizes[key]))
    ]


def in_order(parts: Sequence[tuple[list[int], Tensor]]) -> Tensor:
    """Return the rows of all batches in the order of the prompts."""
    if len(parts) == 1:
        return parts[0][1]
    rows = torch.tensor([row for rows, _ in parts for row in rows])
    joined = torch.cat([part for _, part in parts])
    return joined[rows.argsort().to(joined.device)]
