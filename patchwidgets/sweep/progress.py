"""How far a sweep is, in cells. Plain data."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Progress:
    """How far a sweep is, in cells.

    Attributes
    ----------
    done, total
        Cells that are done, of how many. Those of which nothing has to be computed, because they are certainly 0 or
        unpatchable, are done from the start.
    zero
        Cells that are certainly 0.
    seconds, seconds_left
        Time spent on recordings and groups, and an estimate of what is left; NaN before the first group is done.
    """

    done: int
    total: int
    zero: int
    seconds: float
    seconds_left: float

    @property
    def left(self) -> int:
        """How many cells are not done yet."""
        return self.total - self.done
