"""The package as a whole: what its import costs, and that every promised name is there."""

import subprocess
import sys

import pytest

import patchwidgets as pw

HEAVY = {"torch", "transformers", "matplotlib", "pandas", "pydantic", "xarray", "tqdm", "anywidget"}


def modules_after(code: str) -> set[str]:
    """What a new Python has imported after running some code."""
    ask = f"import sys\n{code}\nprint(*sys.modules)"
    command = [sys.executable, "-c", ask]
    found = subprocess.run(command, capture_output=True, text=True, check=True)
    return set(found.stdout.split())


def ours(modules: set[str]) -> set[str]:
    return {name for name in modules if name.split(".")[0] == "patchwidgets"}


def test_importing_the_package_imports_nothing_else() -> None:
    modules = modules_after("import patchwidgets")
    assert ours(modules) == {"patchwidgets"}
    assert not modules & HEAVY


GUARD = ("hooks", "hooks.interrupts")
"""What keeps a Ctrl-C out of an import; it needs the standard library alone."""
GUESSES = ("guesses", "guesses.answering", "guesses.arguments", "guesses.places")
"""How names of other libraries are answered."""
METRICS = ("metrics", "metrics.metric", "metrics.functions", "metrics.named", "entry_points")


@pytest.mark.parametrize(
    ("name", "needed"),
    [
        ("Site", {*GUESSES, "sites", "components", "errors"}),
        ("Patch", {*GUESSES, "sites", "components", "errors"}),
        ("At", {*METRICS, *GUESSES, "guesses.names", "sites", "components", "errors"}),
        ("errors", {"errors"}),
        ("metrics", {*METRICS, *GUESSES, "guesses.names", "sites", "components", "errors"}),
    ],
)
def test_the_words_that_everybody_uses_are_light(name: str, needed: set[str]) -> None:
    modules = modules_after(f"import patchwidgets; patchwidgets.{name}")
    assert ours(modules) == {"patchwidgets"} | {
        f"patchwidgets.{each}" for each in (*GUARD, *needed)
    }
    assert not modules & HEAVY


def test_a_task_needs_no_torch() -> None:
    modules = modules_after("import patchwidgets as pw; pw.tasks.ioi(2); pw.Task('a', 'b', 'c')")
    assert not modules & HEAVY
    roots = {name.split(".")[1] for name in ours(modules) if "." in name}
    assert roots == {
        "guesses",
        "hooks",
        "tasks",
        "sites",
        "tokens",
        "errors",
        "directions",
        "files",
        "storage",
        "components",
    }


def test_a_picture_of_a_sweep_needs_no_scikit_learn() -> None:
    modules = modules_after(
        "import patchwidgets as pw; exp = pw.Experiment(pw.load(), pw.tasks.induction(4))\n"
        "pw.plot.heatmap(exp.sweep('z', progress=False))"
    )
    assert "patchwidgets.plot.maps" in modules
    assert not {"sklearn", "scipy.stats"} & modules


def test_everything_that_is_promised_is_there() -> None:
    assert all(getattr(pw, name) is not None for name in pw.__all__)
    assert pw.__version__
    with pytest.raises(AttributeError, match="has no attribute 'pach'"):
        pw.pach  # noqa: B018
