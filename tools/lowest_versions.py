"""Print the lowest versions that pyproject.toml allows, as constraints for pip: what `make test-lowest` installs.

    python tools/lowest_versions.py > lowest.txt

A bound that is no released version makes the install fail. Needs nothing but Python.
"""

import re
import tomllib
from pathlib import Path

EXTRAS = ("demo", "peft", "test")
CHECKERS = {
    *("deptry", "import-linter", "mypy", "pandas-stubs", "ruff", "types-psutil"),
    *("types-tqdm", "nnsight", "transformer-lens"),
}
"""What `make lint` runs, and the tools that tests compare with: those have to be new, and nobody else installs them."""


def lowest(project: dict[str, dict[str, list[str]]]) -> list[str]:
    """The lower bound of each direct dependency as an exact version."""
    extras = project["optional-dependencies"]
    lists = [project["dependencies"], *(extras[name] for name in EXTRAS)]
    bounds = [re.fullmatch(r"([\w.-]+)>=([\d.]+)", each) for of_list in lists for each in of_list]
    return [f"{b[1]}=={b[2]}" for b in bounds if b is not None and b[1] not in CHECKERS]


if __name__ == "__main__":
    text = Path(__file__).parent.parent.joinpath("pyproject.toml").read_text(encoding="utf-8")
    print("\n".join(lowest(tomllib.loads(text)["project"])))
