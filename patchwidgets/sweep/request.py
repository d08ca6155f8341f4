"""What a sweep is asked for, as plain data. A misspelt argument of a request that comes as a dict is an error."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from difflib import get_close_matches
from typing import TypedDict

from patchwidgets.errors import PatchError
from patchwidgets.sites import Component, Patchable, Site

CellPatch = Patchable | Iterable[Patchable]
"""What one cell of a sweep patches: one patch, or several joint ones."""


class SweepArguments(TypedDict, total=False):
    """The arguments of one of several sweeps, for `Experiment.sweep_many`; they mean what they mean in `sweep`."""

    component: Component | None
    over: Sequence[str] | None
    sites: Sequence[CellPatch] | None
    make: Callable[[Site], CellPatch] | None
    layers: Sequence[int] | None
    top: int | None
    window: int


@dataclass(frozen=True, eq=False)
class SweepRequest:
    """One sweep, with the arguments of `Experiment.sweep`."""

    component: Component | None = None
    over: Sequence[str] | None = None
    sites: Sequence[CellPatch] | None = None
    make: Callable[[Site], CellPatch] | None = None
    layers: Sequence[int] | None = None
    top: int | None = None
    window: int = 1

    @classmethod
    def of(cls, request: "Component | SweepArguments | SweepRequest") -> "SweepRequest":
        """A component, or the arguments of a sweep as a dict, as a request.

        Raises
        ------
        PatchError
            An argument that a sweep does not have, or neither a component nor arguments.
        """
        if isinstance(request, SweepRequest):
            return request
        if isinstance(request, str):
            return cls(component=request)
        if not isinstance(request, Mapping):
            raise PatchError(
                f"Expected a component such as 'z', or the arguments of a sweep as a dict; got {request!r}."
            )
        _check_names(request)
        return cls(**request)


def _check_names(arguments: Mapping[str, object]) -> None:
    known = [field.name for field in fields(SweepRequest)]
    for name in arguments:
        if name not in known:
            close = get_close_matches(name, known, 1)
            meant = f"did you mean {close[0]!r}?" if close else f"expected {', '.join(known)}."
            raise PatchError(f"A sweep has no argument {name!r}: {meant}")
