"""``patchwidgets sweep`` and ``edges``: patch many sites, and write the result. Costs what ``--plan`` says."""

from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from patchwidgets.cli import options as given
from patchwidgets.cli.executors import n_workers, open_executor
from patchwidgets.cli.inputs import find_task, free_place, load_model, naming_rows
from patchwidgets.cli.options import numbers, several
from patchwidgets.cli.running import answering, note, say, table

if TYPE_CHECKING:
    import patchwidgets as pw

LARGEST = 5
"""How many of the largest effects are named."""


@answering
def sweep(
    task: given.TaskText,
    component: Annotated[
        str | None,
        typer.Argument(
            metavar="COMPONENT", help="As in sites: z (heads), attn_out, mlp_out, resid_pre, …"
        ),
    ] = None,
    model: given.ModelName = "teaching",
    metric: given.Metrics = "logit_diff",
    direction: given.DirectionName = "denoise",
    over: Annotated[
        str | None,
        typer.Option("--over", metavar="AXES", help="With commas: layer,head or layer,pos."),
    ] = None,
    sites: Annotated[
        str | None,
        typer.Option("--sites", help="In place of a component, with commas: L0.H1,L1.mlp_out@S2."),
    ] = None,
    layers: Annotated[
        str | None, typer.Option("--layers", help="These only: 0,2 or 4:8 (half-open).")
    ] = None,
    top: Annotated[
        int | None,
        typer.Option("--top", help="Of neurons, so many: those with the largest estimate."),
    ] = None,
    window: Annotated[
        int, typer.Option("--window", help="Patch so many neighbouring layers jointly.")
    ] = 1,
    reach: Annotated[
        bool, typer.Option("--reach", help="Record how far each patch moves every component.")
    ] = False,
    batch: given.Batch = None,
    budget: given.Budget = None,
    executor: given.Executor = None,
    resume: given.Resume = None,
    plan: given.Plan = False,
    output: given.Output = None,
    force: given.Force = False,
    dtype: given.DtypeName = "float32",
    device: given.Device = None,
    device_map: given.DeviceMap = None,
    revision: given.Revision = None,
    trust_remote_code: given.TrustRemoteCode = False,
    traceback: given.Traceback = False,
) -> None:
    """Patch every site of a kind, one at a time.

    All effects are exact. The result is a netCDF file, which `patchwidgets plot`, pw.open and xarray read; or a table,
    if its name ends in .csv. Without -o its name is that of the task and the component, as in ioi-z.nc.

    \b
    For example:
      patchwidgets sweep ioi:32 z                             every head of the teaching model
      patchwidgets sweep pairs.csv mlp_out --over layer,pos -m smollm2 -o mlps.nc
      patchwidgets sweep ioi:32 z --direction noise --plan    what would it cost?
    """
    arguments: dict[str, Any] = {
        "component": component,
        "over": several(over),
        "sites": several(sites),
        "layers": numbers(layers, "--layers"),
        "top": top,
        "window": window,
        "batch": batch,
        "budget": budget,
    }
    place = _place(output, task, component or "sites", force, plan)
    find = find_task(task)
    with open_executor(None if plan else executor) as workers:
        loaded = load_model(model, dtype, device, device_map, revision, trust_remote_code)
        experiment = _experiment(loaded, find, task, metric, direction)
        if plan:
            say(str(experiment.plan(**arguments, workers=n_workers(executor))))
            return
        result = _run(experiment.sweep, arguments | {"reach": reach}, workers, resume)
    _finish(result, place)


@answering
def edges(
    task: given.TaskText,
    model: given.ModelName = "teaching",
    metric: given.Metrics = "logit_diff",
    direction: given.DirectionName = "denoise",
    frozen: Annotated[
        Literal["attn,mlp", "attn"],
        typer.Option("--frozen", help="What stays as in the host between sender and receiver."),
    ] = "attn,mlp",
    batch: given.Batch = None,
    budget: given.Budget = None,
    executor: given.Executor = None,
    resume: given.Resume = None,
    plan: given.Plan = False,
    output: given.Output = None,
    force: given.Force = False,
    dtype: given.DtypeName = "float32",
    device: given.Device = None,
    device_map: given.DeviceMap = None,
    revision: given.Revision = None,
    trust_remote_code: given.TrustRemoteCode = False,
    traceback: given.Traceback = False,
) -> None:
    """Compute the effect of every edge of the model.

    From each sender to each receiver, exactly. The result is a file as of `patchwidgets sweep`; without -o its name is
    that of the task, as in ioi-edges.nc.

    \b
    For example:
      patchwidgets edges ioi:4                             every edge of the teaching model
      patchwidgets edges pairs.csv -m smollm2 --plan       what would it cost?
    """
    arguments: dict[str, Any] = {
        "frozen": tuple(frozen.split(",")),
        "batch": batch,
        "budget": budget,
    }
    place = _place(output, task, "edges", force, plan)
    find = find_task(task)
    with open_executor(None if plan else executor) as workers:
        loaded = load_model(model, dtype, device, device_map, revision, trust_remote_code)
        experiment = _experiment(loaded, find, task, metric, direction)
        if plan:
            say(str(experiment.plan_edges(**arguments, workers=n_workers(executor))))
            return
        result = _run(experiment.edges, arguments, workers, resume)
    _finish(result, place)


def _experiment(
    model: "pw.Model",
    find: Callable[["pw.Model"], "pw.Task"],
    task: str,
    metric: str,
    direction: given.Direction,
) -> "pw.Experiment":
    import patchwidgets as pw

    with naming_rows(task):
        return pw.Experiment(model, find(model), several(metric) or metric, direction)


def _place(output: str | None, task: str, what: str, force: bool, plan: bool) -> str:
    """Return where the result goes, after a look whether it can go there: before hours of work, not after them."""
    stem = Path(task).stem if Path(task).suffix else task.partition(":")[0]
    place = output or f"{stem}-{what}.nc"
    if not place.endswith((".nc", ".csv")):
        raise typer.BadParameter(
            f"-o {place} ends neither in .nc nor in .csv; figures are drawn by patchwidgets plot"
        )
    return place if plan else free_place(place, force)


def _run(
    method: Callable[..., "pw.SweepResult"],
    arguments: dict[str, Any],
    executor: Any,
    resume: str | None,
) -> "pw.SweepResult":
    elsewhere = {"executor": executor, "resume": resume}
    try:
        return method(**arguments, **{k: each for k, each in elsewhere.items() if each is not None})
    except KeyboardInterrupt:
        if resume is not None:
            note(f"What is done is in {resume}; the same command goes on from there.")
        raise


def _finish(result: "pw.SweepResult", place: str) -> None:
    write_result(result, place)
    say("\n".join(largest(result)))
    say()
    say(f"{place}: {result!r}")
    if not place.endswith(".csv"):
        say(f"To draw it: patchwidgets plot {place} -o {Path(place).with_suffix('.pdf')}")


def write_result(result: "pw.SweepResult", place: str) -> None:
    """Write a sweep as a table, if the name ends in ``.csv``, or else as netCDF; as a whole.

    Raises
    ------
    FileError
        The place cannot be written, or its name promises another form.
    """
    from patchwidgets.storage import write_file

    if place.endswith(".csv"):
        text = StringIO()
        result.to_frame().to_csv(text, index=False)
        write_file(place, text.getvalue().encode())
    else:
        result.save(place)


def largest(result: "pw.SweepResult", k: int = LARGEST) -> list[str]:
    """Return the largest effects of a sweep as the lines of a table."""
    frame = result.to_frame()
    frame = frame[frame["metric"] == result.metrics[0]].set_index("site")
    if not frame.index.is_unique:
        return []  # several strengths at one site
    rows = []
    for site in result.top_sites(k):
        effect, share, recovery = frame.loc[site, ["effect", "share", "recovery"]]
        rows.append([site, f"{effect:+.4g}", f"{share:+.3f}", f"{recovery:+.3f}"])
    return table([["site", f"effect on {result.metrics[0]}", "share", "recovery"], *rows])
