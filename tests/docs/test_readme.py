"""The Python of the README runs, from top to bottom, and gives the numbers that stand beside it."""

from __future__ import annotations

import re
from typing import Any

from tests.docs.pages import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_code_of_the_readme_runs() -> None:
    names: dict[str, Any] = {}
    blocks = re.findall(r"```python\n(.*?)```", README, re.S)
    assert len(blocks) >= 2
    for block in blocks:
        exec(block, names)
    result = names["result"]
    assert f"result.effect {result.effect:+.2f}, result.recovery {result.recovery:.3f}" in README
    assert names["heads"].top_sites(1) == ["L0.H1"]


def test_a_readme_is_short_and_names_the_site() -> None:
    assert len(README.splitlines()) < 120
    assert "make docs" in README
