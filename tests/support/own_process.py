"""Memory of one computation alone: what other tests left behind would count as well."""

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

needs_linux = pytest.mark.skipif(
    not Path("/proc/self/clear_refs").exists(), reason="Linux tells the peak"
)


def alone(function: Callable[..., Any], *arguments: Any) -> Any:
    """What a function of a module returns in a new process."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()
