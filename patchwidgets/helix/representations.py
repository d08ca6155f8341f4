"""Activations of numbers, read from any model in which each number is one token. One forward pass over the prompts.

Prompts run in parts, of which only the activations are kept: a vocabulary is large.
"""

from collections.abc import Sequence
from itertools import takewhile

import numpy as np
from jaxtyping import Float
from torch import Tensor

from patchwidgets.errors import TaskError
from patchwidgets.methods.effects import LAST
from patchwidgets.models.model import Model
from patchwidgets.sites import Component, Site
from patchwidgets.tasks.numbers import is_one_token
from patchwidgets.tasks.templates import Template, checked_template
from patchwidgets.tasks.text_positions import last_token_of
from patchwidgets.tokens import HasTokenizer, encode

NUMBERS = tuple(range(100))
"""The numbers from 0 to 99, which the analyses use by default."""

TEMPLATE = "{n}+0="
"""The prompt in which numbers are read by default."""

SUM_TEMPLATE = "{a}+{b}="
"""The prompt in which pairs of numbers are read by default."""

MOST_NUMBERS = 2000
"""As far as numbers of one token are looked for."""

PART = 512
"""As many prompts run at once."""


def number_activations(
    model: Model,
    site: str | Site,
    numbers: Sequence[int] = NUMBERS,
    template: str = TEMPLATE,
    pos: int | None = None,
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
        A prompt with a place ``{n}``, and the position that is read; by default that of the number.

    Returns
    -------
    array
        ``[number, d]``; for ``z`` the heads stand side by side.

    Raises
    ------
    TaskError
        The template has no place for a number, a number is not a single token at that position, or a prompt has no such
        position.

    Examples
    --------
    >>> pw.helix.number_activations(model, "L0.resid_pre", numbers=[7, 8, 9]).shape
    (3, 128)
    """
    return _number_activations(model, [Site.parse(site)], numbers, template, pos)[0]


def layer_activations(
    model: Model,
    numbers: Sequence[int] = NUMBERS,
    component: Component = "resid_post",
    template: str = TEMPLATE,
    pos: int | None = None,
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
    template, pos
        As for `number_activations`.

    Returns
    -------
    list
        One array ``[number, d]`` per layer.

    Raises
    ------
    TaskError
        As for `number_activations`.

    Examples
    --------
    >>> layers = pw.helix.layer_activations(model, numbers=[7, 8, 9])
    >>> len(layers), layers[0].shape
    (4, (3, 128))
    >>> second = pw.helix.layer_activations(model, numbers=[7, 8, 9], template="0+{n}=")
    >>> bool((second[0] == layers[0]).any())
    False
    """
    sites = [Site(component, layer) for layer in range(model.n_layers)]
    return _number_activations(model, sites, numbers, template, pos)


def single_token_numbers(
    model: HasTokenizer, template: str = TEMPLATE, most: int = MOST_NUMBERS
) -> range:
    """Find the numbers from 0 on that are one token each: in GPT-J up to 520, in the teaching model up to 199.

    Parameters
    ----------
    model
        From `load` or `wrap`, or another object with a `tokenizer`.
    template
        A prompt with a place ``{n}``, or with ``{a}`` and ``{b}``.
    most
        Look at this many numbers at most.

    Raises
    ------
    TaskError
        The template has no place for a number.

    Examples
    --------
    >>> pw.helix.single_token_numbers(model)
    range(0, 200)
    """
    names = ("a", "b") if "{a}" in str(template) else ("n",)
    checked = checked_template(template, names)
    single = takewhile(lambda n: is_one_token(model.tokenizer, checked, n), range(most))
    return range(sum(1 for _ in single))


def last_activations(
    model: Model,
    sites: Sequence[Site],
    pairs: Sequence[tuple[int, int]],
    template: str = SUM_TEMPLATE,
) -> list[Float[np.ndarray, "pair d"]]:
    """Record each site at the last token of the prompt of each pair of numbers, in one forward pass."""
    checked = checked_template(template, ("a", "b"))
    prompts = [checked.fill(a=a, b=b) for a, b in pairs]
    return _recorded(model, [site.at(LAST) for site in sites], prompts) if sites else []


def _recorded(
    model: Model, sites: Sequence[Site], prompts: Sequence[str]
) -> list[Float[np.ndarray, "prompt d"]]:
    """Record sites, each with one position, in parts of the prompts; heads stand side by side."""
    parts: list[list[Float[np.ndarray, "prompt d"]]] = [[] for _ in sites]
    for start in range(0, len(prompts), PART):
        run = model.run(prompts[start : start + PART], record=sites)
        for of_site, site in zip(parts, sites, strict=True):
            of_site.append(_flatten_heads(run[site]))
    return [np.concatenate(of_site) for of_site in parts]


def _number_activations(
    model: Model, sites: Sequence[Site], numbers: Sequence[int], template: str, pos: int | None
) -> list[Float[np.ndarray, "number d"]]:
    checked = checked_template(template, ("n",))
    if not len(numbers):
        raise TaskError("numbers is empty; expected at least one, as in numbers=range(100).")
    prompts = [checked.fill(n=n) for n in numbers]
    ids = [encode(model.tokenizer, prompt) for prompt in prompts]
    at = _position(model, checked, numbers[0], len(ids[0])) if pos is None else pos
    _check_single_tokens(model, ids, numbers, at)
    return _recorded(model, [site.at(at) for site in sites], prompts)


def _position(model: Model, template: Template, n: int, n_tokens: int) -> int:
    """Where the number is, counted from the end."""
    prompt = template.fill(n=n)
    return last_token_of(template.up_to("n", n=n), prompt, model.tokenizer, n_tokens) - n_tokens


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
