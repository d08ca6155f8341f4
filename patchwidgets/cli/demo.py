"""``patchwidgets demo``: a first notebook in JupyterLab, or without Jupyter a page. Costs a file in the folder."""

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from patchwidgets.cli import options as given
from patchwidgets.cli.lab import PORTS, is_free, run_lab, show_in_browser
from patchwidgets.cli.running import answering, note
from patchwidgets.errors import FileError
from patchwidgets.storage import read_file, write_file

PACKAGE = Path(__file__).parents[1]
FOLDERS = (PACKAGE / "data" / "demo", PACKAGE / "data" / "lectures", PACKAGE.parent / "notebooks")
"""Where notebooks are: in the package; the lectures in an installed one; the lectures in a clone."""
FIRST = "first_steps"
PAGE = "patchwidgets-demo.html"
PROMPTS = (
    "When Mary and John went to the store, John gave a drink to",
    "When Mary and John went to the store, Mary gave a drink to",
)
LARGEST_NOTEBOOK = 2**25


@answering
def demo(
    notebook: Annotated[
        str,
        typer.Argument(metavar="NOTEBOOK", help="Which one; a lecture by its name or number."),
    ] = FIRST,
    page: Annotated[
        bool, typer.Option("--page", help="A page for the browser, also where JupyterLab is.")
    ] = False,
    port: Annotated[
        int | None, typer.Option("--port", min=1, max=65535, help="Of JupyterLab.")
    ] = None,
    no_open: Annotated[
        bool, typer.Option("--no-open", help="Open no browser; JupyterLab runs until Ctrl-C.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Begin anew: replace the file that is there.")
    ] = False,
    traceback: given.Traceback = False,
) -> None:
    """Look around: a notebook or a page to click in.

    A copy of the notebook in this folder is opened in JupyterLab. It runs on the model in the package; nothing is
    downloaded. Where JupyterLab is not installed, you get a saved page that a browser opens, patchwidgets-demo.html.
    A file that is there already is opened as it is.

    \b
    For example:
      patchwidgets demo
      patchwidgets demo 4                    lecture 4
      patchwidgets demo --page --no-open     only write the page
    """
    without_lab = find_spec("jupyterlab") is None
    if notebook != FIRST and (page or without_lab):
        raise FileError(_no_page_of(notebook, without_lab))
    if page or without_lab:
        _page(opens=not no_open, force=force)
        return
    place = _copy(find_notebook(notebook), force)
    run_lab(place.name, _port(port), opens=not no_open)


def _no_page_of(notebook: str, without_lab: bool) -> str:
    if without_lab:
        return f"Notebook {notebook!r} needs JupyterLab: pip install jupyterlab. 'patchwidgets demo' does without it."
    return (
        f"--page is a page of its own, and none of notebook {notebook!r}. Leave one of the two out."
    )


def notebooks() -> dict[str, Path]:
    """Return the notebooks that there are, by name.

    Examples
    --------
    >>> from patchwidgets.cli.demo import notebooks
    >>> "first_steps" in notebooks()
    True
    """
    found = [file for folder in FOLDERS for file in sorted(folder.glob("*.ipynb"))]
    return {file.stem: file for file in reversed(found)}


def find_notebook(name: str) -> Path:
    """Return a notebook by its name, a part of it, or the number of its lecture.

    Raises
    ------
    FileError
        There is none, or several; it names all.
    """
    there = notebooks()
    wanted = name.zfill(2) if name.isdecimal() else name.removesuffix(".ipynb")
    found = [key for key in there if key == wanted or key.startswith(f"{wanted}_")]
    found = found or [key for key in there if wanted in key]
    if len(found) != 1:
        raise FileError(
            f"{name!r} names {'no' if not found else 'more than one'} notebook; there are {', '.join(sorted(there))}."
        )
    return there[found[0]]


def _copy(source: Path, force: bool) -> Path:
    place = Path(source.name)
    if place.exists() and not force:
        note(f"{place} is there already and is opened as it is; --force begins anew.")
    else:
        write_file(place, read_file(source, LARGEST_NOTEBOOK, "It came with patchwidgets."))
    return place


def _port(port: int | None) -> int:
    free = next((each for each in ([port] if port else PORTS) if is_free(each)), None)
    if free is None:
        used = f"Port {port} is" if port else f"Ports {PORTS[0]} to {PORTS[-1]} are"
        raise FileError(f"{used} in use. Choose another, as in --port {(port or PORTS[-1]) + 1}.")
    return free


def _page(*, opens: bool, force: bool) -> None:
    place = Path(PAGE)
    if place.exists() and not force:
        note(f"{place} is there already and is opened as it is; --force begins anew.")
    else:
        import patchwidgets as pw

        task = pw.Task(*PROMPTS, answer=" Mary", foil=" John", positions={"S2": 9})
        pw.Experiment(pw.load(), task, ["logit_diff", "kl"]).to_html(place, "L0.H1")
        note(f"{place}: the explorer of the teaching model; every click is answered.")
    if opens:
        show_in_browser(place)
