"""Reading the two operands of an expression in a prompt, or saying why it cannot be read. Costs nothing."""

import re
from typing import NamedTuple

from patchwidgets.errors import TaskError, shown

MINUS = "-\N{MINUS SIGN}\N{EN DASH}"
SIGNS = "+*/\N{MULTIPLICATION SIGN}\N{DIVISION SIGN}\N{MIDDLE DOT}" + MINUS
_PIECE = re.compile(
    rf"""(?P<other_number> \d+ (?: [.,]\d+ )+ | \d+ [^\W\d] \w* ) | (?P<number> \d+ )
      | (?P<sign> [{re.escape(SIGNS)}] | \b(?:plus|minus|times|divided\ by)\b )
      | (?P<mod> \bmod(?:ulo)?\b ) | (?P<word> \w+ ) | (?P<equals> = ) | (?P<other> [^\s()\w] )""",
    re.VERBOSE | re.IGNORECASE,
)


class _Piece(NamedTuple):
    """A number, a sign or a word of a prompt."""

    kind: str
    text: str
    start: int

    @property
    def is_number(self) -> bool:
        return self.kind in ("number", "other_number")


def read_operands(prompt: str) -> tuple[int, int]:
    """Return the operands of the last expression of a prompt, such as ``12+34=``, or of its only two numbers.

    Raises
    ------
    TaskError
        There are none, or the prompt can be read in several ways.
    """
    pieces = _pieces(prompt)
    expressions = _expressions(pieces)
    numbers = [i for i, piece in enumerate(pieces) if piece.is_number]
    if not expressions:
        return _only_two(prompt, pieces, numbers)
    last = expressions[-1]
    if len(last) != 2:
        raise _unreadable(prompt, f"its last expression has {len(last)} numbers")
    after = [i for i in numbers if i > last[-1]]
    if after and not (len(after) == 1 and pieces[after[0] - 1].kind == "mod"):
        raise _unreadable(prompt, f"the number {pieces[after[0]].text} follows its last expression")
    return _whole(prompt, pieces, last)


def _pieces(prompt: str) -> list[_Piece]:
    """Split a prompt, without its brackets; a minus before a number and after none belongs to the number."""
    pieces: list[_Piece] = []
    for match in _PIECE.finditer(prompt):
        piece = _Piece(str(match.lastgroup), match[0], match.start())
        before = pieces[-1] if pieces else None
        if piece.is_number and before is not None and before.text in MINUS:
            touches = before.start + 1 == piece.start
            if touches and not (len(pieces) > 1 and pieces[-2].is_number):
                pieces.pop()
                piece = piece._replace(text=f"-{piece.text}")
        pieces.append(piece)
    return pieces


def _expressions(pieces: list[_Piece]) -> list[list[int]]:
    """The indices of the numbers of each chain of numbers with signs between them."""
    chains: list[list[int]] = []
    for i, piece in enumerate(pieces):
        if not piece.is_number:
            continue
        goes_on = chains and chains[-1][-1] == i - 2 and pieces[i - 1].kind == "sign"
        if goes_on:
            chains[-1].append(i)
        else:
            chains.append([i])
    return [chain for chain in chains if len(chain) > 1]


def _only_two(prompt: str, pieces: list[_Piece], numbers: list[int]) -> tuple[int, int]:
    if len(numbers) != 2:
        raise _unreadable(prompt, f"it has {len(numbers)} and no sign between two of them")
    between = pieces[numbers[0] + 1 : numbers[1]]
    if any(piece.kind == "equals" for piece in between):
        raise _unreadable(prompt, "an = stands between its numbers")
    return _whole(prompt, pieces, numbers)


def _whole(prompt: str, pieces: list[_Piece], numbers: list[int]) -> tuple[int, int]:
    for i in numbers:
        if pieces[i].kind != "number":
            raise _unreadable(prompt, f"{pieces[i].text} is no whole number in digits")
    a, b = (int(pieces[i].text) for i in numbers)
    return a, b


def _unreadable(prompt: str, why: str) -> TaskError:
    return TaskError(
        f"Expected two numbers in each prompt, as in '12+34=' or '1+1=2 12+34='; of {shown(prompt)}, {why}. "
        "Write both operands as digits, in an expression of their own at the end."
    )
