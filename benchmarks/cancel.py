"""How soon a cancelled sweep of SmolLM2 stops. Promised: within 250 ms plus one layer of its largest group.

python -m benchmarks.cancel [--rounds 20] [--threads 2] [--out folder]

Another thread cancels at a random moment of each kind of work: a sweep of heads over 32 pairs; the planning of a sweep
(of every neuron at every position); its first recordings; the choice of neurons; and the explorer's maps, which a
`cancel` message stops. The time of one layer is the longest time between the starts of two consecutive layers.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import statistics
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

import patchwidgets as pw
from benchmarks.sweep import make_experiment
from patchwidgets.explorer.session import PatchSession
from patchwidgets.hooks.cancellation import Cancelled, cancellable
from patchwidgets.sweep.grid import make_grid
from patchwidgets.sweep.request import SweepRequest
from patchwidgets.sweep.sweep import Sweep

PROMISED = 0.25


class Layers:
    """Measures the longest time between the starts of two consecutive layers of a model."""

    def __init__(self, model: pw.Model) -> None:
        self.longest, self._before = 0.0, (-2, 0.0)
        for i, block in enumerate(model.layout.blocks):
            block.register_forward_pre_hook(lambda *_, i=i: self._begin(i))

    def _begin(self, layer: int) -> None:
        now = time.perf_counter()
        if self._before[0] == layer - 1:
            self.longest = max(self.longest, now - self._before[1])
        self._before = layer, now


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--budget", type=float, default=300, help="MiB")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    one = make_experiment("late", "cpu")
    many = pw.Experiment(one.model, pw.tasks.ioi(n=32, seed=0))
    layers, budget, chance = Layers(one.model), arguments.budget * 2**20, random.Random(0)
    heads = make_grid(many, SweepRequest("z"))

    def plans() -> None:
        Sweep(one, [make_grid(one, SweepRequest("neuron", ("layer", "neuron", "pos")))])

    def records() -> None:
        Sweep(many, [heads], budget=budget).compute_next()

    kinds: dict[str, tuple[Callable[[], object], float]] = {
        "sweep": (lambda: list(Sweep(many, [heads], budget=budget).run()), 8.0),
        "planning": (plans, 3.0),
        "first group": (records, 1.5),
        "choosing neurons": (
            lambda: make_grid(many, SweepRequest("neuron", top=9), budget),
            3.0,
        ),
    }
    rows = []
    for name, (work, within) in kinds.items():
        layers.longest = 0.0
        times = [answered(work, chance.uniform(0, within)) for _ in range(arguments.rounds)]
        rows.append(row(name, times, layers.longest))
    layers.longest = 0.0
    both = [session(one, chance.uniform(0, 1.5)) for _ in range(arguments.rounds)]
    rows.append(row("session, message", [told for told, _ in both], 0.0))
    rows.append(row("session, worker", [idle for _, idle in both], layers.longest))
    if arguments.out is not None:
        arguments.out.mkdir(parents=True, exist_ok=True)
        (arguments.out / "cancel.json").write_text(json.dumps(rows, indent=1) + "\n")


def answered(work: Callable[[], object], after: float) -> float:
    """Return the seconds from the cancellation to the end of the work; 0 if the work ended before."""
    unwanted, moment = threading.Event(), [float("inf")]

    def cancel() -> None:
        moment[0] = time.perf_counter()
        unwanted.set()

    timer = threading.Timer(after, cancel)
    timer.start()
    with cancellable(unwanted), contextlib.suppress(Cancelled):
        work()
    ended = time.perf_counter()
    timer.cancel()
    return max(0.0, ended - moment[0])


def session(experiment: pw.Experiment, after: float) -> tuple[float, float]:
    """Return the seconds from a `cancel` message to the `dropped` message, and to an idle worker."""
    told = [float("nan")]

    def send(message: dict[str, Any], _buffers: object) -> None:
        if message["kind"] == "dropped":
            told[0] = time.perf_counter()

    page = PatchSession(experiment, send)
    maps = [
        {"name": "heads", "component": "z", "over": ["layer", "head"]},
        {"name": "mlp", "component": "mlp_out", "over": ["layer", "pos"]},
    ]
    asked = {"v": 1, "kind": "sweep", "id": 1, "maps": maps}
    page.handle(asked | {"direction": "denoise", "metric": "logit_diff"})
    time.sleep(after)
    moment = time.perf_counter()
    page.handle({"v": 1, "kind": "cancel", "id": 2})
    page.wait()
    idle = time.perf_counter() - moment
    return max(0.0, told[0] - moment), idle


def row(name: str, times: list[float], layer: float) -> dict[str, float | str | bool]:
    median, most = statistics.median(times), max(times)
    kept = most <= PROMISED + layer
    print(
        f"{name:>17}: median {1000 * median:5.0f} ms, at most {1000 * most:5.0f} ms; one layer of the largest group "
        f"{1000 * layer:5.0f} ms; promise {'kept' if kept else 'BROKEN'}"
    )
    return {"name": name, "median": median, "max": most, "layer": layer, "kept": kept}


if __name__ == "__main__":
    main()
