"""The time and the memory of each lecture: the table in docs/instructor.md.

python -m benchmarks.lectures [NAME...] [--together 1] [--threads 2] [--cells] [--folder notebooks/instructor]

Runs the notebooks in kernels of their own, cell by cell, and asks Linux for the memory of these processes. With
``--together 4``, four kernels have the same notebook at once: PSS counts each page of memory that they share as a
quarter for each. A lecture takes 10 to 60 seconds.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import psutil
from jupyter_client.provisioning.local_provisioner import LocalProvisioner
from nbclient import NotebookClient

MIB = 2**20


@dataclass(frozen=True)
class Used:
    """What one lecture took, the mean of kernels that ran together; sizes in MiB.

    Seconds depend on what else the machine does, CPU seconds (of all threads) much less. Mapped files, such as weights,
    are in memory once for all kernels.
    """

    seconds: float
    cpu: float
    peak: float
    mapped: float
    pss: float

    def row(self, name: str) -> str:
        of_memory = " | ".join(f"{each:,.0f}" for each in (self.peak, self.mapped, self.pss))
        return f"| {name} | {self.seconds:.0f} | {self.cpu:.0f} | {of_memory} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument(
        "names", nargs="*", help="such as 03_what_goes_wrong; all, if none is given"
    )
    parser.add_argument("--together", type=int, default=1, help="kernels at once")
    parser.add_argument("--threads", type=int, default=2, help="of each kernel")
    parser.add_argument("--cells", action="store_true", help="the peak after each cell")
    parser.add_argument("--folder", type=Path, default=Path("notebooks/instructor"))
    arguments = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = str(arguments.threads)
    print(
        "| lecture | seconds | CPU seconds | peak RSS, MiB | of it mapped files | PSS at the end |"
    )
    print("|---|--:|--:|--:|--:|--:|")
    for path in sorted(arguments.folder.glob("[0-9]*.ipynb")):
        if not arguments.names or path.stem in arguments.names:
            used = run(path, arguments.together, arguments.cells)
            print(used.row(path.stem), flush=True)


def run(path: Path, together: int = 1, cells: bool = False) -> Used:
    """Run a notebook in some kernels at once, cell by cell in turn, and measure them at its end."""
    notebooks = [nbformat.read(path, as_version=4) for _ in range(together)]
    with ExitStack() as kernels:
        clients = [
            NotebookClient(
                each,
                timeout=600,
                kernel_name="python3",
                resources={"metadata": {"path": path.parent}},
            )
            for each in notebooks
        ]
        for client in clients:
            kernels.enter_context(client.setup_kernel())
        processes = [_process(client) for client in clients]
        started = time.perf_counter()
        for i, lines in _code(notebooks[0]):
            for client in clients:
                client.execute_cell(client.nb.cells[i], i)
            if cells:
                print(f"{memory(processes[0], 'status', 'VmHWM'):8,.0f}  {lines.splitlines()[0]}")
        return measured(processes, (time.perf_counter() - started) / together)


def measured(processes: Sequence[int], seconds: float) -> Used:
    """What some processes have taken so far, the mean of them."""
    lines = (("status", "VmHWM"), ("status", "RssFile"), ("smaps_rollup", "Pss"))
    sizes = [sum(memory(each, *line) for each in processes) / len(processes) for line in lines]
    cpu = [psutil.Process(each).cpu_times() for each in processes]
    return Used(seconds, sum(each.user + each.system for each in cpu) / len(cpu), *sizes)


def _process(client: NotebookClient) -> int:
    provisioner = client.km.provisioner if client.km else None
    if not isinstance(provisioner, LocalProvisioner) or provisioner.pid is None:
        raise OSError("the kernel has no process on this machine")
    return provisioner.pid


def _code(notebook: Any) -> Iterator[tuple[int, str]]:
    for i, cell in enumerate(notebook.cells):
        if cell.cell_type == "code":
            yield i, cell.source


def memory(process: int, file: str, name: str) -> float:
    """One line of what Linux says about the memory of a process, in MiB."""
    for row in Path(f"/proc/{process}/{file}").read_text().splitlines():
        if row.startswith(f"{name}:"):
            return int(row.split()[1]) * 1024 / MIB
    raise OSError(f"/proc/{process}/{file} has no {name}")


if __name__ == "__main__":
    main()
