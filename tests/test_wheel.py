"""What a wheel carries beside Python: the front end, and the licences of what is bundled in it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parents[1]
STATIC = "patchwidgets/static/"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> ZipFile:
    """A wheel of this checkout with the bundle that is there: no npm, no network."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    without_hooks = os.environ | {"HATCH_BUILD_NO_HOOKS": "true"}
    subprocess.run(command, cwd=ROOT, env=without_hooks, capture_output=True, check=True)
    return ZipFile(next(folder.glob("*.whl")))


def test_a_wheel_has_the_front_end_with_its_style_sheet_inside(wheel: ZipFile) -> None:
    static = {name for name in wheel.namelist() if name.startswith(STATIC)}
    scripts = {STATIC + "widget.js", STATIC + "page.js"}
    assert static == scripts | {STATIC + "THIRD-PARTY-LICENSES.txt"}
    bundle = wheel.read(STATIC + "widget.js").decode()
    assert ".patchwidgets .token-row{display:flex" in bundle


def test_the_licence_of_every_bundled_package_is_in_the_wheel(wheel: ZipFile) -> None:
    said = wheel.read(STATIC + "THIRD-PARTY-LICENSES.txt").decode()
    packages = json.loads((ROOT / "js/package.json").read_text())["dependencies"]
    assert set(packages) == {"lit-html"}
    for name in packages:
        folder = ROOT / "js/node_modules" / name
        described = json.loads((folder / "package.json").read_text())
        assert f"{name} {described['version']} ({described['license']})" in said
        assert (folder / "LICENSE").read_text().strip() in said
