"""The numbers of a sweep with their axes, their tokens and where they come from, over xarray.

Single pairs are always kept; over pairs, effect is a mean and share and recovery are ratios of means.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from patchwidgets.errors import ResultWarning, warn
from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.guesses.answering import answers
from patchwidgets.guesses.arguments import TOP_ARGUMENTS
from patchwidgets.hooks.interrupts import Uninterrupted
from patchwidgets.storage import check_ending, write_file
from patchwidgets.sweep.as_html import sweep_html
from patchwidgets.sweep.comparison import Comparison, comparison
from patchwidgets.sweep.dataset import site_names, sweep_dataset
from patchwidgets.sweep.grid_values import GridValues
from patchwidgets.sweep.in_words import in_words, is_half
from patchwidgets.sweep.missed import Missed, missed_of
from patchwidgets.sweep.quantities import Quantities
from patchwidgets.sweep.reach_dataset import reach_of
from patchwidgets.sweep.selection import select, select_by_index

NOISY = (
    "{} of the {} largest effects are within the noise floor of {:.2g} in {}: their order is chance. Load the model in "
    "dtype='float32', or compute these sites again there."
)

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr


class SweepResult(Quantities):
    """The numbers of a sweep, from `Experiment.sweep`.

    Parameters
    ----------
    dataset
        Over metric, the swept axes and pair: `value`, `effect`, `share` and `recovery`, NaN where undefined or not
        computed. Over metric and pair: `clean` and `corrupted`. Over metric: `noise_floor`. Over the axes: `zero`
        (certainly exactly 0) and `unpatchable` (the position has no counterpart on some pair). With `top`, over metric,
        sampled and pair: `sampled_value` and `sampled_effect` of sites that were not chosen; `missed` reads them.
        With ``reach=True`` of each component of a `Reach`: over the axes, pair, product, to_layer (and to_head)
        `moved_z` and so on, ⟨Δp,Δs⟩ and ⟨Δp,Δp⟩; over pair, bound, to_layer (and to_head) `apart_z`, ⟨Δs,Δs⟩ and what
        of it is rounding. `reach` divides them.

    Attributes
    ----------
    value, effect, share, recovery
        The first metric over pairs, as arrays over the axes. Other metrics: ``result.over_pairs("kl")``.
    axes
        The names of the axes, as ``("layer", "head")``.
    metrics
        The names of the metrics, the experiment's first one first.
    attrs
        Where the numbers come from: component, task, model, dtype, versions, direction, noise floor and more.
    approximate
        Whether the effects are estimates, as those of `Experiment.estimate`.

    Examples
    --------
    >>> s = exp.sweep("z", progress=False)
    >>> s
    SweepResult(z of 'teaching model': 4 layer × 4 head, 1 pair, logit_diff, denoise)
    >>> s.recovery.values[0].round(2)
    array([0.  , 0.99, 0.  , 0.  ])
    """

    @classmethod
    def of(
        cls, experiment: BaseExperiment, grid_values: GridValues, sample: GridValues | None = None
    ) -> "SweepResult":
        """The result of one grid, with a sample of the sites that were not chosen."""
        return cls(sweep_dataset(experiment, grid_values, sample))

    @classmethod
    def load(cls, path: str | Path, max_bytes: int = 2**32) -> "SweepResult":
        """Read a result from a file that `save` wrote. It takes up to twice the size of the file in memory.

        Parameters
        ----------
        max_bytes
            The size up to which a file is read.

        Raises
        ------
        FileError
            The file cannot be read, is too large, is damaged, holds no sweep, or is of a later version.

        Examples
        --------
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     exp.sweep("z", progress=False).save(f"{folder}/heads.nc")
        ...     pw.SweepResult.load(f"{folder}/heads.nc").top_sites(1)
        ['L0.H1']
        """
        from patchwidgets.sweep.saved import read_sweep

        return cls(read_sweep(path, max_bytes))

    def save(self, path: str | Path) -> None:
        """Write the result to a netCDF file, which xarray and many other tools read; `load` has an example.

        The file appears whole or not at all: an earlier file of this name stays until the new one is on the disk.

        Raises
        ------
        FileError
            The disk is full, the place cannot be written, or the result has something that no sweep has; or the name
            promises another form, such as ``.csv``.
        """
        check_ending(path, "netCDF", ".nc")
        from patchwidgets.sweep.saved import to_bytes

        write_file(path, to_bytes(self._dataset))

    def to_frame(self) -> "pd.DataFrame":
        """A table with one row for each metric and cell: its coordinates and site, and the variables of `over_pairs`.

        Examples
        --------
        >>> frame = exp.sweep("z", progress=False).to_frame()
        >>> frame.nlargest(2, "effect")[["site", "layer", "head"]]
            site  layer  head
        1  L0.H1      0     1
        5  L1.H1      1     1
        """
        with Uninterrupted():
            import pandas as pd

        frames = []
        for metric in self.metrics:
            cells = self.over_pairs(metric).drop_vars(["zero", "unpatchable"])
            if not self.axes:  # of one cell
                cells = cells.expand_dims("cell")
            frame = cells.to_dataframe().reset_index().drop(columns="cell", errors="ignore")
            frame["metric"], frame["site"] = metric, self.site_names()
            frames.append(frame)
        return pd.concat(frames, ignore_index=True)

    @answers(TOP_ARGUMENTS)
    def top_sites(self, k: int = 5, metric: str | None = None) -> list[str]:
        """The `k` sites with the largest effect, positive or negative, as strings for ``exp.patch``.

        Parameters
        ----------
        k
            How many sites.
        metric
            The metric of the effect; the first one by default.

        Raises
        ------
        MetricError
            The sweep does not measure it.

        Examples
        --------
        >>> exp.sweep("z", progress=False).top_sites(2)
        ['L0.H1', 'L1.H1']
        """
        effect = np.abs(self.over_pairs(metric)["effect"].values.ravel())
        order = np.argsort(-np.nan_to_num(effect, nan=-1.0), kind="stable")[:k]
        names = self.site_names()
        if "sampled" in self._dataset.sizes and (says := self.missed(k, metric).warning):
            warn(says, ResultWarning)
        noisy = int(self.within_noise(metric).values.ravel()[order].sum())
        if noisy and is_half(self._dataset):
            floor, dtype = self._noise_floor(metric), self.attrs["dtype"]
            warn(NOISY.format(noisy, len(order), floor, dtype), ResultWarning)
        return [names[i] for i in order if not np.isnan(effect[i])]

    def missed(self, k: int = 5, metric: str | None = None) -> Missed:
        """What `top` may have missed of the `k` largest sites, from an exact sample of others; `top_sites` warns of it.

        Parameters
        ----------
        k, metric
            As for `top_sites`.

        Raises
        ------
        MetricError, SiteError
            The sweep does not measure it; the file is of an earlier version, which drew no sample.

        Examples
        --------
        >>> exp.sweep("neuron", top=100, progress=False).missed(k=5).larger
        ()
        """
        chosen = self.over_pairs(metric)["effect"].values.ravel()
        return missed_of(self._of_metric(metric), k, chosen)

    @answers(example="exp.estimate('z').compare(exp.sweep('z'))")
    def compare(
        self, exact: "SweepResult", metric: str | None = None, k: int | Sequence[int] = 10
    ) -> Comparison:
        """How good this estimate is, against the exact effects of the same sites or edges.

        Parameters
        ----------
        exact
            From ``exp.sweep(...)`` or ``exp.edges()`` of the same experiment.
        metric
            By default the first one of the estimate.
        k
            Of how many of the largest exact effects to say how many were found; several numbers are compared at once.

        Raises
        ------
        PatchError
            This result is exact, or `exact` is an estimate; or they are not of the same experiment.
        SiteError, MetricError
            They do not have the same sites, or the metric.

        Examples
        --------
        >>> exp.estimate("z", progress=False).compare(exp.sweep("z", progress=False), k=3)
        Comparison(...)
        """
        return comparison(self, exact, metric, [k] if isinstance(k, int) else k)

    def reach(self, pair: int | None = None) -> "xr.Dataset":
        """How far each patch moved every component at the last position, as `PatchResult.reach` of each.

        Parameters
        ----------
        pair
            The number of one pair; by default, over all pairs.

        Returns
        -------
        Dataset
            ``z_along``, ``z_size``, ``z_cos`` over the axes, ``to_layer`` and ``to_head``; ``attn_out_along`` and so on
            over the axes and ``to_layer``. float32; NaN as in `Reach`, and where nothing was computed.

        Raises
        ------
        PatchError
            The sweep was not asked for reach.
        TaskError
            There is no such pair.

        Examples
        --------
        >>> reach = exp.sweep("z", reach=True, progress=False).reach()
        >>> reach.z_along.sel(layer=0, head=1, to_layer=1).values.round(2)
        array([1.06, 0.99, 1.21, 0.95], dtype=float32)
        """
        return reach_of(self._dataset, pair)

    def site_names(self) -> list[str]:
        """The site of every cell as a string, in row-major order; for a window that of the middle layer.

        Examples
        --------
        >>> exp.sweep("z", progress=False).site_names()[:2]
        ['L0.H0', 'L0.H1']
        """
        return site_names(self._dataset)

    def sel(self, **chosen: Any) -> "SweepResult":
        """A part of the result, chosen by coordinates as in xarray: ``s.sel(layer=[3, 4], pos=-1)``.

        Parameters
        ----------
        **chosen
            For an axis, ``metric`` or ``pair``, one coordinate or a list. A negative ``pos`` counts from the end of the
            prompts.

        Raises
        ------
        SiteError
            Something that this sweep does not run over, or a coordinate that it does not have.

        Examples
        --------
        >>> exp.sweep("z", progress=False).sel(layer=1)
        SweepResult(z of 'teaching model': 4 head, 1 pair, logit_diff, denoise)
        """
        return SweepResult(select(self._dataset, chosen))

    def isel(self, **chosen: Any) -> "SweepResult":
        """A part of the result, chosen by indices as in xarray: ``s.isel(layer=0, head=[0, -1])``.

        Parameters
        ----------
        **chosen
            For an axis, ``metric`` or ``pair``, an index, a list of them or a slice; a negative one counts from the end
            of what the sweep runs over.

        Raises
        ------
        SiteError
            Something that this sweep does not run over, or an index out of range.

        Examples
        --------
        >>> s = exp.sweep("z", layers=[1, 2], progress=False)
        >>> s.isel(layer=0).site_names() == s.sel(layer=1).site_names() == ["L1.H0", "L1.H1", "L1.H2", "L1.H3"]
        True
        """
        return SweepResult(select_by_index(self._dataset, chosen))

    def __repr__(self) -> str:
        return f"SweepResult({in_words(self._dataset)})"

    def _repr_html_(self) -> str:
        clean, corrupted = (
            float(self._of_metric(None)[run].mean()) for run in ("clean", "corrupted")
        )
        return sweep_html(self, repr(self), self.to_frame(), (clean, corrupted))
