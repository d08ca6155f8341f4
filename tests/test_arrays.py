"""Shapes of arrays in annotations hold with a NumPy that is newer than that of the tests."""

import ast
from pathlib import Path

import numpy as np
from jaxtyping import Float

from patchwidgets.arrays import NDArray

PACKAGE = Path(__file__).parents[1] / "patchwidgets"


def test_an_array_has_the_scalar_type_and_the_shape_that_are_said() -> None:
    of_pairs = Float[NDArray[np.float64], "pair"]
    assert isinstance(np.zeros(3), of_pairs)
    assert not isinstance(np.zeros((3, 2)), of_pairs)
    assert not isinstance(np.zeros(3, dtype=int), of_pairs)


def test_no_annotation_uses_the_alias_of_numpy() -> None:
    """With NumPy 2.5, `import patchwidgets.models` would fail on it; only Python 3.12 and newer have that NumPy."""
    users = [
        path.name
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and node.module == "numpy.typing"
        if any(name.name == "NDArray" for name in node.names)
    ]
    assert users == []
