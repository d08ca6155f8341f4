"""How good the first-order choice of neurons (`top=`) is, against the exact effect of every neuron of SmolLM2.

python -m benchmarks.top_neurons [--layers 0 10 26] [--threads 2] [--out folder]

For each layer, and for all layers together: how many neurons have to be tried, in the order of their first-order
effects, until the ten and the thirty neurons of the largest exact effects are among them. All 30 layers take about six
minutes.
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
from benchmarks.sweep import make_experiment
from patchwidgets.sweep.attribution import rank_by_attribution


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--layers", type=int, nargs="*", default=range(30))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    experiment = make_experiment("late", "cpu")
    exact, chosen, rows = [], [], []
    for layer in arguments.layers:
        started = time.perf_counter()
        exact.append(exact_effects(experiment, layer))
        middle = time.perf_counter()
        chosen.append(first_order(experiment, layer))
        seconds = middle - started, time.perf_counter() - middle
        rows.append(compared(f"layer {layer}", exact[-1], chosen[-1]))
        print(
            line(rows[-1]),
            f"({seconds[0]:.1f} s for the exact effects, {seconds[1]:.1f} s for the ranking)",
        )
    rows.append(compared("together", np.concatenate(exact), np.concatenate(chosen)))
    print(line(rows[-1]))
    if arguments.out is not None:
        arguments.out.mkdir(parents=True, exist_ok=True)
        (arguments.out / "top_neurons.json").write_text(json.dumps(rows, indent=1) + "\n")


def exact_effects(experiment: pw.Experiment, layer: int) -> NDArray[np.float64]:
    grid_values = experiment.sweep("neuron", layers=[layer], progress=False)
    found: NDArray[np.float64] = grid_values.effect.values[0]
    return found


def first_order(experiment: pw.Experiment, layer: int) -> NDArray[np.float64]:
    n = experiment.model.d_mlp or 0
    choice = rank_by_attribution(
        experiment, "neuron", {"layer": [layer], "neuron": list(range(n))}, n
    )
    found = np.zeros(n)
    found[[int(neuron) for neuron in choice.coordinates["neuron"]]] = choice.first_order
    return found


def compared(
    name: str, exact: NDArray[np.float64], chosen: NDArray[np.float64]
) -> dict[str, float | str]:
    """Count how many neurons to try until the exact top 10 and 30 are among them, and what the first 100 contain."""
    best, place = np.argsort(-np.abs(exact)), np.argsort(np.argsort(-np.abs(chosen)))
    return {
        "name": name,
        "neurons": exact.size,
        "tried_for_10": int(place[best[:10]].max()) + 1,
        "tried_for_30": int(place[best[:30]].max()) + 1,
        "of_30_in_100": int((place[best[:30]] < 100).sum()),
        "of_100_in_100": int((place[best[:100]] < 100).sum()),
        "correlation": float(np.corrcoef(exact, chosen)[0, 1]),
    }


def line(row: dict[str, float | str]) -> str:
    return (
        f"{row['name']:>9}: of {row['neurons']:>6,} neurons the exact top 10 are among the first "
        f"{row['tried_for_10']:>3}, the top 30 among the first {row['tried_for_30']:>4} "
        f"({row['of_30_in_100']} of 30 and {row['of_100_in_100']} of 100 among the first 100); "
        f"correlation {row['correlation']:.3f}"
    )


if __name__ == "__main__":
    main()
