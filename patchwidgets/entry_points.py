"""What other installed packages add, by entry points: records of architectures, and metrics. 30 ms at first.

A package is imported when something of it is asked for, and no earlier; one that is broken concerns nobody else.
`docs/extending.md` shows a package.
"""

import os
import sys
from collections.abc import Container, Sequence
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Literal

from patchwidgets.errors import ExtensionError, ExtensionWarning, in_one_line, type_named, warn

Group = Literal["patchwidgets.architectures", "patchwidgets.metrics"]
State = tuple[tuple[str, int], ...]
_SINGULAR: dict[Group, str] = {
    "patchwidgets.architectures": "record of an architecture",
    "patchwidgets.metrics": "metric",
}


def added(group: Group, ours: Container[str]) -> dict[str, tuple[EntryPoint, ...]]:
    """Return what other packages add, by name; usually one of each name.

    Parameters
    ----------
    group
        What is added.
    ours
        The names that are there already. Who adds one of them is refused with a warning.
    """
    others: dict[str, tuple[EntryPoint, ...]] = {}
    for entry in _installed(group, _state()):
        if entry.name in ours:
            warn(
                f"The package {package_of(entry)!r} adds a {_SINGULAR[group]} named {entry.name!r}, which patchwidgets "
                "has itself; that one stays.",
                ExtensionWarning,
            )
        else:
            others[entry.name] = (*others.get(entry.name, ()), entry)
    return others


def _state() -> State:
    """Return what changes when a package is installed or a folder is added: where Python looks, and since when."""
    return tuple(
        (folder, os.stat(folder).st_mtime_ns) for folder in sys.path if os.path.exists(folder)
    )


@lru_cache(maxsize=len(_SINGULAR))
def _installed(group: Group, _state: State) -> tuple[EntryPoint, ...]:
    return tuple(dict.fromkeys(entry_points(group=group)))


def load_added(
    group: Group, entries: Sequence[EntryPoint], of: type, or_function: bool = False
) -> Any:
    """Import what a package adds under one name.

    Parameters
    ----------
    entries
        All of this name, from `added`.
    of, or_function
        The class that it has to be of, and whether a function does as well.

    Raises
    ------
    ExtensionError
        Several packages add it, it cannot be imported, or it is something else.
    """
    entry, *others = entries
    what = f"{_SINGULAR[group]} {entry.name!r}"
    if others:
        packages = " and ".join(sorted(repr(package_of(each)) for each in entries))
        raise ExtensionError(f"The {what} is added by {packages}. Uninstall all of them but one.")
    package = package_of(entry)
    try:
        loaded = entry.load()
    except Exception as error:
        raise ExtensionError(
            f"The {what} of the package {package!r} ({entry.value}) cannot be imported: {in_one_line(error)}. Update "
            f"or uninstall {package!r}, or tell its authors."
        ) from error
    if not isinstance(loaded, of) and not (or_function and callable(loaded)):
        expected = f"pw.{of.__name__}" if not or_function else f"a function or {of.__name__}"
        raise ExtensionError(
            f"The {what} of the package {package!r} ({entry.value}) is {type_named(loaded)}; expected {expected}. Tell "
            "its authors."
        )
    return loaded


def package_of(entry: EntryPoint) -> str:
    """Return the name of the package that has an entry point, as ``pip`` knows it."""
    return "unknown" if entry.dist is None else str(entry.dist.name)
