"""Every resid_pre, attn_out and mlp_out of SmolLM2 at every position, by this engine and by others, in one run.

python -m benchmarks.sweep [--prompts late|early] [--rounds 3] [--device cpu|cuda] [--threads 2] [--out folder]

The engine, whole prompts in batches of 32 that also skip equal positions, and TransformerLens and nnsight where they
are installed take turns, so that a busy machine slows all of them. TransformerLens and nnsight do some of the sites,
one forward pass each, and are scaled up. Differences are to one whole forward pass per site, on a sample of sites.
"""

from __future__ import annotations

import argparse
import copy
import importlib.util
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

import patchwidgets as pw
from patchwidgets.engine import Request, Savings, Sweep, make_grid

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
COMPONENTS = ("resid_pre", "attn_out", "mlp_out")
WHOLE = Savings(cone=False, descent=False, unembed=False)
"""Whole prompts in batches; equal positions are skipped all the same."""
SAMPLE = 41
"""Every so manieth site is compared with a forward pass of its own."""


def main() -> None:
    arguments = parsed()
    torch.set_num_threads(arguments.threads)
    experiment = make_experiment(arguments.prompts, arguments.device)
    runs = {"engine": lambda: engine(experiment), "batches of 32": lambda: batches(experiment)}
    scales = dict.fromkeys(runs, 1.0)
    for name, make in {"TransformerLens": transformer_lens, "nnsight": nnsight}.items():
        found = make(experiment)
        if isinstance(found, str):
            print(f"{name}: left out, {found}")
        else:
            runs[name], scales[name] = found
    gemm_rate(experiment)  # warm
    seconds, rates = measure(runs, scales, arguments.rounds, lambda: gemm_rate(experiment))
    rate = statistics.median(rates)
    report(experiment, seconds, rate, arguments)


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
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


def grids(experiment: pw.Experiment) -> list[Any]:
    return [make_grid(experiment, Request(each, ("layer", "pos"))) for each in COMPONENTS]  # type: ignore[arg-type]


def engine(experiment: pw.Experiment) -> np.ndarray[Any, Any]:
    """Effects ``[component, layer, pos]``."""
    return swept(Sweep(experiment, grids(experiment)))


def batches(experiment: pw.Experiment) -> np.ndarray[Any, Any]:
    """Effects ``[component, layer, pos]`` by whole prompts, 32 at a time."""
    return swept(Sweep(experiment, grids(experiment), batch=32, savings=WHOLE))


def swept(made: Sweep) -> np.ndarray[Any, Any]:
    for _ in made.run():
        pass
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    shape = made.grids[0].shape
    return np.stack([each.effects["logit_diff"].reshape(shape) for each in made.swept()])


Run = tuple[Callable[[], Any], float]


def transformer_lens(experiment: pw.Experiment) -> Run | str:
    """What `get_act_patch_resid_pre` does, in some layers, on a bridge to the same weights; scaled up."""
    if importlib.util.find_spec("transformer_lens") is None:
        return "it is not installed (pip install transformer-lens)"
    from transformer_lens import patching
    from transformer_lens.model_bridge import TransformerBridge

    model = experiment.model
    try:
        bridge = TransformerBridge.boot_transformers(
            "HuggingFaceTB/SmolLM2-135M-Instruct",
            hf_model=copy.deepcopy(model.hf_model),  # it changes the model that it is given
            tokenizer=model.tokenizer,
            device=model.device,
        )
    except Exception as error:  # noqa: BLE001 - a peer that does not start is reported, not hidden
        return f"it did not start: {type(error).__name__}: {str(error)[:200]}"
    pair = experiment.pairs[0]
    clean, corrupted = (
        torch.tensor([ids], device=model.device) for ids in (pair.clean, pair.corrupted)
    )
    _, cache = bridge.run_with_cache(clean)

    def metric(logits: torch.Tensor) -> torch.Tensor:
        return logits[0, -1, pair.answers[0]] - logits[0, -1, (pair.foils or (0,))[0]]

    def run() -> Any:
        with torch.no_grad():
            return patching.generic_activation_patch(
                bridge,
                corrupted,
                cache,
                metric,
                patch_setter=patching.layer_pos_patch_setter,
                activation_name="resid_pre",
                index_df=pd.DataFrame(some, columns=["layer", "pos"]),
            )

    some = [(layer, pos) for layer in range(0, model.n_layers, 10) for pos in range(len(pair))]
    return run, len(COMPONENTS) * model.n_layers * len(pair) / len(some)


def nnsight(experiment: pw.Experiment) -> Run | str:
    """One trace per site, a few sites, scaled up."""
    if importlib.util.find_spec("nnsight") is None:
        return "it is not installed (pip install nnsight)"
    from nnsight import LanguageModel

    model, pair = experiment.model, experiment.pairs[0]
    try:
        lens = LanguageModel(copy.deepcopy(model.hf_model), tokenizer=model.tokenizer)
    except Exception as error:  # noqa: BLE001 - as above
        return f"it did not start: {type(error).__name__}: {str(error)[:200]}"
    corrupted = torch.tensor([pair.corrupted], device=model.device)
    layers, sources = range(0, model.n_layers, 3), {}
    for layer in layers:
        sources[layer] = experiment.source[f"L{layer}.resid_pre"]

    def run() -> Any:
        values = []
        for layer in layers:
            with torch.no_grad(), lens.trace(corrupted):
                lens.model.layers[layer].input[:, -1] = sources[layer][:, -1]
                logits = lens.lm_head.output[0, -1].save()
            values.append(float(logits[pair.answers[0]] - logits[(pair.foils or (0,))[0]]))
        return values

    sites = len(COMPONENTS) * model.n_layers * len(pair)
    return run, sites / len(layers)


def gemm_rate(experiment: pw.Experiment) -> float:
    """FLOP/s of plain linear maps of this model's shapes, on as many tokens as a middling batch has."""
    block = experiment.model.anatomy.blocks[0]
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
) -> tuple[dict[str, list[float]], list[float]]:
    """Seconds of every round by name, scaled to the whole sweep; the machine's rate before and after the engine."""
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    runs["engine"]()
    rates = []
    for number in range(rounds):
        for name, run in runs.items():
            if name not in ("engine", "batches of 32") and number > 0:
                continue  # the slow ones once
            if name == "engine":
                rates.append(rate())
            started = time.perf_counter()
            run()
            seconds[name].append(scales[name] * (time.perf_counter() - started))
            if name == "engine":
                rates.append(rate())
    return seconds, rates


def difference(experiment: pw.Experiment) -> float:
    """Largest difference from one forward pass per site, on a sample."""
    effects, largest = engine(experiment).reshape(-1), 0.0
    variants = [variant for grid in grids(experiment) for variant in grid.variants]
    for i in range(0, len(variants), SAMPLE):
        largest = max(largest, abs(experiment.patch(*variants[i]).effect - effects[i]))
    return largest


def report(
    experiment: pw.Experiment,
    seconds: dict[str, list[float]],
    rate: float,
    arguments: argparse.Namespace,
) -> None:
    plan = Sweep(experiment, grids(experiment)).plan()
    medians = {name: statistics.median(each) for name, each in seconds.items()}
    share = plan.flops / rate / medians["engine"]
    gap = difference(experiment)
    print(
        f"{experiment.model}, prompts that differ {arguments.prompts}, {arguments.threads} threads"
    )
    print(plan)
    for name, each in medians.items():
        print(f"  {name:16} {each:8.2f} s   {each / medians['engine']:7.1f} × the engine's time")
    print(f"  share of the rate of plain linear maps ({rate / 1e9:.0f} GFLOP/s): {share:.0%}")
    print(f"  largest difference from one forward pass per site: {gap:.1e} logits")
    if arguments.out is not None:
        save(arguments, medians, {"gflops": rate / 1e9, "share": share, "difference": gap})


def save(
    arguments: argparse.Namespace, medians: dict[str, float], others: dict[str, float]
) -> None:
    """Write a JSON file and a plot."""
    from matplotlib.figure import Figure

    arguments.out.mkdir(parents=True, exist_ok=True)
    name = f"sweep_{arguments.prompts}_{arguments.device}"
    content = {
        "seconds": medians,
        "torch": torch.__version__,
        "threads": arguments.threads,
    } | others
    (arguments.out / f"{name}.json").write_text(json.dumps(content, indent=1) + "\n")
    figure = Figure(figsize=(6, 0.5 * len(medians) + 1), layout="constrained")
    ax = figure.subplots()
    bars = ax.barh(list(medians), list(medians.values()), color="#3D1466")
    ax.bar_label(bars, fmt="%.1f s", padding=3)
    ax.set_xscale("log")
    ax.set_xlabel("seconds for 1,260 sites")
    figure.savefig(arguments.out / f"{name}.png", dpi=120)


if __name__ == "__main__":
    main()
