"""Start JupyterLab on one notebook and print its address: ``python tools/demo.py notebooks/01_quickstart.ipynb``.

Opens a browser only if there is a screen, and contacts no other machine.
"""

from __future__ import annotations

import argparse
import os
import secrets
import shutil
import socket
import sys


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
    token = secrets.token_hex(16)
    page, port = f"/lab/tree/{arguments.notebook}", arguments.port
    command = lab_command(port, token, page, opens=bool(arguments.open) and has_screen())
    print(f"\n  http://127.0.0.1:{port}{page}?token={token}\n", flush=True)
    print("  Press Ctrl+C to stop it.\n", flush=True)
    os.execvp(command[0], command)


def lab_command(port: int, token: str, page: str, *, opens: bool) -> list[str]:
    """Return the command line of a JupyterLab that listens on this machine only."""
    command = [
        sys.executable,
        "-m",
        "jupyterlab",
        "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.port={port}",
        "--ServerApp.port_retries=0",
        f"--IdentityProvider.token={token}",
        f"--LabApp.default_url={page}",
        "--LabApp.news_url=None",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        "--log-level=WARN",
    ]
    if not opens:
        command.append("--no-browser")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--allow-root")
    return command


def is_free(port: int) -> bool:
    """Return whether a server could listen on this port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def has_screen() -> bool:
    """Return whether a browser could open a window."""
    if sys.platform in ("darwin", "win32"):
        return True
    screen = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    return bool(screen) and shutil.which("xdg-open") is not None


if __name__ == "__main__":
    main()
