"""A dictionary that a model has: where its features and its error are, and whether it is still the same.

Costs encoding every vector of a pass, and decoding those that are patched.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from patchwidgets.errors import RefusedError, WeightsChangedError
from patchwidgets.hooks.hook_points import Activation, HookPoint, PartHookPoint
from patchwidgets.hooks.hooks import Key
from patchwidgets.models.dictionaries import Dictionary, Found, Vectors
from patchwidgets.sites import stream_of

TOLERANCE = 1e-4
"""How far two encodings of one vector may be apart, as a part of the largest number: rounding, not another code."""


@dataclass(frozen=True, eq=False)
class Attached:
    """A dictionary that a model has, as checked.

    Attributes
    ----------
    dictionary
        With its number of features.
    n_features
        That number.
    probe, found, decoded
        A few vectors of the stream, with their features and what these decode to.
    """

    dictionary: Dictionary
    n_features: int
    probe: Vectors
    found: Found
    decoded: Vectors

    def hook_points(self, whole: HookPoint) -> Mapping[Key, PartHookPoint]:
        """Where its features and its error are, at the stream."""
        site = self.dictionary.site
        return {
            (f"{site.component}.{part}", site.layer): PartHookPoint(
                whole, part, partial(_split, self.dictionary), partial(_join, self.dictionary)
            )
            for part in ("features", "error")
        }

    def is_like(self, other: "Attached") -> bool:
        """Whether another one finds the same features."""
        functions = self.dictionary.encode, self.dictionary.decode
        same = functions == (other.dictionary.encode, other.dictionary.decode)
        return self is other or (same and torch.equal(self.found, other.found))

    def check(self) -> None:
        """Check that the dictionary still finds the same features.

        Raises
        ------
        WeightsChangedError
            It does not.
        """
        with torch.no_grad():
            found = self.dictionary.encode(self.probe.clone())
            same = is_near(found, self.found) and is_near(
                self.dictionary.decode(self.found.clone()), self.decoded
            )
        if not same:
            raise WeightsChangedError(
                f"The dictionary of {self.dictionary.site} changed since it was given to the model, so its features "
                "are others now. Give it again, as in model.with_dictionaries(...), and make the experiment again."
            )


def _split(dictionary: Dictionary, activation: Activation) -> dict[str, Activation]:
    """Take vectors of the stream apart into features and error, in float32 or wider."""
    x = activation.to(torch.promote_types(activation.dtype, torch.float32))
    flat = x.reshape(-1, x.shape[-1])
    try:
        features = dictionary.encode(flat).to(flat)
        error = flat - dictionary.decode(features).to(flat)
    except RuntimeError as raised:
        if not flat.requires_grad:
            raise
        raise RefusedError(_no_gradient(dictionary)) from raised
    return {
        "features": features.unflatten(0, x.shape[:-1]),
        "error": error.unflatten(0, x.shape[:-1]),
    }


def _join(
    dictionary: Dictionary,
    activation: Activation,
    before: dict[str, Activation],
    after: dict[str, Activation],
) -> Activation:
    """Put vectors together again; those whose parts are unchanged stay as they are."""
    features, error = after["features"], after["error"]
    if features.requires_grad or error.requires_grad:
        decoded = dictionary.decode(features.flatten(0, -2))
        if features.requires_grad and not decoded.requires_grad:
            raise RefusedError(_no_gradient(dictionary))
        return (decoded.to(error).reshape(error.shape) + error).to(activation.dtype)
    changed = torch.stack([(after[part] != before[part]).any(-1) for part in after]).any(0)
    joined = activation.clone()
    if changed.any():
        decoded = dictionary.decode(features[changed]).to(error)
        joined[changed] = (decoded + error[changed]).to(activation.dtype)
    return joined


def _no_gradient(dictionary: Dictionary) -> str:
    return (
        f"No gradient passes through the dictionary of {dictionary.site}, whose encode or decode leaves torch. Choose "
        "features yourself, with sites=[...], or write both in torch."
    )


def attached_to(dictionaries: Mapping[Key, Attached], key: Key) -> Attached | None:
    """Return the dictionary to which a component belongs as features or error, of those by stream and layer."""
    component, layer = key
    stream = stream_of(component)
    return None if stream == component else dictionaries.get((stream, layer))


def check_dictionaries(dictionaries: Mapping[Key, Attached], keys: Iterable[Key]) -> None:
    """Check that those dictionaries are still the same to which some components belong.

    Raises
    ------
    WeightsChangedError
        One of them is not.
    """
    for attached in {attached_to(dictionaries, key) for key in keys} - {None}:
        assert attached is not None
        attached.check()


def is_near(one: Tensor, other: Tensor) -> bool:
    """Whether two tensors are equal but for rounding."""
    if one.shape != other.shape:
        return False
    largest = max(float(other.abs().max()), 1e-30) if other.numel() else 0.0
    return not other.numel() or float((one.to(other) - other).abs().max()) <= TOLERANCE * largest
