"""Activations of numbers, read from any model in which each number is one token. One forward pass per site."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from torch import Tensor

from patchwidgets.errors import TaskError
from patchwidgets.models.model import Model
from patchwidgets.sites import Component, Site

NUMBERS = tuple(range(100))
"""The numbers from 0 to 99, which the analyses use by default."""


def number_activations(
    model: Model,
    site: str | Site,
    numbers: Sequence[int] = NUMBERS,
    template: str = "{n}+0=",
    pos: int = -4,
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
        A number is not a single token at that position.

    Examples
    --------
    >>> pw.helix.number_activations(model, "L0.resid_pre", numbers=[7, 8, 9]).shape
    (3, 128)
    """
    prompts = [template.format(n=n) for n in numbers]
    run = model.run(prompts, record=[site])
    _check_single_tokens(model, run.prompts, numbers, pos)
    return flatten_heads(run[Site.parse(site).at(pos)])


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
    return [
        number_activations(model, Site(component, layer), numbers)
        for layer in range(model.n_layers)
    ]


def _check_single_tokens(
    model: Model, prompts: Sequence[Sequence[int]], numbers: Sequence[int], pos: int
) -> None:
    for number, ids in zip(numbers, prompts, strict=True):
        token = model.token_strings([ids[pos]])[0]
        if token.strip() != str(number):
            prompt = "·".join(model.token_strings(ids))
            raise TaskError(
                f"Expected the number {number} as one token at position {pos}, found {token!r} in {prompt}. "
                "Use a model whose numbers are single tokens, such as pw.load(), or change template= and pos=."
            )


def flatten_heads(activation: Float[Tensor, "row 1 *d"]) -> Float[np.ndarray, "row d"]:
    """Turn the activation at one position into a float64 matrix, with the heads side by side."""
    array = np.asarray(activation.detach().cpu().double())
    return array.reshape(len(array), -1)
