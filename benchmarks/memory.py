"""The peak memory of a sweep against its budget: all heads of SmolLM2 over 32 pairs of prompts with names.

python -m benchmarks.memory [--budgets 160 300 1000] [--metric logit_diff|kl] [--threads 2] [--out folder]

Each budget splits the same 270 heads × 32 pairs into different groups. A budget takes about a minute and a half.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import time
from collections.abc import Callable
from pathlib import Path

import torch

import patchwidgets as pw
from patchwidgets.sweep.grid import make_grid
from patchwidgets.sweep.request import SweepRequest
from patchwidgets.sweep.sweep import Sweep


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--budgets", type=float, nargs="*", default=[160, 300, 1000], help="MiB")
    parser.add_argument("--metric", default="logit_diff")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    experiment = pw.Experiment(pw.load("smollm2"), pw.tasks.ioi(n=32, seed=0), arguments.metric)
    warm = Sweep(
        experiment, [make_grid(experiment, SweepRequest("z", layers=[29]))], budget=160 * 2**20
    )
    list(warm.run())
    rows = []
    for budget in arguments.budgets:
        rows.append(measure(experiment, budget))
        print(
            "budget {budget:6.0f} MiB: {runs:,} runs in {groups} groups, planned {planned:.0f}, peak {peak:.0f} MiB, "
            "{seconds:.0f} s".format(**rows[-1])
        )
    if arguments.out is not None:
        arguments.out.mkdir(parents=True, exist_ok=True)
        (arguments.out / "memory.json").write_text(json.dumps(rows, indent=1) + "\n")


def measure(experiment: pw.Experiment, budget: float) -> dict[str, float]:
    """Sweep all heads within a budget; every size is in MiB."""
    sweep = Sweep(experiment, [make_grid(experiment, SweepRequest("z"))], budget=budget * 2**20)
    plan, started = sweep.plan(), time.perf_counter()
    peak = peak_above(lambda: list(sweep.run()))
    return {
        "budget": budget,
        "runs": plan.runs,
        "groups": plan.groups,
        "planned": plan.memory / 2**20,
        "peak": peak / 2**20,
        "seconds": time.perf_counter() - started,
    }


def peak_above(run: Callable[[], object], device: str = "cpu") -> int:
    """Return the peak memory of `run` in bytes, above the memory in use before it.

    That of the GPU, or that of the process on Linux. -1 on other systems.
    """
    if device.startswith("cuda"):
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        run()
        return torch.cuda.max_memory_allocated() - before
    try:
        # Give freed memory back first, or new memory would fit into it unseen.
        ctypes.CDLL("libc.so.6").malloc_trim(0)
        Path("/proc/self/clear_refs").write_text("5")  # resets the peak
        before = _status("VmRSS")
        run()
        return _status("VmHWM") - before
    except OSError:
        run()
        return -1


def _status(name: str) -> int:
    for row in Path("/proc/self/status").read_text().splitlines():
        if row.startswith(f"{name}:"):
            return int(row.split()[1]) * 1024
    raise OSError(name)


if __name__ == "__main__":
    main()
