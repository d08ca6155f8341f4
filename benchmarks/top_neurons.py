"""How good the choice of neurons (`top=`) is, on tasks of unlike kinds, against exact effects.

python -m benchmarks.top_neurons [--tasks facts verb] [--all] [--threads 2] [--out folder]

For each task, and for the choice and for the gradient in the host run alone: how many of the 5, 10, 20 and 100 neurons
of largest exact effect are among the first 1,000, and how many neurons have to be tried until all of them are. Exact
effects are those of the first 1,200 by the gradient at each point, and of 1,500 others drawn at random, of which the
largest is printed with its rank; with ``--all`` of every neuron, which takes about 5 TFLOP (a minute of two free cores)
for each position of SmolLM2's prompts from the first difference on.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

import patchwidgets as pw
from benchmarks.neuron_tasks import NeuronTask, neuron_tasks
from patchwidgets.sweep.attribution import POINTS
from patchwidgets.sweep.gradients import first_order_effects

Effects = NDArray[np.float64]
TRIED = 1000
EXACT_OF_EACH, EXACT_OF_OTHERS = 1200, 1500


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--tasks", nargs="*", default=list(neuron_tasks()))
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    models = {name: pw.load(name) for name in {neuron_tasks()[t].model for t in arguments.tasks}}
    rows = []
    for name in arguments.tasks:
        task = neuron_tasks()[name]
        experiment = pw.Experiment(models[task.model], task.task, task.metric, task.direction)
        rows += measured(name, experiment, task, arguments.all)
    if arguments.out is not None:
        arguments.out.mkdir(parents=True, exist_ok=True)
        (arguments.out / "top_neurons.json").write_text(json.dumps(rows, indent=1) + "\n")


def measured(
    name: str, experiment: pw.Experiment, task: NeuronTask, every: bool
) -> list[dict[str, object]]:
    n_layers, d_mlp = experiment.model.n_layers, experiment.model.d_mlp or 0
    axes: dict[str, list[int | str]] = {
        "layer": list(range(n_layers)),
        "neuron": list(range(d_mlp)),
    }
    if task.pos is not None:
        axes["pos_name"] = [task.pos]
    started = time.perf_counter()
    by_point = np.abs(first_order_effects(experiment, "neuron", axes, POINTS))
    by_point = by_point.reshape(len(POINTS), -1)
    middle = time.perf_counter()
    n = by_point.shape[1]
    likely = np.unique(np.argsort(-by_point)[:, : n if every else EXACT_OF_EACH])
    others = np.setdiff1d(np.arange(n), likely)
    drawn = np.random.default_rng(0).permutation(others)[:EXACT_OF_OTHERS]
    tried = np.concatenate([likely, drawn])
    exact = exact_effects(experiment, tried, d_mlp, task.pos, n)
    seconds = middle - started, time.perf_counter() - middle
    print(
        f"{name}: {n:,} neurons, {len(tried):,} exactly in {seconds[1]:.0f} s, the gradients in {seconds[0]:.0f} s"
    )
    if len(drawn):
        largest = exact[drawn].max()
        print(f"  largest of {len(drawn):,} others: rank {(exact > largest).sum() + 1:,}")
    scores = {"the choice": by_point.max(0), "the host's gradient alone": by_point[0]}
    rows = [{"task": name} | compared(way, exact, score) for way, score in scores.items()]
    for row in rows:
        print(f"  {row['way']}: {row['found']}; all after {row['needed']}")
    return rows


def exact_effects(
    experiment: pw.Experiment, tried: NDArray[np.int64], d_mlp: int, pos: str | None, n: int
) -> Effects:
    """|effect| of every neuron that was tried; 0 for the others."""
    at = "" if pos is None else f"@{pos}"
    sites = [f"L{i // d_mlp}.N{i % d_mlp}{at}" for i in tried]
    exact = np.zeros(n)
    exact[tried] = np.abs(experiment.sweep(sites=sites, progress=False).effect.values)
    return exact


def compared(way: str, exact: Effects, score: Effects) -> dict[str, object]:
    """Of the 5, 10, 20 and 100 largest exact effects: how many are in the first 1,000, and where the last one is."""
    best = np.argsort(-exact, kind="stable")
    place = np.argsort(np.argsort(-score, kind="stable"))
    found = {k: int((place[best[:k]] < TRIED).sum()) for k in (5, 10, 20, 100)}
    needed = {k: int(place[best[:k]].max()) + 1 for k in found}
    return {"way": way, "found": found, "needed": needed}


if __name__ == "__main__":
    main()
