"""Runs the pieces of a computation on an executor, and keeps them in a folder. Costs what `futures` and `parts` say."""

import logging
import os
import secrets
import threading
from collections.abc import Generator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import torch

from patchwidgets.executors.futures import Executor, check_executor, completed, is_of_submitit
from patchwidgets.executors.job import check_origin
from patchwidgets.executors.parts import Parts, remembered
from patchwidgets.executors.worker import HERE, Asked, Here, compute, forget, of_threads
from patchwidgets.executors.works import AnyWork, again, job_of
from patchwidgets.hooks.cancellation import cancellation_check
from patchwidgets.sweep.pieces import Arrays, Piece

Computing = Generator[tuple[Piece, Arrays]]
_LOG = logging.getLogger(__name__)
PIECES_PER_JOB = 16
"""How many pieces one job of submitit gets, since each begins a process and loads the model."""


def steps_on(
    work: AnyWork, executor: Executor | None, resume: str | Path | None
) -> Generator[None] | None:
    """As `steps`, or None where this process computes and nothing is kept."""
    return None if executor is None and resume is None else steps(work, executor, resume)


def steps(work: AnyWork, executor: Executor | None, resume: str | Path | None) -> Generator[None]:
    """Compute a planned work piece by piece; after each step it has some more numbers.

    Parameters
    ----------
    executor
        Who computes; None for this process.
    resume
        A folder in which parts are kept, and from which those that are there are taken.

    Raises
    ------
    ExecutorError
        The work is no data, or a worker failed.
    FileError
        The folder holds parts of another computation, or cannot be written.
    """
    in_threads = isinstance(executor, ThreadPoolExecutor)
    if executor is not None:
        check_executor(executor)
        if not in_threads:
            check_origin(work.experiment.model)
    threads = int(remembered(resume).get("threads") or torch.get_num_threads())
    job = None if resume is None and (executor is None or in_threads) else job_of(work, threads)
    left = work.pieces()
    parts = None
    if resume is not None:
        assert job is not None
        parts = Parts(resume, job)
        for piece, arrays in list(parts.known(left)):
            work.take_piece(piece.items, arrays)
            left.remove(piece)
    yield
    if executor is None:
        computing = _here(work, threads, left)
    elif in_threads:
        computing = _threads(executor, work, threads, left)
    else:
        assert job is not None
        _warn_of_many(executor, threads)
        together = PIECES_PER_JOB if is_of_submitit(executor) else 1
        computing = _given_out(executor, job.packed(), threads, left, together)
    with closing(computing):
        for piece, arrays in computing:
            if parts is not None:
                parts.keep(piece, arrays)
            work.take_piece(piece.items, arrays)
            yield


def _here(work: AnyWork, threads: int, pieces: Sequence[Piece]) -> Computing:
    apart = again(work) if pieces else work  # computing fills in its own numbers
    stop_if_cancelled = cancellation_check()
    for piece in pieces:
        stop_if_cancelled()
        with of_threads(threads):
            arrays = apart.compute_piece(piece.items)
        yield piece, arrays


def _threads(executor: Executor, work: AnyWork, threads: int, pieces: Sequence[Piece]) -> Computing:
    """Threads of this process use the model that is there."""
    name, cancel = secrets.token_bytes(16), threading.Event()
    HERE[name] = Here(lambda: again(work), cancel)
    try:
        yield from _given_out(executor, name, threads, pieces, 1)
    finally:
        cancel.set()
        forget(name)


def _given_out(
    executor: Executor, packed: bytes, threads: int, pieces: Sequence[Piece], together: int
) -> Computing:
    bundles = [pieces[i : i + together] for i in range(0, len(pieces), together)]
    tasks = [(packed, threads, [_asked(piece) for piece in each]) for each in bundles]
    with closing(completed(executor, compute, tasks)) as done:
        for i, found in done:
            yield from zip(bundles[i], found, strict=True)


def _warn_of_many(executor: Executor, threads: int) -> None:
    """Say where the threads of a pool are more than there are cores: they would wait for one another."""
    workers, cores = getattr(executor, "_max_workers", 1), os.cpu_count() or 1
    if isinstance(executor, ProcessPoolExecutor) and workers * threads > max(cores, threads):
        _LOG.warning(
            "%d processes of %d threads each on %d cores slow one another down. Workers compute with as many threads "
            "as this process, so that numbers are the same to the last bit: call torch.set_num_threads(%d) first.",
            workers,
            threads,
            cores,
            max(1, cores // workers),
        )


def _asked(piece: Piece) -> Asked:
    return piece.items.start, piece.items.stop, piece.check
