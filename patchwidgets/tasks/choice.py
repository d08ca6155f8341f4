"""What a generator may choose from, and what it says where that is too little."""

from typing import NamedTuple

from patchwidgets.errors import TaskError, listed
from patchwidgets.tasks.split import Split


class Choice(NamedTuple):
    """The words of a generator.

    Attributes
    ----------
    task
        The name of the generator.
    kept, left_out
        The words, by whether the tokenizer at hand has one token for each of them.
    part
        The part of the data to which the choice is limited; None for all.
    """

    task: str
    kept: tuple[str, ...]
    left_out: tuple[str, ...]
    part: Split | None = None

    def check(self, n: int, n_pairs: int) -> None:
        """Check that there are enough pairs for a task of `n`.

        Raises
        ------
        TaskError
            There are fewer, or `n` is less than 1.
        """
        if 1 <= n <= n_pairs:
            return
        of_part = "" if self.part is None else f" in the part {self.part!r}"
        what_to_do = f"Choose n from 1 to {n_pairs:,}" if n_pairs else "Use another model"
        raise TaskError(
            f"tasks.{self.task} has {n_pairs:,} different pairs{of_part}, and n is {n}. {self.words_left()} "
            f"{what_to_do}."
        )

    def words_left(self) -> str:
        """Return how many and which words are left, and which are not one token."""
        kept, left_out = (listed(words, by=", ") or "none" for words in (self.kept, self.left_out))
        said = f"Words left: {len(self.kept)} ({kept})."
        if not self.left_out:
            return said
        return f"{said} {len(self.left_out)} are not one token of this tokenizer: {left_out}."
