"""What a student hears about an answer: right, or a sentence that leads on."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from patchwidgets.course.answers import UnreadableAnswer, is_missing

T = TypeVar("T")

Says = str | Callable[[T], str]
"""A sentence, or what makes one of the answer."""

Foreseen = tuple[Callable[[T], bool], Says[T]]
"""A likely wrong answer: whether it is this one, and what leads on from it."""

TOLERANCE = 0.015
"""Numbers that are rounded to two places are right."""


@dataclass(frozen=True)
class Verdict:
    """Whether an answer is right, and what to say about it. True where it is right.

    Examples
    --------
    >>> from patchwidgets.course.verdict import Verdict
    >>> Verdict(False, "Look at the sign.")
    Not yet. Look at the sign.
    >>> bool(Verdict(True, "It is the head with the largest effect."))
    True
    """

    right: bool
    text: str

    def __bool__(self) -> bool:
        return self.right

    def __repr__(self) -> str:
        return f"{'Right.' if self.right else 'Not yet.'} {self.text}"


def judge(
    answer: Any,
    read: Callable[[Any], T],
    is_right: Callable[[T], bool],
    *,
    praise: Says[T],
    foreseen: Sequence[Foreseen[T]],
    otherwise: Says[T],
) -> Verdict:
    """Compare an answer with the right one, then with those that are likely and wrong.

    Parameters
    ----------
    answer
        As the student wrote it; ``...``, None and empty text are no answer yet.
    read
        Makes of any form of an answer the one that is compared; raises `UnreadableAnswer` with what to write instead.
    is_right
        Whether it is the right one.
    praise
        What is said to the right answer: why it is right, with its number.
    foreseen
        Likely wrong answers, the first that holds is answered. A sentence may be a function of the answer.
    otherwise
        What is said to any other answer.
    """
    if is_missing(answer):
        return Verdict(False, "There is no answer yet: write yours in place of the three dots.")
    try:
        given = read(answer)
    except UnreadableAnswer as error:
        return Verdict(False, str(error))
    right = is_right(given)
    wrong = next((says for holds, says in foreseen if not right and holds(given)), otherwise)
    says = praise if right else wrong
    return Verdict(right, says(given) if callable(says) else says)


def near(number: float, tolerance: float = TOLERANCE) -> Callable[[float], bool]:
    """Whether an answer is a number, but for rounding."""
    return lambda given: abs(given - number) <= tolerance
