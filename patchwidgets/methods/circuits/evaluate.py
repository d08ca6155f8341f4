"""Evaluating one circuit: the circuit, its complement and nothing, as rows of the same passes."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from patchwidgets.errors import PatchError, SiteError
from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.methods.circuits.circuit import Circuit
from patchwidgets.methods.circuits.circuit_passes import Values
from patchwidgets.methods.circuits.circuit_result import CircuitReading, CircuitResult
from patchwidgets.methods.circuits.edge_space import EdgeSpace
from patchwidgets.methods.circuits.evaluation import measure_circuits, model_side, named
from patchwidgets.methods.circuits.members import Member
from patchwidgets.methods.circuits.node_space import NodeSpace, whole
from patchwidgets.methods.circuits.space import Chosen, Space
from patchwidgets.sites import Site, Source

AMONG = ("z", "mlp_out")
"""The nodes that are ablated by default: the tokens stay those of the model's run."""


def evaluate(
    experiment: BaseExperiment,
    circuit: Circuit,
    ablation: Source = "corrupted",
    among: Sequence[str] | None = None,
) -> CircuitResult:
    """Measure a circuit; see `Experiment.evaluate`."""
    if not isinstance(circuit, Circuit):
        raise PatchError(
            f"Expected a circuit, as in exp.evaluate(pw.Circuit(['L9.H6'])); got {type(circuit).__name__}."
        )
    ablation = named(experiment, ablation)
    side, members = model_side(experiment, ablation), list(circuit)
    space = _space(side, circuit, members, among)
    everything = np.arange(len(members))
    circuits = [
        Chosen(everything),
        Chosen(everything, inverted=True),
        Chosen(everything[:0]),
    ]
    measured = measure_circuits(side, space, ablation, circuits)

    def measure_without(left_out: Sequence[Member]) -> dict[str, Float[np.ndarray, "member pair"]]:
        rest = [Chosen(np.delete(everything, members.index(member))) for member in left_out]
        return measure_circuits(side, space, ablation, rest)

    ablated = [members[i] for i in space.ablated()]
    readings = _readings(side, measured)
    return CircuitResult(circuit, ablation, readings, ablated, measure_without, side)


def _readings(side: BaseExperiment, measured: Values) -> dict[str, CircuitReading]:
    of_model = side.evaluation.values[side.host_name]
    return {
        name: CircuitReading(
            metric,
            of_model[name],
            measured[name][2],
            measured[name][0],
            measured[name][1],
            side.noise_floor[name],
        )
        for name, metric in side.metrics.items()
    }


def _space(
    side: BaseExperiment,
    circuit: Circuit,
    members: Sequence[Member],
    among: Sequence[str] | None,
) -> Space:
    if circuit.kind == "edges":
        if among is not None:
            raise SiteError(
                f"among is {among!r}, which goes with nodes: of edges, all are ablated but those of the circuit. "
                "Leave it out."
            )
        return EdgeSpace(side.model, members, whole=True)
    nodes = [member for member in members if isinstance(member, Site)]
    kinds = AMONG if among is None else among
    split = {node.layer for node in nodes if node.component == "neuron" and node.layer is not None}
    base = whole(side.model, kinds, split if "mlp_out" in kinds else ())
    return NodeSpace(side.model, base, members)
