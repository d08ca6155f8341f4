"""Captions for LaTeX: what a figure shows, in whole sentences, from the result it was drawn from."""

import re
from functools import singledispatch
from typing import Any

import numpy as np

from patchwidgets.directions import host_name, source_name
from patchwidgets.errors import PatchError, listed
from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.experiment.patch_result import PatchResult
from patchwidgets.experiment.reading import Reading
from patchwidgets.experiment.readings import Readings
from patchwidgets.helix.spectrum import Spectrum
from patchwidgets.methods.circuits.circuit import Circuit
from patchwidgets.methods.circuits.circuit_result import CircuitResult, rest_in_words
from patchwidgets.methods.circuits.curve_result import FaithfulnessCurve
from patchwidgets.models.lenses.result import LensResult
from patchwidgets.models.logit_attribution import LogitAttribution
from patchwidgets.sweep.comparison import Comparison
from patchwidgets.sweep.in_words import in_a_title
from patchwidgets.sweep.sweep_result import SweepResult
from patchwidgets.tokens import printable

_SPECIAL = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%", "_": r"\_",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "␣": r"\textvisiblespace{}", "−": "$-$", "→": r"$\rightarrow$", "±": r"$\pm$", "\n": " ",
}  # fmt: skip
_WORDS = {
    "z": "attention head",
    "attn_out": "attention layer",
    "mlp_out": "MLP",
    "resid_pre": "residual stream before a layer",
    "resid_mid": "residual stream between attention and MLP",
    "resid_post": "residual stream after a layer",
    "edges": "edge",
}
"""Of components, as papers name them."""
_ANY_SPECIAL = re.compile("|".join(map(re.escape, _SPECIAL)))


def fig_caption(result: Any) -> str:
    r"""Say in LaTeX what a figure of a result shows, so that the picture needs no title.

    Parameters
    ----------
    result
        Of a patch or a path, a sweep, estimates, a dose curve, a circuit, a faithfulness curve, a comparison, a lens,
        the parts of a logit difference, or a spectrum.

    Returns
    -------
    str
        Whole sentences for ``\caption{...}``; whatever LaTeX would read as a command is escaped.

    Raises
    ------
    PatchError
        There is no caption for it.

    Examples
    --------
    >>> print(pw.plot.fig_caption(exp.sweep("z", progress=False)))
    Exact activation patching of every attention head in teaching model (4 layers $\times$ 4 heads), from the clean run
    into the corrupted run. The share of the difference in logit\_diff between the runs, clean 6.59 and corrupted
    $-$6.15. The largest is that of L0.H1, 0.99.
    """
    return _caption(result)


@singledispatch
def _caption(result: Any) -> str:
    raise PatchError(
        "There are captions for results of patches, paths, sweeps, estimates, dose curves, circuits, faithfulness "
        f"curves, comparisons, lenses, parts of logits and spectra; got {type(result).__name__}."
    )


@_caption.register
def _(result: Readings) -> str:
    reading = next(iter(result.readings.values()))
    patched = (
        listed(result.sites)
        if isinstance(result, PatchResult)
        else str(getattr(result, "path", ""))
    )
    direction = reading.direction
    into = f"the {host_name(direction)} run of {result.experiment.model.name}"
    if not patched:
        return escape(f"{into[0].upper()}{into[1:]}, nothing patched.")
    return " ".join(
        [
            escape(
                f"Activation patching of {patched} from the {source_name(direction)} run into {into}."
            ),
            escape(_numbers(reading)),
            _prompts(result.experiment),
        ]
    )


@_caption.register
def _(result: SweepResult) -> str:
    if result.axes == ("alpha",):
        return _of_doses(result)
    dataset, attrs = result.to_xarray(), result.attrs
    metric, n_pairs = result.metrics[0], dataset.sizes["pair"]
    how = "Estimated effects of" if result.approximate else "Exact activation patching of"
    direct = "direct effects" in " ".join(in_a_title(dataset))
    how = "Direct effects of" if direct and not result.approximate else how
    axes = r" $\times$ ".join(
        f"{dataset.sizes[axis]} {_plural(axis, dataset.sizes[axis])}" for axis in result.axes
    )
    also = [part for part in in_a_title(dataset) if part and not part.startswith("direct effects")]
    runs = {run: float(dataset[run].isel(metric=0).mean()) for run in ("clean", "corrupted")}
    note = f" ({escape(', '.join(also))})" if also else ""
    component = escape(_WORDS.get(attrs["component"], attrs["component"]))
    return (
        f"{how} every {component} in {escape(attrs['model'])} ({axes}), from the "
        f"{source_name(attrs['direction'])} run into the {host_name(attrs['direction'])} run{note}. "
        f"The share of the difference in {escape(metric)} between the runs, clean {_number(runs['clean'])} and "
        f"corrupted {_number(runs['corrupted'])}{_of_pairs(n_pairs)}.{_largest(result)}"
    )


@_caption.register
def _(curve: FaithfulnessCurve) -> str:
    reading = next(iter(curve.readings.values()))
    band = ""
    if reading.random.shape[1]:
        band = (
            f" The band holds 90\\% of {reading.random.shape[1]} random circuits of the same sizes."
        )
    model = f" in {escape(curve.stamp.name)}" if curve.stamp else ""
    return (
        f"Faithfulness of circuits of the largest of {curve.n_scored:,} scores{model}, by the part that is kept; "
        f"{escape(f'the rest {rest_in_words(curve.ablation)}')}. 1 is the whole model, 0 is without all "
        f"that has a score, measured by {escape(reading.metric.name)}{_of_pairs(len(reading.model))}. The area under "
        f"the curve (CPR) is {reading.cpr:.3f}, that between the curve and 1 (CMD) {reading.cmd:.3f}.{band}"
    )


def _of_doses(result: SweepResult) -> str:
    dataset, attrs = result.to_xarray(), result.attrs
    doses, value = dataset["alpha"].values, result.value.values
    component = escape(attrs["component"])
    return (
        f"{escape(result.metrics[0])} of {escape(attrs['model'])} when a vector is added to its {component}"
        f"{_of_pairs(dataset.sizes['pair'])}: {_number(value[0])} at dose {doses[0]:g}, {_number(value[-1])} at dose "
        f"{doses[-1]:g}. The horizontal lines are the clean and the corrupted run."
    )


@_caption.register
def _(circuit: Circuit) -> str:
    return f"A circuit of {len(circuit):,} {circuit.kind or 'members'}, from the embeddings to the logits."


@_caption.register
def _(result: CircuitResult) -> str:
    reading = next(iter(result.readings.values()))
    circuit, rest = result.circuit, f"the rest {rest_in_words(result.ablation)}"
    return (
        f"A circuit of {len(circuit):,} {circuit.kind or 'members'}; {escape(rest)}. "
        f"Measured by {escape(reading.metric.name)}, its faithfulness is {_number(reading.faithfulness)} and its "
        f"completeness {_number(reading.completeness)}."
    )


@_caption.register
def _(result: LensResult) -> str:
    attrs, sizes = result.attrs, result.to_xarray().sizes
    lens = "logit lens" if attrs["method"] == "logit" else "Jacobian lens"
    prompts = f"{sizes['pair']} prompt{'s' * (sizes['pair'] != 1)}"
    return (
        f"What {escape(attrs['model'])} would say next if it ended after each of {sizes['layer']} layers, read by the "
        f"{lens} from {escape(attrs['component'])}, on {prompts}."
    )


@_caption.register
def _(parts: LogitAttribution) -> str:
    largest = parts.top(1).iloc[0]
    return (
        f"The logit difference in {escape(parts.attrs['model'])}, {_number(parts.logit_diff)}, as the sum of what its "
        f"parts write directly, with the scale of the final norm as in the run. The largest is "
        f"{escape(str(largest['part']))}, {_number(float(largest['contribution']))}."
    )


@_caption.register
def _(comparison: Comparison) -> str:
    k = min(comparison.k)
    return (
        f"Estimates of effects on {escape(comparison.metric)} ({escape(comparison.method)}) against exact ones, of "
        f"{len(comparison.sites):,} of {escape(comparison.component)}. Rank correlation "
        f"{_number(comparison.rank_correlation)}; {comparison.found[k]} of the {k} largest are found."
    )


@_caption.register
def _(power: Spectrum) -> str:
    named = ", ".join(f"{period:.3g} ({part:.0%})" for period, part in power.strongest(3))
    return escape(
        f"Part of the variance of the activations of {round(float(power.periods[0]))} numbers at each period; the "
        f"strongest periods are {named}."
    )


def _numbers(reading: Reading) -> str:
    clean, corrupted = (
        reading.metric.mean(values) for values in (reading.clean, reading.corrupted)
    )
    recovery = (
        "recovery is undefined, as the runs hardly differ"
        if np.isnan(reading.recovery)
        else f"recovery {reading.recovery:.2f}, with 0 the corrupted run and 1 the clean run"
    )
    pairs = _of_pairs(len(reading.patched))
    return (
        f"{reading.metric.label[:1].upper()}{reading.metric.label[1:]}{pairs}: clean {clean:.2f}, corrupted "
        f"{corrupted:.2f}, patched {reading.value:.2f}; effect {reading.effect:+.2f}, {recovery}."
    )


def _prompts(experiment: BaseExperiment) -> str:
    """Those of a single pair."""
    pairs = experiment.pairs
    if len(pairs) != 1:
        return f"{len(pairs)} pairs of prompts."
    tokenizer = experiment.model.tokenizer
    clean, corrupted = (
        escape(printable(tokenizer.decode(list(pairs[0].prompt(run)), skip_special_tokens=True)))
        for run in ("clean", "corrupted")
    )
    return f"Clean prompt: ``{clean}''; corrupted prompt: ``{corrupted}''."


def _of_pairs(n_pairs: int) -> str:
    return f", over {n_pairs} pairs" if n_pairs > 1 else ""


def _plural(axis: str, count: int) -> str:
    name = {"pos": "position", "pos_name": "position", "kv_head": "KV head"}.get(axis, axis)
    return name + "s" * (count != 1)


def _largest(result: SweepResult) -> str:
    sites = result.top_sites(1)
    if not sites:
        return ""
    share = result.share.values.ravel()[result.site_names().index(sites[0])]
    return (
        f" The largest is that of {escape(sites[0])}, {_number(share)}."
        if np.isfinite(share)
        else ""
    )


def _number(number: float) -> str:
    return escape(f"{number:.2f}".replace("-", "−"))


def escape(text: str) -> str:
    """Write a text so that LaTeX prints it as it stands."""
    return _ANY_SPECIAL.sub(lambda found: _SPECIAL[found[0]], text)
