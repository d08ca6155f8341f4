"""Start JupyterLab on one notebook and print its address: ``python tools/demo.py notebooks/01_splice.ipynb``.

Opens a browser only if there is a screen, and contacts no other machine.
"""

from __future__ import annotations

import argparse
import sys

from patchwidgets.cli.lab import is_free, run_lab


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("notebook")
    parser.add_argument("--port", type=int, default=8888)
    parser.add_argument("--open", type=int, choices=(0, 1), default=1)
    arguments = parser.parse_args()
    if not is_free(arguments.port):
        sys.exit(
            f"Port {arguments.port} is in use. Choose another: make demo PORT={arguments.port + 1}"
        )
    run_lab(arguments.notebook, arguments.port, opens=bool(arguments.open))


if __name__ == "__main__":
    main()
