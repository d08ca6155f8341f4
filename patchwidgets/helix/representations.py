"""Activations of numbers, read from any model in which each number is one token. One forward pass per call."""

from collections.abc import Sequence

import numpy as np
from torch import Tensor

from patchwidgets.errors import TaskError
from patchwidgets.helix.basis import Floats
from patchwidgets.models.model import Model
from patchwidgets.sites import Component, Site

NUMBERS = tuple(range(100))


def number_activations(
    model: Model,
    site: str | Site,
    numbers: Sequence[int] = NUMBERS,
    template: str = "{n}+0=",
    pos: int = -4,
) -> Floats:
    """The activation of each number at a site, ``[number, d]``; one prompt a number, nothing is averaged.

    Parameters
    ----------
    site
        Without a position: ``L0.resid_post``, ``embed``.
    template, pos
        A prompt with a hole, and where the number then stands.

    Raises
    ------
    TaskError
        A number is not a single token at that place.
    """
    prompts = [template.format(n=n) for n in numbers]
    run = model.run(prompts)
    _check_single_tokens(model, run.prompts, numbers, pos)
    return flat(run[Site.parse(site).at(pos)])


def layer_activations(
    model: Model, numbers: Sequence[int] = NUMBERS, component: Component = "resid_post"
) -> list[Floats]:
    """`number_activations` at every layer: one array ``[number, d_model]`` per layer."""
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
            shown = "·".join(model.token_strings(ids))
            raise TaskError(
                f"Expected the number {number} as one token at position {pos}, found {token!r} in {shown}. "
                "These analyses need a model whose numbers are single tokens, such as pw.load()."
            )


def flat(activation: Tensor) -> Floats:
    """``[row, 1, ...]`` as float64 ``[row, d]``, heads side by side."""
    array = np.asarray(activation.detach().cpu().double())
    return array.reshape(len(array), -1)
