"""What `import patchwidgets` costs, and that its names are there."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version

import pytest

import patchwidgets as pw

HEAVY = ("torch", "transformers", "matplotlib", "pandas", "sklearn", "anywidget")


def test_importing_loads_nothing_heavy() -> None:
    code = f"import sys, patchwidgets; print(*({{*{HEAVY!r}}} & {{*sys.modules}}))"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == ""


@pytest.mark.parametrize("name", pw.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(pw, name) is not None


def test_there_is_one_version() -> None:
    assert pw.__version__ == version("patchwidgets")
