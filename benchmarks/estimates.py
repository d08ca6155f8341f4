"""How good estimates by gradients are, against exact effects: ranks, the ten largest, signs.

python -m benchmarks.estimates [--model smollm2|teaching] [--direction denoise] [--no-edges] [--threads 2]
                               [--out folder]

On the prompts of the names task, or a sum for the teaching model: components by AtP and IG against `Experiment.sweep`,
and all edges by EAP and EAP-IG (5 and 20 steps) against `Experiment.edges`, which takes minutes on SmolLM2.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import torch

import patchwidgets as pw
from benchmarks.edges import make_experiment
from patchwidgets.sites import Component

Timed = tuple[pw.SweepResult, float]
"""A result, and the seconds that it took."""

COMPONENTS: dict[Component, tuple[str, ...]] = {
    "z": ("layer", "head"),
    "mlp_out": ("layer", "pos"),
    "resid_pre": ("layer", "pos"),
    "v": ("layer", "kv_head"),
}
NODE_METHODS: tuple[dict[str, Any], ...] = (
    {"method": "atp"},
    {"method": "ig", "steps": 5},
    {"method": "ig", "steps": 20},
)
EDGE_METHODS: tuple[dict[str, Any], ...] = (
    {"method": "eap"},
    {"method": "eap-ig", "steps": 5},
    {"method": "eap-ig", "steps": 20},
)
LARGEST = (10, 100)
HEADER = (
    "| of | method | seconds | exact seconds | rank correlation | of sizes | of the 10 largest found | of 100 | "
    "signs wrong | in the 10 largest |"
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--model", choices=("smollm2", "teaching"), default="smollm2")
    parser.add_argument("--direction", default="denoise")
    parser.add_argument("--no-edges", action="store_true")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    experiment = make_experiment(arguments.model, arguments.direction)
    print(
        f"{experiment.model.name}, {arguments.direction}, {arguments.threads} threads\n\n{HEADER}"
    )
    print("|---" * HEADER.count(" |") + "|")
    rows = []
    for row in measured(experiment, edges=not arguments.no_edges):
        print(in_a_line(row), flush=True)
        rows.append(row)
    if arguments.out is not None:
        arguments.out.mkdir(parents=True, exist_ok=True)
        (arguments.out / "estimates.json").write_text(json.dumps(rows, indent=1) + "\n")


def measured(experiment: pw.Experiment, edges: bool) -> Iterator[dict[str, Any]]:
    """Compare every method with exact effects, of components and of edges."""
    # The first passes of a process take longer.
    experiment.estimate("z", layers=[0], progress=False)
    for component, over in COMPONENTS.items():
        exact = timed(partial(experiment.sweep, component, over, progress=False))
        for method in NODE_METHODS:
            estimate = partial(experiment.estimate, component, over, progress=False, **method)
            yield compared(timed(estimate), exact)
    if edges:
        exact = timed(partial(experiment.edges, progress=True))
        for method in EDGE_METHODS:
            estimate = partial(experiment.estimate_edges, progress=False, **method)
            yield compared(timed(estimate), exact)


def timed(compute: Callable[[], pw.SweepResult]) -> Timed:
    """A result, and how long it took."""
    started = time.perf_counter()
    result = compute()
    return result, time.perf_counter() - started


def compared(estimated: Timed, exact: Timed) -> dict[str, Any]:
    """One row of the table."""
    comparison = estimated[0].compare(exact[0], k=LARGEST)
    return {
        "of": f"{len(comparison.sites):,} {comparison.component}",
        "method": comparison.method,
        "seconds": estimated[1],
        "exact_seconds": exact[1],
        "rank_correlation": comparison.rank_correlation,
        "of_sizes": comparison.rank_correlation_of_sizes,
        "found": comparison.found,
        "signs_wrong": comparison.signs_wrong,
        "signs_wrong_in_top": comparison.signs_wrong_in_top,
    }


def in_a_line(row: dict[str, Any]) -> str:
    """One row of the table, in Markdown."""
    found = [str(row["found"].get(k, "–")) for k in LARGEST]
    cells = [
        *(row["of"], row["method"], f"{row['seconds']:.1f}", f"{row['exact_seconds']:.1f}"),
        *(f"{row[name]:.3f}" for name in ("rank_correlation", "of_sizes")),
        *found,
        f"{row['signs_wrong']:.1%}",
        str(row["signs_wrong_in_top"][LARGEST[0]]),
    ]
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
