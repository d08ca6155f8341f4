"""A Ctrl-C while xarray imports dask for its first array, in a process of its own."""

import subprocess
import sys

PROGRAM = """
import os, signal, sys

from patchwidgets import xarrays


class CtrlC:
    def find_spec(self, name, path, target=None):
        if name == "dask.utils":
            os.kill(os.getpid(), signal.SIGINT)


signal.signal(signal.SIGINT, signal.default_int_handler)
sys.meta_path.insert(0, CtrlC())
made = {"effect": ("site", [1.0, 2.0])}
try:
    xarrays.dataset(made)
except KeyboardInterrupt:
    print("interrupted")
print(xarrays.dataset(made).effect.mean().item(), "dask.array" in sys.modules)
"""


def test_a_ctrl_c_at_the_first_array_leaves_no_half_import() -> None:
    command = [sys.executable, "-c", PROGRAM]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.stdout.splitlines() == ["interrupted", "1.5 True"], ran.stderr
