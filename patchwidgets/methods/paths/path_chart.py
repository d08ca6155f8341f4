"""A path as a flowchart: which value of the sender its receiver sees, and what is passed on."""

from patchwidgets.directions import source_name
from patchwidgets.edges import FROZEN, Frozen, Path
from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.experiment.run_chart import Arrow, Passage, Step


def path_passage(experiment: BaseExperiment, path: Path, frozen: Frozen) -> Passage:
    """What the changed run of a path goes through: its ends and all receivers on the way."""
    host, source = experiment.host_name, source_name(experiment.direction)
    first, *others = path.receivers
    steps = [
        Step(str(path.sender), f"{host} value, as it was", host),
        Step(str(first), f"sees the {source} value of {path.sender}"),
    ]
    for before, receiver in zip(path.receivers, others, strict=False):
        steps.append(Step(str(receiver), f"sees what {before} changes"))
    live = "" if frozen == FROZEN[0] else ", with live MLPs on the way"
    return Passage(
        f"Path {str(path).replace('->', ' → ')} in {experiment.model.name}{live}",
        steps,
        [Arrow(source, 0, 1, "seen there alone")],
        frozenset(range(1, len(path.receivers))),
    )
