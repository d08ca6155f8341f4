"""The options that several commands share, named and meant as in the library. Costs what typer does, 0.1 s."""

from typing import Annotated, Literal

import typer

Dtype = Literal["float32", "bfloat16", "float16", "float64"]
Direction = Literal["denoise", "noise"]

TaskText = Annotated[
    str,
    typer.Argument(
        metavar="TASK",
        help="A file, .csv or .json; or a task of pw.tasks with its arguments: ioi, ioi:32, modular:50,modulus=5.",
        show_default=False,
    ),
]
ModelName = Annotated[
    str,
    typer.Option(
        "--model",
        "-m",
        metavar="NAME",
        help="'teaching' or 'smollm2', both offline; a folder, or a name on the Hugging Face hub.",
    ),
]
DtypeName = Annotated[Dtype, typer.Option("--dtype", help="Of the weights.")]
Device = Annotated[
    str | None, typer.Option("--device", help="Where the model runs: cpu, cuda, cuda:1, mps.")
]
DeviceMap = Annotated[
    str | None, typer.Option("--device-map", help="Spread it over several devices: auto.")
]
Revision = Annotated[str | None, typer.Option("--revision", help="Of a model on the hub.")]
TrustRemoteCode = Annotated[
    bool, typer.Option("--trust-remote-code", help="Run code that comes with the model.")
]
Metrics = Annotated[
    str,
    typer.Option(
        "--metric", help="One or several, with commas: logit_diff,kl@S2. Results show the first."
    ),
]
DirectionName = Annotated[
    Direction,
    typer.Option(
        "--direction", help="denoise: what is enough for the answer; noise: what is needed."
    ),
]
Batch = Annotated[
    int | None, typer.Option("--batch", min=1, help="At most so many patched runs at once.")
]
Budget = Annotated[
    float | None,
    typer.Option(
        "--budget",
        help="Bytes beside the model; by default half of what is free, on a CPU only what helps.",
    ),
]
Executor = Annotated[
    str | None,
    typer.Option(
        "--executor",
        metavar="WHERE",
        help="processes:4, dask://host:port, or slurm, with its options: slurm:timeout_min=60,gpus_per_node=1.",
    ),
]
Resume = Annotated[
    str | None,
    typer.Option(
        "--resume",
        metavar="FOLDER",
        help="Keep what is done in a folder; the same command goes on from there.",
    ),
]
Plan = Annotated[
    bool, typer.Option("--plan", help="Say what it would cost, and compute nothing else.")
]
Output = Annotated[
    str | None,
    typer.Option("--output", "-o", metavar="FILE", show_default=False, help="Where to write it."),
]
Force = Annotated[bool, typer.Option("--force", help="Replace a file that is there.")]
Traceback = Annotated[
    bool, typer.Option("--traceback", help="Show where in the code an error was raised.")
]


def several(text: str | None) -> list[str] | None:
    """Return what is listed with commas; None for nothing.

    Examples
    --------
    >>> from patchwidgets.cli.options import several
    >>> several("layer, pos"), several(None)
    (['layer', 'pos'], None)
    """
    return None if text is None else [each.strip() for each in text.split(",") if each.strip()]


def numbers(text: str | None, option: str) -> list[int] | None:
    """Return whole numbers that are listed with commas, and ranges of them, half-open as in sites.

    Raises
    ------
    BadParameter
        Something else is listed.

    Examples
    --------
    >>> from patchwidgets.cli.options import numbers
    >>> numbers("0,4:7", "--layers")
    [0, 4, 5, 6]
    """
    if text is None:
        return None
    found: list[int] = []
    for part in several(text) or []:
        start, colon, stop = part.partition(":")
        if not start.isdecimal() or (colon and not stop.isdecimal()) or len(part) > 13:
            raise typer.BadParameter(
                f"{part!r} is no number and no range of them, as in {option} 0,4:7"
            )
        found += range(int(start), int(stop)) if colon else [int(start)]
    return found
