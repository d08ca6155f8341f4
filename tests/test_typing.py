"""What a type checker sees of a user's script: numbers are numbers, and a misspelt argument is an error.

The first run of mypy reads torch and transformers and takes about a minute, later ones a second.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SCRIPT = """\
import patchwidgets as pw

model = pw.load()
task = pw.Task(clean="12+34=", corrupted="13+34=", answer="46", foil="47")
exp = pw.Experiment(model, task, metric=["logit_diff", "kl"])
r = exp.patch("L0.mlp_out@-1", pw.Patch("L1.H0", source="host"))
s = exp.flip().sweep("z", over=("layer", "head"), progress=False)
"""
NUMBERS = {
    "r.effect": "float",
    "r.value": "float",
    "r.share": "float",
    "r.recovery": "float",
    "r['kl'].effect": "float",
    "exp.clean.value": "float",
    "model.n_layers": "int",
    "model.n_heads": "int",
    "s.effect": "xarray.core.dataarray.DataArray",
    "s.share": "xarray.core.dataarray.DataArray",
    "s.top_sites(5)": "list[str]",
}

pytestmark = pytest.mark.slow


@pytest.fixture
def mypy(tmp_path: Path, request: pytest.FixtureRequest):  # type: ignore[no-untyped-def]
    """Check a script outside the repository, as strictly as mypy can; returns what mypy says."""

    def check(script: str) -> str:
        (tmp_path / "user.py").write_text(script)
        cache = request.config.cache.mkdir("mypy")
        options = ["--strict", "--follow-imports=silent", "--cache-dir", str(cache)]
        return subprocess.run(
            [sys.executable, "-m", "mypy", *options, "user.py"],
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
            env=os.environ | {"MYPYPATH": str(ROOT)},
        ).stdout

    return check


def test_numbers_have_their_types(mypy) -> None:  # type: ignore[no-untyped-def]
    expressions = [*NUMBERS, "r.per_pair.effect", "exp.flip()"]
    said = mypy(SCRIPT + "".join(f"reveal_type({each})\n" for each in expressions))
    assert said.splitlines()[-1] == "Success: no issues found in 1 source file"
    revealed = dict(zip(expressions, re.findall(r'Revealed type is "(.+)"', said), strict=True))
    assert {each: revealed[each] for each in NUMBERS} == NUMBERS
    assert revealed["exp.flip()"] == "patchwidgets.facade.experiment.Experiment"
    assert revealed["r.per_pair.effect"].startswith("numpy.ndarray")
    assert "numpy.float64" in revealed["r.per_pair.effect"]


def test_mistakes_are_found(mypy) -> None:  # type: ignore[no-untyped-def]
    said = mypy(
        SCRIPT + 'exp.sweep("z", ovr=("layer",))\n'
        'exp.sweep_many(["z", {"komponent": "z"}])\n'
        "exp.turned('backwards')\n"
    )
    errors = [line for line in said.splitlines() if ": error: " in line]
    assert len(errors) == 3
    assert 'Unexpected keyword argument "ovr" for "sweep" of "Sweeps"' in errors[0]
    assert 'List item 1 has incompatible type "dict[str, str]"; expected' in errors[1]
    assert 'Argument 1 to "turned" of "BaseExperiment" has incompatible type' in errors[2]
