"""Reading and writing a site within the activation of a whole component. Costs an index."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from patchwidgets.hooks.hook_points import Activation
from patchwidgets.hooks.hooks import Key
from patchwidgets.sites import Site, indices_of

SiteActivation = Float[Tensor, "row pos *unit"]
"""The activation at a site, at the positions of the site. For the patterns of all heads: ``[row, head, pos, key]``."""


def key_of(site: Site) -> Key:
    """Return the component and layer of a site."""
    return site.component, site.layer


def site_indices(site: Site, n: int) -> list[int]:
    """Return the positions of a site in a prompt of `n` tokens, which has no named positions."""
    return indices_of(site.pos, n, {})


def read_site(activation: Activation, site: Site, indices: list[list[int]]) -> SiteActivation:
    """Return the activation at a site, from that of its whole component.

    Parameters
    ----------
    activation
        The component: ``[row, pos, d]``, ``[row, pos, head, d_head]``, or a pattern ``[row, query, head, key]``.
    site
        Says which head or neuron; its position is not used.
    indices
        For each row the positions to read.

    Returns
    -------
    Tensor
        ``[row, pos, d]`` of one head or of a component without heads, ``[row, pos, 1]`` of a neuron, and
        ``[row, pos, head, d_head]`` of all heads. A pattern is ``[row, query, key]`` of one head and
        ``[row, head, query, key]`` of all.
    """
    # The head or neuron first, so that nothing else is copied.
    if site.index is not None:
        is_head = activation.ndim == 4
        unit = slice(site.index, site.index + 1)
        activation = activation[:, :, site.index] if is_head else activation[..., unit]
    at_positions = activation[_rows(activation), _positions(indices, activation)]
    all_patterns = site.component == "pattern" and site.index is None
    return at_positions.transpose(1, 2) if all_patterns else at_positions


def write_site(
    activation: Activation, site: Site, indices: list[list[int]], value: SiteActivation
) -> None:
    """Write `value`, in the form that `read_site` returns, into a component at the site."""
    where = (_rows(activation), _positions(indices, activation))
    if site.index is not None:
        activation[(*where, site.index)] = value if activation.ndim == 4 else value[..., 0]
    else:
        activation[where] = value.transpose(1, 2) if site.component == "pattern" else value


def _rows(activation: Activation) -> Int[Tensor, "row 1"]:
    return torch.arange(len(activation), device=activation.device)[:, None]


def _positions(indices: list[list[int]], activation: Activation) -> Int[Tensor, "row pos"]:
    return torch.tensor(indices, device=activation.device)
