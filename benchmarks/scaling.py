"""How the time and the peak memory of a sweep grow with layers, positions, heads and pairs, on random Llama models.

python -m benchmarks.scaling [--threads 2] [--device cpu|cuda] [--budget 512] [--out folder]

Each line doubles one size and keeps the others. Time is also given per GFLOP, which shows whether time grows faster
than the arithmetic. Peak memory is the memory that the process (or the GPU) takes in addition while the sweep runs.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from transformers import LlamaConfig, LlamaForCausalLM

import patchwidgets as pw
from benchmarks.memory import peak_above
from patchwidgets.sites import Component
from patchwidgets.sweep.grid import make_grid
from patchwidgets.sweep.request import SweepRequest
from patchwidgets.sweep.sweep import Sweep
from tests.support.toy_tokenizer import toy_tokenizer

VOCABULARY = 256
D_HEAD = 32


@dataclass(frozen=True)
class Size:
    """The sizes of a model and of a dataset."""

    layers: int = 8
    positions: int = 16
    heads: int = 8
    pairs: int = 1


GROWING: dict[str, list[Size]] = {
    "layers": [replace(Size(), layers=n) for n in (4, 8, 16, 32)],
    "positions": [replace(Size(), positions=n) for n in (8, 16, 32, 64)],
    "heads": [replace(Size(), heads=n) for n in (4, 8, 16)],
    "pairs": [replace(Size(), pairs=n) for n in (1, 2, 4, 8)],
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--budget", type=float, default=512, help="MiB")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    rows = []
    for name, sizes in GROWING.items():
        for size in sizes:
            rows.append({"grows": name} | measure(size, arguments.device, arguments.budget * 2**20))
            print(line(rows[-1]))
    if arguments.out is not None:
        arguments.out.mkdir(parents=True, exist_ok=True)
        (arguments.out / "scaling.json").write_text(json.dumps(rows, indent=1) + "\n")


def measure(size: Size, device: str, budget: float) -> dict[str, Any]:
    """Measure a sweep of all heads, and of the residual stream at every layer and position, in the same passes."""
    experiment = make_experiment(size, device)
    asked: list[tuple[Component, tuple[str, ...]]] = [
        ("z", ("layer", "head")),
        ("resid_pre", ("layer", "pos")),
    ]
    grids = [make_grid(experiment, SweepRequest(component, over)) for component, over in asked]
    for _ in Sweep(experiment, grids[:1], budget=budget).run():  # warm
        break
    sweep = Sweep(experiment, grids, budget=budget)
    seconds, peak = timed(lambda: [None for _ in sweep.run()], device)
    plan = sweep.plan()
    return asdict(size) | {
        "sites": plan.sites,
        "gflop": plan.flops / 1e9,
        "seconds": seconds,
        "peak_mib": peak / 2**20,
        "planned_mib": plan.memory / 2**20,
    }


def timed(run: Callable[[], object], device: str) -> tuple[float, int]:
    started = time.perf_counter()
    peak = peak_above(run, device)
    return time.perf_counter() - started, peak


def make_experiment(size: Size, device: str) -> pw.Experiment:
    """Make random weights and prompts. The prompts of a pair differ at the second token."""
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=size.heads * D_HEAD,
        intermediate_size=3 * size.heads * D_HEAD,
        num_hidden_layers=size.layers,
        num_attention_heads=size.heads,
        num_key_value_heads=size.heads // 2,
    )
    model = pw.wrap(LlamaForCausalLM(config).eval().to(device), toy_tokenizer(VOCABULARY))
    ids = torch.randint(4, VOCABULARY, (size.pairs, size.positions)).tolist()
    other = [[row[0], 3, *row[2:]] for row in ids]
    clean, corrupted = ([words(row) for row in rows] for rows in (ids, other))
    return pw.Experiment(model, pw.Task(clean, corrupted, " w1", " w2"))


def words(ids: list[int]) -> str:
    """Return the text that has these ids."""
    return " ".join(f"w{i}" for i in ids)


def line(row: dict[str, Any]) -> str:
    sizes = " ".join(f"{name} {row[name]:>3}" for name in asdict(Size()))
    return (
        f"{row['grows']:>9}: {sizes}  {row['sites']:>5} sites {row['gflop']:8.1f} GFLOP "
        f"{row['seconds']:7.2f} s {1000 * row['seconds'] / row['gflop']:6.1f} ms/GFLOP "
        f"peak {row['peak_mib']:6.0f} MiB (planned {row['planned_mib']:.0f} MiB)"
    )


if __name__ == "__main__":
    main()
