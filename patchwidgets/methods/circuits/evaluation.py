"""Metrics of circuits: the rest is ablated, and every metric is read. Costs what the space of the circuits says.

A circuit runs on the prompts of one unpatched run, the *model's*: the clean prompts, or the corrupted ones if the rest
is ablated to the clean run.
"""

from collections.abc import Sequence

from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.methods.circuits.circuit_passes import CircuitPasses, Values
from patchwidgets.methods.circuits.space import Chosen, Space
from patchwidgets.sites import Patch, Source


def named(experiment: BaseExperiment, ablation: Source) -> Source:
    """Return what the rest gets; one of the experiment's own runs as ``"clean"`` or ``"corrupted"``.

    Raises
    ------
    PatchError
        A text that names no run.
    """
    run = experiment.sources.run_of(Patch("embed", ablation).source)
    if run is experiment.clean.run:
        return "clean"
    return "corrupted" if run is experiment.corrupted.run else ablation


def model_side(experiment: BaseExperiment, ablation: Source) -> BaseExperiment:
    """Return the experiment in the direction in which its host is the run that circuits should do what it does.

    Parameters
    ----------
    ablation
        From `named`. The run is the other one than this, and the clean run where it is of neither.
    """
    is_clean = isinstance(ablation, str) and ablation == "clean"
    return experiment.turned("denoise" if is_clean else "noise")


def measure_circuits(
    experiment: BaseExperiment,
    space: Space,
    ablation: Source,
    circuits: Sequence[Chosen],
) -> Values:
    """Return every metric of some circuits, pair by pair; parameters and errors as of `CircuitPasses`."""
    passes = CircuitPasses(experiment, space, ablation, circuits)
    for _ in passes.run():
        pass
    return passes.values()
