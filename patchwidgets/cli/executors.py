"""Where the pieces of a sweep run, by name: processes here, a Dask cluster, Slurm. Costs what starts there."""

import importlib
import os
import signal
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from multiprocessing import get_context
from typing import Any

import typer

from patchwidgets.errors import LoadError, in_one_line

JOBS = "patchwidgets-jobs"
"""The folder in which submitit keeps its jobs, and what they print."""


@contextmanager
def open_executor(text: str | None) -> Iterator[Any]:
    """Open what runs the pieces of a sweep: anything with a method `submit`.

    Parameters
    ----------
    text
        ``"processes:4"``; ``"dask://host:port"``; ``"slurm"``, with what submitit's ``update_parameters`` takes, as in
        ``"slurm:timeout_min=60,slurm_partition=gpu"``. None runs everything in this process.

    Raises
    ------
    BadParameter
        The text is something else.
    LoadError
        The package that it needs is not installed, or there is nobody at the address.

    Examples
    --------
    >>> from patchwidgets.cli.executors import open_executor
    >>> with open_executor(None) as executor:
    ...     print(executor)
    None
    """
    if text is None:
        yield None
        return
    kind, _, rest = text.partition(":")
    if kind not in _OPEN:
        raise typer.BadParameter(
            f"--executor {text!r} is none of processes:4, dask://host:port, slurm"
        )
    with ExitStack() as stack:
        yield _OPEN[kind](rest, stack)


def n_workers(text: str | None) -> int:
    """Return how many processes a text asks for; of a cluster nobody knows, so 1.

    Examples
    --------
    >>> from patchwidgets.cli.executors import n_workers
    >>> n_workers("processes:4"), n_workers("slurm"), n_workers(None)
    (4, 1, 1)
    """
    kind, _, count = (text or "").partition(":")
    return max(1, int(count)) if kind == "processes" and count.isdecimal() else 1


def _processes(count: str, stack: ExitStack) -> Any:
    if not count.isdecimal() or not 1 <= int(count) <= 1024:
        raise typer.BadParameter(
            f"--executor processes:{count} has no number of processes from 1 to 1024, as in processes:4"
        )
    # A fork of a process with torch's threads may hang.
    context = get_context("spawn")
    share = max(1, (os.cpu_count() or 1) // int(count))
    pool = ProcessPoolExecutor(int(count), context, _start_worker, (share,))
    stack.callback(pool.shutdown, cancel_futures=True)
    return pool


def _start_worker(n_threads: int) -> None:
    """Let a worker take its part of the cores, and leave Ctrl-C, which a terminal sends to all, to its parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    import torch

    torch.set_num_threads(n_threads)


def _dask(address: str, stack: ExitStack) -> Any:
    distributed = _needed("distributed", "dask[distributed]")
    try:
        client = distributed.Client(f"tcp:{address}", timeout=10)
    except (OSError, ValueError, TimeoutError) as error:
        raise LoadError(
            f"No Dask scheduler answers at {address.lstrip('/')}. Start one with: dask scheduler; and workers with: "
            f"dask worker tcp:{address}. The address is what the scheduler prints."
        ) from error
    return stack.enter_context(client)


def _slurm(options: str, stack: ExitStack) -> Any:
    submitit = _needed("submitit", "submitit")
    try:
        executor = submitit.AutoExecutor(folder=JOBS, cluster="slurm")
    except RuntimeError as error:
        raise LoadError(
            f"There is no Slurm here ({in_one_line(error)}). Run this on a node from which you can start jobs."
        ) from error
    try:
        executor.update_parameters(**dict(_option(each) for each in options.split(",") if each))
    except (NameError, TypeError, ValueError) as error:
        raise typer.BadParameter(f"--executor slurm:{options}: {error}") from error
    return executor


def _option(text: str) -> tuple[str, str | int]:
    name, equals, value = text.partition("=")
    if not equals:
        raise typer.BadParameter(
            f"--executor slurm: {text!r} is no name=value, as in slurm:timeout_min=60,gpus_per_node=1"
        )
    return name, int(value) if value.isdecimal() else value


def _needed(module: str, package: str) -> Any:
    """Import a package that only some people have.

    Raises
    ------
    LoadError
        It is not installed.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise LoadError(
            f'This needs {module}, which is not installed; run: pip install "{package}"'
        ) from error


_OPEN = {"processes": _processes, "dask": _dask, "slurm": _slurm}
