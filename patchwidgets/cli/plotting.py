"""``patchwidgets plot``: a figure of a saved result. Costs the import of matplotlib, a second or two."""

import os
from collections.abc import Callable
from inspect import signature
from io import BytesIO
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from patchwidgets.cli import options as given
from patchwidgets.cli.inputs import free_place, open_saved
from patchwidgets.cli.running import answering, say
from patchwidgets.errors import FileError

Kind = Literal["heatmap", "layers", "pairs", "dose", "paths", "circuit", "faithfulness"]
FORMATS = ("pdf", "svg", "png")
DPI = 200
"""Of a PNG."""


@answering
def plot(
    result: Annotated[
        str, typer.Argument(metavar="RESULT", help="A file that patchwidgets wrote.")
    ],
    output: Annotated[
        str, typer.Option("--output", "-o", metavar="FILE", help="A .pdf, .svg or .png.")
    ],
    kind: Annotated[
        Kind | None, typer.Option("--kind", help="Of figure; by default the one that suits.")
    ] = None,
    metric: Annotated[
        str | None, typer.Option("--metric", help="Of several that were measured.")
    ] = None,
    quantity: Annotated[
        Literal["share", "recovery", "effect", "value"] | None,
        typer.Option("--quantity", help="What colours and axes show."),
    ] = None,
    k: Annotated[
        int | None, typer.Option("--k", help="So many of the largest: sites, edges, nodes.")
    ] = None,
    limit: Annotated[
        float | None, typer.Option("--limit", help="Of the colours of a map: 0.5 for ±0.5.")
    ] = None,
    cmap: Annotated[str | None, typer.Option("--cmap", help="A map of colours.")] = None,
    title: Annotated[str | None, typer.Option("--title", help="In place of its own.")] = None,
    style: Annotated[
        Literal["paper", "slide", "notebook"], typer.Option("--style", help="Sizes of the type.")
    ] = "paper",
    width: Annotated[
        str | None,
        typer.Option("--width", help="column (3.25 in), text (5.5), page (6.75), or inches."),
    ] = None,
    caption: Annotated[
        bool, typer.Option("--caption", help="Say what it shows, as text for LaTeX.")
    ] = False,
    force: given.Force = False,
    traceback: given.Traceback = False,
) -> None:
    """Draw a saved result.

    A sweep, edges, a curve, a circuit, or the history of an explorer.

    \b
    For example:
      patchwidgets plot ioi-z.nc -o heads.pdf
      patchwidgets plot ioi-z.nc -o heads.png --kind layers --quantity effect --style slide
    """
    place = free_place(output, force)
    form = _format(output)
    asked = {"metric": metric, "quantity": quantity, "k": k, "limit": limit, "cmap": cmap}
    asked |= {"title": title}
    drawing = {name: each for name, each in asked.items() if each is not None}
    os.environ.setdefault("MPLBACKEND", "agg")  # no window
    import patchwidgets as pw
    from patchwidgets.storage import write_file

    saved = open_saved(result)
    if metric is not None and isinstance(saved, pw.SweepResult):
        saved = saved.sel(metric=[drawing.pop("metric")])  # for the caption as well
    with pw.plot.style(style, _width(width)):  # type: ignore[arg-type]
        figure = draw(saved, kind, drawing, result)
        write_file(place, _content(figure, form))
    say(f"{place}: {kind or suiting(saved, result)} of {result}")
    if caption:
        say(pw.plot.fig_caption(saved))


def draw(saved: Any, kind: Kind | None, options: dict[str, Any], path: str) -> Any:
    """Draw what was saved, on a new figure of matplotlib, and return it.

    Parameters
    ----------
    saved
        From `patchwidgets.open`.
    kind
        The name of a function of `patchwidgets.plot`; by default the one that suits.
    options
        Some of its arguments.
    path
        What messages call it.

    Raises
    ------
    FileError
        There is no figure of it.
    BadParameter
        The function has no such argument.
    PatchError, SiteError, MetricError
        As of the function.
    """
    import patchwidgets as pw

    name = kind or suiting(saved, path)
    function: Callable[..., Any] = getattr(pw.plot, name)
    known = [each for each in signature(function).parameters if each != "ax"]
    for option in options:
        if option not in known:
            has = [f"--{each}" for each in known if each in _OPTIONS]
            raise typer.BadParameter(f"{name} has no --{option}; it has {', '.join(has)}")
    return function(*_drawn(saved, name), **options).figure


_OPTIONS = ("metric", "quantity", "k", "limit", "cmap", "title")


def suiting(saved: Any, path: str) -> Kind:
    """Return the name of the figure that suits what was saved.

    Raises
    ------
    FileError
        There is none.

    Examples
    --------
    >>> from patchwidgets.cli.plotting import suiting
    >>> suiting(exp.sweep("z", progress=False), "heads.nc"), suiting(exp.edges(progress=False), "edges.nc")
    ('heatmap', 'paths')
    """
    import patchwidgets as pw

    if isinstance(saved, pw.SweepResult):
        return _of_sweep(saved.axes)
    name = type(saved).__name__
    found: Kind | None = {
        "Circuit": "circuit",
        "CircuitResult": "circuit",
        "FaithfulnessCurve": "faithfulness",
        "HistoryList": "pairs",
        "SavedExplorer": "pairs",
    }.get(name)  # type: ignore[assignment]
    if found is None:
        page = (
            f" To see its prompts: patchwidgets page {path} -o page.html" if name == "Task" else ""
        )
        raise FileError(f"{path} holds a {name}, of which there is no figure.{page}")
    return found


def _of_sweep(axes: tuple[str, ...]) -> Kind:
    if axes == ("alpha",):
        return "dose"
    if axes == ("edge",):
        return "paths"
    if len(axes) == 2 and axes[0] == "layer":
        return "heatmap"
    return "layers" if "layer" in axes else "pairs"


def _drawn(saved: Any, kind: str) -> list[Any]:
    """Return what a function draws: of an explorer or a history, every patch."""
    patches = getattr(saved, "history", saved)
    return list(patches) if kind == "pairs" and isinstance(patches, list) else [saved]


def _format(output: str) -> str:
    form = Path(output).suffix.lower().removeprefix(".")
    if form not in FORMATS:
        endings = ", ".join(f".{each}" for each in FORMATS)
        raise typer.BadParameter(f"-o {output} ends in none of {endings}, which say what to draw")
    return form


def _width(text: str | None) -> str | float | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        return text


def _content(figure: Any, form: str) -> bytes:
    with BytesIO() as buffer:
        figure.savefig(buffer, format=form, dpi=DPI)
        return buffer.getvalue()
