"""JupyterLab on one notebook, and a browser on one page. Nothing here contacts another machine."""

import os
import secrets
import shutil
import socket
import subprocess
import sys
import webbrowser
from pathlib import Path

from patchwidgets.cli.running import note

PORTS = range(8888, 8898)
"""Where JupyterLab is tried, if nobody names a port."""


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


def run_lab(notebook: str, port: int, *, opens: bool) -> None:
    """Become a JupyterLab that shows a notebook of this folder, and print its address first."""
    token = secrets.token_hex(16)
    page = f"/lab/tree/{notebook}"
    command = lab_command(port, token, page, opens=opens and has_screen())
    note(f"\n  http://127.0.0.1:{port}{page}?token={token}\n\n  Press Ctrl+C to stop it.\n")
    if sys.platform == "win32":
        sys.exit(subprocess.call(command))
    os.execvp(command[0], command)


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


def show_in_browser(file: Path) -> None:
    """Open a file in the browser; where there is no screen, say where the file is."""
    address = file.absolute().as_uri()
    if has_screen() and webbrowser.open(address):
        return
    note(f"No browser was opened. The file is {address}")
