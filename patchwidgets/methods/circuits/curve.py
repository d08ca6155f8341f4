"""How faithful the best part of the nodes or edges is, over how large the part is, beside random parts of equal size.

CPR is the area under this curve and CMD the area between it and 1, both by trapezoids from the first fraction to the
last (Mueller et al. 2025, "MIB: A Mechanistic Interpretability Benchmark"). Costs an evaluation for each
fraction and, for the band, `n_random` more.
"""

from collections import Counter
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing

import numpy as np

from patchwidgets.arrays import NDArray
from patchwidgets.bars import progress_bar
from patchwidgets.edges import Path
from patchwidgets.errors import SiteError, shown
from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.methods.circuits.circuit import Circuit, Scores
from patchwidgets.methods.circuits.circuit_passes import CircuitPasses
from patchwidgets.methods.circuits.curve_result import CurveReading, FaithfulnessCurve
from patchwidgets.methods.circuits.edge_space import EdgeSpace
from patchwidgets.methods.circuits.evaluation import model_side, named
from patchwidgets.methods.circuits.members import By, Member, layer_of, scores_of, sizes
from patchwidgets.methods.circuits.node_space import NodeSpace
from patchwidgets.methods.circuits.space import Chosen, Indices, Space
from patchwidgets.models.model import Model
from patchwidgets.models.stamp import stamp_of
from patchwidgets.sites import Site, Source

FRACTIONS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
"""The parts of all edges that the MIB benchmark keeps."""
N_RANDOM = 20


def faithfulness_curve(
    experiment: BaseExperiment,
    scores: Scores | Circuit,
    fractions: Sequence[float] = FRACTIONS,
    *,
    by: By = "size",
    ablation: Source = "corrupted",
    metric: str | None = None,
    n_random: int = N_RANDOM,
    seed: int = 0,
    prune: bool = True,
    progress: bool = True,
    rows_at_once: Sequence[int] | None = None,
    steps_of: Callable[[CircuitPasses], Generator[object] | None] = lambda _passes: None,
) -> FaithfulnessCurve:
    """Measure circuits of the largest scores; see `Experiment.faithfulness_curve`.

    Parameters
    ----------
    rows_at_once
        See `CircuitPasses`.
    steps_of
        From the passes to what measures them step by step; None where this process does.
    """
    found = scores.scores if isinstance(scores, Circuit) else scores_of(scores, metric)
    _check(found, fractions, n_random)
    ablation = named(experiment, ablation)
    side, members = model_side(experiment, ablation), list(found)
    space = scored_space(side.model, members)
    # In the order of the scores, as the benchmark's code counts: the fraction of all, rounded down.
    order = np.argsort(-sizes(found, by), kind="stable")
    n_kept = [int(fraction * len(members)) for fraction in fractions]
    best = [order[:n] for n in n_kept]
    random = _random(members, best, n_random, np.random.default_rng(seed))
    pruned = [space.pruned(each) for each in best] if prune else best
    random = [space.pruned(each) for each in random] if prune else random
    chosen = [Chosen(each) for each in [*pruned, *random, order[:0]]]
    passes = CircuitPasses(side, space, ablation, chosen, rows_at_once)
    with (
        closing(steps_of(passes) or passes.run()) as run,
        progress_bar(passes.total, "circuit", progress) as bar,
    ):
        for _ in run:
            bar.update(passes.done - bar.n)
    measured = passes.values()
    n, shape = len(fractions), (len(fractions), n_random, len(side.pairs))
    readings = {
        name: CurveReading(
            each,
            tuple(map(float, fractions)),
            side.evaluation.values[side.host_name][name],
            measured[name][-1],
            measured[name][:n],
            measured[name][n:-1].reshape(shape),
            side.noise_floor[name],
        )
        for name, each in side.metrics.items()
    }
    circuits = [_circuit(members, found, each) for each in pruned]
    stamp = stamp_of(side.model)
    return FaithfulnessCurve(readings, circuits, n_kept, len(members), ablation, by, stamp)


def _check(scores: Mapping[Member, float], fractions: Sequence[float], n_random: int) -> None:
    if missing := [str(member) for member, score in scores.items() if np.isnan(score)]:
        raise SiteError(
            f"{len(missing)} of {len(scores)} scores are NaN, {missing[0]} first. Give a dict without them: what has "
            "no score is never ablated."
        )
    if not scores:
        raise SiteError("There are no scores; give a sweep over nodes or edges, or a dict.")
    grows = all(a < b for a, b in zip([0.0, *fractions], fractions, strict=False))
    if len(fractions) < 2 or not grows or fractions[-1] > 1:
        raise SiteError(
            f"fractions is {shown(fractions)}; expected at least two numbers that grow, above 0 and up to 1."
        )
    if n_random < 0:
        raise SiteError(f"n_random is {n_random}; expected 0 or more.")


def scored_space(model: Model, members: Sequence[Member]) -> Space:
    """Return the space in which only these members are ever ablated."""
    if isinstance(members[0], Path):
        return EdgeSpace(model, members, whole=False)
    return NodeSpace(model, [each for each in members if isinstance(each, Site)], members)


def _random(
    members: Sequence[Member], best: Sequence[Indices], n: int, generator: np.random.Generator
) -> list[Indices]:
    """For each circuit, `n` random ones with as many members in each layer."""
    layers = np.array([-1 if (at := layer_of(each)) is None else at for each in members])
    of_layer = {layer: np.flatnonzero(layers == layer) for layer in sorted(set(layers.tolist()))}
    drawn: list[Indices] = []
    for circuit in best:
        counts = Counter(layers[circuit].tolist())
        for _ in range(n):
            parts = [
                generator.choice(of_layer[layer], count, replace=False)
                for layer, count in sorted(counts.items())
            ]
            drawn.append(np.concatenate([*parts, circuit[:0]]))
    return drawn


def _circuit(
    members: Sequence[Member], scores: Mapping[Member, float], chosen: NDArray[np.int64]
) -> Circuit:
    kept = [members[i] for i in chosen.tolist()]
    return Circuit(kept, {member: scores[member] for member in kept})
