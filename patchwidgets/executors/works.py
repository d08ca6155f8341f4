"""From a computation to data and back: sweeps, edges and passes of circuits. Costs nothing."""

import base64
from typing import Any

import numpy as np

from patchwidgets.edges import Path
from patchwidgets.executors.job import Job, make_job, patches_data, source_data
from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.methods.circuits.circuit_passes import CircuitPasses
from patchwidgets.methods.circuits.curve import scored_space
from patchwidgets.methods.circuits.members import parse_member
from patchwidgets.methods.circuits.space import Chosen
from patchwidgets.methods.paths.api import edge_grid
from patchwidgets.methods.paths.path_sweep import PathSweep
from patchwidgets.methods.paths.steps import checked_path
from patchwidgets.sites import Patch, Site
from patchwidgets.sources.files import from_data
from patchwidgets.sweep.grid import Grid
from patchwidgets.sweep.sweep import Sweep

AnyWork = Sweep | PathSweep | CircuitPasses


def job_of(work: AnyWork, threads: int) -> Job:
    """Describe a computation that this process has planned, for workers of so many threads.

    Raises
    ------
    ExecutorError
        A part of it is no data, or its model is not known outside of this process.
    """
    options: dict[str, Any] = {"threads": threads}
    if isinstance(work, CircuitPasses):
        options["rows_at_once"] = work.rows_at_once
        return make_job("circuits", work.experiment, _circuits_data(work), options)
    options |= {"batch": work.batch, "budget": work.budget}
    if isinstance(work, Sweep):
        what = patches_data(cell for grid in work.grids for cell in grid.cells)
        return make_job("sweep", work.experiment, what, options | {"reach": work.reaches})
    paths = {"paths": list(map(str, work.paths)), "order": list(work.order)}
    options["frozen"] = list(work.frozen)
    return make_job("edges", work.experiment, paths, options)


def again(work: AnyWork) -> AnyWork:
    """Plan the same computation once more, for another thread."""
    if isinstance(work, CircuitPasses):
        return CircuitPasses(
            work.experiment, work.space, work.ablation, work.circuits, work.rows_at_once
        )
    if isinstance(work, Sweep):
        return Sweep(work.experiment, work.grids, work.batch, work.budget, reach=work.reaches)
    return PathSweep(
        work.experiment, work.grid, work.paths, work.frozen, work.order, work.batch, work.budget
    )


def work_of(job: Job, experiment: BaseExperiment) -> AnyWork:
    """Plan the computation that a job describes, for an experiment that was made from it."""
    options = job.options
    if job.kind == "circuits":
        return _circuits(job, experiment)
    if job.kind == "edges":
        paths = [checked_path(experiment.model, Path.parse(text)) for text in job.what["paths"]]
        frozen = tuple(options["frozen"])
        return PathSweep(
            experiment,
            edge_grid(paths, frozen),
            paths,
            frozen,
            job.what["order"],
            options["batch"],
            options["budget"],
        )
    sources = [from_data(data) for data in job.what["sources"]]
    cells = [
        tuple(Patch(Site.parse(site), sources[number]) for site, number in cell)
        for cell in job.what["cells"]
    ]
    grid = Grid(None, {"site": list(range(len(cells)))}, cells)
    return Sweep(experiment, [grid], options["batch"], options["budget"], reach=options["reach"])


def _circuits_data(work: CircuitPasses) -> dict[str, Any]:
    n = len(work.space.members)
    return {
        "members": list(map(str, work.space.members)),
        "circuits": [_bits(chosen, n) for chosen in work.circuits],
        "ablation": source_data(work.ablation),
    }


def _circuits(job: Job, experiment: BaseExperiment) -> CircuitPasses:
    members = list(map(parse_member, job.what["members"]))
    space = scored_space(experiment.model, members)
    return CircuitPasses(
        experiment,
        space,
        from_data(job.what["ablation"]),
        [_chosen(text, len(members)) for text in job.what["circuits"]],
        job.options["rows_at_once"],
    )


def _bits(chosen: Chosen, n: int) -> str:
    """Which of `n` members are chosen, as text."""
    assert not chosen.inverted  # a curve has no complements
    is_chosen = np.zeros(n, dtype=np.bool_)
    is_chosen[chosen.indices] = True
    return base64.b64encode(np.packbits(is_chosen).tobytes()).decode()


def _chosen(text: str, n: int) -> Chosen:
    bits = np.unpackbits(np.frombuffer(base64.b64decode(text), dtype=np.uint8), count=n)
    return Chosen(np.flatnonzero(bits))
