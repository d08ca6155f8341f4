"""Activations of numbers, read from any model in which each number is one token. One forward pass over the prompts."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from torch import Tensor

from patchwidgets.errors import TaskError
from patchwidgets.methods.effects import LAST
from patchwidgets.models.model import Model
from patchwidgets.sites import Component, Site

NUMBERS = tuple(range(100))
"""The numbers from 0 to 99, which the analyses use by default."""

TEMPLATE, TEMPLATE_POS = "{n}+0=", -4
"""The prompt in which numbers are read by default, and the position of the number in it."""


def number_activations(
    model: Model,
    site: str | Site,
    numbers: Sequence[int] = NUMBERS,
    template: str = TEMPLATE,
    pos: int = TEMPLATE_POS,
) -> Float[np.ndarray, "number d"]:
    """Record the activation of each number at a site; one prompt per number, nothing is averaged.

    Parameters
    ----------
    model
        From `load` or `wrap`. Each number must be one token.
    site
        Without a position: ``L0.resid_post``, ``embed``.
    numbers
        By default 0 to 99.
    template, pos
        A prompt with a placeholder ``{n}``, and the position of the number in it.

    Returns
    -------
    array
        ``[number, d]``; for ``z`` the heads stand side by side.

    Raises
    ------
    TaskError
        A number is not a single token at that position, or a prompt has no such position.

    Examples
    --------
    >>> pw.helix.number_activations(model, "L0.resid_pre", numbers=[7, 8, 9]).shape
    (3, 128)
    """
    return _number_activations(model, [Site.parse(site)], numbers, template, pos)[0]


def layer_activations(
    model: Model, numbers: Sequence[int] = NUMBERS, component: Component = "resid_post"
) -> list[Float[np.ndarray, "number d"]]:
    """Record `number_activations` at every layer.

    Parameters
    ----------
    model
        From `load` or `wrap`. Each number must be one token.
    numbers
        By default 0 to 99.
    component
        By default the residual stream after each layer.

    Returns
    -------
    list
        One array ``[number, d]`` per layer.

    Examples
    --------
    >>> layers = pw.helix.layer_activations(model, numbers=[7, 8, 9])
    >>> len(layers), layers[0].shape
    (4, (3, 128))
    """
    sites = [Site(component, layer) for layer in range(model.n_layers)]
    return _number_activations(model, sites, numbers)


def last_activations(
    model: Model, sites: Sequence[Site], pairs: Sequence[tuple[int, int]], template: str
) -> list[Float[np.ndarray, "pair d"]]:
    """Record each site at the last token of each prompt ``template.format(a=a, b=b)``, in one forward pass."""
    if not sites:
        return []
    run = model.run([template.format(a=a, b=b) for a, b in pairs], record=sites)
    return [_flatten_heads(run[site.at(LAST)]) for site in sites]


def _number_activations(
    model: Model,
    sites: Sequence[Site],
    numbers: Sequence[int],
    template: str = TEMPLATE,
    pos: int = TEMPLATE_POS,
) -> list[Float[np.ndarray, "number d"]]:
    run = model.run([template.format(n=n) for n in numbers], record=sites)
    _check_single_tokens(model, run.prompts, numbers, pos)
    return [_flatten_heads(run[site.at(pos)]) for site in sites]


def _check_single_tokens(
    model: Model, prompts: Sequence[Sequence[int]], numbers: Sequence[int], pos: int
) -> None:
    for number, ids in zip(numbers, prompts, strict=True):
        prompt = "·".join(model.token_strings(ids))
        if not -len(ids) <= pos < len(ids):
            raise TaskError(
                f"Position {pos} is out of range: {prompt} has {len(ids)} tokens. Change template= or pos=."
            )
        token = model.token_strings([ids[pos]])[0]
        if token.strip() != str(number):
            raise TaskError(
                f"Expected the number {number} as one token at position {pos}, found {token!r} in {prompt}. "
                "Use a model whose numbers are single tokens, such as pw.load(), or change template= and pos=."
            )


def _flatten_heads(activation: Float[Tensor, "row 1 *d"]) -> Float[np.ndarray, "row d"]:
    """Turn the activation at one position into a float64 matrix, with the heads side by side."""
    array = np.asarray(activation.detach().cpu().double())
    return array.reshape(len(array), -1)
