"""A sweep in pieces that can be computed in any order and in any process: which groups belong together. Plain data.

Where the cuts are depends on the work alone, by the planner's own cost, and not on who computes it.
"""

import hashlib
import heapq
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from patchwidgets.arrays import NDArray
from patchwidgets.sweep.groups import Group

Arrays = dict[str, NDArray[Any]]
"""What a piece measured, by name, as plain numbers."""

PIECE_FLOPS: Mapping[str, float] = {"cpu": 2e11, "other": 1e14}
"""How many floating-point operations make a piece, by device: some seconds, so that asking for it costs nothing."""
RECORDINGS = 2.0
"""A piece costs at least so many times what recording its pairs costs, since every worker has to record them."""


@dataclass(frozen=True)
class Piece:
    """Some groups of a sweep, or passes of other work, in the order of its plan.

    Attributes
    ----------
    items
        Which ones.
    flops
        Floating-point operations, without recordings.
    batch
        Pieces with the same batch need the same recording.
    recording_flops
        Floating-point operations of that recording.
    check
        A checksum of what is computed, by which a worker knows whether it plans the same.
    """

    items: range
    flops: float
    batch: int
    recording_flops: float
    check: str


class Item(NamedTuple):
    """One pass, which is never cut: its cost, what is recorded for it, and a checksum of what it computes."""

    flops: float
    batch: int
    recording_flops: float
    check: str


def cut(items: Sequence[Item], device: str) -> list[Piece]:
    """Cut passes into pieces of about equal cost, each of one batch, for a kind of device."""
    usual = PIECE_FLOPS.get(device, PIECE_FLOPS["other"])
    pieces: list[Piece] = []
    start, total = 0, 0.0
    for i, item in enumerate(items):
        total += item.flops
        is_last = i + 1 == len(items) or items[i + 1].batch != item.batch
        if is_last or total >= max(usual, RECORDINGS * item.recording_flops):
            check = checksum(each.check for each in items[start : i + 1])
            piece = range(start, i + 1)
            pieces.append(Piece(piece, total, item.batch, item.recording_flops, check))
            start, total = i + 1, 0.0
    return pieces


def checksum(parts: Iterable[str]) -> str:
    """Return what says whether two processes mean the same."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def group_checksum(group: Group) -> str:
    """Return what says whether two processes mean the same group."""
    shape = (group.start, group.length, group.plain, group.n_forced, group.n_appended)
    rows = np.array([(row.cell, row.pair, row.layer) for row in group.rows], dtype=np.int64)
    return checksum([f"{shape} {group.pairs}", hashlib.sha256(rows.tobytes()).hexdigest()])


def slowest(pieces: Sequence[Piece], workers: int, beginning: float = 0.0) -> float:
    """How many floating-point operations the busiest of some workers has, if each takes the next piece when it can.

    Parameters
    ----------
    workers
        How many there are, at least 1.
    beginning
        Floating-point operations that each has before its first piece.
    """
    busy = [(beginning, i) for i in range(workers)]
    recorded: list[int | None] = [None] * workers
    for piece in pieces:
        done, i = heapq.heappop(busy)
        new = piece.recording_flops if recorded[i] != piece.batch else 0.0
        recorded[i] = piece.batch
        heapq.heappush(busy, (done + new + piece.flops, i))
    return max((done for done, i in busy if recorded[i] is not None), default=0.0)
