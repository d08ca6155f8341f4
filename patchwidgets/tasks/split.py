"""Which part of the teaching model's data a combination belongs to: training, validation or test. Pure arithmetic."""

from hashlib import sha256
from typing import Literal, get_args

from patchwidgets.errors import TaskError

Split = Literal["train", "validation", "test"]


def check_part(part: str | None) -> None:
    """Check that a generator's `part` is one of the parts, or None for all of them.

    Raises
    ------
    TaskError
        It is something else.
    """
    if part is not None and part not in get_args(Split):
        raise TaskError(
            f"Unknown part {part!r}; expected 'train', 'validation', 'test', or None for all of them."
        )


def part_of(x: int | str, y: int | str) -> Split:
    """Return the part of an unordered pair, the same in every task and every run: 80 % train, 10 % each of the others.

    Order does not count, because ``12+34`` in training would give away ``34+12`` in the test part.
    """
    low, high = sorted((str(x), str(y)))
    byte = sha256(f"{low} {high}".encode()).digest()[0]
    if byte < 26:
        return "test"
    return "validation" if byte < 52 else "train"
