"""Progress in a log: a line for every tenth, or every minute."""

import sys
from io import StringIO

import pytest

from patchwidgets.bars import Lines, progress_bar


def lines_of(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().err.splitlines()


def test_there_is_a_line_for_every_tenth(capsys: pytest.CaptureFixture[str]) -> None:
    seconds = iter(range(0, 100, 2))
    with Lines(2000, "site", clock=lambda: next(seconds)) as lines:
        for n in (199, 1, 100, 900, 800):
            lines.update(n)
    assert lines_of(capsys) == [
        "200 of 2,000 sites, about 00:36 left",
        "1,200 of 2,000 sites, about 00:05 left",
        "2,000 of 2,000 sites, 00:10",
    ]


def test_there_is_a_line_a_minute(capsys: pytest.CaptureFixture[str]) -> None:
    seconds = iter([0, 30, 60, 61, 121])
    with Lines(1000, "pair", clock=lambda: next(seconds)) as lines:
        for _ in range(4):
            lines.update()
    assert lines_of(capsys) == [
        "2 of 1,000 pairs, about 8:19:00 left",
        "4 of 1,000 pairs, about 8:22:09 left",
    ]


def test_nothing_to_do_is_no_error(capsys: pytest.CaptureFixture[str]) -> None:
    with Lines(0, "site") as lines:
        lines.update(0)
    assert lines_of(capsys) == []


def test_a_terminal_gets_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(StringIO):
        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with progress_bar(4, "site") as bar:
        bar.update(4)
    assert bar.n == 4
    assert "4/4" in terminal.getvalue()


@pytest.mark.parametrize("shown", [True, False])
def test_only_what_is_shown_is_written(capsys: pytest.CaptureFixture[str], shown: bool) -> None:
    with progress_bar(4, "site", shown) as bar:
        bar.update(4)
    assert lines_of(capsys) == ["4 of 4 sites, 00:00"] * shown
