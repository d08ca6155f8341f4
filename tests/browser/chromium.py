"""Find a Chromium for the browser tests; with `--install`, get one where none is there.

python -m tests.browser.chromium --install
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

NAMES = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
)
PACKAGES = ("chromium", "fonts-dejavu-core", "fonts-liberation")
MAC = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"
OWN = """
from playwright.sync_api import sync_playwright
with sync_playwright() as playwright:
    print(playwright.chromium.executable_path)
"""
MISSING = (
    "The browser tests need Chromium, and none was found or could be installed. "
    "Install chromium or google-chrome with your system's packages, "
    "or set PATCHWIDGETS_CHROMIUM to one."
)


def find() -> str | None:
    """Return the path of a Chromium that starts, or None."""
    for path in candidates():
        if path is not None and starts(path):
            return path
    return None


def candidates() -> Iterator[str | None]:
    """Yield where a Chromium may be, best first."""
    yield os.environ.get("PATCHWIDGETS_CHROMIUM")
    yield from (shutil.which(name) for name in NAMES)
    yield MAC
    yield playwrights_own()


def playwrights_own() -> str:
    """Return where `playwright install` puts its Chromium; asked in a process of its own."""
    asked = subprocess.run([sys.executable, "-c", OWN], capture_output=True, text=True, check=True)
    return asked.stdout.strip()


def starts(path: str) -> bool:
    """Tell whether this is a browser that has all the libraries it needs."""
    if not Path(path).exists():
        return False
    asked = subprocess.run([path, "--version"], capture_output=True, check=False)
    return asked.returncode == 0


def install() -> None:
    """Try the two ways that need no questions."""
    run([sys.executable, "-m", "playwright", "install", "chromium"], seconds=600)
    if find() is None:
        install_packages(*PACKAGES)


def install_packages(*packages: str) -> None:
    """Install packages of Debian or Ubuntu, where that asks no questions."""
    if shutil.which("apt-get") is None:
        return
    root = [] if os.geteuid() == 0 else ["sudo", "-n"]
    apt = [*root, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get"]
    run([*apt, "update", "-q"], seconds=300)
    run([*apt, "install", "-q", "-y", "--no-install-recommends", *packages], seconds=900)


def run(command: list[str], *, seconds: int) -> None:
    """Run one way of installing; whether it worked is seen afterwards."""
    print("$", " ".join(command), flush=True)
    try:
        subprocess.run(command, check=False, timeout=seconds)
    except (FileNotFoundError, subprocess.TimeoutExpired) as error:
        print(error, file=sys.stderr)


def main() -> None:
    if find() is None and "--install" in sys.argv[1:]:
        install()
    path = find()
    if path is None:
        sys.exit(MISSING)
    print(f"Browser: {path}")


if __name__ == "__main__":
    main()
