"""What the sources of this folder have in common: frozen data that says what a patch writes. Costs nothing."""

import math
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, get_args

from patchwidgets.errors import PatchError, shown
from patchwidgets.sites import Patch, Site

if TYPE_CHECKING:
    from torch import Tensor

RunChoice = Literal["host", "source", "clean", "corrupted"]
"""One of the unpatched runs of an experiment."""
RUN_CHOICES: tuple[str, ...] = get_args(RunChoice)


@dataclass(frozen=True, repr=False)
class SourceData:
    """What a patch writes, as data. An experiment works out the values for its prompts.

    Attributes
    ----------
    kind
        The function of `patchwidgets.sources` that makes it, and its name in files.
    """

    kind: ClassVar[str]

    def check(self, site: Site) -> None:
        """Refuse a site that this source does not fit.

        Raises
        ------
        PatchError
            It does not fit.
        """

    def combined(self, _host: "Tensor", value: "Tensor") -> "Tensor":
        """Return what is written, from the activation of the patched run at the site and the source's values."""
        return value

    @property
    def read_in_place(self) -> Any:
        """The run that is read where the patch writes, at counterparts of the host's positions; else ``"host"``."""
        return "host"

    @property
    def reads(self) -> Any:
        """The `Run` or `Task` of the user's own that the values come from, or None."""
        return None

    def arguments(self) -> tuple[list[Any], dict[str, Any]]:
        """Return the arguments of the function that makes this source, without those that have their default."""
        named = {field.name: getattr(self, field.name) for field in fields(self) if field.init}
        by_default = {field.name: field.default for field in fields(self)}
        return [], {name: each for name, each in named.items() if each != by_default[name]}

    def __str__(self) -> str:
        plain, named = self.arguments()
        texts = [*map(_short, plain), *(f"{name}={_short(each)}" for name, each in named.items())]
        return f"{self.kind}({', '.join(texts)})"

    def __repr__(self) -> str:
        return f"pw.sources.{self}"


def _short(value: Any) -> str:
    """An argument as text: short where it is a task, a run or a tensor."""
    if value is None or isinstance(value, str | int | float | list | tuple):
        return shown(value)
    return f"<{type(value).__name__}>"


@dataclass(frozen=True, repr=False)
class DrawnSource(SourceData):
    """A source that is drawn at random, `n` times: each draw is a run of its own, and results are means over draws.

    Attributes
    ----------
    n
        How many draws.
    seed
        Of the random numbers.
    draw
        Where one run is made: which of the draws it is.
    """

    n: int = 10
    seed: int = 0
    draw: int = 0

    def __post_init__(self) -> None:
        if not _is_whole(self.n) or self.n < 1:
            raise PatchError(f"n is {shown(self.n)}; expected a number of draws, at least 1.")
        if not _is_whole(self.seed) or self.seed < 0:
            raise PatchError(
                f"seed is {shown(self.seed)}; expected a whole number from 0, or None for a new one."
            )

    def drawn(self, draw: int) -> Self:
        """Return one of the draws."""
        return replace(self, draw=draw)

    def arguments(self) -> tuple[list[Any], dict[str, Any]]:
        """Return the arguments, always with `n` and the seed."""
        plain, named = super().arguments()
        named = {name: each for name, each in named.items() if name not in ("n", "seed", "draw")}
        return plain, named | {"n": self.n, "seed": self.seed}


def draws_of(patches: Sequence[Patch]) -> list[list[Patch]]:
    """Return joint patches once for each draw of their sources; the draws of several sources go together.

    Raises
    ------
    PatchError
        Two sources have different numbers of draws.
    """
    counts = {patch.source.n for patch in patches if isinstance(patch.source, DrawnSource)}
    if len(several := counts - {1}) > 1:
        listed = " and ".join(map(str, sorted(several)))
        raise PatchError(
            f"Joint patches with {listed} draws: in each draw all of them act together, so give them the same n=."
        )
    return [[_drawn(patch, draw) for patch in patches] for draw in range(max(counts, default=1))]


def check_one_draw(patches: Sequence[Patch], what: str) -> None:
    """Refuse sources of several draws where `what` reads one run.

    Raises
    ------
    PatchError
        There are several.
    """
    if len(draws := draws_of(patches)) > 1:
        raise PatchError(
            f"{what} reads one run, and this patch has {len(draws)} draws; give its source n=1."
        )


def _drawn(patch: Patch, draw: int) -> Patch:
    source = patch.source
    if not isinstance(source, DrawnSource) or source.n == 1:
        return patch
    return Patch(patch.site, source.drawn(draw), patch.fn)


def in_words(patch: Patch) -> str:
    """Return the site of a patch, with its source if that has a name: a run, or one of `patchwidgets.sources`."""
    named = isinstance(patch.source, str | SourceData) and patch.source != "source"
    return f"{patch.site} = {patch.source}" if named else str(patch.site)


def seed_or_new(seed: int | None) -> int:
    """Return the seed, or a new one, which the source then keeps and shows."""
    return secrets.randbits(32) if seed is None else seed


def check_run(run: object, kind: str) -> None:
    """Refuse what names none of the unpatched runs.

    Raises
    ------
    PatchError
        It is another text.
    """
    if run not in RUN_CHOICES:
        raise PatchError(
            f"{kind}(run={shown(run)}): expected one of {', '.join(map(repr, RUN_CHOICES))}."
        )


def check_number(value: object, name: str) -> None:
    """Refuse what is no finite number.

    Raises
    ------
    PatchError
        It is NaN, infinite, or no number.
    """
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not math.isfinite(value):  # type: ignore[arg-type]
        raise PatchError(f"{name} is {shown(value)}; expected a finite number.")


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
