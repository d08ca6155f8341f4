"""Sources that move an activation: along a vector, or from another place. Plain data; costs nothing."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from patchwidgets.errors import PatchError, shown
from patchwidgets.guesses.answering import answers
from patchwidgets.guesses.arguments import SOURCE_ARGUMENTS
from patchwidgets.hooks.interrupts import Uninterrupted
from patchwidgets.sites import Site
from patchwidgets.sources.ablations import BOUND_TO_POSITION
from patchwidgets.sources.source import RUN_CHOICES, SourceData, check_number

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, repr=False, eq=False)
class Steer(SourceData):
    """The host's activation plus a multiple of a vector; `steer` documents the fields."""

    kind: ClassVar[str] = "steer"
    vector: "Tensor"
    alpha: float = 1.0

    def __post_init__(self) -> None:
        check_number(self.alpha, "alpha")

    def combined(self, host: "Tensor", value: "Tensor") -> "Tensor":
        """Return host + α · vector."""
        return host + self.alpha * value

    def arguments(self) -> tuple[list[Any], dict[str, Any]]:
        """Return the vector and α."""
        return [self.vector], {"alpha": self.alpha}


DIFFERENCE = "clean - corrupted"
"""The vector of steering that has a name instead of numbers."""


@dataclass(frozen=True, repr=False)
class SteerDifference(SourceData):
    """The host's activation plus a multiple of clean − corrupted at the site; `steer` documents the fields."""

    kind: ClassVar[str] = "steer"
    alpha: float = 1.0

    def __post_init__(self) -> None:
        check_number(self.alpha, "alpha")

    def combined(self, host: "Tensor", value: "Tensor") -> "Tensor":
        """Return host + α · (clean − corrupted)."""
        return host + self.alpha * value

    @property
    def read_in_place(self) -> Any:
        """The source run: it acts where both prompts have a token."""
        return "source"

    def arguments(self) -> tuple[list[Any], dict[str, Any]]:
        """Return the name of the vector, and α."""
        return [DIFFERENCE], {"alpha": self.alpha}


@dataclass(frozen=True, repr=False)
class At(SourceData):
    """The activation at another site; `at` documents the fields."""

    kind: ClassVar[str] = "at"
    site: Site
    run: Any = "source"

    def __post_init__(self) -> None:
        if self.run not in RUN_CHOICES and not hasattr(self.run, "activation_of"):
            names = ", ".join(map(repr, RUN_CHOICES))
            raise PatchError(f"at(run={shown(self.run)}): expected one of {names}, or a Run.")
        if self.site.component in BOUND_TO_POSITION and self.site.pos is not None:
            raise PatchError(
                f"at('{self.site}'): {self.site.component} holds for the position at which it was computed; leave the "
                f"position out, as in at('{self.site.name}'), to read the positions that are patched."
            )

    def check(self, site: Site) -> None:
        """Refuse to mix what holds for its own position, or has an axis of keys, with anything else."""
        own = {site.component, self.site.component} & BOUND_TO_POSITION
        if own and site.component != self.site.component:
            raise PatchError(
                f"{site}: {self} is of another kind; q, k and patterns are replaced by those of another layer or head."
            )

    @property
    def read_in_place(self) -> Any:
        """The run, if the position is left out."""
        return self.run if self.site.pos is None else "host"

    @property
    def reads(self) -> Any:
        """The user's own run, if it is one."""
        return None if isinstance(self.run, str) else self.run

    def arguments(self) -> tuple[list[Any], dict[str, Any]]:
        """Return the site as text, and the run."""
        return [str(self.site)], {} if self.run == "source" else {"run": self.run}


@answers(SOURCE_ARGUMENTS)
def steer(vector: Any, alpha: float = 1.0) -> Steer | SteerDifference:
    """Add `alpha` times a vector to the activation: activation steering.

    The vector is added to what the patched run holds at the site by then. `Experiment.dose_curve` measures the metric
    over α.

    Parameters
    ----------
    vector
        A tensor or array ``[d]`` of the site, or one that broadcasts to ``[pair, pos, d]``. It is copied. A tensor is
        no data, so that such a source cannot be written as JSON. Or the text ``"clean - corrupted"``: for each pair
        what its two runs differ by at the site, which is data. Of a single site, α = 1 then writes the clean value into
        the corrupted run, and α = −1 the corrupted value into the clean run.
    alpha
        How much of it.

    Raises
    ------
    PatchError
        α is no finite number, or the vector is neither an array of numbers nor the name of one.

    Examples
    --------
    >>> names = exp.clean["L1.resid_post@-1"] - exp.corrupted["L1.resid_post@-1"]
    >>> steered = exp.patch(pw.Patch("L1.resid_post@-1", pw.sources.steer(names, alpha=0.5)))
    >>> 0.2 < steered.recovery < 0.9
    True
    >>> half = pw.sources.steer("clean - corrupted", alpha=0.5)
    >>> exp.patch(pw.Patch("L1.resid_post@-1", half))
    PatchResult(L1.resid_post@-1 = steer('clean - corrupted', alpha=0.5), denoise: ..., recovery 0.47...)
    """
    if isinstance(vector, str):
        if vector != DIFFERENCE:
            raise PatchError(
                f"steer(vector=...) is {shown(vector)}; expected a tensor or an array of numbers, or {DIFFERENCE!r}."
            )
        return SteerDifference(alpha)
    with Uninterrupted():
        import torch

    try:
        copied = torch.as_tensor(vector).detach().clone()
    except (TypeError, ValueError, RuntimeError) as error:
        raise PatchError(
            f"steer(vector=...) is {shown(vector)}; expected a tensor or an array of numbers."
        ) from error
    return Steer(copied, alpha)


def at(site: str | Site, run: Any = "source") -> At:
    """Write the activation at another site: another layer, head or position, of any run.

    The shape of both sites must be the same but for positions.

    Parameters
    ----------
    site
        Where to read. With one position, its value is written wherever the patch writes; with several, there must be
        as many as are written. Without a position, each position that is patched gets its own counterpart's value.
        Positions count in the clean prompt of each pair, as everywhere; in a `Run`, in its own prompt.
    run
        ``"source"``, ``"host"``, ``"clean"``, ``"corrupted"``, or a `Run` (of one prompt, or one for each pair).

    Raises
    ------
    SiteError, PatchError
        No site, no run, or a position of q, k or a pattern. When it is used: another shape or number of positions.

    Examples
    --------
    >>> early = pw.sources.at("L1.resid_post@S2", run="clean")
    >>> exp.patch(pw.Patch("L2.resid_post@-1", early))
    PatchResult(L2.resid_post@-1 = at('L1.resid_post@S2', run='clean'), denoise: ...)

    A run gives the same as a tensor:

    >>> same = exp.patch(pw.Patch("L2.resid_post@-1", source=exp.clean["L1.resid_post@9"]))
    >>> same.effect == exp.patch(pw.Patch("L2.resid_post@-1", early)).effect
    True
    """
    return At(Site.parse(site), run)
