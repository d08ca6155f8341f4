"""``patchwidgets open``: what a file is, in words. Costs reading it, and with ``--show`` drawing it."""

import os
import tempfile
from html import unescape
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from patchwidgets.cli import options as given
from patchwidgets.cli.inputs import open_saved
from patchwidgets.cli.lab import show_in_browser
from patchwidgets.cli.plotting import draw, suiting
from patchwidgets.cli.running import answering, say
from patchwidgets.cli.sweeping import largest
from patchwidgets.errors import FileError, PatchwidgetsError, shown

if TYPE_CHECKING:
    from patchwidgets.files.envelope import Stamp

START = 2**16
"""How much of a page is read to find its title."""


@answering
def open_file(
    file: Annotated[str, typer.Argument(metavar="FILE", help="Whatever patchwidgets wrote.")],
    show: Annotated[
        bool, typer.Option("--show", help="Show its figure, or the page, in the browser.")
    ] = False,
    traceback: given.Traceback = False,
) -> None:
    """Say what a file is.

    Of which model and task it is, how large, how to load and to draw it.

    \b
    For example:
      patchwidgets open ioi-z.nc
      patchwidgets open page.html --show
    """
    if file.lower().endswith((".html", ".htm")):
        say("\n".join(_about_page(file)))
        if show:
            show_in_browser(Path(file))
        return
    lines, saved = about(file)
    say("\n".join(lines))
    if show:
        show_in_browser(_picture(saved, file))


def about(file: str) -> tuple[list[str], Any]:
    """Return what a file is, as lines, and what it holds.

    Raises
    ------
    FileError, TaskError
        It cannot be read, or is none of patchwidgets.
    """
    import patchwidgets as pw

    saved = open_saved(file)
    load = "pw.Task.from_csv" if file.lower().endswith(".csv") else "pw.open"
    facts = [
        ("holds", _in_words(saved)),
        ("model", _model(saved)),
        *_task(saved),
        ("size", f"{Path(file).stat().st_size:,} bytes"),
        ("in Python", f"{load}({file!r})"),
        ("figure", _figure(saved, file)),
    ]
    width = max(len(name) for name, _ in facts) + 2
    lines = [f"{name:{width}}{text}" for name, text in facts if text]
    if isinstance(saved, pw.SweepResult):
        lines += ["", *table] if (table := largest(saved)) else []
    return lines, saved


def _in_words(saved: Any) -> str:
    import patchwidgets as pw

    if isinstance(saved, pw.Task):
        return f"a task of {len(saved)} pair{'s' * (len(saved) != 1)}"
    if isinstance(saved, list):
        return f"the history of an explorer, {len(saved)} patch{'es' * (len(saved) != 1)}"
    return repr(saved)


def _model(saved: Any) -> str:
    stamp: Stamp | None = getattr(saved, "stamp", None)
    if stamp is None or not stamp.name:
        return ""
    weights = f", weights {stamp.weights[:12]}…" if stamp.weights else ""
    return f"{stamp.name}, {stamp.dtype or 'dtype unknown'}{weights}"


def _task(saved: Any) -> list[tuple[str, str]]:
    """Return the first pair of what was measured."""
    import patchwidgets as pw
    from patchwidgets.tasks.json_file import fields_of_json

    task = saved if isinstance(saved, pw.Task) else getattr(saved, "task", None)
    if isinstance(saved, pw.SweepResult) and "task" in saved.attrs:
        task = pw.Task(**fields_of_json(saved.attrs["task"], "the task"))
    if not isinstance(task, pw.Task):
        return []
    pair = task.pair(0)
    more = f"   (1 of {len(task)} pairs)" if len(task) > 1 else ""
    return [
        ("clean", f"{shown(pair.clean)} {shown(pair.answer)}{more}"),
        ("corrupted", f"{shown(pair.corrupted)} {'' if pair.foil is None else shown(pair.foil)}"),
    ]


def _figure(saved: Any, file: str) -> str:
    try:
        suiting(saved, file)
    except PatchwidgetsError:
        return ""
    return f"patchwidgets plot {file} -o {Path(file).with_suffix('.pdf')}"


def _about_page(file: str) -> list[str]:
    from patchwidgets.storage import read_start

    start = read_start(file, START).decode(errors="replace")
    title = unescape(start.partition("<title>")[2].partition("</title>")[0])
    if 'id="explorer"' not in start and "patchwidgets" not in start:
        raise FileError(f"{file} is a page, but none that patchwidgets wrote.")
    size = f"{Path(file).stat().st_size:,} bytes"
    return [f"holds  a page: {title}", f"size   {size}", f"show   patchwidgets open {file} --show"]


def _picture(saved: Any, file: str) -> Path:
    """Draw the figure that suits, as a file that stays for the browser."""
    os.environ.setdefault("MPLBACKEND", "agg")
    handle, name = tempfile.mkstemp(prefix="patchwidgets-", suffix=".png")
    with os.fdopen(handle, "wb") as picture:
        draw(saved, None, {}, file).savefig(picture, format="png", dpi=150)
    return Path(name)
