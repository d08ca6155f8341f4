"""Circuit mode: the selection as a circuit, beside random ones of its size, and the curve over the heads.

Keeping a selection costs three passes and one for each random circuit; the curve a sweep over all heads, and for each
of its sizes a pass and one for each random circuit.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from patchwidgets.arrays import NDArray
from patchwidgets.directions import Direction
from patchwidgets.errors import PatchError, SiteError
from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.explorer.code import code_of_circuit
from patchwidgets.explorer.fields import checked_list, checked_text, checked_view
from patchwidgets.explorer.kept import kept
from patchwidgets.explorer.messages import Buffers, Message
from patchwidgets.explorer.shown_pair import defined
from patchwidgets.explorer.sources import (
    AnotherPosition,
    ChosenSource,
    PatchSource,
    checked_choice,
    choice_data,
)
from patchwidgets.explorer.views import Views
from patchwidgets.hooks.cancellation import Cancelled
from patchwidgets.methods.circuits.circuit import Circuit
from patchwidgets.methods.circuits.circuit_result import CircuitReading
from patchwidgets.methods.circuits.curve import faithfulness_curve
from patchwidgets.methods.circuits.evaluate import AMONG, evaluate
from patchwidgets.methods.circuits.evaluation import measure_circuits, model_side, named
from patchwidgets.methods.circuits.node_space import NodeSpace, whole
from patchwidgets.methods.circuits.space import Chosen
from patchwidgets.sites import Site
from patchwidgets.sources.moved import At, SteerDifference
from patchwidgets.sweep.grid import make_grid
from patchwidgets.sweep.request import SweepRequest
from patchwidgets.sweep.sweep import Sweep

MOST_MEMBERS = 10_000
"""Of a circuit that a page asks about."""
N_RANDOM, N_CURVE = 20, 10
"""How many random circuits stand beside a selection, and beside each point of the curve."""
BAND = (0.05, 0.95)
"""Quantiles of random circuits."""
STEPS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)
"""How many heads the points of the curve keep, and all of them."""


@dataclass(frozen=True)
class CircuitRequest:
    """A question about a circuit. It holds everything that the answer depends on.

    Attributes
    ----------
    sites
        Its members as strings.
    source
        What the rest gets: the other run, or an ablation.
    """

    sites: tuple[str, ...]
    direction: Direction
    metric: str
    source: ChosenSource = "source"

    @property
    def ablation(self) -> PatchSource:
        """What the rest gets."""
        return "corrupted" if isinstance(self.source, str | AnotherPosition) else self.source


def checked_circuit_request(content: Message, experiment: BaseExperiment) -> CircuitRequest:
    """Read a question about the circuit of some sites.

    Raises
    ------
    ProtocolError, SiteError, RefusedError, MetricError, PatchError
        A field is missing or has another form, or the model has no such circuit.
    """
    patches = checked_list("patches", "{site}", content.get("patches"), MOST_MEMBERS, 1)
    direction, metric = checked_view(content, experiment)
    circuit = Circuit([checked_text("site", each.get("site")) for each in patches])
    members = [
        str(experiment.model.resolve(each) if isinstance(each, Site) else each) for each in circuit
    ]
    return CircuitRequest(tuple(members), direction, metric, checked_ablation(content))


def checked_curve_request(content: Message, experiment: BaseExperiment) -> CircuitRequest:
    """Read a question about the curve over all heads; errors as in `checked_circuit_request`."""
    return CircuitRequest((), *checked_view(content, experiment), checked_ablation(content))


def checked_ablation(content: Message) -> ChosenSource:
    """What the rest of a circuit gets.

    Raises
    ------
    PatchError
        A source that takes nothing away.
    """
    source = checked_choice(content.get("source", "source"))
    if isinstance(source, At | SteerDifference | AnotherPosition):
        raise PatchError(
            "A circuit runs alone while the rest is ablated: choose a run, zero, mean or other prompts."
        )
    return source


def answer_circuit(views: Views, request: CircuitRequest) -> tuple[Message, Buffers]:
    """How much of the difference stays where only the circuit is kept, and with random circuits of its size."""
    return kept(views, "circuit", request, lambda: (_kept_alone(views, request), []))


def answer_curve(views: Views, request: CircuitRequest) -> tuple[Message, Buffers]:
    """Faithfulness over how many of the heads with the largest effects are kept."""
    return kept(views, "curve", request, lambda: (_curve(views, request), []))


def _view(views: Views, request: CircuitRequest) -> BaseExperiment:
    experiment = views.of(request.direction, request.metric)
    return experiment.measuring(experiment.metrics[request.metric])


def _about(request: CircuitRequest) -> Message:
    return {
        "direction": request.direction,
        "metric": request.metric,
        "source": choice_data(request.source),
    }


def _kept_alone(views: Views, request: CircuitRequest) -> Message:
    experiment = _view(views, request)
    circuit, ablation = Circuit(list(request.sites)), request.ablation
    result = evaluate(experiment, circuit, ablation)
    reading = result[request.metric]
    random = _random(experiment, circuit, ablation, reading)
    low, high = (
        (float(each) for each in np.quantile(random, BAND)) if len(random) else (np.nan,) * 2
    )
    metric = views.experiment.metrics[request.metric]
    code = code_of_circuit(experiment.task, metric, request.direction, request.sites, ablation)
    return {
        "kind": "circuit",
        "sites": list(request.sites),
        **_about(request),
        "value": reading.value,
        "faithfulness": defined(reading.faithfulness),
        "completeness": defined(reading.completeness),
        "reason": reading.reason,
        "random": {"n": len(random), "low": defined(low), "high": defined(high)},
        "code": code,
    }


def _random(
    experiment: BaseExperiment, circuit: Circuit, ablation: PatchSource, reading: CircuitReading
) -> Float[NDArray[np.float64], "circuit"]:
    """The faithfulness of random circuits with as many heads and MLPs, at the same positions; none of edges."""
    members = [each for each in circuit if isinstance(each, Site)]
    kinds = {each.component for each in members}
    if circuit.kind != "nodes" or not kinds <= set(AMONG):
        return np.empty(0)
    ablation = named(experiment, ablation)
    side = model_side(experiment, ablation)
    nodes = whole(side.model, AMONG, ())
    generator = np.random.default_rng(0)
    drawn = [_like(members, nodes, generator) for _ in range(N_RANDOM)]
    all_members = list(dict.fromkeys(each for of_draw in drawn for each in of_draw))
    number = {each: i for i, each in enumerate(all_members)}
    chosen = [Chosen(np.array([number[each] for each in of_draw])) for of_draw in drawn]
    measured = measure_circuits(side, NodeSpace(side.model, nodes, all_members), ablation, chosen)
    return np.array([reading.fraction(values) for values in measured[reading.metric.name]])


def _like(
    members: Sequence[Site], nodes: Sequence[Site], generator: np.random.Generator
) -> list[Site]:
    """As many nodes of each kind at the same positions, drawn without repetition."""
    found: list[Site] = []
    for place in dict.fromkeys((each.component, each.pos) for each in members):
        component, pos = place
        n = sum((each.component, each.pos) == place for each in members)
        of_kind = [each for each in nodes if each.component == component]
        found += [of_kind[i].at(pos) for i in generator.choice(len(of_kind), n, replace=False)]
    return found


def _curve(views: Views, request: CircuitRequest) -> Message:
    experiment = _view(views, request)
    scores = _scores(views, request, experiment)
    sizes = [*(n for n in STEPS if n < len(scores)), len(scores)]
    fractions = [n / len(scores) + 1e-9 for n in sizes[:-1]] + [1.0]
    curve = faithfulness_curve(
        experiment,
        scores,
        fractions,
        ablation=request.ablation,
        n_random=N_CURVE,
        progress=False,
    )
    reading = curve[request.metric]
    low, median, high = reading.band
    return {
        "kind": "curve",
        **_about(request),
        "total": len(scores),
        "n": curve.n_kept,
        "faithfulness": [defined(float(each)) for each in reading.faithfulness],
        "low": [defined(float(each)) for each in low],
        "median": [defined(float(each)) for each in median],
        "high": [defined(float(each)) for each in high],
        "cpr": defined(curve.cpr),
        "reason": reading.reason,
    }


def _scores(views: Views, request: CircuitRequest, experiment: BaseExperiment) -> dict[Site, float]:
    """The effect of each head; what is computed of them stays if something else comes first."""
    request = CircuitRequest((), request.direction, request.metric)
    sweep: Sweep = kept(views, "heads of curves", request, lambda: _head_sweep(experiment))
    for _ in sweep.run():
        pass
    if sweep.progress.left:
        sweep.forget_recording()
        raise Cancelled
    (values,) = sweep.grid_values()
    effects = values.pair_values(sweep.experiment, request.metric).over_pairs()["effect"]
    sites = [cell[0].site for cell in values.grid.cells]
    known: list[tuple[Site, Any]] = list(zip(sites, effects.ravel(), strict=True))
    if any(np.isnan(effect) for _, effect in known):
        raise SiteError("Some heads have no effect here, so that they have no order.")
    return {site: float(effect) for site, effect in known}


def _head_sweep(experiment: BaseExperiment) -> Sweep:
    return Sweep(experiment, [make_grid(experiment, SweepRequest("z", ("layer", "head")))])
