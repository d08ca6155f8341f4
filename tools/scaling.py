"""Simulate a sweep that is too large to run: a model of 70 billion parameters, a million pairs, 100,000 sites.

python -m tools.scaling [--pairs 1000000] [--length 20] [--tflops 400] [--gpus 4] [--gib 80] [--pieces 1e14]

Nothing runs but the planner: the model has the layout of Llama-3-70B and no weights (PyTorch's meta device). Costs and
memory are those that sweeps use to plan (`patchwidgets.sweep.cost`), on the rows and groups of one pair: all pairs are
alike, so the rest is multiplication. What the planner itself takes is measured here. The rate of a GPU is assumed.
"""

from __future__ import annotations

import argparse
import math
import time
import tracemalloc
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import torch
from transformers import AutoModelForCausalLM, LlamaConfig

from patchwidgets.models.layout import Layout, layouts
from patchwidgets.sites import Patch, Site
from patchwidgets.sweep.cost import Cost
from patchwidgets.sweep.groups import Group, make_groups
from patchwidgets.sweep.rows import PairPatch, Row
from patchwidgets.sweep.savings import Savings

LLAMA_3_70B: dict[str, Any] = {
    "hidden_size": 8192,
    "intermediate_size": 28672,
    "num_hidden_layers": 80,
    "num_attention_heads": 64,
    "num_key_value_heads": 8,
    "vocab_size": 128256,
    "max_position_embeddings": 8192,
}
WORKERS = (1, 8, 64, 512)
VALUE_BYTES = 8
"""Numbers of sweeps are float64."""
RESULT_ARRAYS = 4
"""value, effect, share and recovery: a result has all four for each cell, pair and metric."""
PART_FACTOR = 4 / 3
"""Parts in a resume folder hold their arrays in base64."""


@dataclass(frozen=True)
class OnePair:
    """What one pair costs: all sites, each head of each layer at each position.

    Attributes
    ----------
    sites, zero
        How many there are, and how many of them certainly change nothing.
    flops, whole_flops
        Of the passes, and of as many whole prompts.
    groups
        How many passes of the model, if each pair is packed alone into the memory.
    memory
        Bytes beside the weights: recordings and the largest pass.
    plan_seconds, plan_bytes
        What the rows and groups of this pair took to make, and to hold.
    """

    sites: int
    zero: int
    flops: float
    whole_flops: float
    groups: int
    memory: int
    plan_seconds: float
    plan_bytes: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--pairs", type=int, default=1_000_000)
    parser.add_argument("--length", type=int, default=20, help="tokens of a prompt")
    parser.add_argument("--first", type=int, default=1, help="the first position that differs")
    parser.add_argument("--tflops", type=float, default=400, help="of one GPU, in bfloat16")
    parser.add_argument("--gpus", type=int, default=4, help="of a worker, as device_map='auto'")
    parser.add_argument("--gib", type=float, default=80, help="memory of a GPU")
    parser.add_argument("--pieces", type=float, default=1e14, help="FLOP of a piece, at least")
    arguments = parser.parse_args()
    layout = meta_layout()
    free = arguments.gpus * arguments.gib * 2**30 - weight_bytes(layout)
    budget = int(free / 2 / arguments.gpus)
    pair = one_pair(layout, arguments.length, arguments.first, budget)
    print("\n".join(report(layout, pair, budget, arguments)))


def meta_layout() -> Layout:
    """Make the layout without weights."""
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(LlamaConfig(**LLAMA_3_70B), dtype=torch.bfloat16)
    return next(layouts(model.eval(), "Llama-3-70B"))


def weight_bytes(layout: Layout) -> int:
    return sum(p.numel() * p.element_size() for p in layout.hf_model.parameters())


def one_pair(layout: Layout, length: int, first: int, budget: int) -> OnePair:
    """Plan every head at every position of one pair, as a sweep does, and measure what planning takes."""
    cost, cells = Cost(layout), patches(layout, length, first)
    recorded = cost.recording_bytes(layout.n_layers, True, length)

    def planned() -> list[Group]:
        groups: list[Group] = []
        rows = list(make_rows(cells))
        for group in make_groups(rows, one_pair_experiment(layout, length), Savings(), False):
            groups += group.split(max(1, (budget - recorded) // cost.row_bytes(group)))
        return groups

    started = time.process_time()
    planned()
    seconds = time.process_time() - started
    tracemalloc.start()
    groups = planned()
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    sites = layout.n_layers * layout.n_heads * length
    recording = 2 * cost.recording_flops(1, length)
    return OnePair(
        sites,
        sites - len(cells),
        sum(map(cost.flops, groups)) + recording,
        cost.recording_flops(sites, length),
        len(groups),
        recorded + max(len(group.rows) * cost.row_bytes(group) for group in groups),
        seconds,
        held,
    )


def patches(layout: Layout, length: int, first: int) -> list[tuple[int, int, Patch]]:
    """Layer, position and patch of every head at every position behind the beginning that both prompts share."""
    return [
        (layer, pos, Patch(Site("z", layer, pos=pos, index=head)))
        for layer in range(layout.n_layers)
        for head in range(layout.n_heads)
        for pos in range(first, length)
    ]


def make_rows(cells: Sequence[tuple[int, int, Patch]]) -> Iterator[Row]:
    """Make what a sweep makes of each cell on each pair."""
    for cell, (layer, pos, patch) in enumerate(cells):
        yield Row(cell, 0, pos, layer, (PairPatch(patch, ((pos, pos),), "source"),))


def one_pair_experiment(layout: Layout, length: int) -> Any:
    """As much of an experiment as grouping reads."""
    pair = SimpleNamespace(prompt=lambda _run: range(length), differing=lambda _run: [1])
    read_positions = SimpleNamespace(in_prompt=lambda _run, _pair: [length - 1])
    return SimpleNamespace(
        pairs=[pair],
        host_name="corrupted",
        model=SimpleNamespace(n_layers=layout.n_layers),
        evaluation=SimpleNamespace(read_positions=read_positions),
    )


def report(
    layout: Layout, pair: OnePair, budget: int, arguments: argparse.Namespace
) -> Sequence[str]:
    """Say it in a table of Markdown."""
    n, sites = arguments.pairs, pair.sites
    total, rate = n * pair.flops, arguments.tflops * 1e12
    values = n * sites * VALUE_BYTES
    pieces = n * min(pair.groups, math.ceil(pair.flops / arguments.pieces))
    rows = {
        "sites": f"{sites:,} ({layout.n_layers} layers × {layout.n_heads} heads × {arguments.length} positions), "
        f"of which {pair.zero:,} are 0 for certain",
        "runs": f"{n * (sites - pair.zero):.2e}",
        "arithmetic": f"{total:.2e} FLOP; as whole prompts {n * pair.whole_flops:.2e} "
        f"({pair.whole_flops / pair.flops:.1f} times as much)",
        "weights of a worker": f"{gigabytes(weight_bytes(layout))}, "
        f"over {arguments.gpus} GPUs of {arguments.gib:g} GiB",
        "memory of a pass": f"{gigabytes(pair.memory)} of a budget of {gigabytes(budget)} per GPU, "
        f"{pair.groups:,} passes per pair",
        **{
            f"time on {k} worker{'s' * (k > 1)}": duration(total / rate / k)
            + f" ({k * arguments.gpus} GPUs, of which {k} work{'s' * (k == 1)} at a time)"
            for k in WORKERS
        },
        "pieces": f"{pieces:.2e} of at least {arguments.pieces:.0e} FLOP: "
        "a pass is never cut, nor are pairs put together",
        "to the workers, per piece": "a checksum and a range: under 1 kB; the task and its sites once per worker",
        "from the workers": gigabytes(values) + " per metric",
        "folder of parts": f"{gigabytes(values * PART_FACTOR)} per metric, in {pieces:.2e} files",
        "memory of the caller": f"{gigabytes(values * RESULT_ARRAYS)} per metric for the four quantities of a result",
        "means over pairs alone": f"{gigabytes(sites * VALUE_BYTES * RESULT_ARRAYS)} per metric",
        "planning, measured": f"{pair.plan_seconds:.1f} s and {gigabytes(pair.plan_bytes)} per pair on this machine; "
        f"of all pairs {duration(n * pair.plan_seconds)} and {gigabytes(n * pair.plan_bytes)}, "
        "in the caller and in every worker",
    }
    assumed = f"{arguments.tflops:g} TFLOP/s per GPU"
    head = [f"{n:,} pairs, prompts of {arguments.length} tokens, bfloat16; assumed: {assumed}."]
    return [
        *head,
        "",
        "| | |",
        "|---|---|",
        *(f"| {name} | {text} |" for name, text in rows.items()),
    ]


def gigabytes(n_bytes: float) -> str:
    for unit, size in (("PB", 1e15), ("TB", 1e12), ("GB", 1e9), ("MB", 1e6)):
        if n_bytes >= size:
            return f"{n_bytes / size:,.3g} {unit}"
    return f"{n_bytes / 1e3:,.3g} kB"


def duration(seconds: float) -> str:
    days = seconds / 86400
    if days >= 365:
        return f"{days / 365:,.3g} years"
    return f"{days:,.3g} days" if days >= 2 else f"{seconds / 3600:,.3g} h"


if __name__ == "__main__":
    main()
