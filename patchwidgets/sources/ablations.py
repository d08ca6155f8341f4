"""What is written in place of an activation to see what the model does without it. Plain data; costs nothing.

What each source costs when it is used: zero, nothing; the mean and resampling, a forward pass over their prompts for
each component and layer that is not recorded yet; each draw of resampling and of noise, a patched run of its own.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from patchwidgets.errors import PatchError, shown
from patchwidgets.guesses.answering import answers
from patchwidgets.guesses.arguments import SOURCE_ARGUMENTS
from patchwidgets.sites import Site
from patchwidgets.sources.source import (
    DrawnSource,
    RunChoice,
    SourceData,
    check_number,
    check_run,
    seed_or_new,
)
from patchwidgets.tasks import Task

if TYPE_CHECKING:
    from torch import Tensor

Per = Literal["pos", "pos_name"] | None
"""Over what a mean is taken: prompts at each position, prompts at the named position, or prompts and positions."""

BOUND_TO_POSITION = frozenset({"q", "k", "pattern"})
"""Components that hold for the position at which they were computed, and for no other."""


@dataclass(frozen=True, repr=False)
class Zero(SourceData):
    """Zeros; `zero` makes it."""

    kind: ClassVar[str] = "zero"


@dataclass(frozen=True, repr=False)
class Mean(SourceData):
    """The mean of an activation over prompts; `mean` documents the fields."""

    kind: ClassVar[str] = "mean"
    of: Any = None
    per: Per = "pos"
    run: RunChoice = "host"

    def __post_init__(self) -> None:
        check_prompts(self.of, "mean")
        check_run(self.run, "mean")
        if self.per not in ("pos", "pos_name", None):
            raise PatchError(
                f"mean(per={shown(self.per)}): expected 'pos' (a mean at each position), 'pos_name' (at the position "
                "that the site names, in each prompt) or None (one mean over all positions)."
            )

    def check(self, site: Site) -> None:
        """Refuse a mean over positions of what holds for one position only, and a site that names no position."""
        if self.per is None and site.component in BOUND_TO_POSITION:
            raise PatchError(
                f"{site}: {site.component} holds for the position at which it was computed, so a mean over positions "
                "says nothing. Use mean(per='pos'), or patch v, z or the residual stream."
            )
        if self.per == "pos_name" and not isinstance(site.pos, int | str):
            raise PatchError(
                f"{site}: mean(per='pos_name') reads each prompt at the position that the site names; name one, as in "
                f"'{site.name}@S2' or '{site.name}@-1', or take mean(per='pos') or mean(per=None)."
            )

    @property
    def read_in_place(self) -> Any:
        """The experiment's run, for a mean at each position."""
        return self.run if self.of is None and self.per == "pos" else "host"

    @property
    def reads(self) -> Any:
        """The task or the run that the mean is taken over, if it is not the experiment's own."""
        return self.of


@dataclass(frozen=True, repr=False)
class Resample(DrawnSource):
    """The activation of another pair; `resample` documents the fields."""

    kind: ClassVar[str] = "resample"
    of: Any = None
    run: RunChoice = "host"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_prompts(self.of, "resample")
        check_run(self.run, "resample")

    @property
    def read_in_place(self) -> Any:
        """The experiment's run, of which other pairs are read."""
        return self.run if self.of is None else "host"

    @property
    def reads(self) -> Any:
        """The task or the run that pairs are drawn from, if it is not the experiment's own."""
        return self.of


@dataclass(frozen=True, repr=False)
class Noise(DrawnSource):
    """Gaussian noise on the embedding; `noise` documents the fields."""

    kind: ClassVar[str] = "noise"
    scale: float = 3.0

    def arguments(self) -> tuple[list[Any], dict[str, Any]]:
        """Return the scale, the number of draws and the seed."""
        return [], {"scale": self.scale, "n": self.n, "seed": self.seed}

    def __post_init__(self) -> None:
        super().__post_init__()
        check_number(self.scale, "scale")
        if self.scale <= 0:
            raise PatchError(f"scale is {self.scale}; expected a number above 0.")

    def check(self, site: Site) -> None:
        """Refuse any other component than the embedding, whose spread is the unit of the noise."""
        if site.component != "embed":
            raise PatchError(
                f"{site}: noise() goes onto the input embedding, in units of its standard deviation, as in "
                "Patch('embed@S2', pw.sources.noise()). Elsewhere, add your own with fn=."
            )

    def combined(self, host: "Tensor", value: "Tensor") -> "Tensor":
        """Return the embedding with the noise added."""
        return host + value


def zero() -> Zero:
    """Write zeros: zero ablation.

    A component that is 0 is rarely a state that the model knows, so its effect also shows what the mean of the
    component does; `mean` and `resample` do not have this flaw.

    Examples
    --------
    >>> ablated = exp.flip().patch(pw.Patch("L0.H1", pw.sources.zero()))
    >>> ablated
    PatchResult(L0.H1 = zero(), noise: ...)
    """
    return Zero()


@answers(SOURCE_ARGUMENTS)
def mean(of: Any = None, per: Per = "pos", run: RunChoice = "host") -> Mean:
    """Write the mean of the activation over prompts: mean ablation.

    Parameters
    ----------
    of
        A `Task` or a `Run` with the prompts; by default the experiment's own prompts.
    per
        ``"pos"``: the mean at each position, which needs prompts of one length. ``"pos_name"``: at the one position
        that the site names (``@S2``, or an index such as ``@-1``), wherever that is in each prompt. None: one mean
        over all prompts and positions.
    run
        Whose prompts are averaged: ``"host"`` (those of the kind that is patched), ``"source"``, ``"clean"`` or
        ``"corrupted"``.

    Raises
    ------
    PatchError
        An argument of another form. When it is used: prompts of several lengths with ``per="pos"``, or an experiment
        of one pair, whose mean at a position would be its own activation.

    Examples
    --------
    >>> numbers = pw.Experiment(model, pw.tasks.addition(n=20), direction="noise")
    >>> round(numbers.patch(pw.Patch("L0.mlp_out", pw.sources.mean())).effect, 1)
    -23.8

    A sweep of mean ablations:

    >>> ablate = lambda site: pw.Patch(site, pw.sources.mean())
    >>> numbers.sweep("mlp_out", make=ablate, progress=False).effect.values.round(1)
    array([-23.8,  -0.2,  -2.2, -17.3])
    """
    return Mean(of, per, run)


@answers(SOURCE_ARGUMENTS)
def resample(
    of: Any = None, n: int = 10, seed: int | None = None, run: RunChoice = "host"
) -> Resample:
    """Write the activation of another pair, drawn at random: resample ablation (Chan et al. 2022).

    Each of the `n` draws is a run of its own: the numbers of a result are means over draws, ``r.draws`` holds each
    draw and ``r.spread`` how much they vary. Within a draw, joint patches with the same seed take their values from the
    same pair, if all prompts have the same length. No pair is drawn twice for a host before all have been.

    A site that names one position (``@S2``, ``@-1``) is read at this position of the other pair. Any other site is
    read at the same positions, of a pair with as many tokens.

    Parameters
    ----------
    of
        A `Task` or a `Run` whose prompts are drawn; by default the other pairs of the experiment.
    n
        How many draws.
    seed
        Of the draws. Without one, a new seed is taken when the source is made; ``source.seed`` holds it.
    run
        Whose prompts are drawn: ``"host"`` (those of the kind that is patched), ``"source"``, ``"clean"`` or
        ``"corrupted"``.

    Raises
    ------
    PatchError
        An argument of another form. When it is used: no other pair to draw from.

    Examples
    --------
    >>> numbers = pw.Experiment(model, pw.tasks.addition(n=20), direction="noise")
    >>> ablated = numbers.patch(pw.Patch("L0.mlp_out", pw.sources.resample(n=4, seed=0)))
    >>> ablated
    PatchResult(L0.mlp_out = resample(n=4, seed=0), noise: ... 4 draws...)
    >>> ablated.draws.shape, ablated.spread < abs(ablated.effect)
    ((4, 20), True)
    """
    return Resample(n, seed_or_new(seed), of=of, run=run)


@answers(SOURCE_ARGUMENTS)
def noise(scale: float = 3.0, n: int = 10, seed: int | None = None) -> Noise:
    """Add Gaussian noise to the embedding, as in causal tracing (Meng et al. 2022).

    The noise has `scale` times the standard deviation of the input embedding, taken over all numbers of all tokens of
    the experiment's prompts, clean and corrupted. It is drawn anew for each draw, pair and position. Each of the `n`
    draws is a run of its own; results are means over draws, as for `resample`.

    Parameters
    ----------
    scale
        In standard deviations; 3 in the paper.
    n
        How many draws; 10 in the paper.
    seed
        Of the draws. Without one, a new seed is taken when the source is made; ``source.seed`` holds it.

    Raises
    ------
    PatchError
        An argument of another form. When it is used: another component than ``embed``.

    Examples
    --------
    >>> noisy = pw.Patch("embed@10", pw.sources.noise(n=4, seed=0))
    >>> clean = exp.flip()
    >>> clean.patch(noisy)
    PatchResult(embed@10 = noise(scale=3.0, n=4, seed=0), noise: ..., effect -7.2... (sd 0.1... of 4 draws), ...)

    Causal tracing: the noisy run, in which one state of the clean run is restored.

    >>> restore = lambda site: [noisy, pw.Patch(site, "host")]
    >>> clean.sweep("attn_out", make=restore, progress=False).value.values.round(1)
    array([ 6.6, -0.8, -0.7, -0.7])
    """
    return Noise(n, seed_or_new(seed), scale=scale)


def check_prompts(of: object, kind: str) -> None:
    """Refuse what has no prompts; a run is recognised by what it can do, since it is defined in a higher layer.

    Raises
    ------
    PatchError
        It is neither a task nor a run.
    """
    if of is None or isinstance(of, Task) or hasattr(of, "activation_of"):
        return
    run = f" Is it {kind}(run={of!r})?" if isinstance(of, str) else ""
    raise PatchError(
        f"{kind}(of={shown(of)}): expected a Task, a Run, or None for the experiment's own prompts.{run}"
    )
