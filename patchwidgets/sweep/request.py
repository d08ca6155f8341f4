"""What a sweep is asked for, as plain data. A misspelt argument of a request that comes as a dict is an error."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TypedDict

from patchwidgets.errors import PatchError
from patchwidgets.guesses.answering import did_you_mean
from patchwidgets.guesses.arguments import SWEEP_ARGUMENTS
from patchwidgets.sites import Component, Patchable, Site

CellPatch = Patchable | Iterable[Patchable]
"""What one cell of a sweep patches: one patch, or several joint ones."""


@dataclass(frozen=True)
class Top:
    """How many of a model's neurons a sweep patches, in place of a plain number: ``top=pw.Top(1000, sampled=500)``.

    Parameters
    ----------
    n
        How many to choose.
    sampled
        How many of those that are not chosen to draw at random and compute exactly as well, for `SweepResult.missed`.
    seed
        Of the draw.

    Raises
    ------
    PatchError
        Less than one neuron, or a negative number of others.

    Examples
    --------
    >>> exp.plan("neuron", top=pw.Top(100, sampled=50)).sites
    150
    """

    n: int
    sampled: int = 200
    seed: int = 0

    def __post_init__(self) -> None:
        if self.n < 1:
            raise PatchError(f"top is {self.n}; expected a number of neurons, at least 1.")
        if self.sampled < 0:
            raise PatchError(f"sampled is {self.sampled}; expected a number of neurons, or 0.")

    @classmethod
    def of(cls, top: "int | Top") -> "Top":
        """A number as the `Top` that it stands for."""
        return top if isinstance(top, Top) else cls(top)


class SweepArguments(TypedDict, total=False):
    """The arguments of one of several sweeps, for `Experiment.sweep_many`; they mean what they mean in `sweep`."""

    component: Component | None
    over: Sequence[str] | None
    sites: Sequence[CellPatch] | None
    make: Callable[[Site], CellPatch] | None
    layers: Sequence[int] | None
    top: int | Top | None
    window: int


@dataclass(frozen=True, eq=False)
class SweepRequest:
    """One sweep, with the arguments of `Experiment.sweep`."""

    component: Component | None = None
    over: Sequence[str] | None = None
    sites: Sequence[CellPatch] | None = None
    make: Callable[[Site], CellPatch] | None = None
    layers: Sequence[int] | None = None
    top: int | Top | None = None
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
            meant = did_you_mean(name, known, SWEEP_ARGUMENTS) or f" Expected {', '.join(known)}."
            raise PatchError(f"A sweep has no argument {name!r}.{meant}")
