"""The command line, called in this process, in an empty folder."""

import logging
import os
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from typer.testing import CliRunner

from patchwidgets.cli.app import app

Run = Callable[[str], "Said"]


class Said(NamedTuple):
    """What a command wrote, and how it ended."""

    code: int
    out: str
    err: str


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    # As commands set it for their own process; in this one the kernels of later tests would inherit it.
    monkeypatch.setenv("MPLBACKEND", "agg")
    return tmp_path


@pytest.fixture
def run(folder: Path) -> Iterator[Run]:
    level = logging.getLogger("patchwidgets").level

    def call(line: str) -> Said:
        before = dict(os.environ)
        result = CliRunner().invoke(app, shlex.split(line.removeprefix("patchwidgets ")))
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert dict(os.environ) == before
        return Said(result.exit_code, result.stdout, result.stderr)

    yield call
    logging.getLogger("patchwidgets").setLevel(level)
