"""Which tokens a lane shows: all that fit into its lines; else identical ones fold, and those that differ stay."""

from collections.abc import Sequence
from dataclasses import dataclass

from patchwidgets.directions import RunName
from patchwidgets.plot.lanes.layout import NOTE, TOKEN
from patchwidgets.plot.lanes.ruler import Ruler
from patchwidgets.plot.texts import short
from patchwidgets.tasks import Pair
from patchwidgets.tokens import Tokenizer, sequence_strings, visible

AROUND = 7.0
TRIED = 100
"""Tokens that may be added to the differing ones: no line has room for more."""
LONGEST, LONGEST_DIFFERING = 22, 60
RUNS: tuple[RunName, RunName] = ("clean", "corrupted")


@dataclass(frozen=True)
class Column:
    """Counterparts, one above the other.

    Attributes
    ----------
    at
        The position in each prompt; None where it has no counterpart.
    texts
        The token of each prompt as it is shown.
    differs
        Whether the tokens differ, or one is missing.
    width
        In pixels, of the wider token.
    """

    at: dict[RunName, int | None]
    texts: dict[RunName, str]
    differs: bool
    width: float


@dataclass(frozen=True)
class Fold:
    """Neighbouring tokens that are not shown."""

    text: str
    width: float


Piece = Column | Fold
Lines = list[list[Piece]]


def prompt_columns(tokenizer: Tokenizer, pair: Pair, ruler: Ruler, room: float) -> list[Column]:
    """Both prompts side by side: counterparts share a column, every other token has its own."""
    tokens = {run: sequence_strings(tokenizer, pair.prompt(run)) for run in RUNS}
    columns, following = list[Column](), 0

    def add(clean: int | None, corrupted: int | None) -> None:
        at: dict[RunName, int | None] = {"clean": clean, "corrupted": corrupted}
        columns.append(_column(at, tokens, ruler, room))

    for clean in range(len(pair.clean)):
        corrupted = pair.counterparts.get(clean)
        for alone in range(following, following if corrupted is None else corrupted):
            add(None, alone)
        following = following if corrupted is None else corrupted + 1
        add(clean, corrupted)
    for alone in range(following, len(pair.corrupted)):
        add(None, alone)
    return columns


def _column(
    at: dict[RunName, int | None], tokens: dict[RunName, list[str]], ruler: Ruler, room: float
) -> Column:
    own = {run: None if i is None else tokens[run][i] for run, i in at.items()}
    differs = own["clean"] != own["corrupted"]
    longest = LONGEST_DIFFERING if differs else LONGEST
    texts = {
        run: ""
        if token is None
        else ruler.fitting(short(visible(token), longest), TOKEN, room - AROUND, mono=True)
        for run, token in own.items()
    }
    widths = [ruler.width(text, TOKEN, mono=True, bold=differs) for text in texts.values()]
    return Column(at, texts, differs, max(widths) + AROUND)


def lines_of(
    columns: Sequence[Column], marked: Sequence[int], ruler: Ruler, room: float, most: int
) -> Lines:
    """Break the tokens of a prompt into lines; those that have no room fold.

    Parameters
    ----------
    marked
        Positions in the clean prompt that are patched: they stay.
    room
        The width of a line.
    most
        The number of lines.
    """
    lines = _broken(list(columns), room)
    budget = most * room
    while len(lines) > most:
        budget *= 0.94
        lines = _broken(_folded(columns, marked, budget, _fold_width(ruler)), room)
    return lines


def _broken(pieces: Sequence[Piece], room: float) -> Lines:
    lines, left = Lines([[]]), room
    for piece in pieces:
        if piece.width > left and lines[-1]:
            lines.append([])
            left = room
        lines[-1].append(piece)
        left -= piece.width
    return lines


def _folded(
    columns: Sequence[Column], marked: Sequence[int], budget: float, fold: float
) -> list[Piece]:
    """The pieces that have room: first the last token and those that differ or are patched, then their neighbours."""
    last = len(columns) - 1
    needed = [last, *(i for i, c in enumerate(columns) if c.differs or c.at["clean"] in marked)]
    shown = set[int]()
    for i in needed:
        if _total(columns, shown | {i}, fold) <= budget or not shown:
            shown.add(i)
    marks = sorted(shown)
    others = sorted(
        set(range(len(columns))) - shown, key=lambda i: (min(abs(i - k) for k in marks), i)
    )[:TRIED]
    # Twice: a token that had no room may later be all that a fold would hide, and narrower than it.
    for i in (*others, *others):
        if i not in shown and _total(columns, shown | {i}, fold) <= budget:
            shown.add(i)
    return _pieces(columns, shown, fold)


def _total(columns: Sequence[Column], shown: set[int], fold: float) -> float:
    ordered = sorted(shown)
    gaps = [b - a - 1 for a, b in zip([-1, *ordered], [*ordered, len(columns)], strict=True)]
    widths = sum(columns[i].width for i in ordered)
    return widths + fold * sum(gap > 0 for gap in gaps)


def _pieces(columns: Sequence[Column], shown: set[int], fold: float) -> list[Piece]:
    pieces, hidden = list[Piece](), list[Column]()
    for i, column in enumerate(columns):
        if i not in shown:
            hidden.append(column)
            continue
        if hidden:
            pieces.append(_fold(hidden, fold))
        hidden = []
        pieces.append(column)
    if hidden:
        pieces.append(_fold(hidden, fold))
    return pieces


def _fold(hidden: Sequence[Column], width: float) -> Fold:
    alike = not any(column.differs for column in hidden)
    return Fold(f"⋯ {len(hidden):,} {'alike' if alike else 'more'} ⋯", width)


def _fold_width(ruler: Ruler) -> float:
    return ruler.width("⋯ 1,000 alike ⋯", NOTE) + AROUND
