"""The matching of two prompts' tokens against every possible matching."""

from collections.abc import Iterator
from itertools import combinations, product

from hypothesis import given
from hypothesis import strategies as st

from patchwidgets.tasks.alignment import Columns, propose_columns
from patchwidgets.tasks.matching import fill_stretches, shared_tokens

TOKENS = st.lists(st.integers(0, 3), max_size=6)


def every_matching(clean: list[int], corrupted: list[int]) -> Iterator[list[tuple[int, int]]]:
    """All ways to match equal tokens in order, the empty one included."""
    for n in range(min(len(clean), len(corrupted)) + 1):
        for a, b in product(
            combinations(range(len(clean)), n), combinations(range(len(corrupted)), n)
        ):
            if all(clean[i] == corrupted[j] for i, j in zip(a, b, strict=True)):
                yield list(zip(a, b, strict=True))


def n_equal(columns: Columns, clean: list[int], corrupted: list[int]) -> int:
    return sum(clean[i] == corrupted[j] for i, j in columns)


@given(clean=TOKENS, corrupted=TOKENS)
def test_no_matching_shares_more_tokens(clean: list[int], corrupted: list[int]) -> None:
    shared = shared_tokens(clean, corrupted)
    assert shared in list(every_matching(clean, corrupted))
    assert len(shared) == max(map(len, every_matching(clean, corrupted)))


@given(clean=TOKENS, corrupted=TOKENS)
def test_no_matching_of_as_many_tokens_has_more_counterparts(
    clean: list[int], corrupted: list[int]
) -> None:
    """The prompts differ at their first and their last tokens: those which are equal there are always shared."""
    clean, corrupted = [7, *clean, 8], [9, *corrupted, 10]
    end = (len(clean), len(corrupted))
    shared = shared_tokens(clean, corrupted)
    possible = [m for m in every_matching(clean, corrupted) if len(m) == len(shared)]
    assert len(fill_stretches([*shared, end])) == max(
        len(fill_stretches([*m, end])) for m in possible
    )


@given(clean=TOKENS, corrupted=TOKENS, start=TOKENS, end=TOKENS)
def test_what_both_begin_and_end_with_is_shared(
    clean: list[int], corrupted: list[int], start: list[int], end: list[int]
) -> None:
    a, b = [*start, 7, *clean, 8, *end], [*start, 9, *corrupted, 10, *end]
    shared = shared_tokens(a, b)
    assert shared[: len(start)] == [(i, i) for i in range(len(start))]
    ends = [(len(a) - k, len(b) - k) for k in range(len(end), 0, -1)]
    assert shared[len(shared) - len(end) :] == ends


@given(clean=TOKENS, corrupted=TOKENS)
def test_a_proposal_matches_as_many_tokens_as_possible(
    clean: list[int], corrupted: list[int]
) -> None:
    clean, corrupted = [*clean, 4], [*corrupted, 5]
    if len(clean) != len(corrupted):
        most = max(map(len, every_matching(clean[:-1], corrupted[:-1])))
        assert n_equal(propose_columns(clean, corrupted), clean, corrupted) == most


def test_the_longest_block_is_not_always_part_of_the_longest_matching() -> None:
    """The block 1 2 3 excludes 4, 5, 6 and 7, which stand apart in the corrupted prompt."""
    clean, corrupted = [1, 2, 3, 4, 5, 6, 7, 0], [4, 9, 5, 9, 6, 9, 7, 9, 1, 2, 3, 0]
    assert propose_columns(clean, corrupted) == ((3, 0), (4, 2), (5, 4), (6, 6), (7, 11))
