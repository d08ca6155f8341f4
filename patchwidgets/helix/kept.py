"""How few neurons of the last token carry an addition: the rest are at their mean over the prompts.

Costs an estimate of every neuron (a pass over both prompts, and one with its gradient), and for each number of neurons
that is kept, and each random set, a patched pass over the clean prompts.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from patchwidgets.errors import PatchError, shown
from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.experiment.patching import run_patch
from patchwidgets.methods.circuits.circuit import Circuit
from patchwidgets.methods.circuits.curve_result import CurveReading, FaithfulnessCurve
from patchwidgets.methods.effects import LAST, measured
from patchwidgets.methods.estimates.methods import checked_method
from patchwidgets.methods.estimates.nodes import estimate_nodes
from patchwidgets.metrics import MetricSpec
from patchwidgets.models.stamp import stamp_of
from patchwidgets.sites import Patch, PatchFunction, Site
from patchwidgets.sources.ablations import Mean
from patchwidgets.sweep.request import SweepRequest
from patchwidgets.sweep.sweep_result import SweepResult

MEAN = Mean(per="pos_name")
"""The mean at the last token, wherever that is."""

Order = Int[np.ndarray, "neuron"]
"""Neurons of all layers in one row, as ``layer × d_mlp + neuron`` of the layers that are looked at."""


def keep_neurons(
    exp: BaseExperiment,
    counts: Sequence[int] | None = None,
    layers: Sequence[int] | None = None,
    n_random: int = 5,
    seed: int = 0,
    metric: MetricSpec | None = None,
) -> FaithfulnessCurve:
    """Leave some neurons of the last token alone in the clean run, the rest at their mean: figure 9 of the paper.

    Neurons are chosen by the size of their effect on the first metric, as AtP estimates it from the clean to the
    corrupted run.

    Parameters
    ----------
    exp
        Additions.
    counts
        How many to keep; by default 1, 2, 5, 10 … and all.
    layers
        Of the neurons; by default all. Those of other layers stay as they are.
    n_random, seed
        How many random sets of equal size stand beside each.
    metric
        By default those of the experiment. The paper's is ``"answer_logit"``.

    Returns
    -------
    FaithfulnessCurve
        As from ``exp.faithfulness_curve`` (which ablates neurons at all tokens): 1 is the clean run, and 0 where all of
        these neurons are at their mean.
        `pw.plot.neurons_kept` draws it.

    Raises
    ------
    PatchError
        `counts` do not grow from 1 on, or go beyond the number of neurons; or there is only one pair.
    MetricError, RefusedError
        The metric has no gradient; the model has no neurons.

    Examples
    --------
    >>> additions = pw.Experiment(model, pw.tasks.addition(30, varies="both", part="test"))
    >>> curve = pw.helix.keep_neurons(additions, (20, 200, 2048), n_random=1, metric="answer_logit")
    >>> curve.n_kept, curve.faithfulness.round(1), curve["answer_logit"].band[1].round(1)
    ([20, 200, 2048], array([0.2, 0.8, 1. ]), array([-0. ,  0.1,  1. ]))
    """
    noising = measured(exp, metric).turned("noise")
    chosen_layers = list(range(exp.model.n_layers)) if layers is None else list(layers)
    effects = estimated_effects(noising, chosen_layers)
    order = np.argsort(-np.abs(effects).ravel(), kind="stable")
    kept = _Kept(noising, chosen_layers, effects.shape[1])
    n_kept = _checked_counts(counts, len(order))
    rng = np.random.default_rng(seed)
    random = [[rng.permutation(order)[:k] for _ in range(n_random)] for k in n_kept]
    nothing = kept.values(order[:0])
    best = [kept.values(order[:k]) for k in n_kept]
    drawn = [[kept.values(each) for each in of_count] for of_count in random]
    fractions = tuple(k / len(order) for k in n_kept)
    n_pairs = len(exp.pairs)
    readings = {
        name: CurveReading(
            each,
            fractions,
            noising.evaluation.values["clean"][name],
            nothing[name],
            np.array([values[name] for values in best]),
            np.array([[values[name] for values in of] for of in drawn]).reshape(
                len(n_kept), n_random, n_pairs
            ),
            noising.noise_floor[name],
        )
        for name, each in noising.metrics.items()
    }
    sites, scores = kept.sites(order), effects.ravel()[order].tolist()
    circuits = [Circuit(sites[:k], dict(zip(sites[:k], scores[:k], strict=True))) for k in n_kept]
    return FaithfulnessCurve(
        readings, circuits, n_kept, len(order), MEAN, "size", stamp_of(exp.model)
    )


def estimated_effects(
    exp: BaseExperiment, layers: Sequence[int]
) -> Float[np.ndarray, "layer neuron"]:
    """Estimate the effect of each neuron of the last token, by AtP."""
    request = SweepRequest(
        "neuron", ("layer", "neuron"), make=lambda site: site.at(LAST), layers=layers
    )
    estimate = estimate_nodes(exp, request, checked_method("atp", None, ("atp", "ig")))
    return np.asarray(SweepResult.of(exp, estimate).effect.values)


def _checked_counts(counts: Sequence[int] | None, total: int) -> list[int]:
    if counts is None:
        steps = (step * 10**power for power in range(9) for step in (1, 2, 5))
        return [*(each for each in steps if each < total), total]
    growing = all(a < b for a, b in zip([0, *counts], counts, strict=False))
    if len(counts) < 2 or not growing or counts[-1] > total:
        raise PatchError(
            f"counts is {shown(counts)}; expected at least two numbers of neurons that grow, from 1 to {total:,}."
        )
    return list(counts)


@dataclass(frozen=True)
class _Kept:
    """Runs the clean prompts with some neurons kept.

    Attributes
    ----------
    exp
        In direction ``"noise"``.
    layers, width
        The layers of the neurons, and how many each has.
    """

    exp: BaseExperiment
    layers: list[int]
    width: int

    def values(self, kept: Order) -> dict[str, Float[np.ndarray, "pair"]]:
        """Every metric, pair by pair, where only these neurons are not at their mean."""
        masks = torch.zeros(len(self.layers) * self.width, dtype=torch.bool)
        masks[torch.as_tensor(kept.copy())] = True
        patches = [
            Patch(Site("neuron", layer, pos=LAST), MEAN, _keeping(mask))
            for layer, mask in zip(self.layers, masks.view(-1, self.width), strict=True)
        ]
        return {name: each.patched for name, each in run_patch(self.exp, *patches).readings.items()}

    def sites(self, neurons: Order) -> list[Site]:
        """The neurons as sites at the last token."""
        return [
            Site("neuron", self.layers[layer], neuron, LAST)
            for layer, neuron in (divmod(int(each), self.width) for each in neurons)
        ]


def _keeping(mask: Bool[Tensor, "neuron"]) -> PatchFunction:
    """Return what writes the source beside the neurons of a mask."""
    return lambda host, source: torch.where(mask.to(host.device), host, source)
