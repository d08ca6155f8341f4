"""Giving dictionaries to a model: what they return is checked on real vectors of their stream.

Costs a pass over a few tokens, and six calls of each dictionary.
"""

from collections.abc import Sequence
from copy import copy
from dataclasses import replace

import torch
from torch import Tensor

from patchwidgets.errors import ModelError, in_one_line, shown
from patchwidgets.hooks.hook_points import HookPoint
from patchwidgets.models.attached import Attached, is_near
from patchwidgets.models.dictionaries import Dictionary, Vectors
from patchwidgets.models.forward import forward
from patchwidgets.models.indexing import key_of
from patchwidgets.models.layout import Layout
from patchwidgets.models.resolve import resolve

N_VECTORS, N_PROBED = 16, 8
"""How many vectors a dictionary is tried on, and how many are encoded again to see whether it is still the same."""


def with_dictionaries(layout: Layout, dictionaries: Sequence[Dictionary]) -> Layout:
    """Return a layout of the same model that has more dictionaries; see `Model.with_dictionaries`."""
    for dictionary in dictionaries:
        if not isinstance(dictionary, Dictionary):
            raise ModelError(
                "Expected dictionaries from pw.wrap_dictionary(site, encode, decode), one by one; got "
                f"{shown(dictionary)}."
            )
    keys = [key_of(resolve(layout, dictionary.site)) for dictionary in dictionaries]
    if twice := [d.site for d, key in zip(dictionaries, keys, strict=True) if keys.count(key) > 1]:
        raise ModelError(f"{twice[0]} has two dictionaries here; give a stream one at a time.")
    generator = torch.Generator().manual_seed(0)
    n_positions = layout.limits.n_positions or N_VECTORS
    length = min(N_VECTORS, n_positions)
    ids = torch.randint(layout.limits.n_tokens, (1, length), generator=generator)
    streams = forward(layout, ids, record=keys).activations
    made = copy(layout)
    made.hook_points, made.dictionaries = dict(layout.hook_points), dict(layout.dictionaries)
    for dictionary, key in zip(dictionaries, keys, strict=True):
        x = streams[key][0]
        attached = attach(dictionary, x.to(torch.promote_types(x.dtype, torch.float32)))
        whole = layout.hook_points[key]
        assert isinstance(whole, HookPoint)
        made.hook_points |= attached.hook_points(whole)
        made.dictionaries[key] = attached
    return made


def attach(dictionary: Dictionary, x: Vectors) -> Attached:
    """Check a dictionary on vectors of its stream.

    Parameters
    ----------
    x
        float32 or float64; at least two, all different.

    Raises
    ------
    ModelError
        A dictionary of another width, one that is not deterministic, or whose features of a vector depend on others,
        that changes its argument or does not return one row of finite numbers for each vector.
    """
    site, given = dictionary.site, x.clone()
    with torch.no_grad():
        features = _returned(dictionary, "encode", given, x.shape[1], dictionary.n_features)
        if not torch.equal(given, x):
            raise ModelError(
                f"{site}: encode changes the vectors that it gets; let it work on a copy."
            )
        n = features.shape[1]
        decoded = _returned(dictionary, "decode", features.clone(), n, x.shape[1])
        again, alone = dictionary.encode(x.clone()), dictionary.encode(x[:1].clone())
        decoded_again = dictionary.decode(features.clone())
        decoded_alone = dictionary.decode(features[:1].clone())
    if not is_near(again, features) or not is_near(decoded_again, decoded):
        raise ModelError(
            f"{site}: the dictionary is not deterministic: the same vectors give other features, or other vectors. "
            "Turn dropout and noise off, as in sae.eval()."
        )
    if not is_near(alone, features[:1]) or not is_near(decoded_alone, decoded[:1]):
        raise ModelError(
            f"{site}: the features of a vector depend on which others are encoded with it, as with a limit for a whole "
            "batch. Use the form of the dictionary that is meant for single vectors."
        )
    n_probed = min(N_PROBED, len(x))
    probe = x[:n_probed].clone()
    with torch.no_grad():
        found = dictionary.encode(probe.clone()).clone()
        of_found = dictionary.decode(found.clone()).clone()
    return Attached(replace(dictionary, n_features=n), n, probe, found, of_found)


def _returned(
    dictionary: Dictionary, what: str, given: Tensor, width: int, expected: int | None
) -> Tensor:
    """What `encode` or `decode` returns, if it has the right form."""
    site = dictionary.site
    function = dictionary.encode if what == "encode" else dictionary.decode
    try:
        returned = function(given)
    except (RuntimeError, ValueError, TypeError, IndexError) as raised:
        raise ModelError(
            f"{site}: {what} cannot take {len(given)} vectors of width {width} "
            f"({in_one_line(raised)}). {_meant(dictionary)}"
        ) from raised
    if not isinstance(returned, Tensor) or not returned.is_floating_point():
        kind = returned.dtype if isinstance(returned, Tensor) else type(returned).__name__
        raise ModelError(
            f"{site}: {what} returns a {kind}; expected a tensor of floating-point numbers, as from torch.as_tensor."
        )
    wanted = "[vector, feature]" if expected is None else str((len(given), expected))
    if (
        returned.ndim != 2
        or len(returned) != len(given)
        or returned.shape[1] != (expected or returned.shape[1])
    ):
        raise ModelError(
            f"{site}: {what} turns {tuple(given.shape)} into {tuple(returned.shape)}; expected {wanted}. "
            f"{_meant(dictionary)}"
        )
    if not bool(torch.isfinite(returned).all()):
        raise ModelError(f"{site}: {what} returns numbers that are NaN or infinite.")
    return returned


def _meant(dictionary: Dictionary) -> str:
    return (
        f"Is the dictionary that of {dictionary.site}? encode goes from [vector, d_model] to [vector, feature], and "
        "decode back."
    )
