"""Direct logit attribution of a run: each component's part of the logit difference, as a table and as labelled arrays.

The way of counting is that of Elhage et al. (2021), "A mathematical framework for transformer circuits": the final norm
is taken with the scale that it has in the run, so that logits are a sum over all that was written into the residual
stream. A part is *direct*: what a component does through later components is theirs.
"""

from collections.abc import Hashable
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from patchwidgets.errors import SiteError, shown
from patchwidgets.hooks.interrupts import Uninterrupted
from patchwidgets.html import Shown
from patchwidgets.intervals import FEWEST_PAIRS, mean_interval

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

_UNITS = {"z": "H", "neuron": "N"}
_NOT_PARTS = ("total", "logit_diff")


class LogitAttribution(Shown):
    """Every component's part of a logit difference, from ``run.logit_attribution(...)``; with one answer, of its logit.

    Parts, in the unit of logits: ``embed`` and ``pos_embed`` (what layer 0 reads; apart where the model adds a position
    embedding), each head (``z``), each ``mlp_out``, the biases of output projections (``attn_bias``, ``mlp_bias``), of
    the final norm (``norm_bias``) and of the output embedding (``unembed_bias``). Where heads cannot be told apart,
    ``attn_out`` stands for them; neurons stand for ``mlp_out`` where they were asked for. In a patched run, ``patch``
    is what a patch wrote into the stream itself. With alternatives, the logit of an answer is the log-sum-exp of
    theirs: parts are those of the mean of the alternatives, weighted as the run does, and ``alternatives`` is the rest.

    Attributes
    ----------
    total
        The sum of all parts: the mean over pairs.
    logit_diff
        The logit difference of the run: the mean over pairs. `total` equals it up to rounding, unless the scale of
        the norm is that of another run.
    notes
        What was not split and why, and where the model changes logits afterwards.

    Examples
    --------
    >>> parts = exp.clean.logit_attribution()
    >>> round(parts.total, 3) == round(parts.logit_diff, 3)
    True
    >>> parts.top(2)[["part", "contribution"]].round(1)
            part  contribution
    0       L1.H0          -3.7
    1  L1.mlp_out           2.6
    """

    def __init__(self, dataset: "xr.Dataset") -> None:
        self._dataset = dataset

    def to_xarray(self) -> "xr.Dataset":
        """A copy of all parts of all pairs: a variable for each component over layer, head or neuron, and pair.

        NaN where a layer has no such part. The variable of neurons is named `neurons`, since `neuron` is its axis. The
        variables `total` and `logit_diff` are over pairs alone.

        Examples
        --------
        >>> parts = exp.clean.logit_attribution().to_xarray()
        >>> parts["z"].dims, parts["mlp_out"].shape
        (('layer', 'head', 'pair'), (4, 1))
        """
        return self._dataset.copy(deep=True)

    @property
    def attrs(self) -> dict[str, Any]:
        """Where the numbers come from: model, dtype, and whose scale the norm has."""
        return {str(name): value for name, value in self._dataset.attrs.items()}

    @property
    def notes(self) -> tuple[str, ...]:
        """What was not split and why, and where the model changes logits afterwards."""
        return tuple(filter(None, self._dataset.attrs["notes"].split("\n")))

    @property
    def total(self) -> float:
        """The sum of all parts: the mean over pairs."""
        return float(self._dataset["total"].mean())

    @property
    def logit_diff(self) -> float:
        """The logit difference of the run, or the logit of the answer where there is no foil: the mean over pairs."""
        return float(self._dataset["logit_diff"].mean())

    def __getitem__(self, part: str) -> float:
        """Return one part, by its name as in `to_frame`: the mean over pairs.

        Raises
        ------
        SiteError
            There is no such part.

        Examples
        --------
        >>> round(exp.clean.logit_attribution()["L1.mlp_out"], 1)
        2.6
        """
        if part not in self._by_name:
            names = list(self._by_name)
            raise SiteError(
                f"There is no part {shown(part)}. Parts are named {', '.join(names[:3])} … {names[-1]}; to_frame() "
                "lists them all."
            )
        return self._by_name[part]

    @cached_property
    def _by_name(self) -> dict[str, float]:
        frame = self.to_frame()
        return dict(zip(frame["part"], map(float, frame["contribution"]), strict=True))

    def to_frame(self) -> "pd.DataFrame":
        """A table with one row for each part, in the order of the components.

        Returns
        -------
        DataFrame
            Columns `part`, `component`, `layer`, `head`, `neuron`; `contribution`, the mean over pairs in logits; `low`
            and `high`, Student's interval of it at 95 %, NaN with fewer than five pairs.

        Examples
        --------
        >>> exp.clean.logit_attribution().to_frame()["part"].tolist()[:4]
        ['embed', 'L0.H0', 'L0.H1', 'L0.H2']
        """
        with Uninterrupted():
            import pandas as pd

        rows = [row for name in self._parts for row in _rows(self._dataset[name])]
        columns = ["part", "component", "layer", "head", "neuron", "contribution", "low", "high"]
        frame = pd.DataFrame(rows, columns=columns)
        return frame.astype({"layer": "Int64", "head": "Int64", "neuron": "Int64"})

    def top(self, k: int = 5) -> "pd.DataFrame":
        """The `k` rows of `to_frame` with the largest contributions, positive or negative.

        Examples
        --------
        >>> exp.corrupted.logit_attribution().top(1)["part"].tolist()
        ['L1.H0']
        """
        frame = self.to_frame()
        order = np.argsort(-frame["contribution"].abs().to_numpy(), kind="stable")[:k]
        return frame.iloc[order].reset_index(drop=True)

    def __repr__(self) -> str:
        n_pairs, largest = self._dataset.sizes["pair"], self.top(3)
        pairs = "" if n_pairs == 1 else f", mean of {n_pairs}"
        top = ", ".join(
            f"{part} {value:+.2f}"
            for part, value in zip(largest["part"], largest["contribution"], strict=True)
        )
        whose = "logit difference" if "foil" in self._dataset.coords else "logit"
        return (
            f"LogitAttribution({len(self._by_name)} parts sum to {self.total:+.4f}; {whose} of the run "
            f"{self.logit_diff:+.4f}{pairs}; largest: {top}{'; see notes' if self.notes else ''})"
        )

    @property
    def _parts(self) -> list[Hashable]:
        return [name for name in self._dataset.data_vars if name not in _NOT_PARTS]


def _rows(part: "xr.DataArray") -> list[tuple[Any, ...]]:
    """One row for each cell of a component that is not NaN."""
    axes = [str(dim) for dim in part.dims[:-1]]
    component = "neuron" if "neuron" in axes else str(part.name)
    labels = [part[axis].values for axis in axes]
    rows: list[tuple[Any, ...]] = []
    for cell in np.argwhere(~np.isnan(part.values).any(-1)):
        at = {axis: each[i].item() for axis, each, i in zip(axes, labels, cell, strict=True)}
        layer, head, neuron = (at.get(axis) for axis in ("layer", "head", "neuron"))
        of_pairs: Float[np.ndarray, pair] = part.values[tuple(cell)]
        low, high = mean_interval(of_pairs) if len(of_pairs) >= FEWEST_PAIRS else (np.nan, np.nan)
        name = _name(component, at)
        rows.append((name, component, layer, head, neuron, of_pairs.mean(), low, high))
    return rows


def _name(component: str, at: dict[str, Any]) -> str:
    """The name of one part, which is that of its site where it has one."""
    if component == "patch":
        return f"patch of {at['site']}"
    if "layer" not in at:
        return component
    unit = next((at[axis] for axis in ("head", "neuron") if axis in at), None)
    return f"L{at['layer']}." + (component if unit is None else f"{_UNITS[component]}{unit}")
