"""Lecture 2, enough and needed: truth tables, gates, and heads that are one and not the other."""

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from patchwidgets.course.answers import as_head, as_number, as_word
from patchwidgets.course.verdict import Verdict, judge, near
from patchwidgets.directions import Direction
from patchwidgets.experiment.patch_result import PatchResult
from patchwidgets.explorer.widget import PatchExplorer
from patchwidgets.facade.experiment import Experiment
from patchwidgets.hooks.interrupts import Uninterrupted
from patchwidgets.sites import Position, Site
from patchwidgets.tasks.pairs import Pair

if TYPE_CHECKING:
    import pandas as pd

ENOUGH = 0.5
"""A head is enough here if it brings back at least half."""
NOT_NEEDED = 0.1
"""A head is not needed here if less than this is lost without it."""
DIRECTIONS: dict[str, Direction] = {"enough": "denoise", "needed": "noise"}


class EnoughAndNeeded:
    """The checks of lecture 2, on one experiment of the student.

    Parameters
    ----------
    exp
        The experiment that an exercise is about; its first metric is read, in both directions.

    Examples
    --------
    >>> sums = pw.Experiment(model, pw.tasks.addition(10, varies="both"), metric="answer_prob")
    >>> check = pw.course.EnoughAndNeeded(sums)
    >>> check.gate("AND", "embed@a", "embed@b")
    Right. AND: both together are enough, neither alone is, and each is needed.
    >>> check.gate("OR", "embed@a", "embed@b")
    Not yet. In an OR each alone is enough. Read the column enough: is it?
    """

    def __init__(self, exp: Experiment) -> None:
        self._exp = exp

    def table(self, w: PatchExplorer, a: str, b: str) -> "pd.DataFrame":
        """How far `a`, `b` and both are enough and needed, of what was patched in an explorer so far; ? for the rest.

        Examples
        --------
        >>> sums = pw.Experiment(model, pw.tasks.addition(10, varies="both"), metric="answer_prob")
        >>> w = sums.explore("embed@a")
        >>> pw.course.EnoughAndNeeded(sums).table(w, "embed@a", "embed@b")
                enough needed
        embed@a  0.000      ?
        embed@b      ?      ?
        both         ?      ?
        """
        with Uninterrupted():
            import pandas as pd

        done = {
            (self._places(*result.sites), result.direction): result.share
            for result in w.history
            if isinstance(result, PatchResult)
            and all(isinstance(p.source, str) and p.source == "source" for p in result.patches)
        }
        rows = {a: self._places(a), b: self._places(b), "both": self._places(a, b)}
        return pd.DataFrame(
            {
                name: [_cell(done.get((sites, direction))) for sites in rows.values()]
                for name, direction in DIRECTIONS.items()
            },
            index=[*rows],
        )

    def _places(self, *sites: str) -> frozenset[tuple[Site, ...]]:
        """Sites as they are in each pair: ``embed@a`` and ``embed@-4`` may be the same."""
        parsed = [Site.parse(site) for site in sites]
        return frozenset(
            tuple(site.at(_index(pair, site.pos)) for pair in self._exp.pairs) for site in parsed
        )

    def gate(self, answer: Any, a: str, b: str) -> Verdict:
        """Which gate `a` and `b` are: AND, OR or neither."""
        gate = self._exp.gate(a, b)
        right = gate.verdict
        words = {
            "AND": "AND: both together are enough, neither alone is, and each is needed.",
            "OR": "OR: each alone is enough, neither is needed, and without both the answer is lost.",
            "neither": "Neither: not all of these shares are near 0 or 1 as a gate's would be.",
        }

        def says(word: str) -> Any:
            return lambda given: given == word

        return judge(
            answer,
            as_word("AND", "OR", "neither", "XOR", "NOT"),
            says(right),
            praise=words.get(right, "Undefined."),
            foreseen=[
                (
                    lambda _: right == "undefined",
                    "These shares are undefined: the two runs do not differ in this metric. Read the values.",
                ),
                (
                    says("XOR"),
                    "In an XOR, changing both changes nothing. Look at the row both: does it?",
                ),
                (says("NOT"), "A NOT has one input. Here are two."),
                (
                    says("AND"),
                    "In an AND each alone is needed. Read the share in noise, not the recovery: how far does the "
                    "answer go from the clean run?",
                ),
                (says("OR"), "In an OR each alone is enough. Read the column enough: is it?"),
            ],
            otherwise="Every number of the table is near 0 or near 1. For which gate is that so?",
        )

    def needed(self, answer: Any, site: str) -> Verdict:
        """How far `site` is needed: its share in noise."""
        noise, denoise = (self._turned(name).patch(site) for name in ("noise", "denoise"))
        return judge(
            answer,
            as_number,
            near(noise.share),
            praise=f"Needed {noise.share:.3f}, and enough {denoise.share:.3f}.",
            foreseen=[
                (
                    near(noise.recovery),
                    "You read the recovery in noise: it is what is left, 1 at the clean run, where noise starts. Use "
                    "the share.",
                ),
                (
                    near(denoise.share),
                    "This is how far it is enough. Turn the experiment round with .flip().",
                ),
                (
                    near(-noise.share),
                    "A share is positive where the run moves from its host towards its source.",
                ),
                (
                    near(noise.effect),
                    "This is the effect on the probability. Divide it by the whole way, which .share does.",
                ),
                (
                    near(noise.value),
                    "This is the probability that is left. How far is that on the way to the corrupted run?",
                ),
            ],
            otherwise=f'Patch "{site}" in the experiment that .flip() returns, and read .share of the result.',
        )

    def needed_from_enough(self, answer: Any, a: str, b: str) -> Verdict:
        """How far `a` is needed, where `a` and `b` are all in which the prompts differ."""
        gate = self._exp.gate(a, b)
        enough_a, enough_b = gate.enough["a"].share, gate.enough["b"].share
        needed_a = gate.needed["a"].share
        return judge(
            answer,
            as_number,
            near(needed_a),
            praise=f"{a} is needed {needed_a:.3f}: corrupting it alone gives the same run as bringing back {b} alone, "
            f"which goes {enough_b:.3f} of the way from the other end.",
            foreseen=[
                (
                    near(1 - enough_a),
                    f"This would be what {b} is needed. Write down which of the two numbers is clean in each run.",
                ),
                (
                    near(enough_a),
                    f"This is how far {a} is enough. The run you look for has {a} corrupted.",
                ),
                (
                    near(enough_b),
                    "You have the right run, and where it stands on the way from corrupted to clean. But noise starts "
                    "at the clean run: how far has it gone from there?",
                ),
                (
                    lambda given: given > 1 or given < 0,
                    "A share from 0 to 1 is asked for: 0 where nothing is lost, 1 where all is.",
                ),
            ],
            otherwise=f"In the run you look for, {a} is corrupted and {b} is clean. Which denoising patch makes that "
            "run?",
        )

    def head(self, answer: Any) -> Verdict:
        """A head that is enough (at least half of the way) and not needed (less than a tenth)."""
        enough, needed = self._shares
        n_layers, n_heads = enough.shape

        def has(given: tuple[int, int]) -> bool:
            return bool(given[0] < n_layers and given[1] < n_heads)

        def right(given: tuple[int, int]) -> bool:
            return bool(has(given) and enough[given] >= ENOUGH and needed[given] < NOT_NEEDED)

        best = max(np.ndindex(*enough.shape), key=lambda head: (right(head), enough[head]))
        return judge(
            answer,
            as_head,
            right,
            praise=f"Alone it brings back {enough[best]:.3f}; without it, {needed[best]:.3f} is lost.",
            foreseen=[
                (
                    lambda given: not has(given) and right(given[::-1]),
                    "You have found it, but a head is written with its layer first.",
                ),
                (
                    lambda given: not has(given),
                    f"This model has the layers 0 to {n_layers - 1}, with the heads 0 to {n_heads - 1} in each.",
                ),
                (
                    lambda given: bool(enough[given] >= ENOUGH),
                    "It is enough, but it is needed as well: look at it in noise.",
                ),
                (
                    lambda given: bool(needed[given] >= NOT_NEEDED),
                    "It is needed. The question is which head is not, and yet brings much of the answer back.",
                ),
                (
                    lambda given: bool(enough[given] >= NOT_NEEDED),
                    "It is not needed, but alone it brings back less than half. Is there a stronger one?",
                ),
            ],
            otherwise="It does little in either direction. Look for a head that is strong in one picture and weak in "
            "the other.",
        )

    def patched(self, answer: Any, site: str) -> Verdict:
        """The probability of the answer when `site` alone is changed, in a task where changing both changes nothing."""
        result = self._turned("denoise").patch(site)
        return judge(
            answer,
            as_number,
            near(result.value),
            praise=f"{result.value:.3f}. With one number changed, an even sum becomes odd and an odd one even.",
            foreseen=[
                (
                    near(self._exp.clean.value),
                    "This is the probability before the patch. Take the first pair, put the clean number into the "
                    "corrupted prompt, and do the sum.",
                ),
                (
                    near(0.5, 0.1),
                    "This would be a model that guesses. But it does sums: do the one it is given.",
                ),
                (
                    lambda given: given < 0 or given > 1,
                    "A probability lies between 0 and 1.",
                ),
            ],
            otherwise="One of two numbers becomes odd or stops being odd. What does that do to their sum?",
        )

    def _turned(self, direction: Direction) -> Experiment:
        return self._exp.turned(direction)

    @cached_property
    def _shares(self) -> tuple[np.ndarray, np.ndarray]:
        enough, needed = (
            self._turned(direction).sweep("z", progress=False).share.values
            for direction in DIRECTIONS.values()
        )
        return enough, needed


def _index(pair: Pair, pos: Position) -> Position:
    """A position as it counts from the first token."""
    if isinstance(pos, str):
        return pair.positions.get(pos, pos)
    return pos % len(pair) if isinstance(pos, int) else pos


def _cell(share: float | None) -> str:
    return "?" if share is None else f"{round(share, 3) + 0.0:.3f}"
