"""How every command ends: an exit code, and of an error that was foreseen its text alone. Costs nothing."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

import typer

from patchwidgets.errors import PatchwidgetsError

FAILED, INTERRUPTED = 1, 130
Arguments = ParamSpec("Arguments")


def say(text: str = "") -> None:
    """Write a line of the answer, to standard output."""
    typer.echo(text)


def note(text: str) -> None:
    """Write a line about the answer, to standard error."""
    typer.echo(text, err=True)


def answering(command: Callable[Arguments, None]) -> Callable[Arguments, None]:
    """Let a command, one of whose options is `traceback`, end with a message and an exit code where it cannot do it.

    Errors that nobody foresaw keep their traceback: they are to be reported.
    """

    @wraps(command)
    def run(*args: Arguments.args, **kwargs: Arguments.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except KeyboardInterrupt as interrupt:
            note("Interrupted: no result was written.")
            raise typer.Exit(INTERRUPTED) from interrupt
        except PatchwidgetsError as error:
            if kwargs.get("traceback"):
                raise
            note(str(error))
            raise typer.Exit(FAILED) from error

    return run


def table(rows: list[list[str]]) -> list[str]:
    """Return rows as lines with aligned columns; what begins with a sign or a digit stands to the right.

    Examples
    --------
    >>> from patchwidgets.cli.running import table
    >>> table([["site", "effect"], ["L0.H1", "+12.64"], ["L1.H1", "-0.5"]])
    ['site   effect', 'L0.H1  +12.64', 'L1.H1    -0.5']
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(map(_cell, row, widths)).rstrip() for row in rows]


def _cell(text: str, width: int) -> str:
    return text.rjust(width) if text[:1] in tuple("+-0123456789") else text.ljust(width)
