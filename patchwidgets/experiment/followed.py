"""Where a lens reads the runs of an experiment, and which tokens it follows there. Plain data; costs nothing."""

from collections.abc import Sequence

from patchwidgets.directions import RunName
from patchwidgets.errors import TaskError
from patchwidgets.models.lenses.numbers import Followed
from patchwidgets.models.lenses.streams import Places
from patchwidgets.sites import Position
from patchwidgets.tasks import Pair

SEVERAL_TOKENS = (
    "An answer or foil of the task has several tokens, and a lens reads the next one. Name a token to follow, as in "
    "lens(answer=' Mary')."
)


def places_in(name: RunName, pairs: Sequence[Pair], pos: Position) -> Places:
    """Return where each prompt of a run is read: a position of the clean prompt, or its counterpart.

    None is every position that has a counterpart.

    Raises
    ------
    CounterpartError
        A position has no counterpart in the corrupted prompt.
    SiteError
        A position out of range, an empty range, or a name that the task does not have.
    """
    return [[column[name == "corrupted"] for column in pair.columns_at(pos)] for pair in pairs]


def chosen_rows(pair: int | None, n_pairs: int) -> list[int]:
    """Return the numbers of the pairs that a caller means: one, or all for None.

    Raises
    ------
    TaskError
        There is no such pair.
    """
    if pair is None:
        return list(range(n_pairs))
    if not -n_pairs <= pair < n_pairs:
        raise TaskError(f"There is no pair {pair}; expected 0 to {n_pairs - 1}, or None for all.")
    return [pair % n_pairs]


def followed_in(pairs: Sequence[Pair]) -> Followed:
    """Return the answers and foils of a task, where each is a single token."""
    if any(pair.long_answers for pair in pairs):
        return Followed(reason=SEVERAL_TOKENS)
    foils = [list(pair.foils) for pair in pairs if pair.foils is not None]
    return Followed([list(pair.answers) for pair in pairs], foils or None)
