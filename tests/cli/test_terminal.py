"""The command as a process: exit codes, plain lines in a log, a bar on a terminal, Ctrl-C."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

COMMAND = [sys.executable, "-m", "patchwidgets"]
LONG = ["sweep", "ioi:16", "neuron", "-o", "neurons.nc"]
"""Takes long enough to be interrupted at its first line."""
needs_unix = pytest.mark.skipif(sys.platform == "win32", reason="terminals and signals of Unix")


def test_a_log_gets_plain_lines(folder: Path) -> None:
    done = subprocess.run(
        [*COMMAND, "sweep", "ioi:2", "z"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0
    assert done.stdout.startswith("site ")
    assert all(re.fullmatch(r"\d+ of 16 sites, .*", line) for line in done.stderr.splitlines())
    assert "16 of 16 sites, 00:0" in done.stderr
    assert not {"\r", "\x1b"} & set(done.stdout + done.stderr)


@pytest.mark.parametrize(("line", "code"), [("sweep nothing z", 1), ("sweep --nothing", 2)])
def test_a_failure_is_an_exit_code_and_a_line_on_standard_error(
    folder: Path, line: str, code: int
) -> None:
    done = subprocess.run([*COMMAND, *line.split()], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr
    assert "Traceback" not in done.stderr


@needs_unix
def test_a_terminal_gets_a_bar(folder: Path) -> None:
    import pty
    import termios

    screen, terminal = pty.openpty()
    termios.tcsetwinsize(terminal, (24, 100))
    with subprocess.Popen(
        [*COMMAND, "sweep", "ioi:2", "z"], stderr=terminal, stdout=subprocess.PIPE
    ) as process:
        os.close(terminal)
        seen = _all(screen)
        assert process.wait() == 0
    assert "\r" in seen
    assert "16/16" in seen
    assert "site/s" in seen


def _all(screen: int) -> str:
    """What was written to a terminal until everybody had closed it."""
    parts = []
    try:
        while part := os.read(screen, 2**16):
            parts.append(part)
    except OSError:  # how Linux says that it was closed
        pass
    finally:
        os.close(screen)
    return b"".join(parts).decode()


@needs_unix
def test_an_interrupt_leaves_nothing_behind(folder: Path) -> None:
    # Without it the test fails wherever tests run in the background of a shell, which ignores SIGINT there.
    process = subprocess.Popen(
        [*COMMAND, *LONG],
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
    )
    assert process.stderr is not None
    first = process.stderr.readline()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate()
    assert re.match(r"[\d,]+ of [\d,]+ sites", first), first
    assert process.returncode == 130
    assert err.splitlines()[-1] == "Interrupted: no result was written."
    assert "Traceback" not in err
    assert out == ""
    assert not list(folder.iterdir())
