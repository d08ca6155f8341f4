"""Is a file about this model? Costs what `weights_checksum` costs: 20 ms for SmolLM2."""

from patchwidgets.errors import FileWarning, RefusedError, WeightsChangedError, shown, warn
from patchwidgets.files.envelope import Stamp
from patchwidgets.models.model import Model
from patchwidgets.models.weights_mark import weights_checksum


def stamp_of(model: Model) -> Stamp:
    """Return the name, dtype and fingerprint of a model; no fingerprint where its weights are not in memory."""
    try:
        weights = weights_checksum(model.layout.hf_model)
    except RefusedError:
        weights = ""
    return Stamp(model.name, weights, model.dtype)


def check_stamp(stamp: Stamp, model: Model, path: str, go_on: str | None = None) -> bool:
    """Check that a file is about a model; return whether it is. Where nothing says so, there is a warning.

    Parameters
    ----------
    path
        What messages call the file.
    go_on
        What ``other_weights=True`` does, as the end of a sentence; None if it was passed.

    Raises
    ------
    WeightsChangedError
        The weights are others, and `go_on` is given.
    """
    now = stamp_of(model)
    if not stamp.weights or not now.weights:
        which = "file has no fingerprint" if not stamp.weights else "model has weights elsewhere"
        warn(
            f"{path}: the {which}, so nothing says whether it is about the weights of {model.name}.",
            FileWarning,
        )
        return True
    if stamp.weights == now.weights:
        if stamp.dtype != now.dtype:
            warn(
                f"{path}: its numbers are of {stamp.dtype}, and {model.name} runs in {now.dtype}.",
                FileWarning,
            )
        return True
    if go_on is not None:
        raise WeightsChangedError(
            f"{shown(path)} is about {stamp.name!r} with the weights {stamp.weights[:12]}…, and the model that was "
            f"given, {model.name!r}, has the weights {now.weights[:12]}…. Give the model that it is about, or pass "
            f"other_weights=True: {go_on}."
        )
    return False
