"""What a lens read: top tokens, and probability and rank of the answer, by layer, over xarray. Costs nothing."""

from typing import TYPE_CHECKING, Any

import numpy as np

from patchwidgets import xarrays
from patchwidgets.errors import LensError, shown
from patchwidgets.guesses.answering import Answering
from patchwidgets.guesses.attributes import LENS_RESULT
from patchwidgets.hooks.interrupts import Uninterrupted
from patchwidgets.html import Shown
from patchwidgets.models.lenses.jacobian_lens import JacobianLens
from patchwidgets.models.top_tokens import TopToken

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

SCORES = (
    *("answer_logprob", "answer_prob", "answer_rank"),
    *("foil_logprob", "foil_prob", "foil_rank"),
    "logit_diff",
)
"""What is said of the tokens that are followed."""


class LensResult(Shown, Answering):
    """What a lens read, from ``run.lens(...)`` or ``result.lens(...)``.

    Parameters
    ----------
    dataset
        Over pair (the prompts), pos and layer, and over run where there are several: `answer_prob`, `answer_logprob`
        (nats) and `answer_rank` (1 is the top), the same of the foil, and `logit_diff`; of alternatives as the metrics
        of these names have it. Over these and top: `top_token`, `top_id`, `top_logit` and `top_prob`. Labels say each
        `token` that is read, its `index` in its own prompt, and the `site`.
    jacobian_lens
        The lens it was read through; None is the logit lens.

    Attributes
    ----------
    attrs
        Where the numbers come from: method, component, model, dtype, versions, and `noise_floor`: how far the lens at
        the last stream is from the model's own logits there, in logits.
    reason
        Why no answer is followed, or None if one is.

    Examples
    --------
    Both lenses on the same run; neither is *the* reading:

    >>> exp.clean.lens()
    LensResult(logit lens, resid_post of 'teaching model': 4 layers, 1 prompt, answer at rank 37, 1, 1, 1)
    >>> exp.clean.lens(method="jacobian")
    LensResult(jacobian lens, resid_post of 'teaching model': 4 layers, 1 prompt, answer at rank ..., 1)
    >>> exp.clean.lens(k=2).to_frame()[["layer", "top", "answer_rank", "foil_rank"]]
       layer                top  answer_rank  foil_rank
    0      0  ( Clara,  Linda)         37.0      375.0
    1      1   ( Mary,  John)          1.0        2.0
    2      2   ( Mary,  John)          1.0        2.0
    3      3   ( Mary,  John)          1.0        2.0
    """

    advice = LENS_RESULT

    def __init__(self, dataset: "xr.Dataset", jacobian_lens: JacobianLens | None = None) -> None:
        self._dataset = dataset
        self.jacobian_lens = jacobian_lens

    def __repr__(self) -> str:
        attrs, sizes = self.attrs, self._dataset.sizes
        parts = [_counted(sizes["layer"], "layer"), _counted(sizes["pair"], "prompt")]
        if "run" in sizes:
            parts.append(f"runs {', '.join(self.runs)}")
        elif sizes["pair"] == sizes["pos"] == 1 and "answer_rank" in self._dataset:
            ranks = self._dataset["answer_rank"].values.ravel().astype(int)
            parts.append(f"answer at rank {', '.join(map(str, ranks))}")
        what = f"{attrs['method']} lens, {attrs['component']} of {attrs['model']!r}"
        return f"LensResult({what}: {', '.join(parts)})"

    @property
    def attrs(self) -> dict[str, Any]:
        """Where the numbers come from."""
        return {str(name): value for name, value in self._dataset.attrs.items()}

    @property
    def reason(self) -> str | None:
        """Why no answer is followed, or None if one is."""
        return self.attrs.get("not_followed")

    @property
    def runs(self) -> tuple[str, ...]:
        """The names of the runs; none where there is a single one."""
        return tuple(self._dataset["run"].values.tolist()) if "run" in self._dataset.dims else ()

    def to_xarray(self) -> "xr.Dataset":
        """A copy of the whole dataset.

        Examples
        --------
        >>> dict(exp.clean.lens(pos=None, k=3).to_xarray().sizes)
        {'pair': 1, 'pos': 15, 'layer': 4, 'top': 3}
        """
        return self._dataset.copy(deep=True)

    def to_frame(self) -> "pd.DataFrame":
        """A table with one row for each run, pair, position and layer.

        `top` holds the top tokens, the most probable first, and `top_prob` the probability of that one.

        Examples
        --------
        >>> model.run("12+34=").lens(k=2).to_frame()[["site", "token", "top"]]
                    site token         top
        0  L0.resid_post     =  ( 60,  56)
        1  L1.resid_post     =  ( 56,  60)
        2  L2.resid_post     =  ( 56,  46)
        3  L3.resid_post     =  ( 46,  56)
        """
        with Uninterrupted():
            import pandas as pd

        data = self._dataset.transpose("run", "pair", "pos", "layer", "top", missing_dims="ignore")
        dims = tuple(data["top_token"].dims[:-1])
        at = {
            dim: index.ravel()
            for dim, index in zip(dims, np.indices(data["top_token"].shape[:-1]), strict=True)
        }
        columns = {dim: data[dim].values[at[dim]] for dim in dims}
        for name in ("site", "index", "token"):
            columns[name] = data[name].values[tuple(at[dim] for dim in data[name].dims)]
        tops = data["top_token"].values.reshape(len(at["pos"]), -1).tolist()
        columns["top"] = list(map(tuple, tops))
        columns["top_prob"] = data["top_prob"].isel(top=0).values.ravel()
        return pd.DataFrame(columns | {name: data[name].values.ravel() for name in self._scores})

    def over_pairs(self) -> "pd.DataFrame":
        """A table of means over the pairs, one row for each run, position and layer; of ranks, medians.

        Examples
        --------
        >>> table = pw.Experiment(model, pw.tasks.ioi(n=8)).clean.lens().over_pairs()
        >>> table[["layer", "answer_rank"]].iloc[-1].tolist()
        [3.0, 1.0]
        """
        if not self._scores:
            raise LensError(f"There is nothing to average over pairs. {self.reason}")
        means = {
            name: self._dataset[name].median("pair")
            if name.endswith("rank")
            else self._dataset[name].mean("pair")
            for name in self._scores
        }
        table = xarrays.dataset(means).reset_coords(drop=True).to_dataframe()
        return table[self._scores].reset_index()

    @property
    def effect(self) -> "xr.Dataset":
        """What a patch changed: each score of the patched run minus that of the host, by pair, position and layer.

        Raises
        ------
        LensError
            There is no patched run, or no answer is followed.

        Examples
        --------
        >>> exp.patch("L0.H1").lens().effect["logit_diff"].values.ravel().round(1)
        array([ 9.4, 11.5, 11.9, 12.6], dtype=float32)
        """
        if "host" not in self.attrs:
            raise LensError(
                "Only a patch has an effect, and this is a run without one; use exp.patch(...).lens().effect."
            )
        if not self._scores:
            raise LensError(f"There is nothing to compare. {self.reason}")
        scores = self._dataset[self._scores].drop_vars(("index", "token"))
        difference = scores.sel(run="patched", drop=True) - scores.sel(
            run=self.attrs["host"], drop=True
        )
        return difference.assign_attrs(self.attrs)

    def top_tokens(
        self, layer: int, k: int | None = None, *, run: str | None = None, pair: int = 0
    ) -> list[TopToken]:
        """The top tokens of one stream, at the first position that was read.

        Parameters
        ----------
        layer
            Its layer; of the embedding 0.
        k
            How many; by default all that were listed.
        run, pair
            Which run, where there are several, and which pair.

        Raises
        ------
        LensError
            There is no such layer, run or pair, or fewer tokens were listed.

        Examples
        --------
        >>> [top.token for top in exp.clean.lens().top_tokens(3, 2)]
        [' Mary', ' John']
        """
        listed = self._dataset.sizes["top"]
        k = listed if k is None else k
        if not 1 <= k <= listed:
            raise LensError(
                f"This lens listed {listed} tokens; got k={k}. Read again with lens(k={k})."
            )
        chosen: dict[str, Any] = {"layer": layer, "pair": pair}
        if self.runs or run is not None:
            chosen["run"] = run
        for axis, wanted in chosen.items():
            known = self._dataset[axis].values.tolist() if axis in self._dataset.dims else []
            if wanted not in known:
                raise LensError(
                    f"There is no {axis} {shown(wanted)} here; there is {', '.join(map(str, known)) or 'a single one'}."
                )
        data = self._dataset.sel(chosen).isel(pos=0).isel(top=slice(k))
        columns = [
            data[name].values.tolist() for name in ("top_token", "top_id", "top_logit", "top_prob")
        ]
        return [TopToken(*row) for row in zip(*columns, strict=True)]

    @property
    def _scores(self) -> list[str]:
        return [name for name in SCORES if name in self._dataset]


def _counted(n: int, what: str) -> str:
    return f"{n} {what}" if n == 1 else f"{n} {what}s"
