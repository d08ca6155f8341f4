"""How far something is: a bar where somebody watches, plain lines in the log of a job. Costs what tqdm does, 50 ms."""

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from time import monotonic
from typing import Any, Protocol

from tqdm.asyncio import tqdm as console_tqdm
from tqdm.auto import tqdm

PARTS = 10
SECONDS = 60.0


class Bar(AbstractContextManager["Bar"], Protocol):
    """What `progress_bar` returns: a tqdm, or `Lines`."""

    n: Any
    """How many are done."""

    def update(self, n: int = 1, /) -> Any:
        """Say that so many more are done."""


def progress_bar(total: int, unit: str, shown: bool = True) -> Bar:
    """Show progress as a bar of tqdm in a notebook or on a terminal, and anywhere else as lines.

    A bar moves by control characters, which a file would keep, thousands of them.

    Parameters
    ----------
    total, unit
        Of how many what.
    shown
        False shows nothing.

    Examples
    --------
    >>> from patchwidgets.bars import progress_bar
    >>> with progress_bar(3, "site", shown=False) as bar:
    ...     _ = bar.update(3)
    """
    if shown and tqdm is console_tqdm and not sys.stderr.isatty():
        return Lines(total, unit)
    bar: Bar = tqdm(total=total, unit=unit, disable=not shown)
    return bar


class Lines(Bar):
    """Progress as lines on standard error: one for every tenth that is done, and at least one a minute.

    Parameters
    ----------
    total, unit
        Of how many what.
    clock
        The time in seconds.
    """

    def __init__(self, total: int, unit: str, clock: Callable[[], float] = monotonic) -> None:
        self.n, self.total, self.unit, self._clock = 0, total, unit, clock
        self._start = self._last = clock()
        self._done = 0

    def update(self, n: int = 1, /) -> None:
        """Say that so many more are done; writes a line where it is time for one."""
        self.n += n
        now, done = self._clock(), PARTS * self.n // max(self.total, 1)
        if done > self._done or now - self._last >= SECONDS:
            self._done, self._last = done, now
            print(self._line(now - self._start), file=sys.stderr, flush=True)  # noqa: T201

    def _line(self, seconds: float) -> str:
        line = f"{self.n:,} of {self.total:,} {self.unit}s"
        if not 0 < self.n < self.total:
            return f"{line}, {tqdm.format_interval(seconds)}"
        left = seconds * (self.total - self.n) / self.n
        return f"{line}, about {tqdm.format_interval(left)} left"

    def __exit__(self, *raised: object) -> None:
        """Nothing is left to do: every line is whole."""
