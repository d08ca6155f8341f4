"""How fast all edges are computed exactly, against path patching by TransformerLens on the same weights, in one run.

python -m benchmarks.edges [--model smollm2|teaching] [--direction denoise|noise] [--threads 2] [--budget MiB]
                           [--out folder]

All edges by `Experiment.iter_edges`: of SmolLM2 on the prompts of the names task, of the teaching model on a sum.
Before and after, TransformerLens patches the direct path from one head into all later queries of SmolLM2
(`transformer_lens.patching.get_act_patch_direct_path`): its time per edge stands beside ours, and its values are
compared with ours. Also printed: the share of the rate that plain linear maps of the model's shapes reach, measured
before and after, and the memory at the peak beside the budget.
"""

from __future__ import annotations

import argparse
import copy
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

import patchwidgets as pw
from benchmarks.memory import peak_above
from benchmarks.sweep import gemm_rate

NAMES = pw.Task(
    clean="When Mary and John went to the store, John gave a drink to",
    corrupted="When Mary and John went to the store, Mary gave a drink to",
    answer=" Mary",
    foil=" John",
)
SENDERS = ((20, 0), (10, 4))
"""From which heads TransformerLens patches the paths into later queries, before ours and after; layer and index."""
PARTS = 10
"""How often the progress is printed."""


def main() -> None:
    arguments = parsed()
    torch.set_num_threads(arguments.threads)
    experiment = make_experiment(arguments.model, arguments.direction)
    budget = None if arguments.budget is None else arguments.budget * 2**20
    plan = experiment.plan_edges(budget=budget)
    print(
        f"{experiment.model.name}, {arguments.direction}, {arguments.threads} threads\n{plan}",
        flush=True,
    )
    path_patching = transformer_lens(experiment) if arguments.model == "smollm2" else None
    theirs, rates, results, seconds = [], [], [], []

    def measure_others(sender: tuple[int, int]) -> None:
        if path_patching is not None:
            theirs.append(path_patching(sender))
        rates.append(gemm_rate(experiment))

    def measure_ours() -> None:
        started = time.perf_counter()
        results.append(in_parts(experiment, budget))
        seconds.append(time.perf_counter() - started)

    measure_others(SENDERS[0])
    peak = peak_above(measure_ours)
    measure_others(SENDERS[1])
    edges, rate = results[0].to_xarray(), statistics.mean(rates)
    found: dict[str, Any] = {
        "edges": edges.sizes["edge"],
        "seconds": seconds[0],
        "flops": plan.flops,
        "gflops": rate / 1e9,
        "share": plan.flops / seconds[0] / rate,
        "planned": plan.memory / 2**20,
        "budget": plan.budget / 2**20,
        "peak": peak / 2**20,
    }
    print(
        "{edges:,} edges in {seconds:.1f} s: {share:.0%} of the {gflops:.0f} GFLOP/s of plain linear maps; "
        "peak {peak:.0f} MiB, planned {planned:.0f}, budget {budget:.0f}".format(**found)
    )
    if theirs:
        found |= compared(edges, theirs, seconds[0] / edges.sizes["edge"])
        print(
            "TransformerLens: {n_theirs} edges into queries, {theirs:.1f} ms each; ours {ours:.2f} ms: {times:.0f} ×. "
            "Largest difference {difference:.1e}".format(**found)
        )
    if arguments.out is not None:
        arguments.out.mkdir(parents=True, exist_ok=True)
        (arguments.out / f"edges_{arguments.model}.json").write_text(
            json.dumps(found, indent=1) + "\n"
        )


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--model", choices=("smollm2", "teaching"), default="smollm2")
    parser.add_argument("--direction", default="denoise")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--budget", type=float, help="MiB")
    parser.add_argument("--out", type=Path)
    return parser.parse_args()


def make_experiment(model: str, direction: pw.Direction) -> pw.Experiment:
    """One pair: of names for SmolLM2, of sums for the teaching model."""
    if model == "teaching":
        return pw.Experiment(pw.load(), pw.tasks.addition(n=1, seed=0), direction=direction)
    return pw.Experiment(pw.load(model), NAMES, direction=direction)


def in_parts(experiment: pw.Experiment, budget: float | None) -> pw.SweepResult:
    """All edges; prints how far it has come."""
    started, printed = time.perf_counter(), 0.0
    for part in experiment.iter_edges(budget=budget):
        share = part.done / (part.done + part.left)
        if share >= printed + 1 / PARTS:
            printed = share
            print(f"  {part.done:,} edges, {time.perf_counter() - started:.0f} s", flush=True)
    return part.result


def transformer_lens(
    experiment: pw.Experiment,
) -> Callable[[tuple[int, int]], tuple[float, dict[str, float]]]:
    """Prepare its path patching: from a head into all later queries, seconds and the logit difference by edge."""
    from transformer_lens import patching
    from transformer_lens.model_bridge import TransformerBridge

    model = experiment.model
    bridge = TransformerBridge.boot_transformers(
        "HuggingFaceTB/SmolLM2-135M-Instruct",
        hf_model=copy.deepcopy(model.hf_model),  # the bridge changes the model that it is given
        tokenizer=model.tokenizer,
    ).eval()
    host = experiment.host.batches[0].ids
    source_cache, host_cache = (
        bridge.run_with_cache(run.batches[0].ids)[1] for run in (experiment.source, experiment.host)
    )

    def metric(logits: torch.Tensor) -> torch.Tensor:
        return experiment.evaluation.measure(logits[:, -1], [0])["logit_diff"][0]  # type: ignore[no-any-return]

    def path_patching(sender: tuple[int, int]) -> tuple[float, dict[str, float]]:
        (layer, head), started = sender, time.perf_counter()
        with torch.no_grad():
            values = patching.get_act_patch_direct_path(
                bridge, host, source_cache, host_cache, metric, layer, head, "q", verbose=False
            )
        seconds = time.perf_counter() - started
        return seconds, {
            f"L{layer}.H{head}->L{later}.H{i}.q": float(values[later, i])
            for later in range(layer + 1, model.n_layers)
            for i in range(model.n_heads)
        }

    return path_patching


def compared(
    edges: Any, theirs: list[tuple[float, dict[str, float]]], ours: float
) -> dict[str, float]:
    """Milliseconds for an edge, the ratio, and the largest difference of the patched logit difference."""
    values = {edge: value for _, of_sender in theirs for edge, value in of_sender.items()}
    each = sum(seconds for seconds, _ in theirs) / len(values)
    own = edges["value"].isel(pair=0).sel(metric="logit_diff", edge=list(values))
    return {
        "n_theirs": len(values),
        "theirs": 1000 * each,
        "ours": 1000 * ours,
        "times": each / ours,
        "difference": float(abs(own - list(values.values())).max()),
    }


if __name__ == "__main__":
    main()
