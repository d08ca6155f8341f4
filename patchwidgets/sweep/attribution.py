"""Which neurons are worth an exact patch: those with the largest estimate by attribution patching (AtP).

The estimate is Σ gradient · (source − host) over positions, of the first metric: what patching the neuron would do if
the model were linear (Nanda 2023, "Attribution Patching"). A large patch can bend what follows, as a layer norm does,
so that the gradient in the host run alone misses it (Kramár et al. 2024, "AtP*", arXiv:2403.00745, say when). Therefore
gradients are taken at several points of the way and in the source run, and the largest estimate counts
(`sweep.gradients` says what that costs). It only chooses; what a sweep shows afterwards is exact. A random sample of
the neurons that are not chosen is computed exactly as well, and says how much the choice may have missed.

Measured on ten tasks of unlike kinds with ``python -m benchmarks.top_neurons`` (facts, agreement at all positions and
at the end, names, gender, opposites over three pairs, numbers, years and a long prompt on SmolLM2, 46,080 neurons;
addition over eight pairs on the teaching model, 2,048; both directions, three metrics): the 5 largest exact effects
are among the first 5 to 13, the 10 largest among the first 11 to 35, the 20 largest among the first 24 to 137, and 99
or 100 of the 100 largest among the first 1,000. By the gradient in the host run alone, one of the five largest came
19,540th in the worst task, and 96 to 100 of the 100 largest were among the first 1,000. On SmolLM2 the choice takes
about as long as 900 to 1,000 exact patches. Leaving `top` out patches every neuron: about 5 TFLOP for each position
from the first difference on, one to four minutes on two cores that others use as well.
"""

from dataclasses import dataclass

import numpy as np

from patchwidgets.errors import MetricError
from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.sites import Component
from patchwidgets.sweep.gradients import Axes, Point, first_order_effects
from patchwidgets.sweep.request import Top

POINTS: tuple[Point, ...] = (0.0, 0.25, 1.0, "source")
"""Where gradients are taken: at parts of the way from the host to the source, and in the source run."""

Coordinates = dict[str, list[int | str]]
"""By axis, the coordinate of each of some sites: lists of equal length, and no axes to be multiplied."""


@dataclass(frozen=True, eq=False)
class AttributionRanking:
    """The sites of largest AtP estimate, largest first, and a sample of the others.

    Attributes
    ----------
    coordinates, sample
        Of the sites that were chosen, and of those drawn from all others.
    first_order
        The signed AtP estimate of each chosen site, at the point where it is largest, in units of the metric.
    metric
        The metric whose gradient it is.
    n_candidates
        How many sites there were to choose from.
    """

    coordinates: Coordinates
    first_order: list[float]
    metric: str
    n_candidates: int
    sample: Coordinates

    def __str__(self) -> str:
        n, of = len(self.first_order), self.n_candidates
        parts = ", ".join(f"{point:g}" for point in POINTS if point != "source")
        return (
            f"the {n:,} of {of:,} with the largest AtP estimate |gradient · (source − host)| of {self.metric}, "
            f"at {parts} of the way or in the source run"
        )


def rank_by_attribution(
    experiment: BaseExperiment,
    component: Component,
    axes: Axes,
    top: Top,
    budget: float | None = None,
) -> AttributionRanking:
    """Choose the neurons (or neurons and positions) with the largest estimate by AtP, over all pairs.

    Parameters
    ----------
    component
        A component with neurons.
    top
        How many to choose, and how many of the others to sample.
    budget
        Bytes in addition to the model; half of what is free by default.

    Raises
    ------
    MetricError
        The first metric has no gradient, or one that is 0.
    RefusedError
        The model does not let gradients be taken.
    """
    metric = next(iter(experiment.metrics))
    at_points = first_order_effects(experiment, component, axes, POINTS, budget)
    largest = np.abs(at_points).argmax(0)
    effects = np.take_along_axis(at_points, largest[None], 0)[0]
    if not effects.any():
        raise MetricError(
            f"top= ranks neurons by the gradient of {metric!r}, which is 0 for all of them. Put another metric "
            "first, as in Experiment(..., metric=['logit_diff', 'rank'])."
        )
    order = np.argsort(-np.abs(effects), axis=None, kind="stable")
    chosen, others = order[: top.n], np.sort(order[top.n :])
    n_sampled = min(top.sampled, len(others))
    sample = np.random.default_rng(top.seed).choice(others, n_sampled, replace=False)

    def coordinates(sites: np.ndarray) -> Coordinates:
        indices = np.unravel_index(sites, effects.shape)
        return {
            axis: [axes[axis][i] for i in along] for axis, along in zip(axes, indices, strict=True)
        }

    first_order = effects.ravel()[chosen].tolist()
    return AttributionRanking(
        coordinates(chosen), first_order, metric, effects.size, coordinates(np.sort(sample))
    )
