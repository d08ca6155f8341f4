"""What a wheel and an sdist carry, and that a wheel is all that a person needs: no Node.js, no checkout.

The environment of the installed wheel takes its dependencies from that of the tests: torch alone has some gigabytes.
docs/hosts.md says how a wheel is installed with all of them.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import venv
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

import patchwidgets as pw

ROOT = Path(__file__).parents[1]
STATIC = "patchwidgets/static/"
NOT_SHIPPED = re.compile(r"(^|/)(node_modules|tests|__pycache__|\.venv[^/]*|\.git|artifacts)/")
BLOCK = re.compile(r"```python\n(.*?)```", re.DOTALL)
PROVE = """
import json, sys, tempfile
from pathlib import Path
import patchwidgets
result = pw.Experiment(model, task).patch("L0.H1")
explorer = pw.explore(model, task)
explorer.select("L0.H1")
page = explorer.to_html(Path(tempfile.mkdtemp()) / "page.html", components=())
print(json.dumps({
    "file": patchwidgets.__file__,
    "version": pw.__version__,
    "recovery": result.recovery,
    "explored": explorer.result.recovery,
    "bundle": len(explorer._esm),
    "page": page[:15],
}))
"""


def build(folder: Path, target: str, root: Path = ROOT, path: str | None = None) -> Path:
    """Build from a checkout with the bundle that is there (no npm, no network), or, with a `path`, run the hooks."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", str(folder)]
    hooks = {"HATCH_BUILD_NO_HOOKS": "true"} if path is None else {"PATH": path}
    done = subprocess.run(
        command, cwd=root, env=os.environ | hooks, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    (built,) = folder.iterdir()
    return built


@pytest.fixture(scope="module")
def wheel_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("wheel"), "wheel")


@pytest.fixture(scope="module")
def wheel(wheel_file: Path) -> ZipFile:
    return ZipFile(wheel_file)


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> tarfile.TarFile:
    return tarfile.open(build(tmp_path_factory.mktemp("sdist"), "sdist"))


@pytest.fixture(scope="module")
def installed(wheel_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of a new environment with the wheel in it, far from the checkout."""
    folder = tmp_path_factory.mktemp("venv")
    venv.create(folder, with_pip=False)
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    command = ["--python", str(python), "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([sys.executable, "-m", "pip", *command, str(wheel_file)], check=True)
    ask = "import sysconfig; print(sysconfig.get_path('purelib'))"
    own = subprocess.run([python, "-c", ask], capture_output=True, text=True, check=True)
    # A plain line: what is installed there as editable is not, and the wheel is before it.
    (Path(own.stdout.strip()) / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    return python


def run(python: Path, code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run code in the new environment: no Node.js, no path to the checkout."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if name not in ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")
    }
    return subprocess.run(
        [python, "-c", code],
        cwd=folder,
        env=inherited | {"PATH": str(python.parent)},
        capture_output=True,
        text=True,
        check=False,
    )


def first_lines() -> str:
    """The README's Python, up to the first lines that want a model beside the one in the package."""
    blocks = BLOCK.findall((ROOT / "README.md").read_text(encoding="utf-8"))
    count = next(i for i, block in enumerate([*blocks, "smollm2"]) if "smollm2" in block)
    assert count > 0
    return "\n".join(blocks[:count])


# ---- the wheel --------------------------------------------------------------------------------


def test_a_wheel_has_the_front_end_with_its_style_sheet_inside(wheel: ZipFile) -> None:
    static = {name for name in wheel.namelist() if name.startswith(STATIC)}
    scripts = {STATIC + name for name in ("widget.js", "page.js", "quiz.js")}
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


def test_a_wheel_has_the_package_whole_and_nothing_else(wheel: ZipFile) -> None:
    """Weights, lenses and the mark of types; no test, no source of the front end."""
    names = set(wheel.namelist())
    described = f"patchwidgets-{pw.__version__}.dist-info/"
    assert {name.split("/")[0] + "/" for name in names} == {"patchwidgets/", described}
    tracked = subprocess.run(
        ["git", "ls-files", "patchwidgets"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert set(tracked.stdout.split()) <= names
    assert [name for name in names if NOT_SHIPPED.search(name)] == []
    assert described + "licenses/LICENSE" in names


def test_a_wheel_says_what_pyproject_says(wheel: ZipFile) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    said = wheel.read(f"patchwidgets-{pw.__version__}.dist-info/METADATA").decode()
    required = re.findall(r"^Requires-Dist: ([^;\n]+)$", said, re.MULTILINE)
    assert sorted(map(str.lower, required)) == sorted(
        each.lower().replace("_", "-") for each in project["dependencies"]
    )
    assert f"\nRequires-Python: {project['requires-python']}\n" in said


def test_a_wheel_alone_runs_the_lines_of_the_readme(installed: Path, tmp_path: Path) -> None:
    """In an environment outside of the checkout, without Node.js; the numbers are those of the checkout."""
    assert shutil.which("node", path=str(installed.parent)) is None
    done = run(installed, first_lines() + PROVE, tmp_path)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout.splitlines()[-1])
    assert Path(said["file"]).is_relative_to(installed.parents[1])
    assert said["version"] == pw.__version__
    here: dict[str, Any] = {}
    exec(first_lines(), here)  # the README's lines in the checkout
    expected = pw.Experiment(here["model"], here["task"]).patch("L0.H1").recovery
    assert said["recovery"] == pytest.approx(expected, rel=1e-5)
    assert said["explored"] == pytest.approx(expected, rel=1e-5)
    assert said["bundle"] == len((ROOT / STATIC / "widget.js").read_text(encoding="utf-8"))
    assert said["page"] == "<!doctype html>"


# ---- the sdist --------------------------------------------------------------------------------


def test_an_sdist_has_all_that_a_wheel_is_made_of(sdist: tarfile.TarFile) -> None:
    names = {name.partition("/")[2] for name in sdist.getnames()}
    assert names >= {
        *("pyproject.toml", "hatch_build.py", "README.md", "LICENSE", "CITATION.cff", "PKG-INFO"),
        *("js/package.json", "js/package-lock.json", "js/build.mjs", "js/src/index.ts"),
        *("js/no-globals.mjs", STATIC + "widget.js", STATIC + "page.js"),
    }
    assert [name for name in names if re.search(r"(^|/)(node_modules|__pycache__)/", name)] == []


def test_an_sdist_builds_the_same_wheel_without_node(
    sdist: tarfile.TarFile, wheel: ZipFile, tmp_path: Path
) -> None:
    sdist.extractall(tmp_path / "sdist", filter="data")
    (root,) = (tmp_path / "sdist").iterdir()
    again = ZipFile(build(tmp_path / "wheel", "wheel", root, path=str(tmp_path)))
    assert sorted(again.namelist()) == sorted(wheel.namelist())
    for name in wheel.namelist():
        assert again.read(name) == wheel.read(name), name


def test_a_checkout_without_npm_says_what_to_install(tmp_path: Path) -> None:
    """A checkout has no bundle; only an sdist and a wheel bring one."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=os.environ | {"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "patchwidgets bundles its front end with npm, which was not found." in done.stderr
    assert "Install Node.js 20 or newer" in done.stderr
