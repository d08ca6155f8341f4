"""The numbers of a lens as an xarray dataset with runs, prompts, positions, layers and tokens as labels."""

import json
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Shaped

from patchwidgets import xarrays
from patchwidgets.models.layout import Layout
from patchwidgets.models.lenses.numbers import Followed, Ids, lens_numbers
from patchwidgets.models.lenses.readout import check_readout
from patchwidgets.models.lenses.request import LensRequest
from patchwidgets.models.lenses.streams import Streams
from patchwidgets.tokens import Tokenizer, token_string

if TYPE_CHECKING:
    import xarray as xr

DIMS = ("run", "pair", "pos", "layer")
PACKAGES = ("patchwidgets", "torch", "transformers")


def lens_dataset(
    layout: Layout,
    tokenizer: Tokenizer,
    request: LensRequest,
    runs: Mapping[str, Streams],
    followed: Followed,
    host: str | None = None,
    rows: Sequence[int] | None = None,
) -> "xr.Dataset":
    """Read some runs of the same prompts; `LensResult` documents the variables.

    Parameters
    ----------
    runs
        By name. A single run gets no axis of its own.
    host
        Which of them the patched run is compared with.
    rows
        The numbers of the prompts; 0, 1, 2, … by default.

    Raises
    ------
    LensError
        The model's own logits do not come from its last stream, or logits are not finite.
    """
    token = next(iter(runs.values())).prompts[0][0]
    gaps = [check_readout(layout, each.last, each.logits, token) for each in runs.values()]
    of_runs = [lens_numbers(layout, request, each, followed) for each in runs.values()]
    numbers = {name: np.stack([each[name] for each in of_runs]) for name in of_runs[0]}
    strings = _Strings(tokenizer)
    variables: dict[str, Any] = {
        name: ((*DIMS, "top")[: values.ndim], values) for name, values in numbers.items()
    }
    variables["top_token"] = ((*DIMS, "top"), strings.of(numbers["top_id"]))
    places = np.array([each.places for each in runs.values()])
    ids = [
        [[prompt[pos] for pos in at] for prompt, at in zip(each.prompts, each.places, strict=True)]
        for each in runs.values()
    ]
    coordinates = {
        "run": list(runs),
        "pair": np.arange(places.shape[1]) if rows is None else list(rows),
        "pos": places[0, 0],
        "layer": [site.layer or 0 for site in request.sites],
        "top": np.arange(1, request.k + 1),
        "site": ("layer", [site.name for site in request.sites]),
        "index": (DIMS[:3], places),
        "token": (DIMS[:3], strings.of(np.array(ids))),
    }
    for name, alternatives in (("answer", followed.answers), ("foil", followed.foils)):
        if alternatives is not None:
            coordinates[name] = ("pair", strings.joined(alternatives))
    dataset = xarrays.dataset(
        variables, coordinates, _attrs(layout, request, max(gaps), host, followed)
    )
    return dataset if len(runs) > 1 else dataset.isel(run=0, drop=True)


class _Strings:
    """Tokens as text; each id is decoded once."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._known: dict[int, str] = {}

    def of(self, ids: Shaped[np.ndarray, "*axes"]) -> Shaped[np.ndarray, "*axes"]:
        """Return the text of each id, in an array of the same shape."""
        return np.array([self._one(int(i)) for i in ids.flat]).reshape(ids.shape)

    def joined(self, alternatives: Ids) -> list[str]:
        """Return each prompt's alternatives as one text."""
        return [" | ".join(map(self._one, ids)) for ids in alternatives]

    def _one(self, token: int) -> str:
        if token not in self._known:
            self._known[token] = token_string(self._tokenizer, token)
        return self._known[token]


def _attrs(
    layout: Layout, request: LensRequest, gap: float, host: str | None, followed: Followed
) -> dict[str, str | float]:
    lens = request.jacobian
    attrs: dict[str, str | float] = {
        "method": "logit" if lens is None else "jacobian",
        "component": request.component,
        "model": layout.name,
        "dtype": str(layout.hf_model.dtype).removeprefix("torch."),
        "noise_floor": gap,
    }
    optional = {
        "host": host,
        "not_followed": followed.reason,
        "fit": None if lens is None else f"{lens.fit.n_prompts} prompts: {lens.fit.text}",
    }
    attrs |= {name: value for name, value in optional.items() if value is not None}
    return attrs | {"versions": json.dumps({package: version(package) for package in PACKAGES})}
