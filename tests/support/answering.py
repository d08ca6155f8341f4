"""A process of its own that answers each line with a line of JSON."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

Ask = Callable[[str], dict[str, Any]]
"""From a line to the answer of the process."""


@contextmanager
def answering(module: str, environment: Mapping[str, str] | None = None) -> Iterator[Ask]:
    """Run ``python -m module``, with more in its environment, and end it after the block."""
    with subprocess.Popen(
        [sys.executable, "-m", module],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | dict(environment or {}),
    ) as process:
        stdin, stdout = process.stdin, process.stdout
        assert stdin is not None
        assert stdout is not None

        def ask(line: str) -> dict[str, Any]:
            stdin.write(f"{line}\n")
            stdin.flush()
            answer = stdout.readline()
            assert answer, "the process died"
            decoded: dict[str, Any] = json.loads(answer)
            return decoded

        yield ask
        process.kill()
