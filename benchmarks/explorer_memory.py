r"""What explorers leave behind: opened and closed ones, and one that is clicked for long.

MALLOC_MMAP_THRESHOLD_=65536 python -m benchmarks.explorer_memory \
    [--explorers 50] [--clicks 500] [--changes 30] [--pairs 90] [--narrow]

Without this variable glibc keeps holes of freed tensors, some 30 MiB more or less whatever the explorer holds.

Each of the explorers has a SmolLM2 of its own. Of the clicked one, ``--narrow`` takes a random model with SmolLM2's
layers, heads and vocabulary, and narrow layers between them: what an explorer keeps depends on these alone.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import random
import weakref
from typing import Any

import psutil
import torch
from transformers import AutoConfig, AutoModelForCausalLM

import patchwidgets as pw

HEADS = {"name": "heads", "component": "z", "over": ["layer", "head"]}
MIB = 2**20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--explorers", type=int, default=50)
    parser.add_argument("--clicks", type=int, default=500)
    parser.add_argument("--changes", type=int, default=30)
    parser.add_argument("--pairs", type=int, default=90)
    parser.add_argument("--narrow", action="store_true")
    arguments = parser.parse_args()
    open_and_close(arguments.explorers)
    click(arguments.clicks, arguments.changes, arguments.pairs, arguments.narrow)


def resident() -> float:
    """Resident MiB, after all that can be given back was given back."""
    gc.collect()
    ctypes.CDLL("libc.so.6").malloc_trim(0)
    return float(psutil.Process().memory_info().rss) / MIB


def open_and_close(n: int) -> None:
    """Open explorers with a model each, patch, and close them."""
    refs: list[weakref.ref[Any]] = []
    before = 0.0
    for i in range(n):
        model = pw.load("smollm2")
        experiment = pw.Experiment(model, pw.tasks.ioi(n=1, seed=0))
        explorer = experiment.explore("L23.H3")
        assert explorer.result is not None
        explorer.close()
        refs += map(weakref.ref, (model, experiment, explorer, explorer._session))
        del model, experiment, explorer
        if i == 0:
            before = resident()
            print(f"after the first explorer: {before:,.0f} MiB")
    if n:
        after = resident()
        alive = sum(ref() is not None for ref in refs)
        print(f"after {n}: {after:,.0f} MiB; {alive} of {len(refs)} objects alive")


def click(n: int, changes: int, n_pairs: int, narrow: bool) -> None:
    """Click one explorer, and change its metric and direction while its maps are computed."""
    model = narrow_model() if narrow else pw.load("smollm2")
    experiment = pw.Experiment(model, pw.tasks.ioi(n=n_pairs, seed=0))
    explorer = experiment.explore()
    rng = random.Random(0)
    metrics = [name for name in explorer._session.experiment.metrics if name != "kl"]

    def patch() -> None:
        explorer.selection = [f"L{rng.randrange(30)}.H{rng.randrange(9)}"]
        assert explorer.result is not None

    def change() -> None:
        explorer.direction = rng.choice(["denoise", "noise"])
        explorer.metric = rng.choice(metrics)
        asked = {"maps": [HEADS], "direction": explorer.direction, "metric": explorer.metric}
        explorer._session.handle({"v": 1, "kind": "sweep", "id": 1} | asked)
        assert explorer.result is not None

    for step in (patch, change, patch, change, patch):
        step()
    explorer._session.handle({"v": 1, "kind": "cancel", "id": 2})
    explorer._session.wait()
    before = resident()
    for i in range(n):
        patch()
        if changes and i % max(1, n // changes) == 0:
            change()
    explorer._session.handle({"v": 1, "kind": "cancel", "id": 3})
    explorer._session.wait()
    grown = resident() - before
    print(
        f"{n} clicks and {changes} changes, {n_pairs} pairs: from {before:,.0f} MiB, {grown:+.1f} MiB"
    )


def narrow_model() -> pw.Model:
    """A random model with the layers, heads and vocabulary of SmolLM2."""
    wide = pw.load("smollm2")
    torch.manual_seed(0)
    config = AutoConfig.for_model(
        "llama",
        hidden_size=36,
        intermediate_size=48,
        num_hidden_layers=30,
        num_attention_heads=9,
        num_key_value_heads=3,
        vocab_size=wide.hf_model.config.vocab_size,
    )
    return pw.wrap(AutoModelForCausalLM.from_config(config).eval(), wide.tokenizer)


if __name__ == "__main__":
    main()
