"""What a command is given: a model and a task by name, and a place for a file. Costs what is loaded."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

import patchwidgets as pw
from patchwidgets.errors import FileError, SiteError, TaskError, shown

if TYPE_CHECKING:
    from patchwidgets.models.verification import Verify

TEACHING = "teaching"
"""What the command line calls the model of ``pw.load()``."""


def load_model(
    name: str,
    dtype: str = "float32",
    device: str | None = None,
    device_map: str | None = None,
    revision: str | None = None,
    trust_remote_code: bool = False,
    verify: "Verify" = "strict",
) -> "pw.Model":
    """Load a model by name; arguments and errors are those of `patchwidgets.load`."""
    return pw.load(
        None if name == TEACHING else name,
        dtype=dtype,
        device=device,
        device_map=device_map,
        revision=revision,
        trust_remote_code=trust_remote_code,
        verify=verify,
    )


def read_task(path: str) -> "pw.Task":
    """Read a task from a file: CSV, or JSON in either of its forms.

    Raises
    ------
    FileError, TaskError
        As `Task.from_csv` and `Task.from_json`.
    """
    return (
        pw.Task.from_csv(path) if Path(path).suffix.lower() == ".csv" else pw.Task.from_json(path)
    )


def open_saved(path: str) -> Any:
    """Read whatever patchwidgets wrote, or a table of a task; errors are those of `patchwidgets.open`."""
    return read_task(path) if Path(path).suffix.lower() == ".csv" else pw.open(path)


@contextmanager
def naming_rows(path: str) -> Iterator[None]:
    """Let errors about a pair of a table name its row, which is what a person looks for."""
    try:
        yield
    except (TaskError, SiteError) as error:
        found = re.match(r"Pair ([0-9]+): ", str(error))
        if found is None or Path(path).suffix.lower() != ".csv":
            raise
        from patchwidgets.tasks.csv_file import csv_rows

        row = csv_rows(path)[int(found[1])]
        rest = str(error)[found.end() :]
        raise type(error)(f"{shown(Path(path).name)}, row {row}: {rest}") from error


def find_task(text: str) -> Callable[["pw.Model | None"], "pw.Task"]:
    """Read the task that a text names, or find what makes it: before a model is loaded, so that mistakes show at once.

    Parameters
    ----------
    text
        A file, or a function in `patchwidgets.tasks` with its arguments: ``"pairs.csv"``, ``"ioi:32"``,
        ``"modular:50,modulus=5"``.

    Returns
    -------
    Callable
        From a model to the task. Functions that leave out words which are not one token of a model get it.

    Raises
    ------
    FileError, TaskError, MissingError
        There is no such file or task. What is returned raises ArgumentError too.

    Examples
    --------
    >>> from patchwidgets.cli.inputs import find_task
    >>> len(find_task("ioi:3")(model)), find_task("modular:1,modulus=5")(None).answer
    (3, ['2'])
    """
    name, _, arguments = text.partition(":")
    if not re.fullmatch(r"[a-z_]+", name):
        task = read_task(text)
        return lambda _: task
    generator = _generator(text, name)
    given = dict(_argument(each, text) for each in arguments.split(",") if each)
    if "model" not in generator.__annotations__:
        return lambda _: generator(**given)
    return lambda model: generator(**({"model": model} | given))


def _generator(text: str, name: str) -> Callable[..., Any]:
    if name not in pw.tasks.__all__ and Path(text).exists():
        raise TaskError(
            f"{shown(text)} does not say what it is. Let its name end in .csv or .json."
        )
    made = [each for each in pw.tasks.__all__ if _makes_task(each)]
    if name not in pw.tasks.__all__:
        near = get_close_matches(name, made, 1, 0.5)
        meant = f" Did you mean {near[0]}?" if near else ""
        raise TaskError(
            f"There is no task {shown(name)}.{meant} There are {', '.join(made)}; or name a file, which ends in .csv "
            "or .json."
        )
    found: Callable[..., Any] = getattr(pw.tasks, name)
    if not _makes_task(name):
        raise TaskError(f"pw.tasks.{name} makes no task; try ioi, or the name of a file.")
    return found


def _makes_task(name: str) -> bool:
    return getattr(pw.tasks, name).__annotations__.get("return") is pw.Task


def _argument(text: str, task: str) -> tuple[str, Any]:
    """Return one argument, as ``digits=1``; a number alone is the number of pairs."""
    name, equals, value = text.partition("=")
    if not equals:
        name, value = "n", text
    if re.fullmatch(r"-?[0-9]{1,9}", value):
        return name, int(value)
    if not equals:
        raise TaskError(
            f"{shown(task)}: {shown(text)} is no number of pairs; write arguments as in ioi:32,seed=1."
        )
    return name, {"True": True, "False": False}.get(value, value)


def free_place(path: str, force: bool) -> str:
    """Return a path for a file, if none is there that must not be replaced.

    Raises
    ------
    FileError
        There is a file, or the folder is not there.
    """
    if Path(path).exists() and not force:
        raise FileError(
            f"{path} is there already. Add --force to replace it, or name another file."
        )
    if not Path(path).absolute().parent.is_dir():
        raise FileError(f"{path}: there is no folder {Path(path).parent}. Make it first.")
    return path
