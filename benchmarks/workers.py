"""How much faster a sweep is on several worker processes of one thread each than on one such process.

python -m benchmarks.workers [--pairs 64] [--workers 2] [--model smollm2|teaching] [--out folder]

All heads of the model over pairs of the IOI task, by a pool of spawned processes. A first, small sweep lets every
worker load the model; what is timed has all else that a new computation costs: both unpatched runs of every pair on
every worker, the plan, the pieces. The numbers must be those of one process to the last bit. Target: 1.6 with two
workers on two cores. On a machine that is busy with other things, the processor time of the busiest worker says more
than the clock.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor, wait
from pathlib import Path
from typing import NamedTuple

import numpy as np
import psutil
import torch

import patchwidgets as pw

TARGET = 1.6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--pairs", type=int, default=64)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--model", default="smollm2")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    model = pw.load(None if arguments.model == "teaching" else arguments.model)
    experiment = pw.Experiment(model, pw.tasks.ioi(n=arguments.pairs, seed=0))
    print(experiment.plan("z"), experiment.plan("z", workers=arguments.workers), sep="\n")
    one, several = (timed(experiment, n) for n in (1, arguments.workers))
    row = {
        "pairs": arguments.pairs,
        "workers": arguments.workers,
        "seconds": [round(one.seconds, 1), round(several.seconds, 1)],
        "speed-up": round(one.seconds / several.seconds, 2),
        "processor seconds of the busiest": [round(one.busiest, 1), round(several.busiest, 1)],
        "speed-up by processor time": round(one.busiest / several.busiest, 2),
        "same to the last bit": bool(
            np.array_equal(one.result["effect"].values, several.result["effect"].values)
        ),
    }
    print(row, f"(target: {TARGET})")
    if arguments.out is not None:
        arguments.out.mkdir(parents=True, exist_ok=True)
        (arguments.out / "workers.json").write_text(json.dumps(row, indent=1) + "\n")


class Timed(NamedTuple):
    """The seconds of a sweep, the processor seconds of its busiest worker, and its result."""

    seconds: float
    busiest: float
    result: pw.SweepResult


def timed(experiment: pw.Experiment, workers: int) -> Timed:
    """Time a sweep on some workers that have loaded the model."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, torch.set_num_threads, (1,)) as pool:
        wait([pool.submit(time.sleep, 1) for _ in range(workers)])  # begins every process
        warm(experiment, pool, workers)
        before, started = processor_seconds(), time.perf_counter()
        result = experiment.sweep("z", progress=False, executor=pool)
        seconds, after = time.perf_counter() - started, processor_seconds()
        return Timed(seconds, max(after[pid] - before[pid] for pid in before), result)


def processor_seconds() -> dict[int, float]:
    """Return how long each child of this process has computed."""
    times = {child.pid: child.cpu_times() for child in psutil.Process().children()}
    return {pid: each.user + each.system for pid, each in times.items()}


def warm(experiment: pw.Experiment, pool: ProcessPoolExecutor, workers: int) -> None:
    """Let every worker load the model: sweeps of two heads until each has had a piece, or enough were tried."""
    small = pw.Experiment(experiment.model, pw.tasks.ioi(n=1, seed=1))
    for _ in range(4 * workers):
        small.sweep(sites=["L0.H0"], progress=False, executor=pool)


if __name__ == "__main__":
    main()
