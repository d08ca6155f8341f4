"""What ``--help`` says, and that saying it costs nothing."""

import subprocess
import sys

import pytest

from patchwidgets.cli.app import app
from tests.cli.conftest import Run

COMMANDS = ("demo", "check", "sweep", "edges", "plot", "page", "open")


def test_help_names_every_command(run: Run) -> None:
    code, out, _ = run("--help")
    listed = out.partition("Commands:")[2].split("\n")[1:]
    assert code == 0
    assert tuple(line.split()[0] for line in listed if line.strip()) == COMMANDS
    assert len(app.registered_commands) == len(COMMANDS)
    assert not any(line.endswith("...") for line in listed)  # every summary fits


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_an_example_and_every_option_a_word(run: Run, command: str) -> None:
    code, out, _ = run(f"{command} -h")
    assert code == 0
    assert f"\n    patchwidgets {command}" in out.partition("For example:")[2]
    options = [line for line in out.splitlines() if line.startswith("  -")]
    assert any("--traceback" in line for line in options)


def test_without_a_command_there_is_help(run: Run) -> None:
    said = run("")
    assert said.code == 2
    assert "Usage: " in said.out + said.err


def test_help_imports_no_torch() -> None:
    ask = (
        "import sys\nfrom patchwidgets.cli.app import app\n"
        "try: app(['sweep', '--help'])\nexcept SystemExit: print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True)
    modules = set(done.stdout.splitlines()[-1].split())
    heavy = {"torch", "transformers", "matplotlib", "pandas", "numpy", "xarray", "tqdm", "rich"}
    assert not modules & heavy
    assert "typer" in modules


def test_the_version_is_the_packages(run: Run) -> None:
    from importlib.metadata import version

    assert run("--version").out == f"patchwidgets {version('patchwidgets')}\n"
