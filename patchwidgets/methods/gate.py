"""Is it AND or OR? Two groups of sites, each alone and both, in both directions. Costs six patches.

Denoising shows what is enough (sufficient), noising what is needed (necessary). Of an AND, where the task needs both,
noising finds each and denoising neither; of an OR, where one of them will do, it is the other way round (Heimersheim
and Nanda 2024, "How to use and interpret activation patching", arXiv:2404.15255).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from patchwidgets.directions import Direction
from patchwidgets.errors import PatchError, listed, shown
from patchwidgets.experiment.experiment import BaseExperiment
from patchwidgets.experiment.patch_result import PatchResult
from patchwidgets.experiment.patching import run_patch
from patchwidgets.experiment.reading import Reading
from patchwidgets.hooks.interrupts import Uninterrupted
from patchwidgets.intervals import FEWEST_PAIRS
from patchwidgets.sites import Site
from patchwidgets.sweep.over_pairs import ratio_interval

if TYPE_CHECKING:
    import pandas as pd

Sites = str | Site | Sequence[str | Site]
"""A site, or several that act as one."""
Which = Literal["a", "b", "both"]
WHICH: tuple[Which, ...] = get_args(Which)
Verdict = Literal["AND", "OR", "neither", "undefined"]
Shares = Mapping[Which, float]


@dataclass(frozen=True, eq=False, repr=False)
class Gate:
    """What two groups of sites do alone and together, from `Experiment.gate`.

    Attributes
    ----------
    a, b
        The sites of each group.
    enough
        By ``"a"``, ``"b"`` and ``"both"`` the result of copying them from the clean into the corrupted run. Its
        ``share`` says how far this is enough: 0 not at all, 1 all the way to the clean run.
    needed
        The same of copying them from the corrupted into the clean run: how far they are needed.
    low, high
        A share up to `low` counts as none, and one from `high` on as all.
    """

    a: tuple[str, ...]
    b: tuple[str, ...]
    enough: Mapping[Which, PatchResult]
    needed: Mapping[Which, PatchResult]
    low: float
    high: float

    @property
    def metric(self) -> str:
        """The name of the metric that is read."""
        return next(iter(self.enough["both"].readings))

    @property
    def verdict(self) -> Verdict:
        """``"AND"``, ``"OR"``, ``"neither"``, or ``"undefined"`` where a share is.

        AND: both together are enough, neither alone is, and each is needed. OR: both together are needed, neither alone
        is, and each is enough.

        Examples
        --------
        >>> exp.gate("L0.H1", "L1.H1").verdict
        'neither'
        """
        enough, needed = (
            {which: results[which].share for which in WHICH} for results in self._sides
        )
        return self._verdict(enough, needed)

    @property
    def per_pair(self) -> "pd.DataFrame":
        """The shares of single pairs, ``enough_a`` to ``needed_both``, and the verdict on each of them.

        Examples
        --------
        >>> sums = pw.Experiment(model, pw.tasks.addition(10, varies="both"), metric="answer_prob")
        >>> sums.gate("embed@a", "embed@b").per_pair["verdict"].value_counts().to_dict()
        {'AND': 10}
        """
        with Uninterrupted():
            import pandas as pd

        sides = zip(("enough", "needed"), self._sides, strict=True)
        frame = pd.DataFrame(
            {
                f"{name}_{which}": results[which].per_pair.share
                for name, results in sides
                for which in WHICH
            }
        ).rename_axis("pair")
        verdicts = [
            self._verdict(
                {which: row[f"enough_{which}"] for which in WHICH},
                {which: row[f"needed_{which}"] for which in WHICH},
            )
            for row in frame.to_dict("records")
        ]
        return frame.assign(verdict=verdicts)

    def to_frame(self) -> "pd.DataFrame":
        """A table with the rows a, b and both: how far they are enough, and how far needed.

        ``enough_low`` to ``needed_high`` are intervals of 95 % of these ratios of means (Fieller's); NaN with fewer
        than five pairs, for a rank, and where the mean difference of the two runs may be 0.

        Examples
        --------
        >>> exp.gate("L0.H1", "L1.H1").to_frame()[["sites", "enough", "needed"]].round(2)
                      sites  enough  needed
        a             L0.H1    0.99    1.00
        b             L1.H1    0.01    0.01
        both  L0.H1 + L1.H1    0.99    1.00
        """
        with Uninterrupted():
            import pandas as pd

        sites = {"a": self.a, "b": self.b, "both": (*self.a, *self.b)}
        table = pd.DataFrame({"sites": [listed(sites[which]) for which in WHICH]}, index=[*WHICH])
        for name, results in zip(("enough", "needed"), self._sides, strict=True):
            readings = [results[which].readings[self.metric] for which in WHICH]
            table[name] = [reading.share for reading in readings]
            bounds = np.array([_interval(reading) for reading in readings])
            table[f"{name}_low"], table[f"{name}_high"] = bounds.T
        return table

    def truth_table(self) -> "pd.DataFrame":
        """How far the run recovers for each of the four states of a and b, with the rest corrupted, and with it clean.

        0 is the corrupted run and 1 the clean one. A gate of these two alone has the same numbers in both columns:
        0, 0, 0, 1 for AND, and 0, 1, 1, 1 for OR.

        Examples
        --------
        >>> sums = pw.Experiment(model, pw.tasks.addition(10, varies="both"), metric="answer_prob")
        >>> sums.gate("embed@a", "embed@b").truth_table().abs().round(2).reset_index()
                   a          b  rest corrupted  rest clean
        0  corrupted  corrupted             0.0         0.0
        1      clean  corrupted             0.0         0.0
        2  corrupted      clean             0.0         0.0
        3      clean      clean             1.0         1.0
        """
        with Uninterrupted():
            import pandas as pd

        enough, needed = ({w: results[w].recovery for w in WHICH} for results in self._sides)
        states = [(a, b) for b in ("corrupted", "clean") for a in ("corrupted", "clean")]
        return pd.DataFrame(
            {
                "rest corrupted": [0.0, enough["a"], enough["b"], enough["both"]],
                "rest clean": [needed["both"], needed["b"], needed["a"], 1.0],
            },
            index=pd.MultiIndex.from_tuples(states, names=["a", "b"]),
        )

    def focused(self, metric: str) -> "Gate":
        """Return the same gate read by another metric of the experiment.

        Raises
        ------
        MetricError
            The experiment does not measure it.
        """
        enough, needed = (
            {which: result.focused(metric) for which, result in results.items()}
            for results in self._sides
        )
        return Gate(self.a, self.b, enough, needed, self.low, self.high)

    def __repr__(self) -> str:
        n_pairs = len(self.enough["both"].experiment.pairs)
        pairs = "1 pair" if n_pairs == 1 else f"{n_pairs} pairs"
        table = self.to_frame()
        rows: list[tuple[str, ...]] = [("", "enough", "needed")]
        for which, sites in zip(WHICH, table["sites"].to_list(), strict=True):
            name = which if which == "both" else f"{which} = {sites}"
            cells = (
                _in_words(*table.loc[which, [n, f"{n}_low", f"{n}_high"]]) for n in rows[0][1:]
            )
            rows.append((name, *cells))
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in rows
        ]
        truth = self.truth_table().to_string(float_format=_rounded)
        lines += [line.rstrip() for line in truth.splitlines()]
        return "\n".join([f"Gate({self.verdict}; {self.metric}, {pairs})", *lines])

    @property
    def _sides(self) -> tuple[Mapping[Which, PatchResult], Mapping[Which, PatchResult]]:
        return self.enough, self.needed

    def _verdict(self, enough: Shares, needed: Shares) -> Verdict:
        if np.isnan([*enough.values(), *needed.values()]).any():
            return "undefined"
        gates: tuple[tuple[Verdict, Shares, Shares], ...] = (
            ("AND", enough, needed),
            ("OR", needed, enough),
        )
        for verdict, alone_none, alone_all in gates:
            none = max(alone_none["a"], alone_none["b"]) <= self.low
            every = min(alone_all["a"], alone_all["b"], alone_none["both"]) >= self.high
            if none and every:
                return verdict
        return "neither"


def find_gate(experiment: BaseExperiment, a: Sites, b: Sites, low: float, high: float) -> Gate:
    """Patch two groups of sites alone and together, in both directions; see `Experiment.gate`."""
    if not low < high:
        raise PatchError(
            f"low is {shown(low)} and high {shown(high)}; expected low < high, as in low=0.2, high=0.8."
        )
    groups: dict[Which, list[Site]] = {"a": _sites("a", a), "b": _sites("b", b)}
    groups["both"] = groups["a"] + groups["b"]
    experiment.checked(groups["both"])

    def results(direction: Direction) -> dict[Which, PatchResult]:
        turned = experiment.turned(direction)
        return {
            which: run_patch(turned, *sites).without_logits() for which, sites in groups.items()
        }

    names = (tuple(map(str, groups["a"])), tuple(map(str, groups["b"])))
    return Gate(*names, results("denoise"), results("noise"), low, high)


def _sites(name: str, given: Sites) -> list[Site]:
    several = [given] if isinstance(given, str | Site) or not isinstance(given, Sequence) else given
    if not several or not all(isinstance(each, str | Site) for each in several):
        raise PatchError(
            f"{name} is {shown(given)}; expected a site such as 'L9.H6', or a list of sites. They have no source of "
            "their own: a gate copies them from the clean run in one direction and from the corrupted one in the other."
        )
    return [Site.parse(each) for each in several]


def _interval(reading: Reading) -> tuple[float, float]:
    """The interval of 95 % of a share."""
    host, source = reading.corrupted, reading.clean
    if reading.direction == "noise":
        host, source = source, host
    few = len(host) < FEWEST_PAIRS
    if few or reading.metric.median or np.isnan(reading.share):
        return np.nan, np.nan
    low, high = ratio_interval(reading.patched - host, source - host)
    return float(low), float(high)


def _in_words(share: float, low: float, high: float) -> str:
    number = _rounded(share)
    return number if np.isnan(low) else f"{number} [{_rounded(low)}, {_rounded(high)}]"


def _rounded(number: float) -> str:
    return f"{round(number, 3) + 0.0:.3f}"  # no minus before a zero
