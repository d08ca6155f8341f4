"""How fast sweeps of SmolLM2 are, against other tools on the same weights, all measured in one run.

python -m benchmarks.sweep [--sites blocks|heads] [--prompts late|early] [--rounds 3] [--device cpu|cuda]
                           [--threads 2] [--out folder]

`blocks` are resid_pre, attn_out and mlp_out at every layer and position; `heads` are all heads, each at all positions.
Three kinds of work take turns, so that a busy machine slows all of them: this engine; whole prompts in batches of 32,
which also skip the equal beginning of the prompts; and the installed tools (TransformerLens, nnsight, entoscope). The
tools patch only some sites (for `blocks`, only of resid_pre), and their time is scaled up to all sites. On a sample of
sites, the engine's effects are compared with one forward pass per site.
"""

from __future__ import annotations

import argparse
import gc
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

import patchwidgets as pw
from benchmarks.peers import make_peers
from patchwidgets.sweep.grid import make_grid
from patchwidgets.sweep.request import SweepRequest
from patchwidgets.sweep.savings import Savings
from patchwidgets.sweep.sweep import Sweep

PROMPTS = {
    "late": (
        "When Mary and John went to the store, John gave a drink to",
        "When Mary and John went to the store, Mary gave a drink to",
    ),
    "early": (
        "When Mary and John went to the store, John gave a drink to",
        "When Paul and Anna went to the shop, Anna sold a book to",
    ),
}
REQUESTS = {
    "blocks": [
        SweepRequest("resid_pre", ("layer", "pos")),
        SweepRequest("attn_out", ("layer", "pos")),
        SweepRequest("mlp_out", ("layer", "pos")),
    ],
    "heads": [SweepRequest("z", ("layer", "head"))],
}
WHOLE = Savings(cone=False, descent=False, unembed=False)
"""Whole prompts in batches, without our savings, except that the equal beginning of the prompts is skipped."""
FOR_PEERS = 11
"""The other tools patch one site in this many."""
SAMPLE = 41
"""One site in this many is compared with a forward pass of its own."""

Seconds = dict[str, list[float]]


def main() -> None:
    arguments = parsed()
    torch.set_num_threads(arguments.threads)
    experiment = make_experiment(arguments.prompts, arguments.device)
    requests = REQUESTS[arguments.sites]
    runs: dict[str, Callable[[], Any]] = {
        "engine": lambda: grid_values(experiment, requests),
        "batches of 32": lambda: grid_values(experiment, requests, batch=32, savings=WHOLE),
    }
    sweep = Sweep(experiment, [make_grid(experiment, request) for request in requests])
    some = [patch.site for (patch,) in sweep.grids[0].cells][::FOR_PEERS]
    peers = make_peers(experiment, [experiment.model.resolve(site) for site in some])
    gc.collect()
    gc.freeze()  # garbage collection of one tool's objects must not slow the timing of another
    scales = dict.fromkeys(runs, 1.0) | dict.fromkeys(peers, sweep.plan().sites / len(some))
    seconds, rates = measure(runs | peers, scales, arguments.rounds, lambda: gemm_rate(experiment))
    shares = [
        sweep.plan().flops / rate / each
        for rate, each in zip(rates, seconds["engine"], strict=True)
    ]
    found = {
        "sites": sweep.plan().sites,
        "seconds": {name: statistics.median(each) for name, each in seconds.items()},
        "gflops": statistics.median(rates) / 1e9,
        "share": statistics.median(shares),
        "difference": difference(experiment, sweep.grids),
    }
    report(f"{experiment.model}, {arguments.prompts} prompts", sweep, found)
    if arguments.out is not None:
        save(arguments, found | {"rounds": seconds, "shares": shares})


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--sites", choices=REQUESTS, default="blocks")
    parser.add_argument("--prompts", choices=PROMPTS, default="late")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path)
    return parser.parse_args()


def make_experiment(prompts: str, device: str) -> pw.Experiment:
    clean, corrupted = PROMPTS[prompts]
    model = pw.load("smollm2", device=device)
    return pw.Experiment(model, pw.Task(clean, corrupted, " Mary", " John"))


def grid_values(experiment: pw.Experiment, requests: list[SweepRequest], **how: Any) -> list[Any]:
    """Run the sweeps, and return the effects of each request, ``[cell]``."""
    sweep = Sweep(experiment, [make_grid(experiment, request) for request in requests], **how)
    for _ in sweep.run():
        pass
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return [each.effects["logit_diff"][:, 0] for each in sweep.grid_values()]


def gemm_rate(experiment: pw.Experiment) -> float:
    """Measure the FLOP/s of plain linear maps with the shapes of this model, on 256 tokens, as in a typical batch."""
    block = experiment.model.layout.blocks[0]
    weights = [p for p in block.parameters() if p.ndim == 2]
    x = {w.shape[1]: torch.randn(256, w.shape[1], device=w.device, dtype=w.dtype) for w in weights}
    started, passes = time.perf_counter(), 12
    with torch.no_grad():
        for _ in range(passes):
            for weight in weights:
                torch.nn.functional.linear(x[weight.shape[1]], weight)
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    flops = passes * 2 * 256 * sum(weight.numel() for weight in weights)
    return flops / (time.perf_counter() - started)


def measure(
    runs: dict[str, Callable[[], Any]],
    scales: dict[str, float],
    rounds: int,
    rate: Callable[[], float],
) -> tuple[Seconds, list[float]]:
    """Measure every round.

    Returns
    -------
    seconds
        By name, one number per round, scaled up to the whole sweep.
    rates
        FLOP/s of plain linear maps just before and after the engine's run, one mean per round.
    """
    seconds: Seconds = {name: [] for name in runs}
    for run in (runs["engine"], rate):  # warm
        run()
    rates = []
    for _ in range(rounds):
        before = rate()
        for name, run in runs.items():
            started = time.perf_counter()
            run()
            seconds[name].append(scales[name] * (time.perf_counter() - started))
            if name == "engine":
                rates.append((before + rate()) / 2)
    return seconds, rates


def difference(experiment: pw.Experiment, grids: list[Any]) -> float:
    """Return the largest difference from one forward pass per site, on a sample."""
    sweep = Sweep(experiment, grids)
    for _ in sweep.run():
        pass
    effects = np.concatenate([each.effects["logit_diff"][:, 0] for each in sweep.grid_values()])
    cells = [cell for grid in grids for cell in grid.cells]
    some = range(0, len(cells), SAMPLE)
    return max(abs(float(experiment.patch(*cells[i]).effect - effects[i])) for i in some)


def report(title: str, sweep: Sweep, found: dict[str, Any]) -> None:
    seconds = found["seconds"]
    print(f"{title}, {torch.get_num_threads()} threads")
    print(sweep.plan())
    for name, each in seconds.items():
        print(f"  {name:16} {each:8.2f} s   {each / seconds['engine']:7.1f} × the engine's time")
    print(
        f"  share of the rate of plain linear maps ({found['gflops']:.0f} GFLOP/s): {found['share']:.0%}"
    )
    print(f"  largest difference from one forward pass per site: {found['difference']:.1e} logits")


def save(arguments: argparse.Namespace, found: dict[str, Any]) -> None:
    """Write a JSON file and a plot."""
    from matplotlib.figure import Figure

    arguments.out.mkdir(parents=True, exist_ok=True)
    name = f"sweep_{arguments.sites}_{arguments.prompts}_{arguments.device}"
    content = {"torch": torch.__version__, "threads": arguments.threads} | found
    (arguments.out / f"{name}.json").write_text(json.dumps(content, indent=1) + "\n")
    seconds = found["seconds"]
    figure = Figure(figsize=(6, 0.5 * len(seconds) + 1), layout="constrained")
    ax = figure.subplots()
    bars = ax.barh(list(seconds), list(seconds.values()), color="#3D1466")
    ax.bar_label(bars, fmt="%.1f s", padding=3)
    ax.set_xscale("log")
    ax.invert_yaxis()
    ax.margins(x=0.2)
    ax.set_xlabel(f"seconds for {found['sites']:,} sites")
    figure.savefig(arguments.out / f"{name}.png", dpi=120)


if __name__ == "__main__":
    main()
