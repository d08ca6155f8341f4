"""Every example of docs/command-line.md runs, and prints what is written there."""

import re
from collections.abc import Iterator
from doctest import ELLIPSIS, OutputChecker
from pathlib import Path
from typing import Any

import pytest

import patchwidgets as pw
from patchwidgets.cli import executors
from tests.cli.conftest import Run

PAGE = (Path(__file__).parents[2] / "docs" / "command-line.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)


def examples() -> Iterator[tuple[str, str]]:
    """Every command with what it prints."""
    for part in re.split(r"^\$ ", "".join(blocks("console")), flags=re.MULTILINE)[1:]:
        command, _, output = part.partition("\n")
        yield command, output


def test_every_example_prints_what_the_page_says(run: Run) -> None:
    checker, ran = OutputChecker(), 0
    for command, expected in examples():
        if command.startswith("cat "):
            Path(command.removeprefix("cat ")).write_text(expected)
            continue
        code, out, err = run(command)
        found = out if code == 0 or out else err
        found = found or err
        assert checker.check_output(expected, found, ELLIPSIS), f"{command}\n{found}"
        assert code == (1 if "pairs.csv" in command else 0)
        ran += 1
    assert ran >= 10


@pytest.mark.parametrize("line", "".join(blocks("sh")).splitlines())
def test_every_example_for_clusters_reaches_the_library(
    run: Run, monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    given: dict[str, Any] = {}
    opened = dict.fromkeys(executors._OPEN, lambda rest, stack: f"with {rest}")
    monkeypatch.setattr(executors, "_OPEN", opened)
    result = pw.Experiment(pw.load(), pw.tasks.ioi(1)).sweep("z", progress=False)

    def compute(self: pw.Experiment, *_: object, **arguments: Any) -> pw.SweepResult:
        given.update(arguments, pairs=len(self.task))
        return result

    for method in ("sweep", "edges"):
        monkeypatch.setattr(pw.Experiment, method, compute)
    small = re.sub(r":1000?\b(?= )", ":2", line.replace(" -m gpt2", ""))
    assert run(small).code == 0
    assert given["pairs"] == 2
    assert given["resume"] == "parts"
    assert given["executor"] == "with " + line.partition("--executor ")[2].partition(":")[2]
    assert pw.open(line.partition("-o ")[2].split()[0]).axes == ("layer", "head")


def test_the_page_names_every_command_and_exit_code() -> None:
    from patchwidgets.cli.app import app

    functions = {each.name or each.callback.__name__ for each in app.registered_commands}  # type: ignore[union-attr]
    assert set(re.findall(r"^\| `([a-z]+)` \|", PAGE, flags=re.MULTILINE)) == functions
    assert re.findall(r"^\| (\d+) \|", PAGE, flags=re.MULTILINE) == ["0", "1", "2", "130"]
