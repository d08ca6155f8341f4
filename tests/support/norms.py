"""The final norms of transformers, written out by hand."""

from typing import Any

import torch
from torch import Tensor

ONE_MORE = ("Gemma", "NemotronLayerNorm1P")
"""Norms that multiply by 1 + weight."""


def frozen_norm_by_hand(norm: Any, host: Tensor, change: Tensor) -> Tensor:
    """The change of the normed stream with the host's scale."""
    kind = type(norm).__name__
    if "LayerNorm" in kind:
        change, host = (x - x.mean(-1, keepdim=True) for x in (change, host))
    gain = getattr(norm, "weight", None)
    gain = torch.ones(()) if gain is None else gain + kind.startswith(ONE_MORE)
    names = ("eps", "variance_epsilon")
    eps = next((getattr(norm, name) for name in names if hasattr(norm, name)), 1e-5)
    return gain * change / (host.square().mean(-1, keepdim=True) + eps).sqrt()
