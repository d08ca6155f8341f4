"""How work is cut into pieces, by its cost alone, and how long pieces take on several workers."""

import pytest

import patchwidgets as pw
from patchwidgets.sweep import packing, pieces
from patchwidgets.sweep.api import make_sweep
from patchwidgets.sweep.pieces import Item, Piece, cut, slowest


def ranges(*items: Item) -> list[tuple[int, int]]:
    return [(piece.items.start, piece.items.stop) for piece in cut(items, "cpu")]


def item(flops: float, batch: int = 0, recording: float = 0.0) -> Item:
    return Item(flops, batch, recording, f"{flops} {batch}")


def test_pieces_have_about_the_usual_cost(monkeypatch):
    monkeypatch.setitem(pieces.PIECE_FLOPS, "cpu", 10)
    assert ranges(*map(item, [4, 4, 4, 20, 1, 1])) == [(0, 3), (3, 4), (4, 6)]


def test_a_piece_is_of_one_batch(monkeypatch):
    monkeypatch.setitem(pieces.PIECE_FLOPS, "cpu", 10)
    assert ranges(item(4, 0), item(4, 1), item(4, 1)) == [(0, 1), (1, 3)]


def test_a_piece_costs_more_than_its_recording(monkeypatch):
    monkeypatch.setitem(pieces.PIECE_FLOPS, "cpu", 10)
    assert ranges(*[item(10, recording=15)] * 4) == [(0, 3), (3, 4)]


def test_the_busiest_worker():
    made = [Piece(range(i, i + 1), flops, 0, 2, "") for i, flops in enumerate([6, 3, 3, 3])]
    assert slowest(made, 1) == 2 + 15
    assert slowest(made, 2) == 2 + 9  # 6 and 3 + 3 in the same time, and the last on one of them
    assert slowest(made, 4, beginning=1) == 1 + 2 + 6
    assert slowest(made, 100) == 2 + 6
    assert slowest([], 3, beginning=5) == 0


def test_a_plan_for_several_workers(monkeypatch):
    monkeypatch.setitem(pieces.PIECE_FLOPS, "cpu", 1e6)
    monkeypatch.setattr(pieces, "RECORDINGS", 0.0)
    exp = pw.Experiment(pw.load(), pw.tasks.addition(n=8, seed=0))
    alone, of_four = (exp.plan("z", batch=20, workers=n) for n in (1, 4))
    assert of_four.pieces == alone.pieces == len(make_sweep(exp, ["z"], batch=20).pieces())
    assert alone.seconds / 4 < of_four.seconds < alone.seconds
    assert f" on 4 workers ({of_four.pieces} pieces, " in repr(of_four)
    with pytest.raises(pw.errors.PatchError, match="workers is 0; expected a number of workers"):
        exp.plan("z", workers=0)


def test_groups_are_cut_by_pairs_so_that_host_rows_are_few(monkeypatch):
    exp = pw.Experiment(pw.load(), pw.tasks.addition(n=8, seed=0))
    whole = make_sweep(exp, ["neuron"], budget=1e9)
    assert len(whole.pieces()) == 1
    monkeypatch.setitem(packing.GROUP_TOKENS, "cpu", 2 * 512)
    cut_up = make_sweep(exp, ["neuron"], budget=1e9)
    groups = [group for batch in cut_up._pair_batches for group in batch.groups]
    assert sum(len(group.rows) for group in groups) == cut_up.plan().runs == whole.plan().runs
    assert all(len(group.rows) * group.positions <= 2 * 512 for group in groups)
    assert all(len(group.pairs) <= 512 // 64 for group in groups)


def test_numbers_do_not_depend_on_a_budget_that_suffices():
    exp = pw.Experiment(pw.load(), pw.tasks.addition(n=8, seed=0), metric=["logit_diff", "kl"])
    one, other = (exp.sweep("z", budget=each, progress=False) for each in (2e8, 4e9))
    assert (one.to_xarray()["effect"].values == other.to_xarray()["effect"].values).all()
