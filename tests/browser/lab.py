"""A real JupyterLab, or Notebook 7, for tests and measurements: its own folders, a free port, this Python as kernel.

A start costs about four seconds, a first page about ten.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

App = Literal["jupyterlab", "notebook"]
LAB = "@jupyterlab/"
SETTINGS = {
    "apputils-extension/notification": {
        "fetchNews": "false",
        "checkForUpdates": False,
        "doNotDisturbMode": True,
    },
    "docmanager-extension/plugin": {"autosave": False},
}
WATCHER = Path(__file__).parent / "kernel"
ROOT = Path(__file__).parents[2]
"""Kernels import the package from where these tests are."""


@dataclass(frozen=True)
class Lab:
    """A running server.

    Attributes
    ----------
    url
        Where it listens, without a slash at the end.
    token
        What a page must say.
    root
        The folder whose notebooks it shows.
    outside
        The file in which its kernels write down each attempt to reach another machine.
    app
        Whose pages it serves.
    """

    url: str
    token: str
    root: Path
    outside: Path
    app: App = "jupyterlab"

    def page(self, notebook: str) -> str:
        """Return the address of a notebook, in a workspace of its own."""
        path = "lab/tree" if self.app == "jupyterlab" else "notebooks"
        return f"{self.url}/{path}/{notebook}?token={self.token}&reset"

    def outside_requests(self) -> list[str]:
        """Return the machines that kernels tried to reach."""
        return self.outside.read_text().splitlines() if self.outside.exists() else []


@contextmanager
def serve(root: Path, home: Path, app: App = "jupyterlab") -> Iterator[Lab]:
    """Run a JupyterLab, or Notebook 7, over `root` with all its own files in `home`."""
    port = free_port()
    lab = Lab(f"http://127.0.0.1:{port}", secrets.token_hex(16), root, home / "outside.txt", app)
    write_settings(home)
    write_kernelspec(home)
    with (home / "server.log").open("w") as log:
        process = subprocess.Popen(
            command(lab, port), env=environment(home, lab), stdout=log, stderr=log
        )
        try:
            asked = f"{lab.url}/api?token={lab.token}"
            wait_until_it_answers(asked, process, home / "server.log")
            yield lab
        finally:
            stop(process)


def command(lab: Lab, port: int) -> list[str]:
    """Return the command line of the server."""
    name = "LabApp" if lab.app == "jupyterlab" else "JupyterNotebookApp"
    arguments = [
        "--no-browser",
        "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.port={port}",
        "--ServerApp.port_retries=0",
        f"--ServerApp.root_dir={lab.root}",
        f"--IdentityProvider.token={lab.token}",
        f"--{name}.expose_app_in_browser=True",
        "--LabApp.news_url=None",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    ]
    if os.geteuid() == 0:
        arguments.append("--allow-root")
    return [sys.executable, "-m", lab.app, *arguments]


def environment(home: Path, lab: Lab) -> dict[str, str]:
    """Return an environment in which nothing of the person's own Jupyter is read or written."""
    return os.environ | {
        "JUPYTER_CONFIG_DIR": str(home / "config"),
        "JUPYTER_DATA_DIR": str(home / "data"),
        "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
        "JUPYTERLAB_SETTINGS_DIR": str(home / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces"),
        "IPYTHONDIR": str(home / "ipython"),
        "JUPYTER_PREFER_ENV_PATH": "0",
        "PATCHWIDGETS_TEST_OUTSIDE": str(lab.outside),
    }


def write_settings(home: Path) -> None:
    """Turn off what a JupyterLab asks of other machines, and its pop-ups."""
    for name, values in SETTINGS.items():
        path = home / "settings" / f"{LAB}{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values))


def write_kernelspec(home: Path) -> None:
    """Make `python3` this Python, started with a watcher of its connections."""
    folder = home / "data" / "kernels" / "python3"
    folder.mkdir(parents=True)
    start = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec = {"argv": start, "display_name": "Python 3", "language": "python"}
    # What this Python imports from, its kernels import from as well.
    paths = os.pathsep.join(filter(None, [str(WATCHER), os.environ.get("PYTHONPATH")]))
    (folder / "kernel.json").write_text(json.dumps(spec | {"env": {"PYTHONPATH": paths}}))


def free_port() -> int:
    """Return a port on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until_it_answers(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Return when the server answers; raise with its log when it ends or takes a minute."""
    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.1)
    raise RuntimeError(f"The server did not start:\n{log.read_text()}")


def stop(process: subprocess.Popen[bytes]) -> None:
    """End the server, which ends its kernels."""
    process.terminate()
    try:
        process.wait(timeout=20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
