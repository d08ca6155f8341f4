"""A sweep's dataset in one line of words. Costs nothing."""

from typing import TYPE_CHECKING, Any

import numpy as np

from patchwidgets.errors import listed
from patchwidgets.sources.files import data_in_words
from patchwidgets.storage import parse_json

if TYPE_CHECKING:
    import xarray as xr

HALF = ("bfloat16", "float16")


def in_words(dataset: "xr.Dataset") -> str:
    """What was swept, over which axes, of how many pairs, with which metrics, and what has to be said about it."""
    attrs, pairs = dataset.attrs, dataset.sizes["pair"]
    axes = " × ".join(f"{dataset.sizes[axis]} {axis}" for axis in dataset["zero"].dims)
    metrics = ", ".join(map(str, np.atleast_1d(dataset["metric"].values)))
    notes = "".join(f"; {note}" for note in _notes(dataset) if note)
    return (
        f"{attrs['component']} of {attrs['model']!r}: {axes or 'one cell'}, {pairs} pair{'s' * (pairs != 1)}, "
        f"{metrics}, {attrs['direction']}{notes}"
    )


def _sources(dataset: "xr.Dataset") -> str:
    """What the cells write, if it is not the activation of the source run, and how often it was drawn."""
    sources = parse_json(str(dataset.attrs.get("sources", "[]")))
    named = [data_in_words(data) for data in sources if data != "source"]
    drawn = f", {dataset.sizes['draw']} draws" if "draw" in dataset.sizes else ""
    return listed(named, most=3, by=", ") + drawn


def in_a_title(dataset: "xr.Dataset") -> list[str]:
    """How the numbers of a sweep were got, each part in a few words, for the title of a figure."""
    attrs = dataset.attrs
    estimate = attrs.get("estimate", "")
    direct = {"live": "direct effects", "frozen": "direct effects, norm frozen"}
    return [
        direct.get(attrs.get("norm", ""), "") if attrs.get("effects") == "direct" else "",
        f"into {attrs['receiver']}" if "receiver" in attrs else "",
        _sources(dataset),
        f"estimate ({estimate})" if estimate else "",
        f"{attrs['dtype']}, noise ±{float(dataset['noise_floor'][0]):.2g}"
        if is_half(dataset)
        else "",
    ]


def is_half(dataset: "xr.Dataset") -> bool:
    """Whether the model computed in 16 bits, where noise can be as large as effects that people look at."""
    return dataset.attrs.get("dtype") in HALF


def within_noise(effects: "xr.DataArray", noise_floor: float) -> "xr.DataArray":
    """Which effects are not 0, but no larger than the noise floor."""
    return (abs(effects) > 0) & (abs(effects) <= noise_floor)


def _noise(dataset: "xr.Dataset") -> str:
    """How many effects of the first metric rounding alone may have made, in half precision."""
    if not is_half(dataset):
        return ""
    floor = float(dataset["noise_floor"][0])
    effects = dataset["effect"].isel(metric=0).mean("pair", skipna=False)
    n, n_all = int(within_noise(effects, floor).sum()), int((abs(effects) > 0).sum())
    return f"{dataset.attrs['dtype']}: {n} of {n_all} effects within the noise floor of {floor:.2g}"


def _notes(dataset: "xr.Dataset") -> list[str]:
    done = int(dataset["effect"].isel(metric=0).notnull().all("pair").sum())
    unpatchable = int(dataset["unpatchable"].sum())
    total = dataset["zero"].size - unpatchable
    estimate = dataset.attrs.get("estimate", "")
    return [
        _direct(dataset.attrs),
        f"an estimate ({estimate})" if estimate else "",
        _sources(dataset),
        f"{unpatchable} without a counterpart" if unpatchable else "",
        "" if done == total else f"{done} of {total} done",
        str(dataset.attrs.get("chosen", "")),
        str(dataset.attrs.get("routing", "")),
        _noise(dataset),
    ]


def _direct(attrs: dict[str, Any]) -> str:
    """What is said of direct effects, and of those that add up (logits with a frozen norm) to how much of the whole."""
    if attrs.get("effects") != "direct":
        return ""
    if attrs["norm"] == "live":
        return "direct effects"
    together = f", together {attrs['sum']:+.4g} of {attrs['whole']:+.4g}" if "sum" in attrs else ""
    return f"direct effects with the norm frozen{together}"
