"""How long `import patchwidgets` takes in a new Python, and which modules take longest.

python -m benchmarks.import_time
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

RUNS = 7
HEAVY = ("torch", "transformers", "matplotlib", "pandas", "xarray")
ASK = f"import sys, patchwidgets; print(*(name for name in {HEAVY!r} if name in sys.modules))"


def main() -> None:
    run(ASK)  # the first run also compiles the modules and fills the disk cache
    empty = [seconds("pass") for _ in range(RUNS)]
    full = [seconds("import patchwidgets") for _ in range(RUNS)]
    median = statistics.median(full) - statistics.median(empty)
    print(f"import patchwidgets: median of {RUNS} runs {median:.3f} s, limit 0.5 s")
    print(f"heavy packages that it imports: {run(ASK).stdout.strip() or 'none'}")
    print("\n".join(slowest(run("import patchwidgets", "-X", "importtime").stderr)))


def seconds(code: str) -> float:
    """Return how long a new Python takes to start and run `code`."""
    start = time.perf_counter()
    run(code)
    return time.perf_counter() - start


def run(code: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Run `code` in a new Python."""
    command = [sys.executable, *options, "-c", code]
    return subprocess.run(command, capture_output=True, text=True, check=True)


def slowest(report: str, n: int = 8) -> list[str]:
    """Return the modules that take longest, without their own imports, from a report of `-X importtime`."""
    rows = []
    for line in report.splitlines():
        parts = line.removeprefix("import time:").split("|")
        if parts[0].strip().isdigit():
            rows.append((int(parts[0]), parts[-1].strip()))
    return [f"  {own / 1000:7.1f} ms  {module}" for own, module in sorted(rows, reverse=True)[:n]]


if __name__ == "__main__":
    main()
