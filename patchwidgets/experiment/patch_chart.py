"""A patch as a flowchart: what is copied from which run, and what it does."""

from collections.abc import Sequence

from patchwidgets.components import ALL_COMPONENTS
from patchwidgets.directions import RunName, source_name
from patchwidgets.errors import listed
from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.experiment.run_chart import MOST_STEPS, Arrow, Passage, Step
from patchwidgets.sites import Patch
from patchwidgets.sources.source import SourceData


def patch_passage(experiment: BaseExperiment, patches: Sequence[Patch]) -> Passage:
    """What the patched run of joint patches goes through; of many patches the first ones, by layer."""
    ordered = sorted(patches, key=_place)
    steps = [_step(experiment, patch) for patch in ordered[:MOST_STEPS]]
    arrows = [
        Arrow(run, i, i, "copied")
        for i, patch in enumerate(ordered[:MOST_STEPS])
        if (run := _copied_from(experiment, patch)) is not None
    ]
    if (more := len(ordered) - MOST_STEPS) > 0:
        steps.append(Step(f"and {more:,} more", "patched too"))
    names = listed([str(patch.site) for patch in patches]) or "nothing"
    return Passage(f"Activation patching of {names} in {experiment.model.name}", steps, arrows)


def _place(patch: Patch) -> tuple[int, int]:
    site = patch.site
    return -1 if site.layer is None else site.layer, ALL_COMPONENTS.index(site.component)


def _copied_from(experiment: BaseExperiment, patch: Patch) -> RunName | None:
    """The unpatched run whose value is written as it is; None for anything else."""
    if patch.fn is not None or not isinstance(patch.source, str):
        return None
    runs: dict[str, RunName] = {
        "host": experiment.host_name,
        "source": source_name(experiment.direction),
        "clean": "clean",
        "corrupted": "corrupted",
    }
    return runs[patch.source]


def _step(experiment: BaseExperiment, patch: Patch) -> Step:
    """What the patch writes in words; grey where it is of no unpatched run."""
    name, run = str(patch.site), _copied_from(experiment, patch)
    if run is not None:
        return Step(name, f"{run} value")
    if patch.fn is not None:
        return Step(name, "a function of host and source", "other")
    if isinstance(patch.source, SourceData):
        return Step(name, f"= {patch.source}", "other")
    return Step(name, f"= a {type(patch.source).__name__} of your own", "other")
