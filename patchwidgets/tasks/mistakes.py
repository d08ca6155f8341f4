"""What is wrong in a table: all of it in one message, because a person mends a file in one sitting."""

from collections.abc import Iterator
from contextlib import contextmanager

from patchwidgets.errors import TaskError

N_NAMED = 5


class Mistakes:
    """The mistakes found so far.

    Examples
    --------
    >>> from patchwidgets.errors import TaskError
    >>> from patchwidgets.tasks.mistakes import Mistakes
    >>> mistakes = Mistakes()
    >>> for row in (2, 5):
    ...     with mistakes.noted():
    ...         raise TaskError(f"Row {row} is too short.")
    >>> mistakes.check()
    Traceback (most recent call last):
    patchwidgets.errors.TaskError: Row 2 is too short.
    Row 5 is too short.
    """

    def __init__(self) -> None:
        self._found: list[str] = []

    @contextmanager
    def noted(self) -> Iterator[None]:
        """Note the `TaskError` with which the block ends, if it does, and go on behind it."""
        try:
            yield
        except TaskError as error:
            self._found.append(str(error))

    def check(self) -> None:
        """Stop if there are mistakes.

        Raises
        ------
        TaskError
            Names the first five, a line each, and how many more there are.
        """
        if not self._found:
            return
        n_more = len(self._found) - N_NAMED
        rest = [f"There {'is 1 more mistake' if n_more == 1 else f'are {n_more:,} more mistakes'}."]
        raise TaskError("\n".join([*self._found[:N_NAMED], *(rest if n_more > 0 else [])]))
