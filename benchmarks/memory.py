"""Peak memory of a piece of work, above what was held before it."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from pathlib import Path

import torch


def peak_above(run: Callable[[], object], device: str = "cpu") -> int:
    """Bytes above what was held before: of the GPU, or of the process where Linux tells; else -1."""
    if device.startswith("cuda"):
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        run()
        return torch.cuda.max_memory_allocated() - before
    try:
        ctypes.CDLL("libc.so.6").malloc_trim(
            0
        )  # what was freed before does not hide what is taken now
        Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
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
