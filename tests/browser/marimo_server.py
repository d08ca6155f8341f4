"""A real marimo that runs `marimo_app.py` as an app, each page with a kernel of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.browser.lab import free_port, stop, wait_until_it_answers

APP = Path(__file__).parent / "marimo_app.py"


@contextmanager
def serve_marimo(log: Path) -> Iterator[str]:
    """Run it, and give its address."""
    port = free_port()
    options = ["--headless", "--no-token", "--host", "127.0.0.1", "--port", str(port)]
    command = [sys.executable, "-m", "marimo", "run", str(APP), *options]
    with log.open("w") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out)
        try:
            url = f"http://127.0.0.1:{port}"
            wait_until_it_answers(f"{url}/health", process, log)
            yield url
        finally:
            stop(process)
