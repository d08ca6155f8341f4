"""The package as a whole: what its import costs, and that every promised name is there."""

import subprocess
import sys

import pytest

import patchwidgets as pw


def test_importing_patchwidgets_imports_no_torch() -> None:
    code = "import sys, patchwidgets; print({'torch', 'transformers', 'matplotlib', 'pandas'} & set(sys.modules))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "set()"


def test_everything_that_is_promised_is_there() -> None:
    assert all(getattr(pw, name) is not None for name in pw.__all__)
    assert pw.__version__
    with pytest.raises(AttributeError, match="has no attribute 'pach'"):
        pw.pach  # noqa: B018
