"""A sweep in pieces: computed one by one, here or elsewhere, and taken from there. Costs what `row_sweep` says."""

from abc import abstractmethod
from typing import TypedDict, TypeVar

import numpy as np

from patchwidgets.errors import PatchError
from patchwidgets.sweep.pieces import Arrays, Item, Piece, checksum, cut, group_checksum, slowest
from patchwidgets.sweep.row_sweep import RowSweep

_Batch = TypeVar("_Batch")


class _OnWorkers(TypedDict):
    seconds: float
    pieces: int
    workers: int


class PiecewiseSweep(RowSweep[_Batch]):
    """A sweep that other processes can compute; `RowSweep` documents the parameters."""

    @abstractmethod
    def _recording_flops(self, batch: _Batch) -> float:
        """Floating-point operations of `_record`."""

    def _on_workers(self, workers: int, flops: float) -> _OnWorkers:
        """What a plan says of workers, from the operations of all the work."""
        if workers < 1:
            raise PatchError(f"workers is {workers}; expected a number of workers, at least 1.")
        pieces = self.pieces()
        if workers > 1:
            # Each has to run both prompts of every pair before its first piece.
            prompts = [
                len(each) for pair in self.experiment.pairs for each in (pair.clean, pair.corrupted)
            ]
            beginning = sum(self._cost.recording_flops(1, length) for length in prompts)
            flops = slowest(pieces, workers, beginning)
        seconds = flops / self._cost.flops_per_second()
        return {"seconds": seconds, "pieces": len(pieces), "workers": workers}

    def pieces(self) -> list[Piece]:
        """The work in pieces that can be computed in any order and place; see `pieces.cut`."""
        batches = {id(batch): batch for _, batch in self._all}
        numbers = {key: i for i, key in enumerate(batches)}
        recording = {key: self._recording_flops(batch) for key, batch in batches.items()}
        items = [
            Item(
                self._cost.flops(group),
                numbers[id(batch)],
                recording[id(batch)],
                group_checksum(group),
            )
            for group, batch in self._all
        ]
        return cut(items, self.experiment.model.layout.device.type)

    def check_of(self, piece: range) -> str:
        """The checksum of what a piece computes, as `Piece.check`."""
        return checksum(group_checksum(group) for group, _ in self._all[piece.start : piece.stop])

    def compute_piece(self, piece: range) -> Arrays:
        """Compute some groups alone, and return their numbers as plain arrays, for `take_piece` of another process.

        What is recorded stays, for the next piece of the same pairs; the same piece again gives the same numbers.
        """
        self._effects.forget_noise()
        if self._flips is not None:
            self._flips.forget()
        started, self._queue = self._seconds, list(self._all[piece.start : piece.stop])
        while self._queue:
            self._compute_first()
        cells, pairs = self._rows_of(piece)
        arrays = self._effects.taken(cells, pairs)
        arrays["seconds"] = np.array(self._seconds - started)
        if self._flips is not None:
            arrays["flips"] = np.array([self._flips.flips, self._flips.choices])
        if self._reach is not None:
            arrays |= self._reach.taken(cells, pairs)
        return arrays

    def take_piece(self, piece: range, arrays: Arrays) -> None:
        """Take the numbers of a piece that was computed elsewhere, as if they were computed here."""
        cells, pairs = self._rows_of(piece)
        self._effects.put(cells, pairs, arrays)
        self._seconds += float(arrays["seconds"])
        if self._flips is not None:
            self._flips.add(*arrays["flips"].tolist())
        if self._reach is not None:
            self._reach.put(cells, pairs, arrays)
        self._done_flops += sum(
            self._cost.flops(group) for group, _ in self._all[piece.start : piece.stop]
        )
        if not self.progress.left:
            self._queue = []
            self._warn_about_flips()

    def _rows_of(self, piece: range) -> tuple[list[int], list[int]]:
        """The cell and the pair of each row of a piece."""
        rows = [row for group, _ in self._all[piece.start : piece.stop] for row in group.rows]
        return [row.cell for row in rows], [row.pair for row in rows]
