"""The tokens that two prompts share in the same order, as many as possible, and what is matched between them.

Costs time and memory as the product of the lengths, without what both prompts begin and end with.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise, product

Column = tuple[int, int]
"""A position of the clean prompt and its counterpart in the corrupted prompt."""
Tokens = Sequence[int | str]

# A walk through both prompts stands after a shared token (or at the start); in a stretch of equally many tokens on both
# sides; or in another stretch, of which it has passed tokens of the clean prompt, of the corrupted one, or of both.
SHARED, EQUAL, CLEAN, CORRUPTED, BOTH = STATES = range(5)
STEPS = (
    *((old, SHARED, 1, 1) for old in STATES),
    *((old, EQUAL, 1, 1) for old in (SHARED, EQUAL)),
    *((old, CLEAN, 1, 0) for old in (SHARED, CLEAN)),
    *((old, CORRUPTED, 0, 1) for old in (SHARED, CORRUPTED)),
    *((old, BOTH, 1, 0) for old in (CORRUPTED, BOTH)),
    *((old, BOTH, 0, 1) for old in (CLEAN, BOTH)),
)
"""A state, the state that a step leads to, and how many tokens of the clean and of the corrupted prompt it passes."""


def shared_tokens(clean: Tokens, corrupted: Tokens) -> list[Column]:
    """Return the positions of as many equal tokens as possible, ascending in both prompts.

    What both prompts begin with is shared, and then what both end with. Among several ways the one is taken in which
    `fill_stretches` adds the most counterparts, and then the one with the fewest stretches.
    """
    start = _count_equal(zip(clean, corrupted, strict=False))
    clean, corrupted = clean[start:], corrupted[start:]
    end = _count_equal(zip(reversed(clean), reversed(corrupted), strict=False))
    n, m = len(clean) - end, len(corrupted) - end
    ends = ((n + k, m + k) for k in range(end))
    return [
        *((i, i) for i in range(start)),
        *((start + i, start + j) for i, j in (*_longest(clean[:n], corrupted[:m]), *ends)),
    ]


def fill_stretches(shared: Iterable[Column]) -> list[Column]:
    """Return these columns with the counterparts in the stretches before and between them.

    A stretch of equally many tokens on both sides is matched token by token. Of another one the last tokens are
    matched, if it has tokens on both sides.
    """
    columns: list[Column] = []
    for (a, c), (b, d) in pairwise([(-1, -1), *shared]):
        in_clean, in_corrupted = b - a - 1, d - c - 1
        equal = in_clean == in_corrupted
        n = in_clean if equal else min(in_clean, in_corrupted, 1)
        columns += zip(range(b - n, b + 1), range(d - n, d + 1), strict=True)
    return columns


def _count_equal(tokens: Iterable[tuple[int | str, int | str]]) -> int:
    n = 0
    for a, b in tokens:
        if a != b:
            break
        n += 1
    return n


def _longest(clean: Tokens, corrupted: Tokens) -> list[Column]:
    """Find the best shared tokens by dynamic programming: the best score in every state at every place."""
    n, m = len(clean), len(corrupted)
    one = 2 + min(n, m)  # more than there can be counterparts, or stretches
    steps = [(*step, _gain(*step[:2], one)) for step in STEPS]
    never = -(one**4)
    scores = [[[never] * len(STATES) for _ in range(m + 1)] for _ in range(n + 1)]
    best_step = [[[0] * len(STATES) for _ in range(m + 1)] for _ in range(n + 1)]
    scores[0][0][SHARED] = 0
    for i, j in product(range(n + 1), range(m + 1)):
        here, best = scores[i][j], best_step[i][j]
        differs = not (i and j) or clean[i - 1] != corrupted[j - 1]
        for number, (old, new, in_clean, in_corrupted, gain) in enumerate(steps):
            if i < in_clean or j < in_corrupted or (differs and new == SHARED):
                continue
            score = scores[i - in_clean][j - in_corrupted][old] + gain
            if score > here[new]:
                here[new], best[new] = score, number
    # A shared token follows, or the last one.
    last = max(STATES, key=lambda state: scores[n][m][state] + _gain(state, SHARED, one))
    return _shared_on_the_way(best_step, (n, m), last)


def _gain(old: int, new: int, one: int) -> int:
    """What a step adds: `one`² for a shared token, `one` for a counterpart between them, −1 for a new stretch."""
    counterparts = (new == EQUAL) + (old == BOTH and new == SHARED)
    return one * one * (new == SHARED) + one * counterparts - (old == SHARED and new != SHARED)


def _shared_on_the_way(
    best_step: Sequence[Sequence[Sequence[int]]], place: Column, state: int
) -> list[Column]:
    shared: list[Column] = []
    while place != (0, 0):
        i, j = place
        old, _, in_clean, in_corrupted = STEPS[best_step[i][j][state]]
        place = (i - in_clean, j - in_corrupted)
        if state == SHARED:
            shared.append(place)
        state = old
    return shared[::-1]
