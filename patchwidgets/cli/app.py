"""The command ``patchwidgets`` with its subcommands. Importing it costs 0.1 s: no torch before there is work for it.

Exit codes: 0 done, 1 a message for people, 2 a wrong command line, 130 interrupted.
"""

import sys
from io import TextIOWrapper
from typing import Annotated

import typer

from patchwidgets.cli.checking import check
from patchwidgets.cli.demo import demo
from patchwidgets.cli.opening import open_file
from patchwidgets.cli.paging import page
from patchwidgets.cli.plotting import plot
from patchwidgets.cli.running import say
from patchwidgets.cli.sweeping import edges, sweep

app = typer.Typer(
    name="patchwidgets",
    no_args_is_help=True,
    add_completion=False,
    # Plain text: examples stay as they are written, and rich needs no import.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
app.command()(demo)
app.command()(check)
app.command()(sweep)
app.command()(edges)
app.command()(plot)
app.command()(page)
app.command("open")(open_file)


def _version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        say(f"patchwidgets {version('patchwidgets')}")
        raise typer.Exit


@app.callback()
def patchwidgets(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_version, is_eager=True, help="Say the version and stop."
        ),
    ] = False,
) -> None:
    """Activation patching of language models.

    \b
    For example:
      patchwidgets demo                                 look around, in JupyterLab or a browser
      patchwidgets check smollm2                        can this model be patched?
      patchwidgets sweep ioi:32 z -m smollm2            patch every head
      patchwidgets plot ioi-z.nc -o heads.pdf           draw it
    """


def main() -> None:
    """Run the command line of this process, and exit."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal without × says ?
    app()
