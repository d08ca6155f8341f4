"""Bundle the front end while a wheel, an sdist or an editable install is made.

Costs one `npm ci` and one esbuild run: about ten seconds.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

OUTPUTS = (
    "patchwidgets/static/widget.js",
    "patchwidgets/static/page.js",
    "patchwidgets/static/quiz.js",
    "patchwidgets/static/THIRD-PARTY-LICENSES.txt",
)


class FrontEndHook(BuildHookInterface):  # type: ignore[type-arg]
    """Run the build of `js/`; an sdist carries its result, and needs no Node.js."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Make the bundle, unless this is an unpacked sdist, then check that it is there."""
        root = Path(self.root)
        if not (root / "PKG-INFO").exists():
            bundle(root / "js")
        missing = [name for name in OUTPUTS if not (root / name).is_file()]
        if missing:
            raise RuntimeError(f"The front end was built, but {', '.join(missing)} is not there.")
        if version != "editable":
            build_data["force_include"] |= lectures(root)


def lectures(root: Path) -> dict[str, str]:
    """Return the notebooks of the course and where they go: `patchwidgets demo 1` opens the first one anywhere."""
    found = sorted((root / "notebooks").glob("0*.ipynb"))
    return {str(each): f"patchwidgets/data/lectures/{each.name}" for each in found}


def bundle(folder: Path) -> None:
    """Install exactly what the lock file says, without running anyone's scripts, and bundle."""
    npm = shutil.which("npm")
    if npm is None:
        raise RuntimeError(
            "patchwidgets bundles its front end with npm, which was not found. "
            "Install Node.js 20 or newer (it brings npm), or install a wheel that was built on another machine."
        )
    subprocess.run([npm, "ci", "--ignore-scripts"], cwd=folder, check=True)
    subprocess.run([npm, "run", "build"], cwd=folder, check=True)
