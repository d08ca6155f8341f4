"""The conda recipe says what pyproject.toml says: the same version, and the same packages from the same versions on."""

import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import yaml

import patchwidgets as pw

ROOT = Path(__file__).parents[1]
OTHER_NAMES = {"matplotlib": "matplotlib-base", "torch": "pytorch"}
"""What conda-forge calls them. matplotlib-base is the same without Qt."""


def project() -> dict[str, Any]:
    whole = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return whole["project"] | {"build": whole["build-system"]["requires"]}


def recipe() -> dict[str, Any]:
    """The recipe, with the values of its context where it names them."""
    text = (ROOT / "recipe" / "recipe.yaml").read_text(encoding="utf-8")
    context: dict[str, str] = yaml.safe_load(text)["context"]
    for name, value in context.items():
        text = text.replace(f"${{{{ {name} }}}}", value)
    read: dict[str, Any] = yaml.safe_load(text)
    return read


def as_conda(requirement: str) -> str:
    parts = re.fullmatch(r"([\w.-]+)(>=[\d.]+)", requirement)
    assert parts is not None, requirement
    return f"{OTHER_NAMES.get(parts[1], parts[1])} {parts[2]}"


def test_it_needs_what_the_package_needs() -> None:
    said, needs = recipe()["requirements"], project()
    python = f"python {needs['requires-python']}"
    assert sorted(said["run"]) == sorted([python, *map(as_conda, needs["dependencies"])])
    assert said["run"][1:] == sorted(said["run"][1:])
    lowest = needs["requires-python"].removeprefix(">=")
    assert said["host"] == [f"python {lowest}.*", "pip", *map(as_conda, needs["build"])]


def test_it_is_of_this_version_and_made_from_its_sdist() -> None:
    said, needs = recipe(), project()
    assert said["schema_version"] == 1
    assert said["package"] == {"name": needs["name"], "version": needs["version"]}
    assert said["source"] == {"path": f"../dist/{needs['name']}-{needs['version']}.tar.gz"}
    assert said["build"]["noarch"] == "python"
    assert said["about"]["summary"] == needs["description"]
    assert said["about"]["license"] == needs["license"]
    for name in said["about"]["license_file"]:
        assert (ROOT / name).is_file()


def test_what_it_tries_runs(tmp_path: Path, monkeypatch: Any) -> None:
    """The line that conda runs once the package is installed."""
    monkeypatch.chdir(tmp_path)
    python, option, code = shlex.split(recipe()["tests"][1]["script"][0])
    assert (python, option) == ("python", "-c")
    exec(code, {})
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>")
    assert pw.__version__ == recipe()["package"]["version"]
