"""Layered graphs: no box lies on another one, no arrow leads through a box, and all stays within the width."""

from itertools import combinations, pairwise

import numpy as np
import pytest

from patchwidgets.plot.layered import place, widened
from patchwidgets.plot.routes import free_place, samples


def random_graph(seed: int) -> tuple[list[list[str]], list[tuple[str, str]]]:
    generator = np.random.default_rng(seed)
    rows = [[f"{row}.{i}" for i in range(generator.integers(1, 7))] for row in range(8)]
    arrows = []
    for _ in range(30):
        low, high = sorted(generator.choice(8, 2, replace=False))
        arrows.append((str(generator.choice(rows[low])), str(generator.choice(rows[high]))))
    return rows, list(dict.fromkeys(arrows))


@pytest.mark.parametrize("seed", range(5))
def test_boxes_and_bends_keep_apart(seed: int) -> None:
    rows, arrows = random_graph(seed)
    widths = {name: 40.0 for row in rows for name in row}
    placed = place(rows, widths, arrows, width=230, gap=8, lane=6)
    assert sorted(name for row in placed.rows for name in row) == sorted(widths)
    row_of = {name: i for i, row in enumerate(placed.rows) for name in row}
    taken = [[(placed.x[name], 40.0) for name in row] for row in placed.rows]
    for (start, end), bends in zip(arrows, placed.bends, strict=True):
        assert len(bends) == row_of[end] - row_of[start] - 1
        for row, x in enumerate(bends, row_of[start] + 1):
            taken[row].append((x, 6.0))
    for row in taken:
        for (a, wide_a), (b, wide_b) in combinations(row, 2):
            assert abs(a - b) >= (wide_a + wide_b) / 2 - 1e-6
        assert all(wide / 2 - 1e-6 <= x <= 230 - wide / 2 + 1e-6 for x, wide in row)


def test_order_within_a_row_avoids_crossings() -> None:
    rows = [["a", "b", "c"], ["C", "A", "B"]]
    arrows = [("a", "A"), ("b", "B"), ("c", "C")]
    placed = place(rows, dict.fromkeys("abcABC", 10.0), arrows, 100, 5, 5)
    places = [(placed.x[start], placed.x[end]) for start, end in arrows]
    assert sum((a[0] - b[0]) * (a[1] - b[1]) < 0 for a, b in combinations(places, 2)) == 0


def test_a_row_that_is_too_wide_becomes_several() -> None:
    names = [f"b{i}" for i in range(10)]
    placed = place([["a"], names], dict.fromkeys(["a", *names], 40.0), [("a", "b9")], 100, 10, 5)
    assert len(placed.rows) > 4
    assert all(len(row) <= 2 for row in placed.rows)


def test_what_is_narrow_is_spread() -> None:
    placed = place([["a", "b"]], {"a": 10.0, "b": 10.0}, [], 100, 5, 5)
    assert abs(placed.x["a"] - placed.x["b"]) == pytest.approx(15)
    spread, width = widened(placed, {"a": 10.0, "b": 10.0}, 100)
    assert abs(spread.x["a"] - spread.x["b"]) == pytest.approx(24)
    assert (sum(spread.x.values()) / 2, width) == (pytest.approx(50), 100)


def test_samples_lie_on_the_curve_that_is_drawn() -> None:
    """Each control point is halfway up, so that a curve leaves and reaches its corners upwards."""
    points = samples([(0, 0), (10, 20), (10, 30)])
    assert points[:, 0].min() > 0
    assert all(b[1] > a[1] for a, b in pairwise(points))
    middle = np.argmin(abs(points[:12, 0] - 5))
    assert points[middle, 1] == pytest.approx(10, abs=1)


def test_numbers_stand_where_nothing_is() -> None:
    points = samples([(0, 0), (0, 40)])
    half = (4, 3)
    assert free_place(points, half, [(-5, 0, 5, 40)], np.empty((0, 2))) is None
    found = free_place(points, half, [(-5, 0, 5, 25)], np.empty((0, 2)))
    assert found is not None
    assert found[1] >= 28
    beside = free_place(points, half, [], np.array([(0.0, y) for y in range(20)]))
    assert beside is not None
    assert beside[1] > 19
