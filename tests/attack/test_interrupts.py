"""Real Ctrl-Cs at random moments: nothing stays changed, no lock is held, and later numbers are the same bit by bit."""

import json
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.attack.conftest import Attack

SIGNALS = 50


@pytest.fixture(scope="module")
def process() -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-m", "tests.support.interrupted"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield process
        process.kill()


def test_a_ctrl_c_leaves_everything_as_it_was(
    attack: Attack, process: "subprocess.Popen[str]"
) -> None:
    assert process.stdin is not None
    assert process.stdout is not None
    for rng in attack(f"Ctrl-C ({SIGNALS} signals a round)", 2):
        process.stdin.write(f"{rng.getrandbits(32)} {SIGNALS}\n")
        process.stdin.flush()
        answer = process.stdout.readline()
        assert answer, "the process died"
        report = json.loads(answer)
        assert report["wrong"] == []
        assert report["signals"] == SIGNALS
        assert report["interrupted"] > SIGNALS // 4
