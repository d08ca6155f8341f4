"""All that is promised about speed, on a GPU: sweeps, edges and clicks, beside TransformerLens where it is there.

python -m benchmarks.gpu [--device cuda] [--minutes 9] [--layers 32] [--width 4096] [--out gpu.md]

SmolLM2 in float32, with its weights, and a model of random weights in bfloat16 with the sizes of Llama-2-7B, of which
rates and memory alone mean something. Parts that would begin after the time is up are left out, and the table says so.
With ``--device cpu --layers 2 --width 256`` it is tried without a GPU. It prints, and writes, a table of Markdown.
"""

from __future__ import annotations

import argparse
import platform
import random
import statistics
import time
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path

import torch
from transformers import LlamaConfig, LlamaForCausalLM

import patchwidgets as pw
from benchmarks.memory import peak_above
from benchmarks.peers import make_peers
from benchmarks.sweep import PROMPTS, REQUESTS, gemm_rate, grid_values, make_experiment
from patchwidgets.sweep.grid import make_grid
from patchwidgets.sweep.late_patching import LatePatching
from patchwidgets.sweep.request import SweepRequest
from patchwidgets.sweep.sweep import Sweep
from tests.support.toy_tokenizer import toy_tokenizer

Row = tuple[str, str]
VOCABULARY, D_HEAD = 32000, 128
PEER = "TransformerLens"
FOR_PEERS = 11
"""The other tool patches one site in this many, and its time is scaled up."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--minutes", type=float, default=9)
    parser.add_argument("--layers", type=int, default=32)
    parser.add_argument("--width", type=int, default=4096)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    torch.set_float32_matmul_precision("highest")
    ends = time.monotonic() + 60 * arguments.minutes
    smollm2 = make_experiment("late", arguments.device)
    parts: dict[str, Callable[[], Iterator[Row]]] = {
        "clicks": lambda: clicks(smollm2),
        "sweep of blocks": lambda: sweeps(smollm2, "blocks"),
        "edges": lambda: edges(smollm2),
        "random weights": lambda: large(arguments.device, arguments.layers, arguments.width),
        "sweep of heads": lambda: sweeps(smollm2, "heads"),
    }
    lines = [*heading(arguments.device), "", "| | |", "|---|---|"]
    print("\n".join(lines), flush=True)
    for name, part in parts.items():
        rows = part() if time.monotonic() < ends else iter([(name, "left out: the time is up")])
        for row in rows:
            lines.append(f"| {row[0]} | {row[1]} |")
            print(lines[-1], flush=True)
    if arguments.out is not None:
        arguments.out.write_text("\n".join(lines) + "\n", encoding="utf-8")


def heading(device: str) -> list[str]:
    machine = platform.processor() or platform.machine()
    if torch.device(device).type == "cuda":
        machine = torch.cuda.get_device_name(device)
    packages = ", ".join(f"{name} {version(name)}" for name in ("torch", "transformers"))
    return [f"{machine}, {torch.get_num_threads()} threads, {packages}; `python -m benchmarks.gpu`"]


def clicks(experiment: pw.Experiment, n: int = 60) -> Iterator[Row]:
    """What a click costs in the kernel: a patch with its reach, from its layer on; and a whole forward pass."""
    chosen, lane = random.Random(0), LatePatching()
    sites = [
        pw.Patch(f"L{chosen.randrange(30)}.H{chosen.randrange(9)}@{chosen.randrange(9, 14)}")
        for _ in range(n)
    ]
    lane.run(experiment, [(sites[0],)])  # records what all later clicks read
    times = [seconds(lambda s=site: lane.run(experiment, [(s,)])) for site in sites]  # type: ignore[misc]
    whole = [seconds(lambda: experiment.model.run(PROMPTS["late"][0])) for _ in range(20)]
    yield (
        "SmolLM2, a click, in the kernel",
        f"median of {n}: {1000 * statistics.median(times):.1f} ms, a forward pass "
        f"{1000 * statistics.median(whole):.1f} ms",
    )


def sweeps(experiment: pw.Experiment, kind: str) -> Iterator[Row]:
    """Every site of a kind, ours and the other tool's."""
    requests = REQUESTS[kind]
    sweep = Sweep(experiment, [make_grid(experiment, request) for request in requests])
    plan = sweep.plan()
    grid_values(experiment, requests)  # warm
    took, rate = seconds(lambda: grid_values(experiment, requests)), gemm_rate(experiment)
    yield (
        f"SmolLM2, {plan.sites:,} {kind}",
        f"{took:.2f} s, {plan.flops / took / 1e12:.2f} TFLOP/s, {plan.flops / took / rate:.0%} of plain linear maps",
    )
    sites = [patch.site for (patch,) in sweep.grids[0].cells][::FOR_PEERS]
    peers = make_peers(experiment, [experiment.model.resolve(site) for site in sites], [PEER])
    for name, run in peers.items():
        other = seconds(run) * plan.sites / len(sites)
        yield (
            f"the same with {name} {version('transformer-lens')}",
            f"{other:.1f} s, × {other / took:.0f}",
        )


def edges(experiment: pw.Experiment) -> Iterator[Row]:
    """The edges into one head: all of them take long."""
    took = seconds(lambda: experiment.sweep_paths("L20.H3.v", progress=False))
    n = experiment.sweep_paths("L20.H3.v", progress=False).effect.size
    yield "SmolLM2, every edge into L20.H3.v", f"{n:,} edges in {took:.2f} s"


def large(device: str, layers: int, width: int) -> Iterator[Row]:
    """Heads of a large model: its rate, and its memory against the plan."""
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=width,
        intermediate_size=round(2.6875 * width),
        num_hidden_layers=layers,
        num_attention_heads=width // D_HEAD,
        num_key_value_heads=width // D_HEAD,
    )
    with torch.device(device):
        hf_model = LlamaForCausalLM(config).eval().to(torch.bfloat16)
    model = pw.wrap(hf_model, toy_tokenizer(VOCABULARY), verify="warn")
    ids = torch.randint(4, VOCABULARY, (4, 32)).tolist()
    clean, corrupted = (
        [" ".join(f"w{i}" for i in row) for row in rows]
        for rows in (ids, [[row[0], 3, *row[2:]] for row in ids])
    )
    experiment = pw.Experiment(model, pw.Task(clean, corrupted, " w1", " w2"))
    grids = [make_grid(experiment, SweepRequest("z"))]
    list(Sweep(experiment, grids).run())  # warm
    sweep = Sweep(experiment, grids)
    plan = sweep.plan()
    started = time.perf_counter()
    peak = peak_above(lambda: list(sweep.run()), device)
    took, rate = time.perf_counter() - started, gemm_rate(experiment)
    size = sum(p.numel() for p in hf_model.parameters()) / 1e9
    yield (
        f"{size:.2g} billion random weights in bfloat16, {plan.sites:,} heads × 4 pairs of 32 tokens",
        f"{took:.2f} s, {plan.flops / took / 1e12:.2f} TFLOP/s, {plan.flops / took / rate:.0%} of plain linear maps; "
        f"planned {plan.seconds:.2f} s",
    )
    yield (
        "its memory beside the weights",
        f"{peak / 2**30:.2f} GiB, planned {plan.memory / 2**30:.2f} GiB, budget {plan.budget / 2**30:.2f} GiB",
    )
    floor = experiment.noise_floor["logit_diff"]
    within = int(experiment.sweep("z", progress=False).within_noise().sum())
    yield "its noise floor", f"{floor:.2g} logits; {within} of {plan.sites:,} effects are within it"


def seconds(function: Callable[[], object]) -> float:
    """How long a function takes, with all that it gave the GPU to do."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    started = time.perf_counter()
    function()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
